"""The status bar of the window: every visible signal under the mouse, with its name and unit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from napari_olivine.crystals import OLIVINE, phase_of_product
from napari_olivine.inference import FULL
from napari_olivine.section import phase_of_image
from napari_olivine.widgets.layers.make_layer import LAYER_KEY, LEVELLED, OUT_OF_DISTRIBUTION

MASKS = {0: "", 1: "olivine", 255: "not known"}
"""What a pixel of a mask or a segmentation is."""

OXIDE = re.compile(r"[A-Z][a-z]?\d?O\d?")
"""Names of maps in wt%, e.g. ``MgO`` and ``Al2O3``."""


def install_readout(layer: Any, layers: Iterable[Any]) -> None:
    """Let the status bar show all visible signals while a layer of a section is the active one.

    Parameters
    ----------
    layer
        The layer; its `get_status` is replaced.
    layers
        All layers of its viewer.
    """
    own: Callable[..., dict[str, str]] = type(layer).get_status

    def get_status(position: Any = None, **options: Any) -> dict[str, str]:
        status = own(layer, position, **options)
        if position is None or not options.get("world"):
            return status
        y, x = (float(value) for value in np.asarray(position)[-2:])
        said = [value_under(one, position) for one in [*layers][::-1]]
        if layer.metadata.get(LAYER_KEY, {}).get("name") == "crystals":
            said.append(status["value"])  # napari's words hold the crystal's features
        text = f"x {x:.1f} µm, y {y:.1f} µm"
        values = ", ".join(value for value in said if value)
        return status | {
            "layer_base": "",
            "source_type": "",
            "plugin": "",
            "coordinates": f"{text}:  {values}" if values else text,
        }

    layer.get_status = get_status


def value_under(layer: Any, position: Any) -> str:
    """Say what a visible signal is at a place; zoomed out it is the mean of several pixels.

    Parameters
    ----------
    layer
        Any layer of the viewer.
    position
        Place in the viewer's coordinates, um.

    Returns
    -------
    str
        Name, value and unit; empty for layers that show no signal, and off the image.
    """
    mark = layer.metadata.get(LAYER_KEY)
    if not mark or not layer.visible or mark["product"] in ("overlay", "second"):
        return ""
    value = layer.get_value(position, world=True)
    value = value[-1] if isinstance(value, tuple) else value  # a pyramid: level and value
    if value is None or not np.isfinite(value):
        return ""
    return _in_words(mark, value, layer.name)


def _in_words(mark: dict[str, Any], value: Any, title: str) -> str:
    product, name = mark["product"], mark["name"]
    if "phases" in mark:
        return str(mark["phases"].get(int(value), MASKS.get(int(value), "")))
    if product in ("mask", "segmentation", "joint", "outline"):
        return (MASKS | {1: phase_of_image(name)}).get(int(value), "")
    if name == "crystals":
        of = "" if product == "crystals" else f" of {phase_of_product(product)}"
        return f"crystal {int(value)}{of}" if value else ""
    if product == "mg":
        return f"mg# {value:.3f}"
    if product in ("probability", "growing") or product.startswith("compare/"):
        phase = mark.get("phase", OLIVINE) if product == "growing" else phase_of_image(name)
        of = "" if phase == OLIVINE else f" of {phase}"
        return f"probability{of} {value / FULL:.2f}"
    if product == OUT_OF_DISTRIBUTION:
        return f"{title}: {value:.1f} times the limit" if value else ""
    if product == LEVELLED[0] or name.startswith("BSE"):
        return f"{title} grey {value:.4g}"
    if OXIDE.fullmatch(name):
        return f"{name} {value:.4g} wt%"
    return f"{name} {value} counts" if isinstance(value, np.integer) else f"{name} {value:.4g}"
