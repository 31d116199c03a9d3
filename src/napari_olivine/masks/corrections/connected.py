"""The connected piece of the mask at a place, for a person who fills it."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from napari_olivine.errors import EditError
from napari_olivine.masks.corrections.correction import NOTHING, WORDS, Correction, Label
from napari_olivine.masks.corrections.journal import make_correction
from napari_olivine.masks.corrections.named_phases import OLIVINE_CODE, phase_key
from napari_olivine.polygons import trace_polygons
from napari_olivine.section import Raster

LARGEST_PX = 4096
"""Longest side of a piece that can be filled: what is longer is no crystal but groundmass."""

FIRST_PX = 256
"""Reach around the place that is looked at first; it is doubled until the piece is whole."""

OF_MASK = {0: "other phases", 1: "olivine"}
"""What the codes of the image ``olivine`` stand for."""


def connected_piece(
    mask: Raster,
    row: int,
    column: int,
    label: Label,
    phase: str = "",
    names: Mapping[int, str] = OF_MASK,
) -> Correction:
    """Return the correction that gives a label to the connected piece of the mask at a place.

    Pixels are connected by their sides.

    Parameters
    ----------
    mask
        The corrected mask, image ``olivine`` or ``phases``: 1 olivine, 255 no label.
    row, column
        The place, px.
    label, phase
        What the piece is, see `Correction`.
    names
        What the codes of the image stand for.

    Returns
    -------
    Correction
        The piece as a polygon with holes along the sides of its pixels.

    Raises
    ------
    EditError
        If the place is outside, the piece has the label already, or is too large.
    """
    if not (0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]):
        raise EditError("There is no mask at this place.")
    value = int(mask.read(slice(row, row + 1), slice(column, column + 1))[0, 0])
    name = names.get(value, "")
    if label == "olivine":
        said = value == OLIVINE_CODE
    elif phase:
        said = phase_key(name) == phase_key(phase)
    else:
        said = label == "other" and value not in (OLIVINE_CODE, NOTHING)
    if said:
        raise EditError(f"This piece counts as {phase or WORDS[label]} already.")
    reach = FIRST_PX
    while True:
        rows, columns = (
            slice(max(place - reach, 0), min(place + reach, length))
            for place, length in zip((row, column), mask.shape, strict=True)
        )
        same = (mask.read(rows, columns) == value).astype(np.uint8)
        cv2.floodFill(same, None, (column - columns.start, row - rows.start), 2, flags=4)
        piece = same == 2
        if _is_whole(piece, rows, columns, mask.shape):
            break
        if 2 * reach >= LARGEST_PX:
            raise EditError(
                f"This piece {f'of {name}' if name else 'without a label'} reaches farther than "
                f"{LARGEST_PX // 2} px from here: it is too large to be filled.",
                remedy="Cut it off by a stroke of the brush first, or draw a polygon.",
            )
        reach *= 2
    (rings,) = trace_polygons(piece)  # corners x, y; a pixel's centre stands at its index
    first = np.array([rows.start, columns.start]) - 0.5
    return make_correction(
        label=label,
        phase=phase,
        tool="fill",
        rings=[(ring[:, ::-1] + first).tolist() for ring in rings],
    )


def _is_whole(piece: np.ndarray, rows: slice, columns: slice, shape: tuple[int, int]) -> bool:
    """Tell whether a piece ends within the window, or at the edge of the section."""
    sides = (
        (rows.start > 0, piece[0]), (rows.stop < shape[0], piece[-1]),
        (columns.start > 0, piece[:, 0]), (columns.stop < shape[1], piece[:, -1]),
    )  # fmt: skip
    return not any(inside and side.any() for inside, side in sides)
