"""Probabilities as they are stored: whole numbers from 0 to 255."""

from __future__ import annotations

import math

FULL = 255
"""Probability 1 as it is stored."""


def stored_threshold(threshold: float) -> int:
    """Return the least stored value whose probability reaches a threshold."""
    return math.ceil(threshold * FULL - 1e-9)
