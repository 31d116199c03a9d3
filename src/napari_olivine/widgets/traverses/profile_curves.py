"""The curves of a profile in the plot: grey, mg# from grey, and the analyses."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from napari_olivine.widgets.common import Curve
from napari_olivine.widgets.traverses.profile_data import Profile

GREY, MEASURED, PREDICTED = "#c9c9c9", "#E69F00", "#56B4E9"


def curves_of(profile: Profile, left_out: Collection[int]) -> list[Curve]:
    """Return the curves along a profile; analyses that are left out are rings."""
    curves = [Curve("grey", profile.distance_um, profile.grey, GREY)] if profile.grey.size else []
    if profile.predicted is not None:
        curves.append(
            Curve("mg# from grey", profile.distance_um, profile.predicted, PREDICTED, "right")
        )
    out = np.isin(profile.point, list(left_out))
    for words, which, click in (
        ("mg# by EPMA", ~out, "click to leave it out"),
        ("left out", out, "left out; click to take it in again"),
    ):
        points = [int(point) for point in profile.point[which]]
        tips = [
            f"Analysis {point}: mg# {mg:.3f}; {click}"
            for point, mg in zip(points, profile.mg[which], strict=True)
        ]
        along = profile.point_distance_um[which], profile.mg[which]
        hollow = words == "left out"
        if points:
            curves.append(
                Curve(
                    words, *along, MEASURED, "right",
                    points=True, hollow=hollow, keys=points, tips=tips,
                )
            )  # fmt: skip
    return curves
