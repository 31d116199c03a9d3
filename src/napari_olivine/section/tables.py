"""Tables of products (Parquet): written whole or not at all, and clear about what is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_olivine.errors import SectionError, first_line
from napari_olivine.section.atomic_io import sync_file

if TYPE_CHECKING:
    import pandas as pd


def write_table(table: pd.DataFrame, file: Path) -> None:
    """Write a table under another name first: a run that is killed leaves no half of it."""
    temporary = file.with_name(f".{file.name}")
    try:
        table.to_parquet(temporary, index=False)
        sync_file(temporary)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


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
