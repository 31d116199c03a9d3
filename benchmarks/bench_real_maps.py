"""The reference mask on real element maps: a published mode, a standard, a rock without olivine.

    python benchmarks/bench_real_maps.py DATA

DATA holds the folders ``peridotite``, ``semarkona`` and ``sk394a``. Nothing was chosen on them.

- Peridotite: the authors' ranges of grey as a rule book, and their mode of olivine, 49.55 % of what
  they classified (GeoMAC, example 001).
- Semarkona: the shipped rule on two objects of one session, beside the atoms Si/(Mg + Fe) by
  the San Carlos olivine measured with them: 0.5 in olivine, 1 in pyroxene.
- SK394A: WDS counts of an andesite without olivine, so that every pixel taken is wrong.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from napari_olivine.job import Job
from napari_olivine.masks import MaskSettings, make_mask
from napari_olivine.readers import ImportSettings, import_section
from napari_olivine.section import Section

WHOLE = slice(None), slice(None)

PERIDOTITE = """
name: garnet peridotite
source: the authors' ranges of grey
phases:
  - name: void
    counts: Si < 25 and Mg < 10 and Fe < 5
  - name: spinel
    counts: 60 < Mg < 95 and 35 < Fe < 60 and Si < 50
  - name: orthopyroxene
    counts: Si > 100 and 130 < Mg < 175
  - name: clinopyroxene
    counts: 50 < Si < 95 and 60 < Mg < 110
  - name: garnet
    counts: 95 < Si < 130 and 50 < Mg < 90
"""
UNCLASSIFIED = ("unclassified", "void")

SAN_CARLOS = {"Mg": (250.5, 29.8, 24.305), "Fe": (22.4, 7.42, 55.845), "Si": (194.1, 19.08, 28.086)}
"""Counts, wt% and molar mass in the standard."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as folder:
        peridotite(data / "peridotite", Path(folder))
        for name in ("obj1", "obj2"):
            semarkona(data / "semarkona" / name, Path(folder))
        andesite(data / "sk394a", Path(folder))


def section_of(files: list[Path], folder: Path, settings: ImportSettings) -> Section:
    source = folder / f"{files[0].parent.name} maps"
    source.mkdir()
    for file in files:
        shutil.copy(file, source)
    return import_section(source, source.with_suffix(".section"), settings)


def peridotite(source: Path, folder: Path) -> None:
    files = [source / name for name in ("1-Si.jpg", "2-Mg.jpg", "4-Fe.jpg")]
    section = section_of(files, folder, ImportSettings(pixel_size_um=1))
    book = folder / "peridotite.yaml"
    book.write_text(PERIDOTITE)
    product = make_mask(section, MaskSettings(rule="Mg > 175", book=str(book)))
    percent = {mode["name"]: mode["percent"] for mode in product.notes["modes"]}
    classified = sum(value for name, value in percent.items() if name not in UNCLASSIFIED)
    print(f"peridotite: olivine {100 * percent['olivine'] / classified:.2f} %, published 49.55 %")


def semarkona(source: Path, folder: Path) -> None:
    files = sorted(source.glob("*_32bt_*.tif"))
    section = section_of(files, folder, ImportSettings(pixel_size_um=1))
    make_mask(section, MaskSettings(book="none"))
    atoms = {}
    for name, (counts, percent, mass) in SAN_CARLOS.items():
        image = section.raster("images", name).read(*WHOLE).astype(np.float32)
        atoms[name] = cv2.GaussianBlur(image, (0, 0), 1) / counts * percent / mass
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = atoms["Si"] / (atoms["Mg"] + atoms["Fe"])
    silicate = atoms["Mg"] > 0.3
    taken = section.raster("mask", "olivine").read(*WHOLE) == 1
    inside = cv2.erode(taken.view(np.uint8), np.ones((5, 5), np.uint8)) > 0
    low, middle, high = np.percentile(ratio[inside], (5, 50, 95))
    olivine = silicate & (ratio > 0.42) & (ratio < 0.6)
    pyroxene = silicate & (ratio > 0.85) & (ratio < 1.15)
    shares = [100 * taken[pixels].mean() for pixels in (olivine, pyroxene)]
    print(
        f"semarkona {source.name}: Si/(Mg + Fe) in atoms within the mask {middle:.3f} "
        f"(5 to 95 %: {low:.3f} to {high:.3f}); of 0.42 to 0.60 {shares[0]:.1f} % taken, "
        f"of 0.85 to 1.15 {shares[1]:.1f} %"
    )


def andesite(source: Path, folder: Path) -> None:
    said: list[str] = []

    def listen(event: dict[str, Any]) -> None:
        if event["event"] == "warning":
            said.append(event["message"])

    section = import_section(source, folder / "andesite.section", ImportSettings())
    make_mask(section, MaskSettings(book="none"), Job(listen=listen))
    taken = section.raster("mask", "olivine").read(*WHOLE) == 1
    print(f"sk394a: {100 * taken.mean():.2f} % taken; said: {' '.join(said) or 'nothing'}")


if __name__ == "__main__":
    main()
