"""Values and colours of masks as whole numbers, so that a table looks up the class of each.

A colour is ``red << 16 | green << 8 | blue``. A grey value up to 255 is the colour of three such
values: a mask of grey values that was saved in colours has the same keys. Larger grey values follow
behind all colours.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint32]

COLOURS = 1 << 24
"""How many colours there are; grey values above 255 have keys from here on."""

MOST_GREY = (1 << 16) - 1
KEYS = COLOURS + MOST_GREY + 1
"""How many keys there are."""

_HEX = re.compile(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", re.IGNORECASE)
_THREE = re.compile(r"[(\[]?\s*(\d+)[\s,;/]+(\d+)[\s,;/]+(\d+)\s*[)\]]?")


def keys_of_grey(values: NDArray[np.integer]) -> Keys:
    """Return the keys of grey values from 0 to 65535."""
    plain = values.astype(np.uint32)
    keys = np.where(plain < 256, plain * np.uint32(0x010101), plain + np.uint32(COLOURS))
    return np.asarray(keys, np.uint32)


def keys_of_colours(colours: NDArray[np.uint8]) -> Keys:
    """Return the keys of colours, shape (..., 3 or more): red, green, blue."""
    red, green, blue = (colours[..., k].astype(np.uint32) for k in range(3))
    return np.asarray(red << 16 | green << 8 | blue, np.uint32)


def key_of_text(text: str) -> int | None:
    """Read a grey value (``"3"``) or a colour (``"#ffc0c0"``, ``"255, 192, 192"``).

    Returns
    -------
    int or None
        Its key; `None` if it is neither.
    """
    text = text.strip()
    if text.isdecimal():
        value = int(text)
        return int(keys_of_grey(np.array(value))) if value <= MOST_GREY else None
    if found := _HEX.fullmatch(text):
        return int("".join(found.groups()), 16)
    if found := _THREE.fullmatch(text):
        red, green, blue = (int(one) for one in found.groups())
        return red << 16 | green << 8 | blue if max(red, green, blue) < 256 else None
    return None


def words_of(key: int) -> str:
    """Write a key as a person would: a grey value, or red, green and blue."""
    if key >= COLOURS:
        return str(key - COLOURS)
    red, green, blue = key >> 16, key >> 8 & 255, key & 255
    return str(red) if red == green == blue else f"({red}, {green}, {blue})"


def hex_of(key: int) -> str:
    """Return a colour to show for a key; empty for a grey value."""
    if key >= COLOURS or key % 0x010101 == 0:
        return ""
    return f"#{key:06x}"
