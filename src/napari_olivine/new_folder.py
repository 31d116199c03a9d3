"""A new folder that is there whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_olivine.errors import InputError


def require_free(folder: Path) -> None:
    """Make sure that a folder can be made: it must not exist, or be empty.

    Raises
    ------
    InputError
        If it holds something, or is a file.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(
            f"{folder} is already there and is not an empty folder.",
            remedy="Choose another folder, or remove this one first.",
            file=folder,
        )


@contextmanager
def new_folder(folder: Path, content: str) -> Iterator[Path]:
    """Yield a hidden folder beside a new one to write into; put it in place when all is written.

    If the block fails or is stopped, nothing of it stays.

    Parameters
    ----------
    folder
        The new folder; see `require_free`.
    content
        What is written, for the message, e.g. ``"The phantom"``.

    Raises
    ------
    InputError
        If the disk refuses.
    """
    draft = folder.parent / f".{folder.name}.{uuid.uuid4().hex[:8]}.partial"
    try:
        draft.mkdir(parents=True)
        yield draft
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    except OSError as error:
        raise InputError(
            f"{content} could not be written to {folder}: {error}.",
            remedy="Free some disk space or choose another folder.",
            file=folder,
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
