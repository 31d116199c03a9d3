"""EPMA analyses placed by their stage positions, where the images were taken on the same stage."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_olivine.readers.mosaic import StageFrame

STAGE = ["stage_x_um", "stage_y_um"]

WITHIN = 0.9
"""Share of a profile's points that must come to lie on the section: otherwise the stage is
another one's, or the section was mounted anew."""

ENDS = ["x0_um", "y0_um", "x1_um", "y1_um"]


def place_by_stage(
    analyses: pd.DataFrame, frame: StageFrame | None, shape: tuple[int, int], pixel_size_um: float
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Place analyses on the section by their stage positions.

    Parameters
    ----------
    analyses
        EPMA analyses, with stage_x_um and stage_y_um where the tables have them.
    frame
        The stage against the section's pixels, `None` if it is not known.
    shape
        Rows and columns of the section.
    pixel_size_um
        Side of a pixel, um.

    Returns
    -------
    analyses
        The same; spots (without a distance) that lie on the section have x_um and y_um.
    lines
        Columns profile, x0_um, y0_um, x1_um, y1_um of the traverses that lie on the section.
    remarks
        What was placed, and what does not lie on the section, in sentences.
    """
    lines = pd.DataFrame({"profile": pd.Series(dtype=str)} | {end: [] for end in ENDS})
    if frame is None or not set(STAGE) <= set(analyses):
        return analyses, lines, []
    analyses = analyses.copy()
    placed: list[str] = []
    away: list[str] = []
    still: list[str] = []
    ends: list[tuple[object, ...]] = []
    for profile, points in analyses.groupby("profile", sort=False):
        stage = points[STAGE].to_numpy(np.float64)
        known = np.isfinite(stage).all(axis=1)
        if points["x_um"].notna().any() or not known.all():
            continue
        pixels = frame.stage_to_pixel(stage)
        inside = ((pixels >= -0.5) & (pixels < np.array(shape) - 0.5)).all(axis=1)
        if inside.mean() < WITHIN:
            away.append(repr(profile))
            continue
        spots = points["distance_um"].isna().all()
        if not spots and len(points) > 1 and not np.ptp(stage, axis=0).any():
            still.append(repr(profile))
            continue
        places = pixels[:, ::-1] * pixel_size_um
        if spots:
            analyses.loc[points.index, ["x_um", "y_um"]] = places
        else:
            order = np.argsort(points["distance_um"].to_numpy(), kind="stable")
            ends.append((profile, *places[order[0]], *places[order[-1]]))
        placed.append(repr(profile))
    remarks = []
    if placed:
        remarks.append(
            f"EPMA profiles {', '.join(placed)} are placed by their stage positions: look whether "
            "they lie where they were measured"
        )
    if away:
        remarks.append(
            f"the stage positions of EPMA profiles {', '.join(away)} do not lie on the section: "
            "another stage, or the section was mounted anew"
        )
    if still:
        remarks.append(
            f"the stage stands still over the EPMA profiles {', '.join(still)}: draw their lines "
            "in the EPMA profiles dock"
        )
    if ends:
        lines = pd.DataFrame(ends, columns=["profile", *ENDS])
    return analyses, lines, remarks
