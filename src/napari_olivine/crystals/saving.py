"""Writing what a step has found so far, all or nothing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def write_table(table: pd.DataFrame, file: Path) -> None:
    """Write a table (Parquet) under another name first."""
    temporary = file.with_name(f".{file.name}")
    table.to_parquet(temporary, index=False)
    temporary.replace(file)
