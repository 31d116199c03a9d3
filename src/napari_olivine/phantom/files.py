"""The phantom on disk, in the form that an instrument's export has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from numpy.typing import NDArray

from napari_olivine.phantom.compositions import ELEMENTS
from napari_olivine.phantom.imaging import Drift
from napari_olivine.phantom.instrument import Instrument
from napari_olivine.phantom.scene import Scene
from napari_olivine.phantom.settings import PhantomSettings
from napari_olivine.phantom.traverses import Traverse

SIGNALS = ("BSE", *ELEMENTS)
TILE_PATTERN = "tiles/{signal}/r{row:02d}_c{col:02d}.tif"


def write_description(folder: Path, settings: PhantomSettings) -> None:
    """Write section.json and sessions.csv."""
    description = {
        "name": _name(settings),
        "pixel_size_um": settings.pixel_size_um,
        "tile_shape": list(settings.tile_shape),
        "tile_overlap_px": 0,
        "grid": [settings.rows, settings.cols],
        "tile_pattern": TILE_PATTERN,
        "signals": list(SIGNALS),
        "accelerating_voltage_kV": 15,
    }
    (folder / "section.json").write_text(json.dumps(description, indent=1), encoding="utf-8")
    _csv(
        folder / "sessions.csv",
        [
            {
                "session": number,
                "first_row": 0,
                "last_row": settings.rows - 1,
                "first_col": first,
                "last_col": last,
                "role": role,
            }
            for number, ((first, last), role) in enumerate(
                zip(settings.session_columns(), settings.session_roles(), strict=True), start=1
            )
        ],
    )


def write_tile_row(
    folder: Path, signal: str, row: int, image: NDArray[np.uint8], settings: PhantomSettings
) -> None:
    """Write one row of tiles of one signal.

    Parameters
    ----------
    folder
        Folder of the phantom.
    signal
        Name of the signal.
    row
        Row of the grid of tiles.
    image
        The row of tiles, shape (tile height, width of the mosaic).
    settings
        Size of tiles and pixels.
    """
    width = settings.tile_width_px
    per_cm = 10_000.0 / settings.pixel_size_um
    for col in range(settings.cols):
        path = folder / TILE_PATTERN.format(signal=signal, row=row, col=col)
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(
            path,
            image[:, col * width : (col + 1) * width],
            compression="zlib",
            compressionargs={"level": 4},
            resolution=(per_cm, per_cm),
            resolutionunit="CENTIMETER",
            photometric="minisblack",
        )


def write_traverses(folder: Path, traverses: Iterable[Traverse]) -> None:
    """Write epma/ and truth/profiles.csv."""
    (folder / "epma").mkdir()
    placements, truth = [], []
    for line in traverses:
        table = line.table.copy()
        table["distance_um"] = table["distance_um"].map("{:.2f}".format)
        for oxide in table.columns[2:]:
            table[oxide] = table[oxide].map("{:.3f}".format)
        table.to_csv(folder / "epma" / f"{line.name}.csv", index=False, lineterminator="\n")
        ends = dict(zip(("x0_px", "y0_px", "x1_px", "y1_px"), line.placed, strict=True))
        placements.append({"profile": line.name, **ends, "use": line.use})
        truth.append(
            {
                "profile": line.name,
                "crystal": line.crystal,
                "session": line.session,
                "x0": line.start_xy[0],
                "y0": line.start_xy[1],
                "x1": line.end_xy[0],
                "y1": line.end_xy[1],
                "step_um": line.step_um,
            }
        )
    _csv(folder / "epma" / "placements.csv", placements)
    _csv(folder / "truth" / "profiles.csv", truth)


def write_truth(
    folder: Path,
    scene: Scene,
    drifts: Iterable[Drift],
    instrument: Instrument,
    codes: Mapping[str, int],
) -> None:
    """Write truth/: rasters, crystals.csv, phases.csv, drift.csv and a README.

    Parameters
    ----------
    folder
        Folder of the phantom.
    scene
        The section.
    drifts
        Drift of each session.
    instrument
        Contrast and brightness, told in the README.
    codes
        Codes of the rock's phases.
    """
    truth = folder / "truth"
    truth.mkdir()
    for name in ("phase", "mg", "crystals", "cracks"):
        tifffile.imwrite(
            truth / f"{name}.tif",
            getattr(scene, name),
            compression="zlib",
            predictor=True,
            photometric="minisblack",
        )
    _csv(
        truth / "crystals.csv",
        [
            {
                "id": crystal.id,
                "kind": crystal.kind,
                "broken": int(crystal.broken),
                "core": round(crystal.core, 4),
                "rim": round(crystal.rim, 4),
                "area": crystal.area_px,
            }
            for crystal in scene.table
        ],
    )
    _csv(truth / "phases.csv", [{"code": code, "name": name} for name, code in codes.items()])
    _csv(truth / "drift.csv", [vars(drift) for drift in drifts])
    (truth / "README.md").write_text(_readme(instrument, codes), encoding="utf-8")


def _name(settings: PhantomSettings) -> str:
    if settings.rock == "andesite":
        return f"phantom-{settings.seed}"
    return f"phantom-{settings.rock}-{settings.seed}"


def _readme(instrument: Instrument, codes: Mapping[str, int]) -> str:
    return f"""phase.tif codes: {dict(codes)}
mg.tif: mg# x 10000 on olivine pixels, 0 elsewhere
crystals.tif: crystal ids of crystals.csv, 0 off olivine; inclusions are holes, cracks are not
crystals.csv: core is the median mg# of the deepest tenth, rim of the outer 2 px, area in pixels
cracks.tif: strength (0-255) of cracks and cleavage seen by BSE alone
profiles.csv: true ends in mosaic pixels, (0, 0) being the centre of the first pixel
BSE grey before drift and shading = {instrument.grey_at:g} + \
{instrument.grey_per_z:g} (Z - {instrument.z_at:g}), Z the mass-averaged atomic number.
drift.csv: grey as measured = bse_gain x grey + bse_offset; X-ray counts x eds_gain.
The truth is for scoring alone.
"""


def _csv(path: Path, rows: list[dict[str, object]]) -> None:
    pd.DataFrame(rows).to_csv(path, index=False, lineterminator="\n")
