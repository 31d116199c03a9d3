"""Which file is which signal, and which signals are taken."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

BSE_NAMES = (
    "bse", "bsed", "bsd", "compo", "cp", "backscatter", "backscattered", "bec", "bsecompo", "rbse",
    "cbs", "abs", "asb", "esb", "qbsd", "hdbsd", "labe", "lbse", "bei",
)  # fmt: skip
"""Names of the backscatter image, as instruments and XMapTools write them."""

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

WITH_LINE_ONLY = ("B", "N", "As", "I", "In", "Be", "Pr", "Eu", "Tb", "Dy", "Er", "Yb", "Lu", "Hg")
"""Elements that only count with their X-ray line: alone they are words or letters."""

ONLY_K = ("B", "C", "N", "O", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K", "Be")
"""Elements too light for another line than K: ``CL`` is cathodoluminescence."""

WORDS = {
    "Na": ("sodium", "natrium"), "Mg": ("magnesium",), "Si": ("silicon", "silicium", "silizium"),
    "Al": ("aluminium", "aluminum"), "P": ("pho", "phosphorus", "phosphor", "phosphore"),
    "S": ("sul", "sulfur", "sulphur", "schwefel", "soufre"), "K": ("potassium", "kalium"),
    "Ca": ("calcium", "kalzium"), "Ti": ("titanium", "titan", "titane"), "Ni": ("nickel",),
    "Cr": ("chromium", "chrom", "chrome"), "Mn": ("manganese", "mangan"),
    "Fe": ("iron", "eisen", "fer"), "O": ("oxygen", "sauerstoff"),
}  # fmt: skip
"""Elements by their names in English, German and French, and short forms met in real sets."""

OXIDE = re.compile(
    r"(?:SiO2|TiO2|Al2O3|Cr2O3|Fe2O3|FeOt?|MnO|MgO|NiO|CaO|Na2O|K2O|P2O5|BaO|SrO|ZnO|ZrO2|V2O3|SO3)"
)
"""Maps of wt% carry the oxide as their name."""

LINE = re.compile(
    r"(?<![A-Za-z0-9])([A-Z][a-z]?)(?:[ _-]?\(|[ _-]?)([KLM])"
    r"(?:[ _-]?(?:series|lines?|alpha|beta|[ab\u03b1\u03b2])[ _-]?(?:\d(?:[ _,]\d(?!\d))?)?)?"
    r"\)?(?![A-Za-z])"
)
"""An element and its X-ray line: ``Mg K series``, ``Fe Ka1``, ``SiK``, ``Mg (K)``, ``O Ka1,2``."""

DEPTH = re.compile(r"(?<![A-Za-z0-9])(\d{1,2})[ _-]?(?:bits?|bt|bpp)(?![A-Za-z0-9])", re.IGNORECASE)
"""Bits of a pixel, as names say them: ``16bit``, ``8bt``."""

NO_SIGNALS = (
    "mask", "masks", "preview", "overlay", "layered", "thumbnail", "thumb", "legend", "screenshot",
    "phases", "phasemap", "phase", "spectrum", "rgb", "composite", "label", "labels", "macro",
)  # fmt: skip
"""Words of pictures that are no measurement, whatever element is named beside them."""

NO_SIGNALS_ALONE = (
    "standards", "standard", "classification", "mode", "result", "results", "criteria", "summary",
    "readme", "licence", "license", "provenance",
)  # fmt: skip
"""Names of files that are no signal, unless they name one too (``standards_32bt_Al``)."""

NOISE = re.compile(
    r"\d+|z|map|maps|image|images|img|counts?|cts|cps|raw|net|quant|wt|wt%|at|at%|%|mass|mass%|area|"
    r"series|eds|wds|edx|sp\d|ch\d|tap|ltap|pet|petj|peth|lpet|lif|llif|lifh|lifl|copy|ka|la|ma|"
    r"r\d+|c\d+|x\d+|y\d+|\d+bits?|\d+bt|bits?|bt|uint\d+|float\d+"
)
"""Parts of a name that say nothing of the signal."""

SUFFIX = re.compile(
    r"\.(tiff?|bmp|png|jpe?g|txt|csv|tsv|asc|dat|map|img|bcf|pts|h5oina)$", re.IGNORECASE
)


def signal_of(name: str) -> str | None:
    """Return the signal that a name says, as petrologists write it.

    ``Mg K series``, ``MORB7_16bit_Mg``, ``Map 12 Mg`` and ``Magnesium`` are ``Mg``; ``COMPO``,
    ``Cp`` and ``BSE 1`` are ``BSE``; oxides (maps of wt%) keep their names.

    Parameters
    ----------
    name
        Name of a file (with or without its suffix), a folder or an image.

    Returns
    -------
    signal
        `None` where the name says none, or says that it is no measurement (a mask, a preview).
    """
    text = SUFFIX.sub("", unicodedata.normalize("NFC", name).strip())
    parts = [part for part in re.split(r"[\s_.\-()\[\]+,;:=/\\]+", text) if part]
    if is_no_measurement(name):
        return None
    for found in LINE.finditer(text):
        known = found[1] in ELEMENTS or found[1] in WITH_LINE_ONLY
        if known and (found[2] == "K" or found[1] not in ONLY_K):
            return found[1]
    telling = [part for part in parts if part in ELEMENTS or not NOISE.fullmatch(part.lower())]
    # A single letter before a number is a field or a site.
    letters = {one for one, after in pairwise(parts) if len(one) == 1 and after.isdigit()}
    telling = [part for part in telling if part not in letters]
    if not telling:
        return None
    if len(telling) == 1 and len(telling[0]) == 2 and not _named(telling[0]):
        return telling[0].capitalize() if telling[0].capitalize() in ELEMENTS else None
    if signal := _named(telling[-1]) or _named(telling[0]):
        return signal
    between = {
        signal for part in telling[1:-1] if len(part) > 1 and (signal := _named(part)) is not None
    }
    return between.pop() if len(between) == 1 else None


def is_no_measurement(name: str) -> bool:
    """Tell whether a name says that a picture is no measurement (a mask, a preview)."""
    words = set(re.split(r"[^a-z]+", SUFFIX.sub("", name.lower())))
    return bool(words & set(NO_SIGNALS))


def depth_of(name: str) -> int | None:
    """Bits of a pixel that a name says (``MORB7_16bit_Mg``), `None` if it does not."""
    found = DEPTH.search(name)
    return int(found[1]) if found else None


def _named(part: str) -> str | None:
    """Signal that a part of a name says."""
    lower = part.lower()
    electron = re.sub(r"\d+$", "", lower)
    if electron in BSE_NAMES:
        return "BSE"
    if electron in OTHER_ELECTRON_NAMES and part != "Se":
        return OTHER_ELECTRON_NAMES[electron]
    if part in ELEMENTS or OXIDE.fullmatch(part):
        return part
    return next((element for element, words in WORDS.items() if lower in words), None)
