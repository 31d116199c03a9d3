"""``fields.csv``: where a person says that maps of a part of the section lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.readers.base import raise_if_any
from napari_olivine.section import SubmapPlace

SUBMAPS_FILE = "fields.csv"


@dataclass(frozen=True)
class HandPlaced:
    """A row of ``fields.csv``.

    Parameters
    ----------
    corner
        Row and column (px of the section) of the submap's upper left corner; `None` if only the
        pixel size is given.
    pixel_size_um
        Side of a pixel of the submap, um; `None` as the files say.
    angle_deg
        Angle by which the submap is turned, from columns towards rows.
    """

    corner: tuple[float, float] | None
    pixel_size_um: float | None = None
    angle_deg: float = 0.0

    def place(self, shape: tuple[int, int], scale: float) -> SubmapPlace | None:
        """Return where a submap lies, `None` if that is not said.

        Parameters
        ----------
        shape
            Rows and columns of the submap.
        scale
            Pixels of the section in a pixel of the submap.
        """
        if self.corner is None:
            return None
        linear = SubmapPlace.of(scale, self.angle_deg, np.zeros(2), shape).linear
        # The corner is the outer one of the first pixel; pixels are counted from their centres.
        first = np.array(self.corner) - 0.5 + linear @ np.array([0.5, 0.5])
        return SubmapPlace(np.column_stack([linear, first]))


def read_hand_placed(file: Path, pixel_size_um: float) -> dict[str, HandPlaced]:
    """Read where a person says that submaps lie.

    Parameters
    ----------
    file
        CSV with the column field (the name that the import tells) and x0_px, y0_px (upper left
        corner on the section, or the same in ``_um``), pixel_size_um or both; angle_deg may be
        given. May be missing.
    pixel_size_um
        Side of a pixel of the section, um.

    Raises
    ------
    InputError
        If it cannot be understood.
    """
    if not file.exists():
        return {}
    try:
        table = pd.read_csv(file, dtype={"field": str}, encoding="utf-8-sig", skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as a table ({error}).", file=file) from error
    table = table.rename(columns=lambda header: str(header).strip().lower())
    unit = "um" if "x0_um" in table else "px"
    ends = [f"y0_{unit}", f"x0_{unit}"]
    if "field" not in table or not ({*ends} <= set(table) or "pixel_size_um" in table):
        raise InputError(
            f"{file} needs the column field and x0_px, y0_px (upper left corner on the section) or "
            f"pixel_size_um; it has {', '.join(table.columns)}.",
            file=file,
            expected="field, x0_px, y0_px or pixel_size_um",
        )
    numbers = {}
    wrong = []
    for name in (*ends, "pixel_size_um", "angle_deg"):
        column = table[name] if name in table else pd.Series(np.nan, table.index)
        numbers[name] = pd.to_numeric(column, errors="coerce")
        bad = numbers[name].isna() & column.notna() | ~np.isfinite(numbers[name].fillna(0.0))
        if name == "pixel_size_um":
            bad |= numbers[name] <= 0
        wrong += [f"{name} of field {table['field'][row]!r} is no use" for row in table.index[bad]]
    names = table["field"].fillna("").str.strip()
    wrong += [f"field {name!r} is listed twice" for name in names[names.duplicated()]]
    raise_if_any(wrong, f"{file} cannot be used", file=file)
    scale = 1.0 if unit == "px" else 1 / pixel_size_um
    rows = np.stack([numbers[name].to_numpy(np.float64) for name in numbers], axis=1)
    return {
        name: HandPlaced(
            None if np.isnan([down, right]).any() else (down * scale, right * scale),
            None if np.isnan(size) else float(size),
            0.0 if np.isnan(angle) else float(angle),
        )
        for name, (down, right, size, angle) in zip(names, rows.tolist(), strict=True)
    }
