"""The one place where an image of a section becomes a layer of napari."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from napari_olivine.crystals import OLIVINE, phase_of_product
from napari_olivine.errors import SectionError
from napari_olivine.masks.corrections import NamedPhase, phases_of
from napari_olivine.registry import OTHER_CRYSTALS, PRODUCTS, layered
from napari_olivine.section import Raster, Section, phase_of_image
from napari_olivine.widgets.layers.element_colours import colour_of, colour_ramp

LayerData = tuple[Any, dict[str, Any], str]

LAYER_KEY = "napari_olivine"
"""Key of a layer's metadata that says which image of which section it shows."""

LEVELLED = ("levelling", "BSE")
"""Product and name of the BSE image with the grey of all sessions on one scale."""

# Okabe and Ito's colours, told apart by colour-blind people too.
OLIVINE_COLOUR = "#009E73"
SEGMENTATION_COLOUR = "#E69F00"
IGNORED_COLOUR = "#999999"

PHASES = ("mask", "phases")
"""Product and name of the image of all minerals."""

OUT_OF_DISTRIBUTION = "out_of_distribution"
"""Product with the image of where a section is unlike what its network learned from."""

FIRST = ("BSE", OLIVINE)
"""Images that come before the others of their product."""

NOT_SHOWN = {("mask", "certainty")}
"""Images that are for programs, and would only lengthen the list of layers."""

HOVERED = {
    "id": "index",
    "size_class": "size",
    "zoning_class": "zoning",
    "mg_core": "mg# core",
    "mg_rim": "mg# rim",
}
"""What napari tells of a crystal under the mouse: columns of the table and what to call them."""


def layer_data(section: Section, product: str, name: str) -> LayerData:
    """Describe the layer that shows an image of a section, as napari's readers do.

    Parameters
    ----------
    section
        Open section.
    product
        Product that holds the image, e.g. ``"images"``.
    name
        Name of the image, e.g. ``"BSE"``.

    Returns
    -------
    tuple
        Levels of the pyramid (zarr arrays: dask would show stale pixels after a change) or the
        only one, the layer's properties, and its type.
    """
    raster = _raster(section, product, name)
    kind, look = _look(section, raster, product, name)
    data, multiscale = pyramid(raster.levels)
    look |= (
        placement_properties(section)
        | _coarser_placement(section, raster)
        | {
            "name": layer_name(product, name, section),
            "multiscale": multiscale,
            "metadata": {
                LAYER_KEY: {
                    "section": str(section.path),
                    "product": product,
                    "name": name,
                    "made": version_mark(section, product),
                    **({"phases": phase_names(section)} if (product, name) == PHASES else {}),
                }
            },
        }
    )
    return data, look, kind


def pyramid(levels: Sequence[Any]) -> tuple[Any, bool]:
    """Return the data of a layer and whether napari shall take them as a pyramid.

    napari cannot show a pyramid of a single level, which the image of a small field has.

    Parameters
    ----------
    levels
        Levels of an image, the finest first.
    """
    return (list(levels), True) if len(levels) > 1 else (levels[0], False)


def levels_of(layer: Any) -> list[Any]:
    """Return the levels that a layer shows, the finest first."""
    return list(layer.data) if layer.multiscale else [layer.data]


def _raster(section: Section, product: str, name: str) -> Any:
    if (product, name) != LEVELLED:
        return section.raster(product, name)
    levelled = _levelled(
        section.path, version_mark(section, "levelling") + version_mark(section, "images")
    )
    if levelled is None:
        raise SectionError(f"The levelling of {section.path} cannot be read; level the grey again.")
    return levelled


@lru_cache(maxsize=2)
def _levelled(path: Path, _made: str) -> Any:
    """Open the levelled BSE image, worked out where somebody looks; `None` if it cannot be read."""
    from napari_olivine.levelling import open_levelled

    try:
        return open_levelled(Section(path))
    except SectionError:
        return None


def placement_properties(section: Section) -> dict[str, Any]:
    """Scale, units and axis labels that every layer of a section has.

    One layer without them makes napari drop the unit of the scale bar.
    """
    return {
        "scale": (section.pixel_size_um,) * 2,
        "units": ("um", "um"),
        "axis_labels": ("y", "x"),
    }


def _coarser_placement(section: Section, raster: Any) -> dict[str, Any]:
    """Scale and place of an image with larger pixels than the section's; nothing of any other."""
    fine, coarse = section.pixel_size_um, raster.pixel_size_um
    if np.isclose(coarse, fine):
        return {}
    # The middle of the first pixel lies away from that of the section's first one.
    return {"scale": (coarse,) * 2, "translate": ((coarse - fine) / 2,) * 2}


def overlay(section: Section, name: str) -> dict[str, Any]:
    """Properties of a layer that is drawn over the images: traverses, spots, the outline."""
    mark = {"section": str(section.path), "product": "overlay", "name": name, "made": ""}
    return placement_properties(section) | {"name": name, "metadata": {LAYER_KEY: mark}}


