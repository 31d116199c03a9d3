"""The product ``levelling`` on disk: levelling.json, tiles.parquet, steps.csv, histograms.csv."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_olivine.errors import SectionError
from napari_olivine.levelling.mosaic import Mosaic
from napari_olivine.levelling.report import border_steps, histograms, levelling_report
from napari_olivine.levelling.result import Estimate, Levelling
from napari_olivine.levelling.shading import Shading
from napari_olivine.section import Section, Session

AGAIN = "Run {step:level} again with {setting:force}."


def write_levelling(
    folder: Path, found: Estimate, reference: int, overlaps: pd.DataFrame | None
) -> dict[str, Any]:
    """Write the product's files.

    Parameters
    ----------
    folder
        Folder of the draft.
    found
        Levelling and its errors.
    reference
        Place of the reference session.
    overlaps
        Comparison of overlapping tiles, as the import leaves it.

    Returns
    -------
    dict
        What levelling.json says.
    """
    levelling = found.levelling
    steps = border_steps(found, overlaps)
    steps.to_csv(folder / "steps.csv", index=False, float_format="%.4g")
    histograms(found).to_csv(folder / "histograms.csv", index=False, float_format="%.6g")
    _tiles(levelling).to_parquet(folder / "tiles.parquet", index=False)
    report = levelling_report(found, reference, steps)
    (folder / "levelling.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def read_levelling(section: Section) -> Levelling:
    """Read the finished levelling.

    Raises
    ------
    SectionError
        If there is none, it is damaged, or the section has other tiles by now.
    """
    folder = section.require("levelling", stale_ok=True).path
    try:
        values = json.loads((folder / "levelling.json").read_text())
        tiles = pd.read_parquet(folder / "tiles.parquet")
        sessions = [Session(**one["session"]) for one in values["sessions"].values()]
        gain = np.array([one["gain"] for one in values["sessions"].values()], float)
        offset = np.array([one["offset"] for one in values["sessions"].values()], float)
        shading = [
            _shading(one["shading"]) if one["shading"] else None
            for one in values["sessions"].values()
        ]
        planes = tiles[["level", "rise_x", "rise_y"]].to_numpy(float)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SectionError(f"{folder} is damaged ({error}).", remedy=AGAIN, step="level") from error
    now = Mosaic.of_section(section)
    if len(now) != len(planes):
        raise SectionError(
            f"{folder} is for {len(planes)} tiles, but the section has {len(now)}.",
            remedy=AGAIN,
            step="level",
        )
    return Levelling(
        Mosaic(now.tiles, now.shape, sessions, now.real), gain, offset, planes, shading
    )


def _tiles(levelling: Levelling) -> pd.DataFrame:
    names = np.array([s.session for s in levelling.mosaic.sessions] + [""], dtype=object)
    level, rise_x, rise_y = levelling.planes.T
    return pd.DataFrame(
        {
            "tile": levelling.mosaic.tiles.table["tile"].to_numpy(),
            "session": names[levelling.mosaic.session_of_tile],
            "level": level,
            "rise_x": rise_x,
            "rise_y": rise_y,
        }
    )


def _shading(values: dict[str, Any]) -> Shading:
    return Shading(**values | {"bend": tuple(values["bend"]), "error": tuple(values["error"])})
