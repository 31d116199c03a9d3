"""What a detector, a channel or a page shows, in the words of petrologists."""

from __future__ import annotations

import re

BACKSCATTER = {
    "ABS", "ASB", "BEC", "BEDC", "BEI", "CBS", "COMPO", "COMP", "CP", "DBS", "ESB", "GAD",
    "HDASB", "LABE", "LBE", "LBEDBE", "RBEI", "T1", "VCD", "BACKSCATTER", "BACKSCATTERED",
    "BACKSCATTEREDELECTRONS", "BED",
}  # fmt: skip
"""Names, in capitals and without signs, of detectors of composition by backscattered electrons:
ABS, CBS, vCD, DBS, GAD, T1 (Thermo Fisher), AsB, HDAsB, EsB (ZEISS), BEC, BED-C, COMPO, LABE, RBEI
(JEOL), LBE (TESCAN). Names that hold BSE or BSD (QBSD, NTS BSD, PDBSE, LE-BSE) need no list."""

OTHER_CONTRAST = re.compile(r"TOPO|SHADOW|3D|SE\+|MIX")
"""In a backscatter detector's name: the picture is of relief, or of mixed signals."""

ELEMENTS = {
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S",
    "Cl", "Ar", "K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga",
    "Ge", "As", "Se", "Br", "Kr", "Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd",
    "Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm",
    "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W", "Re", "Os",
    "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa",
    "U",
}  # fmt: skip
"""Chemical symbols up to uranium."""

LINE = re.compile(
    r"([A-Z][a-z]?)"
    r"(?:(?:[ _-][KLM]|K|[LM](?=[ab]))"
    r"(?:[ _-]?(?:[ab\u03b1\u03b2]|alpha|beta)?[ _-]?\d{0,2}(?:,\d)?)?)?"
    r"(?:[ _-]series)?(?:[ _-](?:map|counts|wt%|at%))?"
)
"""An element, perhaps with its X-ray line: ``Mg``, ``Mg K``, ``Mg Ka1``, ``FeK map``."""


def signal_of_detector(detector: str) -> str:
    """Return ``"BSE"`` for a backscatter detector, else the detector's own name.

    Examples
    --------
    >>> signal_of_detector("HDAsB"), signal_of_detector("NTS BSD"), signal_of_detector("ETD")
    ('BSE', 'BSE', 'ETD')
    """
    loud = detector.upper()
    plain = re.sub(r"[^A-Z0-9]", "", loud)
    if OTHER_CONTRAST.search(loud):
        return detector
    return "BSE" if plain in BACKSCATTER or "BSE" in plain or "BSD" in plain else detector


def signal_of_channel(name: str) -> str:
    """Return the element of an X-ray channel, ``"BSE"``, or the channel's own name.

    Examples
    --------
    >>> signal_of_channel("Mg K series"), signal_of_channel("BSE"), signal_of_channel("phase 1")
    ('Mg', 'BSE', 'phase 1')
    """
    name = name.strip()
    line = LINE.fullmatch(name)
    if line and line[1] in ELEMENTS:
        return line[1]
    return signal_of_detector(name)


def is_known(name: str) -> bool:
    """Tell whether a name is surely that of a signal: an element or the backscatter image."""
    line = LINE.fullmatch(name.strip())
    return bool(line and line[1] in ELEMENTS) or signal_of_detector(name) == "BSE"
