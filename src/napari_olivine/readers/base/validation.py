"""Everything that is wrong is listed at once, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari_olivine.errors import InputError

LISTED = 20
"""Problems that are listed one by one before the rest are only counted."""


def raise_if_any(problems: Sequence[str], heading: str, **facts: Any) -> None:
    """Raise one `InputError` that lists the problems, if there are any.

    Parameters
    ----------
    problems
        Sentences.
    heading
        What they have in common.
    **facts
        Facts of the error, see `napari_olivine.errors.Facts`.

    Raises
    ------
    InputError
        If there are problems.
    """
    if not problems:
        return
    lines = list(problems[:LISTED])
    if len(problems) > LISTED:
        lines.append(f"... and {len(problems) - LISTED} more")
    raise InputError(f"{heading}:\n  " + "\n  ".join(lines), **facts)
