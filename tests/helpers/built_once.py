"""What many tests need is built once a run, however many processes share the tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

RUN = "NAPARI_OLIVINE_TEST_RUN"
"""Variable with the folder of this run."""


def built_once(name: str, build: Callable[[Path], object]) -> Path:
    """Build a folder if no process of this run did.

    Parameters
    ----------
    name
        Name of the folder.
    build
        Makes the folder at the path that it gets.

    Returns
    -------
    Path
        The folder; a test that changes it takes a copy.
    """
    folder = Path(os.environ[RUN]) / name
    finished = folder.with_name(f"{name}.finished")
    with FileLock(folder.with_name(f"{name}.lock")):
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)
            build(folder)
            finished.touch()
    return folder
