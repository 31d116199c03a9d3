"""Figures of a levelling for a person: levelling.json, steps at borders, histograms."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.levelling.result import Estimate, Levelling, SessionScales
from napari_olivine.levelling.seams import Seam, steps_of_overlaps

DEFINITION = (
    "grey as measured = gain x g + offset, with g = (common grey) x (1 + shading if multiplied) "
    "+ plane of the tile (level + rise_x x + rise_y y) + shading if added; x, y from -0.5 to 0.5 "
    "across a tile; common grey is the reference session's. shading = bend[0] (x^2 - 1/12) + "
    "bend[1] (y^2 - 1/12) + bend[2] x y."
)


def levelling_report(found: Estimate, reference: int, steps: pd.DataFrame) -> dict[str, Any]:
    """Gather the content of levelling.json.

    Parameters
    ----------
    found
        Levelling and its errors.
    reference
        Place of the reference session.
    steps
        As of `border_steps`.

    Returns
    -------
    dict
        Plain JSON values.
    """
    levelling, tied, greys = found.levelling, found.tied, found.greys
    mosaic = levelling.mosaic
    sessions = {}
    for place, session in enumerate(mosaic.sessions):
        shading = levelling.shading[place]
        tiles = int((mosaic.session_of_tile == place).sum())
        sessions[session.session] = _scale(tied, place, greys) | {
            "tiles": tiles,
            "sources": {
                name: _scale(one, place, greys)
                for name, one in found.sources.items()
                if one.to_reference[place] and place != reference
            },
            "shading": asdict(shading) if shading else None,
            "session": session.model_dump(),
        }
    level, rise_x, rise_y = levelling.planes.std(axis=0)
    return {
        "definition": DEFINITION,
        "reference": mosaic.sessions[reference].session,
        "grey_dark_middle_bright": list(greys),
        "sessions": sessions,
        "peaks": [
            {
                "grey": grey,
                "sessions": [mosaic.sessions[place].session for place in places],
                "tiles": tiles,
            }
            for grey, places, tiles in found.peaks
        ],
        "tiles": {
            "number": len(mosaic),
            "of_the_instrument": mosaic.real,
            "overlap": bool(mosaic.overlap),
            "level_sd_grey": float(level),
            "rise_x_sd_grey": float(rise_x),
            "rise_y_sd_grey": float(rise_y),
        },
        "seams": {
            f"{a} | {b}": {
                "seams": len(rows),
                "step_before_grey": float(rows["before"].median()),
                "step_after_grey": float(rows["after"].median()),
                "rms_before_grey": float(np.sqrt((rows["before"] ** 2).mean())),
                "rms_after_grey": float(np.sqrt((rows["after"] ** 2).mean())),
            }
            for (a, b), rows in steps.groupby(["session_a", "session_b"])
        },
    }


def _scale(tied: SessionScales, place: int, greys: tuple[float, float, float]) -> dict[str, Any]:
    level, level_error = tied.level(greys[1])
    return {
        "gain": float(tied.gain[place]),
        "gain_error": float(tied.gain_error[place]),
        "offset": float(tied.offset[place]),
        "offset_error": float(tied.offset_error[place]),
        "middle_grey": float(level[place]),
        "middle_grey_error": float(level_error[place]),
        "tied": bool(tied.to_reference[place]),
    }


def border_steps(found: Estimate, overlaps: pd.DataFrame | None = None) -> pd.DataFrame:
    """Step of the grey at every seam or overlap between two sessions, before and after.

    Returns
    -------
    DataFrame
        session_a, session_b, tile_a, tile_b, row, col (middle of the seam, px), before, after
        (median grey in b less that in a), error.
    """
    mosaic = found.levelling.mosaic
    session = mosaic.session_of_tile
    rows = [
        _seam_step(found, seam)
        for seam in found.seams
        if session[seam.before] != session[seam.after]
        and min(session[seam.before], session[seam.after]) >= 0
        and np.isfinite(seam.grey_after - seam.grey_before).any()
    ]
    if overlaps is not None and len(overlaps):
        a, b = overlaps["tile_a"].to_numpy(int), overlaps["tile_b"].to_numpy(int)
        between = (session[a] != session[b]) & (session[a] >= 0) & (session[b] >= 0)
        rows += _overlap_steps(found, overlaps[between])
    names = np.array([one.session for one in mosaic.sessions], dtype=object)
    columns = ["tile_a", "tile_b", "row", "col", "before", "after", "error"]
    table = pd.DataFrame(rows, columns=columns)
    for place, side in enumerate("ab"):
        of_tile = session[table[f"tile_{side}"].to_numpy(int)]
        table.insert(place, f"session_{side}", names[of_tile])
    return table


def _seam_step(found: Estimate, seam: Seam) -> tuple[Any, ...]:
    mosaic = found.levelling.mosaic
    at_before, at_after = seam.places()
    raw = seam.grey_after - seam.grey_before
    after = _levelled(found.levelling, seam.after, seam.grey_after, at_after)
    after = after - _levelled(found.levelling, seam.before, seam.grey_before, at_before)
    good = np.isfinite(raw)
    median = float(np.median(raw[good]))
    spread = 1.4826 * float(np.median(np.abs(raw[good] - median)))
    row0, row1, column0, column1 = mosaic.tiles.bounds[seam.after]
    row = (row0 + row1) / 2 if seam.upright else row0
    column = column0 if seam.upright else (column0 + column1) / 2
    # A crystal is some ten pixels long.
    error = 1.253 * spread / np.sqrt(max(1.0, good.sum() / 10))
    return seam.before, seam.after, row, column, median, float(np.median(after[good])), error


def _levelled(
    levelling: Levelling, tile: int, grey: NDArray[np.floating], at: NDArray[np.float64]
) -> NDArray[np.floating]:
    """Grey of a tile at places (x, y) on the common scale."""
    x, y = at.T
    values = (grey - levelling.tile_offset[tile]) / levelling.tile_gain[tile]
    values -= levelling.background(np.full(len(at), tile), at)
    terms = np.stack([x * x - 1 / 12, y * y - 1 / 12, x * y])
    added, multiplied = levelling.shading_terms()[tile] @ terms
    return np.asarray((values - added) / (1 + multiplied))


def _overlap_steps(found: Estimate, overlaps: pd.DataFrame) -> list[tuple[Any, ...]]:
    levelling, unit = found.levelling, found.samples.unit
    mosaic, one = levelling.mosaic, np.ones(len(levelling.mosaic))
    raw = steps_of_overlaps(overlaps, mosaic, one, 0 * one, unit)
    gain, offset = levelling.tile_gain, levelling.tile_offset
    steps = steps_of_overlaps(overlaps, mosaic, gain, offset, unit)
    left = levelling.background(steps.after, steps.at_after)
    left -= levelling.background(steps.before, steps.at_before)
    bounds = mosaic.tiles.bounds[np.stack([steps.before, steps.after], axis=1)]
    first, last = bounds[:, :, [0, 2]].max(axis=1), bounds[:, :, [1, 3]].min(axis=1)
    middle = (first + last) / 2
    columns = [steps.before, steps.after, *middle.T, raw.step, steps.step - left, steps.error]
    return list(zip(*(column.tolist() for column in columns), strict=True))


def histograms(found: Estimate) -> pd.DataFrame:
    """Histograms of even spots of every session before and after, in per cent of its spots.

    Returns
    -------
    DataFrame
        session, grey (middle of the bin), before, after.
    """
    spots, levelling = found.samples, found.levelling
    mosaic = levelling.mosaic
    tile = spots.tile.astype(np.int64)
    at = np.stack([spots.x, spots.y], axis=1).astype(np.float64)
    gain, offset = levelling.tile_gain[tile], levelling.tile_offset[tile]
    after = (spots.grey - offset) / gain - levelling.background(tile, at)
    if not after.size:
        return pd.DataFrame(columns=["session", "grey", "before", "after"])
    low = np.floor(min(spots.grey.min(), after.min()) / spots.unit)
    high = np.ceil(max(spots.grey.max(), after.max()) / spots.unit)
    low, high = max(low, -500), min(high, 1500)
    edges = np.arange(low, high + 1) * spots.unit
    session, parts = mosaic.session_of_tile[tile], []
    for place, one in enumerate(mosaic.sessions):
        here = session == place
        share = 100 / max(1, int(here.sum()))
        parts.append(
            pd.DataFrame(
                {
                    "session": one.session,
                    "grey": (edges[1:] + edges[:-1]) / 2,
                    "before": np.histogram(spots.grey[here], edges)[0] * share,
                    "after": np.histogram(after[here], edges)[0] * share,
                }
            )
        )
    table = pd.concat(parts)
    return table[(table["before"] > 0) | (table["after"] > 0)]
