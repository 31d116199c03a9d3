"""Arrays that a step has found so far, written all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.section import sync


def write_arrays(arrays: Mapping[str, NDArray[Any]], file: Path) -> None:
    """Write arrays by name (``.npz``) under another name first."""
    temporary = file.with_name(f".{file.name}")
    with temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
        sync(stream)
    temporary.replace(file)
