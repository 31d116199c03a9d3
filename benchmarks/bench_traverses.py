"""Traverses on single real crystals: how well the refined line predicts the microprobe.

Usage: python benchmarks/bench_traverses.py ICELAND [--seed N]

ICELAND holds the BSE images and profiles of CHRG10/STAP01 (Tweed). Each crystal is imported with
the pixel size of its scale bar, its line placed at the ends of the arrow that the author drew, and
calibrated with the defaults; then from placements worsened by 15 px and 3 degrees.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from napari_olivine.calibration import calibrate
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings, import_section
from napari_olivine.section import Section

WORSE_PX, WORSE_DEGREES, STARTS = 15.0, 3.0, 6


@dataclass(frozen=True)
class Crystal:
    """An image, its profile, pixel size in um, and the arrow's ends (row, column)."""

    image: str
    table: str
    profile: str
    pixel_um: float
    tail: tuple[float, float]
    head: tuple[float, float]


CRYSTALS = {
    "ol15": Crystal(
        "CHRG10_5C_ol15_BSE.tif", "profiles-ol15.csv", "CHRG10_5C_ol15_line1_rtoc", 1.754,
        (341, 150), (341, 260),
    ),
    "ol18": Crystal(
        "STAP01_13G(B)_ol18_BSE.tif", "profiles.csv", "STAP01_13G(B)_ol18_profile", 2.513,
        (70, 618), (145, 602),
    ),
    "ol23": Crystal(
        "CHRG10_5C_ol23_BSE.tif", "profiles.csv", "CHRG10_5C_ol_lines2 (ol23)", 2.506,
        (416, 795), (408, 706),
    ),
    "ol3": Crystal(
        "CHRG10_5A_ol3_BSE.tif", "profiles.csv", "CHRG10_5A_line_ol3", 2.146,
        (153, 728), (200, 695),
    ),
    "ol25": Crystal("CHRG10_5C_ol25_BSE.tif", "", "", 2.506, (576, 470), (518, 529)),
}  # fmt: skip


def unzoned(points: int = 25, seed: int = 0) -> pd.DataFrame:
    """A profile of an unzoned crystal, for the image that has none: mg# 0.80 +- 0.002."""
    mg = 0.8 + np.random.default_rng(seed).normal(0, 0.002, points)
    weights = np.column_stack([np.full(points, 60.0843), mg * 80.6088, (1 - mg) * 143.6928])
    weights *= 100 / weights.sum(axis=1, keepdims=True)
    table = pd.DataFrame(weights, columns=["SiO2", "MgO", "FeO"])
    return table.assign(**{"Distance (um)": np.linspace(0, 180, points)})


def build(folder: Path, data: Path, crystal: Crystal) -> Section:
    """Import a crystal."""
    source = folder / "source"
    (source / "epma").mkdir(parents=True)
    shutil.copy(data / crystal.image, source / "BSE.tif")
    if crystal.table:
        table = pd.read_csv(data / crystal.table)
        table = table[table["Profile"] == crystal.profile]
    else:
        table = unzoned()
    table.to_csv(source / "epma" / "line.csv", index=False)
    settings = ImportSettings(pixel_size_um=crystal.pixel_um)
    return import_section(source, folder / "section", settings)


def place(section: Section, tail: np.ndarray, head: np.ndarray, pixel_um: float) -> str:
    """Place the only profile of a section; return its name."""
    name = str(section.table("epma", "analyses")["profile"].iloc[0])
    (y0, x0), (y1, x1) = tail * pixel_um, head * pixel_um
    ends = {"x0_um": x0, "y0_um": y0, "x1_um": x1, "y1_um": y1}
    row = {"profile": name, "kind": "line", "use": "calibrate"} | ends
    section.annotate("placements", pd.DataFrame([row]))
    return name


def worsened(tail: np.ndarray, head: np.ndarray, random: np.random.Generator, sign: int) -> tuple:
    """Shift a line by 15 px in any direction and turn it by 3 degrees."""
    angle, turn = random.uniform(0, 2 * np.pi), np.deg2rad(WORSE_DEGREES) * sign
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = (tail + head) / 2 + WORSE_PX * np.array([np.sin(angle), np.cos(angle)])
    half = rotation @ ((head - tail) / 2)
    return middle - half, middle + half


def run(section: Section, name: str) -> tuple[float, float, dict, list[str]]:
    """Calibrate; return R2 of all olivine points with raw grey, with filtered grey, the story."""
    calibrate(section, job=Job(force=True))
    report = json.loads((section.path / "calibration" / "calibration.json").read_text())
    story = report["profiles"][name]
    return story["raw"]["r2"], story["filtered"]["r2"], story, report["warnings"]


def main() -> None:
    """Print a line a crystal, then the worsened starts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    good = total = silent = 0
    for label, crystal in CRYSTALS.items():
        with tempfile.TemporaryDirectory() as folder:
            section = build(Path(folder), options.data, crystal)
            tail, head = np.array(crystal.tail, float), np.array(crystal.head, float)
            name = place(section, tail, head, crystal.pixel_um)
            raw, filtered, story, warnings = run(section, name)
            registration = story["registration"]
            print(
                f"{label}: R2 {filtered or np.nan:.3f} (raw grey {raw or np.nan:.3f}), "
                f"{story['fitted']} of {story['points']} points fitted, "
                f"{'refined' if registration['accepted'] else registration['reason']}"
            )
            if not crystal.table:
                continue
            results = []
            for start in range(STARTS):
                place(section, *worsened(tail, head, random, 1 - 2 * (start % 2)), crystal.pixel_um)
                filtered, story, warnings = run(section, name)[1:]
                r2 = filtered if filtered is not None else -1.0
                before = story["registration"]["correlation_placed"]
                before = before * abs(before)
                results.append(f"{before:.3f} -> {r2:.3f}")
                total, good = total + 1, good + (r2 > 0.9)
                silent += r2 < before - 0.01 and not warnings
            print("   worsened:", ", ".join(results), flush=True)
    print(f"R2 above 0.9 in {good} of {total} worsened starts; {silent} worse without a warning")


if __name__ == "__main__":
    main()
