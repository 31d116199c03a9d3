"""The signal that a detector, a channel or a page shows, in the words of petrologists."""

from __future__ import annotations

import re

from napari_olivine.readers.base import BSE, BSE_DETECTORS, LINE, SYMBOLS, element_of_line

OTHER_CONTRAST = re.compile(r"TOPO|SHADOW|3D|SE\+|MIX")
"""In a backscatter detector's name: the picture is of relief, or of mixed signals."""

PAGE = "page"
"""Name, before its number, of a page of a file that does not say what it shows."""

UNIT = re.compile(r"[ _-](?:map|counts|wt%|at%)$")
"""What may follow the element in the name of a channel."""


def signal_of_detector(detector: str) -> str:
    """Return ``"BSE"`` for a backscatter detector, else the detector's own name.

    Names that hold BSE or BSD (QBSD, NTS BSD, PDBSE, LE-BSE) are those of backscatter detectors.

    Examples
    --------
    >>> signal_of_detector("HDAsB"), signal_of_detector("NTS BSD"), signal_of_detector("ETD")
    ('BSE', 'BSE', 'ETD')
    """
    letters = re.sub(r"[^a-z0-9]", "", detector.lower())
    if OTHER_CONTRAST.search(detector.upper()):
        return detector
    known = letters in BSE_DETECTORS or "bse" in letters or "bsd" in letters
    return BSE if known else detector


def signal_of_channel(name: str) -> str:
    """Return the element of an X-ray channel, ``"BSE"``, or the channel's own name.

    Examples
    --------
    >>> signal_of_channel("Mg K series"), signal_of_channel("BSE"), signal_of_channel("phase 1")
    ('Mg', 'BSE', 'phase 1')
    """
    name = name.strip()
    return _element(name) or signal_of_detector(name)


def is_known(name: str) -> bool:
    """Tell whether a name is surely that of a signal: an element or the backscatter image."""
    return _element(name.strip()) is not None or signal_of_detector(name) == BSE


def _element(name: str) -> str | None:
    """Element of a name that says nothing else."""
    name = UNIT.sub("", name)
    if name in SYMBOLS:
        return name
    line = LINE.fullmatch(name)
    return element_of_line(line) if line else None
