"""The words of petrologists and instruments: elements, X-ray lines, detectors of electrons.

`signal_names` reads file names by them, `formats.detector_names` names of detectors and channels.
"""

from __future__ import annotations

import re
import unicodedata

BSE = "BSE"
"""The backscatter image, whatever the instrument calls it."""

BSE_NAMES = frozenset({
    "bse", "bsed", "bsd", "compo", "cp", "backscatter", "backscattered", "bec", "bsecompo", "rbse",
    "cbs", "abs", "asb", "hdasb", "esb", "qbsd", "hdbsd", "labe", "lbse", "bei", "dbs", "vcd",
    "backscatteredelectrons", "ruckstreuelektronen", "ruckstreubild", "retrodiffuses",
})  # fmt: skip
"""Names of the backscatter image in names of files: small letters, no accents, no signs."""

BSE_DETECTORS = BSE_NAMES | {
    "bed", "bedc", "comp", "gad", "lbe", "lbedbe", "pbedc", "rbedc", "rbei", "t1",
}  # fmt: skip
"""The same for detectors, of which some are called like other things in names of files (T1): ABS,
CBS, vCD, DBS, GAD, T1 (Thermo Fisher), AsB, HDAsB, EsB (ZEISS), BEC, BED-C, RBED-C, COMPO, LABE,
RBEI (JEOL), LBE (TESCAN)."""

OTHER_ELECTRON_NAMES = {
    "se": "SE", "sei": "SE", "sed": "SE", "etd": "SE", "inlens": "SE", "lse": "SE", "tld": "SE",
    "fse": "FSE", "fsd": "FSE", "topo": "TOPO", "cl": "CL",
}  # fmt: skip
"""Other images that electrons make."""

ELEMENTS = (
    "O", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K", "Ca", "Ti", "V", "Cr", "Mn",
    "Fe", "Co", "Ni", "Cu", "Zn", "Sr", "Zr", "Ba", "C", "Sc", "Ga", "Ge", "Se", "Br", "Rb", "Y",
    "Nb", "Mo", "Ag", "Cd", "Sn", "Sb", "Te", "La", "Ce", "Nd", "Sm", "Gd", "Hf", "Ta", "W", "Pt",
    "Au", "Pb", "Bi", "Th", "U",
)  # fmt: skip
"""Elements that may stand alone in a name."""

WITH_LINE_ONLY = (
    "B", "N", "As", "I", "In", "Be", "Pr", "Eu", "Tb", "Dy", "Er", "Yb", "Lu", "Hg", "H", "He",
    "Li", "Ne", "Ar", "Kr", "Tc", "Ru", "Rh", "Pd", "Xe", "Cs", "Pm", "Ho", "Tm", "Re", "Os", "Ir",
    "Tl", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Pa",
)  # fmt: skip
"""Elements that only count with their X-ray line: alone they are words, letters, or seldom met."""

SYMBOLS = frozenset(ELEMENTS + WITH_LINE_ONLY)
"""Chemical symbols up to uranium."""

ONLY_K = SYMBOLS & {
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S", "Cl",
    "K",
}  # fmt: skip
"""Elements too light for another line than K: ``CL`` is cathodoluminescence."""

WORDS = {
    word: element
    for element, words in {
        "Na": ("sodium", "natrium"), "Mg": ("magnesium",), "Al": ("aluminium", "aluminum"),
        "Si": ("silicon", "silicium", "silizium"),
        "P": ("pho", "phosphorus", "phosphor", "phosphore"),
        "S": ("sul", "sulfur", "sulphur", "schwefel", "soufre"), "K": ("potassium", "kalium"),
        "Ca": ("calcium", "kalzium"), "Ti": ("titanium", "titan", "titane"), "Ni": ("nickel",),
        "Cr": ("chromium", "chrom", "chrome"), "Mn": ("manganese", "mangan"),
        "Fe": ("iron", "eisen", "fer"), "O": ("oxygen", "sauerstoff", "oxygene"),
    }.items()
    for word in words
}  # fmt: skip
"""Elements by their names in English, German and French, and short forms met in real sets."""

LINE = re.compile(
    r"(?<![A-Za-z0-9])([A-Z][a-z]?)(?:[ _-]?\(|[ _-]?)([KLM])"
    r"(?:[ _-]?(?:series|lines?|alpha|beta|[ab\u03b1\u03b2])[ _-]?(?:\d(?:[ _,]\d(?!\d))?)?)?"
    r"\)?(?![A-Za-z])",
)
"""An element and its X-ray line: ``Mg K series``, ``Fe Ka1``, ``SiK``, ``Mg (K)``, ``O Ka1,2``."""


def plain(text: str) -> str:
    """Return a text in small letters without accents.

    Examples
    --------
    >>> plain("Magn\u00e9sium"), plain("R\u00fcckstreubild")
    ('magnesium', 'ruckstreubild')
    """
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    return "".join(one for one in apart if not unicodedata.combining(one)).lower()


def element_of_line(found: re.Match[str]) -> str | None:
    """Return the element of a match of `LINE`, `None` if there is no such element or line."""
    element, shell = found[1], found[2]
    if element not in SYMBOLS or (shell != "K" and element in ONLY_K):
        return None
    return str(element)
