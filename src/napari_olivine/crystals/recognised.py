"""The kinds of crystals that a classifier recognised, beside the kind that a person gave."""

from __future__ import annotations

KIND = "kind"
"""Column of the kind that a person gave; of olivine alone, as all edits by hand."""

NONE_OF_THESE = "none of these"
"""What a classifier that knows it says of a crystal or image unlike all that it learned from."""


def without_spelling(kind: str) -> str:
    """Return what all spellings of the name of a kind have in common."""
    return " ".join(kind.casefold().replace("_", " ").split())
