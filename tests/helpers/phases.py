"""A small section whose mask, and whose network, tell several phases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.section import Section, create_raster, image_name
from napari_olivine.settings import Settings
from tests.helpers.sections import make_section

NAMES = {0: "unclassified", 1: "olivine", 2: "plagioclase", 3: "glass/groundmass"}
"""Phases of the mask by their code."""

SHAPE = (120, 160)


def codes() -> NDArray[np.uint8]:
    """Two crystals of olivine, three of plagioclase, glass around, and a corner without maps."""
    found = np.full(SHAPE, 3, np.uint8)
    found[10:40, 10:40] = found[60:100, 20:60] = 1
    found[10:30, 60:100] = found[50:60, 80:90] = found[80:110, 90:130] = 2
    found[:20, 140:] = 255
    return found


def put(section: Section, product: str, inputs: list[str], **parts: Any) -> None:
    """Store images as a step would; `notes` are those of its record, all others its settings."""
    notes = parts.pop("notes", {})
    images = parts.pop("images")
    source = {"source": "made by a test"} if not inputs else {}
    recipe = section.recipe("test", Settings(), inputs, extra=source)
    recipe.settings.update(parts)
    with section.draft(product, recipe, Job(force=True)) as draft:
        for name, pixels in images.items():
            out = create_raster(draft.path / name, pixels.shape, "uint8", 1.5, reduction="mode")
            out.write(0, 0, pixels)
            out.build_pyramid(Job())
        draft.notes |= notes


def section_of_phases(folder: Path) -> Section:
    """A section with a mask of all phases."""
    found = codes()
    grey = np.choose(np.minimum(found, 3), [100, 140, 80, 100]).astype(np.uint8)
    section = make_section(folder, {"BSE": grey})
    olivine = np.where(found == 255, 255, found == 1).astype(np.uint8)
    modes = [
        {"code": code, "name": name, "colour": "#112233", "percent": 1.0, "error": None}
        for code, name in NAMES.items()
    ]
    rules = {"plagioclase": "Al/Si > 0.45"}
    notes = {"modes": modes, "rule": "Fe > 1", "rules": rules}
    put(section, "mask", ["images"], images={"olivine": olivine, "phases": found}, notes=notes)
    return section


def put_network_phases(section: Section) -> None:
    """Let a network tell olivine and plagioclase, the smallest of which it does not see."""
    found = codes()
    found[50:60, 80:90] = 3
    there = {name: found == code for code, name in ((1, "olivine"), (2, "plagioclase"))}
    stored = {name: np.where(one, 230, 5).astype(np.uint8) for name, one in there.items()}
    histograms = {n: np.bincount(one.ravel(), minlength=256).tolist() for n, one in stored.items()}
    notes = {"classes": list(there), "histogram": histograms.pop("olivine")}
    notes |= {"histograms": histograms, "colours": {"plagioclase": "#445566"}}
    put(section, "probability", ["images"], images=stored, notes=notes)
    images = {image_name(name): one.astype(np.uint8) for name, one in there.items()}
    notes = {"olivine_percent": 13.0, "other_percent": {"plagioclase": 9.0}}
    put(section, "segmentation", ["probability"], images=images, notes=notes)
