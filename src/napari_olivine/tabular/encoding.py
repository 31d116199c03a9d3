"""The encoding of a text file: Unicode where it is marked or valid, else Windows or old Mac."""

from __future__ import annotations

import re

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_USUAL = frozenset(
    "\u00e4\u00f6\u00fc\u00c4\u00d6\u00dc\u00df\u00e9\u00e8\u00ea\u00eb\u00e0\u00e2\u00e7\u00f1\u00e1"
    "\u00f3\u00ed\u00fa\u00ee\u00ef\u00f4\u00fb\u00e5\u00f8\u00e6\u00c9\u00c0\u00c5\u00d8\u00e3\u00f5"
    "\u00b0\u00b5\u00b1\u00b2\u00b3\u00bd\u00d7\u2030\u2013\u2014\u2019\u201c\u201d\u2022\u2211\u20ac"
)
"""Characters that stand in tables of laboratories; what both encodings share counts for both."""
_CAPITAL_INSIDE = re.compile(r"(?<=[a-z])[\u00c0-\u00de]")


def decode_text(data: bytes) -> str:
    """Decode the bytes of a text file.

    Without a mark at the beginning, UTF-16 is known by its zero bytes, UTF-8 by its rules. Other
    bytes are Windows-1252, or Mac Roman where that gives more of the characters that laboratories
    write (0xa1 is a degree sign there, and nothing that anybody writes in Windows).

    Parameters
    ----------
    data
        Content of the file.

    Returns
    -------
    text
        Bytes that mean nothing are replaced by U+FFFD.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if b"\0" in data[:4000]:
        even, odd = data[0:4000:2].count(0), data[1:4000:2].count(0)
        return data.decode("utf-16-be" if even > odd else "utf-16-le", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        windows, mac = (data.decode(name, errors="replace") for name in ("cp1252", "mac_roman"))
        return mac if _usual(mac) > _usual(windows) else windows


def _usual(text: str) -> int:
    """How many more characters of a text are usual than unusual."""
    foreign = [mark for mark in text if mark > "\x7f"]
    unusual = sum(mark not in _USUAL for mark in foreign) + len(_CAPITAL_INSIDE.findall(text))
    return len(foreign) - 2 * unusual
