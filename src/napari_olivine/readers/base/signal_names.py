"""What the names of files and folders say: the signal, its depth, that it is no measurement."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from napari_olivine.readers.base.vocabulary import (
    BSE,
    BSE_NAMES,
    ELEMENTS,
    LINE,
    OTHER_ELECTRON_NAMES,
    SYMBOLS,
    WORDS,
    element_of_line,
    plain,
)

OXIDE = re.compile(
    r"(?:SiO2|TiO2|Al2O3|Cr2O3|Fe2O3|FeOt?|MnO|MgO|NiO|CaO|Na2O|K2O|P2O5|BaO|SrO|ZnO|ZrO2|V2O3|SO3)"
)
"""Maps of wt% carry the oxide as their name."""

DEPTH = re.compile(r"(?<![A-Za-z0-9])(\d{1,2})[ _-]?(?:bits?|bt|bpp)(?![A-Za-z0-9])", re.IGNORECASE)
"""Bits of a pixel, as names say them: ``16bit``, ``8bt``."""

PERCENT = re.compile(
    r"(?<![a-z])(wt|weight|mass|at|atom|atomic)[ _.-]*(?:%|pct|percent)", re.IGNORECASE
)
"""What names of quantified maps say: ``Mg Wt%``, ``mass%``, ``at%``."""

NO_SIGNALS = (
    "mask", "masks", "preview", "overlay", "layered", "thumbnail", "thumb", "legend", "screenshot",
    "phases", "phasemap", "phase", "spectrum", "rgb", "composite", "label", "labels", "macro",
)  # fmt: skip
"""Words of pictures that are no measurement, whatever element is named beside them."""

NOISE = re.compile(
    r"\d+|z|map|maps|image|images|img|counts?|cts|cps|raw|net|quant|wt|wt%|at|at%|%|mass|mass%|area|"
    r"series|eds|wds|edx|sp\d|ch\d|tap|ltap|pet|petj|peth|lpet|lif|llif|lifh|lifl|copy|ka|la|ma|"
    r"r\d+|c\d+|x\d+|y\d+|\d+bits?|\d+bt|bits?|bt|uint\d+|float\d+"
)
"""Parts of a name that say nothing of the signal."""

SUFFIX = re.compile(
    r"\.(tiff?|bmp|png|jpe?g|txt|csv|tsv|asc|dat|map|img|bcf|pts|h5oina)$", re.IGNORECASE
)


@lru_cache(maxsize=1 << 16)
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
        if element := element_of_line(found):
            return element
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


def is_xray_map(signal: str) -> bool:
    """Tell whether a signal is an element or an oxide, and no image that electrons made."""
    return signal in SYMBOLS or bool(OXIDE.fullmatch(signal))


def unit_of(file: Path, signal: str = "") -> str:
    """Return the unit of a map by the name of its file or folder, or by its signal.

    Parameters
    ----------
    file
        File of the map.
    signal
        Signal that it shows; oxides are stated in wt%.

    Returns
    -------
    str
        ``"wt%"``, ``"at%"``, or ``"counts"`` where nothing is said.

    Examples
    --------
    >>> unit_of(Path("Mg Wt%.csv")), unit_of(Path("at%/Mg.tif")), unit_of(Path("Mg.tif"), "MgO")
    ('wt%', 'at%', 'wt%')
    """
    for name in (file.stem, file.parent.name):
        if found := PERCENT.search(name):
            return "at%" if found[1].lower().startswith("at") else "wt%"
    return "wt%" if OXIDE.fullmatch(signal) else "counts"


def depth_of(name: str) -> int | None:
    """Bits of a pixel that a name says (``MORB7_16bit_Mg``), `None` if it does not."""
    found = DEPTH.search(name)
    return int(found[1]) if found else None


def _named(part: str) -> str | None:
    """Signal that a part of a name says."""
    word = plain(part)
    electron = word.rstrip("0123456789")
    if electron in BSE_NAMES:
        return BSE
    if electron in OTHER_ELECTRON_NAMES and part != "Se":
        return OTHER_ELECTRON_NAMES[electron]
    if part in ELEMENTS or OXIDE.fullmatch(part):
        return part
    return WORDS.get(word)