def images_to_show(section: Section) -> list[tuple[str, str]]:
    """Return the images of a section that can be shown, bottom layer first.

    The element maps lie at the bottom, BSE on them, what was made from them above. The list of
    layers, read downwards, then begins with the latest result and ends with the element maps.
    """
    there = [product.name for product in section.products()]
    return [
        (product, name)
        for folder in layered()
        for product in there
        if product == folder or product.startswith(f"{folder}/")
        for name in image_names(section, product)[::-1]
    ]


def first_to_look_at(section: Section) -> str:
    """Return the signal that is shown when a section is opened: BSE, else the first map."""
    signals = section.record.signals
    return "BSE" if "BSE" in signals else signals[0]


def by_interest(section: Section) -> list[tuple[str, str]]:
    """Return the images of a section in the order in which a person waits for them.

    BSE first, then the results, the latest first, then the element maps.
    """
    downwards = images_to_show(section)[::-1]
    first = ("images", first_to_look_at(section))
    return sorted(downwards, key=lambda place: (place != first, place[0] == "images"))


def image_names(section: Section, product: str) -> list[str]:
    """Return the names of the images of a product, BSE or olivine first; none if it is missing."""
    if section.product(product) is None:
        return []
    if product == LEVELLED[0]:
        mark = version_mark(section, "levelling") + version_mark(section, "images")
        return [LEVELLED[1]] if _levelled(section.path, mark) is not None else []
    folder = section.path / product
    names = sorted(
        file.parent.name
        for file in folder.glob("*/zarr.json")
        if (product, file.parent.name) not in NOT_SHOWN
    )
    order = [*section.record.signals, *names]
    return sorted(names, key=lambda name: (name not in FIRST, order.index(name)))


def version_mark(section: Section, name: str) -> str:
    """Tell one making of a product from the next; empty if the product is missing.

    The fingerprint alone stays the same when a step is forced to run again.
    """
    product = section.product(name)
    return f"{product.fingerprint} {product.created}" if product else ""


def layer_name(product: str, name: str, section: Section | None = None) -> str:
    """Name of a layer as the person reads it.

    Parameters
    ----------
    product, name
        Image that it shows.
    section
        Its section: where maps and network decide together, that is the segmentation.

    Returns
    -------
    str
        The name.
    """
    if product == "images":
        return name
    if product == "mg":
        return "mg#"
    if product == "levelling":
        return "BSE levelled"
    if product == "crystals":
        return "Crystals"
    if product == OUT_OF_DISTRIBUTION:
        return PRODUCTS[product].title
    if product.startswith(f"{OTHER_CRYSTALS}/"):
        return f"Crystals of {phase_of_product(product)}"
    title = f"{product.capitalize()}: {phase_of_image(name)}"
    return segmentation_titles(section).get(product, title) if name == OLIVINE else title


def segmentation_titles(section: Section | None) -> dict[str, str]:
    """Name the two segmentations of a section with element maps; nothing of any other."""
    if section is None or section.product("joint") is None:
        return {}
    return {"joint": "Segmentation", "segmentation": "Segmentation by BSE alone"}


def contrast_limits(raster: Raster, percentiles: Sequence[float]) -> tuple[float, float]:
    """Grey range for the screen, from the coarsest level (exact enough, and immediate).

    Pixels of exactly 0 do not count: they are gaps of the mosaic, or hold no counts.
    """
    coarsest = np.asarray(raster.levels[-1], dtype=np.float64)
    values = coarsest[np.isfinite(coarsest) & (coarsest != 0)]
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, percentiles)
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1.0)


def section_of(metadata: dict[str, Any]) -> Path | None:
    """Return the section that a layer shows, `None` if it is not one of ours."""
    mark = metadata.get(LAYER_KEY)
    return Path(mark["section"]) if isinstance(mark, dict) and "section" in mark else None


def _look(section: Section, raster: Any, product: str, name: str) -> tuple[str, dict[str, Any]]:
    if product == "images":
        if name == "BSE":
            return "image", _grey(raster)
        alone = {"visible": True} if name == first_to_look_at(section) else {}
        return "image", _element(section, raster, name) | alone
    if product == "levelling":
        return "image", _grey(raster) | {"visible": False}
    if product == "mg":
        limits = contrast_limits(raster, (1.0, 99.0))
        return "image", {"colormap": "viridis", "contrast_limits": limits, "visible": False}
    if product == "probability" or product.startswith("compare/"):
        return "image", probability_look()
    if product == OUT_OF_DISTRIBUTION:
        return "image", _unlike_look()
    if name == "crystals":
        shown = product == "crystals" and section.state(product) == "fresh"
        return "labels", {"opacity": 0.45, "visible": shown} | _by_class(section, product)
    if (product, name) == PHASES:
        return "labels", {"colormap": _of_phases(section), "opacity": 0.4, "visible": False}
    colour = OLIVINE_COLOUR if product == "mask" else SEGMENTATION_COLOUR
    if name != OLIVINE:
        colour = _colour_of_phase(section, phase_of_image(name))
    return "labels", {"colormap": flat_colours(colour), "opacity": 0.4, "visible": False}


