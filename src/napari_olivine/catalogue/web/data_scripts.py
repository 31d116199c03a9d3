"""Data as scripts: a page that lies on a disk can load those, and nothing else."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def write_script(file: Path, call: str, *values: Any) -> None:
    """Write a script that hands some values to a function of the page.

    Names and notes that people wrote are strings in it, whatever they contain: JSON of ASCII
    characters alone is a valid and harmless part of JavaScript.

    Parameters
    ----------
    file
        Script to write.
    call
        The function.
    values
        What JSON can say.
    """
    texts = [json.dumps(value, separators=(",", ":"), allow_nan=False) for value in values]
    file.write_text(f"{call}({','.join(texts)});\n", encoding="ascii")


def plain_number(value: Any, decimals: int) -> float | int | None:
    """Round a number for JSON, which has no NaN: that becomes `None`."""
    if value is None or not math.isfinite(value):
        return None
    rounded = round(float(value), decimals)
    return int(rounded) if rounded == int(rounded) else rounded


def plain_column(column: pd.Series, decimals: int) -> list[Any]:
    """Return the values of a column for JSON: text, yes or no, or rounded numbers."""
    if column.dtype == bool:
        return [bool(value) for value in column]
    if not pd.api.types.is_numeric_dtype(column):
        return list(column.astype("object").where(column.notna(), "").astype(str))
    return [plain_number(value, decimals) for value in column.to_numpy(np.float64)]
