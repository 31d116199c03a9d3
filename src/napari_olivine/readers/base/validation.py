"""Everything that is wrong is told at once, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence

from napari_olivine.errors import InputError

LISTED = 20
"""Problems that are told one by one before the rest are only counted."""


def raise_if_any(problems: Sequence[str], heading: str) -> None:
    """Raise one `InputError` that lists the problems, if there are any."""
    if not problems:
        return
    lines = list(problems[:LISTED])
    if len(problems) > LISTED:
        lines.append(f"... and {len(problems) - LISTED} more")
    raise InputError(f"{heading}:\n  " + "\n  ".join(lines))
