"""The state of a training on disk, written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch


def save_checkpoint(file: Path, content: dict[str, Any]) -> None:
    """Write the state of a training in the place of an earlier one.

    Parameters
    ----------
    file
        Where.
    content
        State of networks and optimisers, numbers and texts.

    Raises
    ------
    OSError
        If it cannot be written; the earlier state stays.
    """
    unfinished = file.with_name(file.name + ".part")
    try:
        with unfinished.open("wb") as opened:
            torch.save(content, opened)
        unfinished.replace(file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):  # torch hides that the disk is full
            raise error.__context__ from None
        raise
    finally:
        unfinished.unlink(missing_ok=True)
