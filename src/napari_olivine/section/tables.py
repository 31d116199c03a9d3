"""Tables of products (Parquet): written all or nothing; damage is reported with the file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_olivine.errors import SectionError, first_line
from napari_olivine.section.atomic_io import atomic_path

if TYPE_CHECKING:
    import pandas as pd


def write_table(table: pd.DataFrame, file: Path) -> None:
    """Write a table, all or nothing."""
    with atomic_path(file) as temporary:
        table.to_parquet(temporary, index=False)


def read_table(file: Path) -> pd.DataFrame:
    """Read a table.

    Raises
    ------
    SectionError
        If it is missing or damaged; names the file.
    """
    import pandas as pd

    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise SectionError(
            f"{file} is missing or damaged ({first_line(error)}).",
            remedy="Run {step:check} with {setting:check.repair}.",
            step="check",
            file=file,
        ) from error
