"""The known truth of a section, read strip by strip."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.section import Section, open_tiff

MG_SCALE = 10_000
"""mg.tif holds mg# times this, 0 where there is no olivine."""


class Truth:
    """A truth folder: ``phase.tif``, ``mg.tif``, ``crystals.tif`` and ``crystals.csv``.

    Parameters
    ----------
    folder
        The truth folder.
    section
        Section that it describes.

    Raises
    ------
    InputError
        If a file is missing, cannot be read, or has another shape than the section.
    """

    def __init__(self, folder: Path, section: Section) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise InputError(f"There is no truth folder {self.folder}.", file=self.folder)
        missing = [name for name in (*RASTERS, TABLE) if not (self.folder / name).is_file()]
        if missing:
            raise InputError(
                f"The truth folder {self.folder} lacks {', '.join(missing)}.",
                remedy=f"A truth has {', '.join((*RASTERS, TABLE))}.",
                file=self.folder / missing[0],
                expected=", ".join((*RASTERS, TABLE)),
            )
        self._phase, self._mg, self._crystals = (
            open_tiff(self.folder / name, section.shape, "it is the truth of another section")
            for name in RASTERS
        )

    def codes(self) -> dict[str, int]:
        """Codes of phases by name, as ``phases.csv`` has them; none without that file.

        Raises
        ------
        InputError
            If the file has no columns code and name, or a code is no whole number.
        """
        file = self.folder / PHASES
        if not file.is_file():
            return {}
        try:
            table = pd.read_csv(file)
            return dict(zip(table["name"].astype(str), table["code"].astype(int), strict=True))
        except (KeyError, ValueError) as error:
            raise InputError(
                f"{file} needs the columns code and name ({error}).",
                file=file,
                expected="columns code and name",
            ) from error

    def phase(self, rows: slice) -> NDArray[Any]:
        """Phase codes of some rows."""
        return np.asarray(self._phase[rows])

    def mg(self, rows: slice) -> NDArray[np.float32]:
        """mg# of some rows, NaN where there is no olivine."""
        stored = np.asarray(self._mg[rows])
        return np.where(stored > 0, stored / np.float32(MG_SCALE), np.float32(np.nan))

    def crystals(self, rows: slice) -> NDArray[np.int64]:
        """Crystal ids of some rows, 0 for none."""
        return np.asarray(self._crystals[rows]).astype(np.int64)

    def kinds(self, ids: Iterable[int]) -> pd.Series:
        """Kind of zoning of each crystal by its id.

        Raises
        ------
        InputError
            If the table has no such columns or lacks a crystal.
        """
        file = self.folder / TABLE
        try:
            # "none" is the name of a kind, not a missing value.
            kinds = pd.read_csv(file, keep_default_na=False).set_index("id")["kind"].astype(str)
        except (KeyError, ValueError) as error:
            raise InputError(
                f"{file} needs the columns id and kind ({error}).",
                file=file,
                expected="columns id and kind",
            ) from error
        absent = sorted(set(ids) - set(kinds.index))
        if absent:
            raise InputError(
                f"{file} lacks {len(absent)} crystals of crystals.tif, the first is {absent[0]}.",
                file=file,
            )
        return kinds


RASTERS = ("phase.tif", "mg.tif", "crystals.tif")
TABLE, PHASES = "crystals.csv", "phases.csv"
"""What every truth has, and what tells the names of its phases."""