def probability_look() -> dict[str, Any]:
    """Look of a probability, 0 to 255."""
    return {
        "colormap": "magma",
        "contrast_limits": (0, 255),
        "blending": "additive",
        "opacity": 0.6,
        "visible": False,
    }


def _unlike_look() -> dict[str, Any]:
    """Look of the distance from a training: clear up to its limit, then orange, red at 3 times."""
    from napari.utils.colormaps import Colormap

    colours = [(0.9, 0.6, 0, 0), (0.9, 0.6, 0, 0.6), (0.8, 0.1, 0, 0.8)]
    return {
        "colormap": Colormap(colours, name="unlike", controls=[0.0, 0.01, 1.0]),
        "contrast_limits": (1.0, 3.0),
        "interpolation2d": "nearest",
        "blending": "translucent",
        "visible": False,
    }


def _by_class(section: Section, product: str) -> dict[str, Any]:
    """Colours of the crystals by their class, napari's own where the table is unknown."""
    from napari_olivine.widgets.layers.crystal_colours import colour_map

    table = section.table(product, "crystals")
    if not {"id", "size_class"} <= set(table.columns):
        return {}
    words = table[[name for name in HOVERED if name in table.columns]].rename(columns=HOVERED)
    return {"colormap": colour_map(table), "features": words.round(3)}


def phase_names(section: Section) -> dict[int, str]:
    """Return the name of each phase of the mask by its code; none where it has no image of them."""
    return {mode["code"]: mode["name"] for mode in _modes(section) if mode["code"]} | {
        one.code: one.name for one in _named(section)
    }


def _modes(section: Section) -> list[dict[str, Any]]:
    product = section.product(PHASES[0])
    return list(product.notes.get("modes", [])) if product is not None else []


def _named(section: Section) -> list[NamedPhase]:
    """Return the phases that a person can paint, also those that no pixel has yet."""
    product = section.product(PHASES[0])
    return phases_of(product.notes) if product is not None else []


def _colour_of_phase(section: Section, phase: str) -> str:
    """Colour of a phase in its rule book, as the network learned it or the mask has it."""
    probability = section.product("probability")
    colours = {mode["name"]: str(mode["colour"]) for mode in _modes(section)}
    if probability is not None:
        colours |= probability.notes.get("colours", {})
    return colours.get(phase, SEGMENTATION_COLOUR)


def _of_phases(section: Section) -> Any:
    """Colours of the phases as the rule book has them."""
    from napari.utils.colormaps import DirectLabelColormap

    colours = {mode["code"]: mode["colour"] for mode in _modes(section) if mode["code"]}
    colours |= {one.code: one.colour for one in _named(section)}
    return DirectLabelColormap(
        color_dict={None: IGNORED_COLOUR, 0: "transparent", 255: IGNORED_COLOUR} | colours
    )


def flat_colours(colour: str) -> Any:
    """Colours of a mask: one for its phase, grey for pixels to be ignored."""
    from napari.utils.colormaps import DirectLabelColormap

    return DirectLabelColormap(
        color_dict={None: colour, 0: "transparent", 1: colour, 255: IGNORED_COLOUR}
    )


def _grey(raster: Raster) -> dict[str, Any]:
    """BSE adds its grey to the element maps below it: whatever is ticked is seen."""
    return {
        "colormap": "gray",
        "contrast_limits": contrast_limits(raster, (0.5, 99.8)),
        "blending": "additive",
    }


def _element(section: Section, raster: Raster, name: str) -> dict[str, Any]:
    _, high = contrast_limits(raster, (0.0, 99.5))
    if np.issubdtype(raster.dtype, np.integer):
        high = max(high, 1.0)
    return {
        "colormap": colour_ramp(colour_of(name, section.record.signals)),
        "contrast_limits": (0.0, high) if high > 0 else (0.0, 1.0),
        "blending": "additive",
        "visible": False,
    }


def widest_limits(raster: Raster, limits: Sequence[float]) -> tuple[float, float]:
    """Range of the contrast slider: what the image holds, not all that its type can.

    16-bit counts up to 900 on a slider up to 65535 cannot be set by hand.
    """
    if raster.dtype == np.uint8:
        return 0.0, 255.0
    low, high = contrast_limits(raster, (0.0, 100.0))
    # Single pixels reach beyond the mean values of the coarsest level.
    room = max(high - low, limits[1] - limits[0])
    lowest = min(low, limits[0], 0.0)
    return (lowest if lowest == 0 else lowest - room), max(high, limits[1]) + room
