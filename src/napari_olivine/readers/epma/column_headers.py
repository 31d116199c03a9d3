"""Headers of microprobe tables: which quantity a column holds, and in which unit."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

OXIDES = (
    "SiO2", "TiO2", "Al2O3", "Cr2O3", "V2O3", "Fe2O3", "FeO", "MnO", "NiO", "CoO", "ZnO",
    "MgO", "CaO", "SrO", "BaO", "Na2O", "K2O", "P2O5", "SO3", "F", "Cl",
)  # fmt: skip
"""Oxides (and halogens) that are kept, in wt%."""

ELEMENTS = (
    "Si", "Ti", "Al", "Cr", "V", "Fe", "Mn", "Ni", "Co", "Zn", "Mg", "Ca", "Sr", "Ba", "Na", "K",
    "P", "S", "O",
)  # fmt: skip
"""Elements that a table may give in place of oxides; O is measured or calculated, and not kept."""

HALOGENS = ("F", "Cl")

IRON_OXIDES = ("FeO", "Fe2O3", "FeOt", "Fe2O3t")
"""Ways to give iron; ``t``: the header says that it is all iron. FeO comes out of all of them."""

Kind = Literal["oxide", "element", "total", "place", "name", "point", "verdict", "mg", ""]

LENGTHS_UM = {"nm": 1e-3, "um": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6}
"""Units of length, in um."""

SHARES_PERCENT = {"wt%": 1.0, "ppm": 1e-4, "fraction": 100.0}
"""Units of a share by weight, in wt%."""


@dataclass(frozen=True)
class Header:
    """Meaning of the name of a column.

    Parameters
    ----------
    quantity
        An oxide (``FeOt``, ``Fe2O3t``: all iron, as the name says), an element, ``Total``,
        ``point``, ``distance``, ``x``, ``y`` (in the section), ``stage_x``, ``stage_y``,
        ``stage_z``, ``beam_x``, ``beam_y``, ``profile``, ``group``, ``comment``, ``verdict``,
        ``Fo``; empty if it is none of them.
    unit
        ``wt%``, ``ppm``, ``at%``, ``um``, ``mm``, ...; empty if the header does not say.
    kind
        Sort of quantity.
    """

    quantity: str
    unit: str
    kind: Kind


NOTHING = Header("", "", "")
LONGEST = 80
"""Characters; a longer cell is no name of a column."""


@lru_cache(maxsize=8192)
def read_header(text: str) -> Header:
    """Read the name of a column.

    Examples
    --------
    >>> read_header("FeO* (wt.%)"), read_header("Distance [µm]")
    (Header(quantity='FeOt', unit='wt%', kind='oxide'), Header(quantity='distance', unit='um', kind='place'))
    """  # noqa: E501
    if not 0 < len(text) <= LONGEST:
        return NOTHING
    lower = _plain(text)
    if lower in ("x_um", "y_um"):
        # Our own name for a place in the section; any other X is the stage's.
        return Header(lower[0], "um", "place")
    rest, unit = _take_unit(lower)
    bare = rest.translate(_MARKS).replace("\ufffd", "?")
    if not bare:
        # A length alone (``µm``) heads the distances; ``U`` is uranium.
        named = unit in LENGTHS_UM and "m" in lower
        return Header("distance", unit, "place") if named else NOTHING
    quantity = _NAMES.get(bare) or _NAMES.get(_FILLERS.sub("", rest).translate(_MARKS))
    if quantity is None and "?" in bare:
        quantity = _NAMES.get(re.sub(r"\d", "?", bare))
        if not re.search(r"[a-z]\?", rest):  # Distance (?), but not Fe?O?
            quantity = quantity or _NAMES.get(bare.replace("?", ""))
    if quantity in IRON_OXIDES and "*" in rest and not quantity.endswith("t"):
        quantity += "t"  # FeO*: by custom all iron
    if quantity is None:
        return NOTHING
    kind = kind_of(quantity)
    if kind in ("oxide", "element", "total") and unit in LENGTHS_UM:
        return NOTHING
    if kind == "place" and unit and unit not in LENGTHS_UM:
        return NOTHING
    return Header(quantity, unit, kind)


def kind_of(quantity: str) -> Kind:
    """Sort of a quantity, empty for what is none."""
    if quantity in OXIDES or quantity in IRON_OXIDES:
        return "oxide"
    if quantity in ELEMENTS:
        return "element"
    return _KINDS.get(quantity, "")


def column_name(header: object) -> str | None:
    """Translate the header of a column; `None` for columns that are not needed.

    Examples
    --------
    >>> column_name("FeO* (wt.%)"), column_name("Distance [µm]"), column_name("Comment")
    ('FeO', 'distance_um', None)
    """
    found = read_header(str(header))
    if found.quantity in IRON_OXIDES:
        found = replace(found, quantity=found.quantity.removesuffix("t"))
    if found.kind in ("oxide", "total") and found.unit in ("", "wt%"):
        return found.quantity
    if found.kind == "point":
        return "point"
    if found.quantity == "distance" and found.unit in ("", "um", "mm"):
        return f"distance_{found.unit or 'um'}"
    if found.quantity in ("x", "y"):
        return f"{found.quantity}_um"
    if found.quantity in ("stage_x", "stage_y"):
        return f"{found.quantity[-1]}_{found.unit or 'mm'}"
    return None


def label_of(text: str) -> str:
    """Read the heading above a block of columns.

    Returns
    -------
    label
        ``wt%`` if the columns beneath are shares by weight, ``other`` if they are something else
        (cations, atomic %, detection limits, errors, counts), empty if it does not say.

    Examples
    --------
    >>> label_of("Oxide"), label_of("Atomic%"), label_of("Detection limits (wt%)"), label_of("Rim")
    ('wt%', 'other', 'other', '')
    """
    if not 0 < len(text) <= LONGEST:
        return ""
    lower = _plain(text)
    if _OTHER.search(lower):
        return "other"
    return "wt%" if _WEIGHT.search(lower) or _SHARES.search(lower) else ""


def is_unit(text: str) -> bool:
    """Tell whether a cell holds a unit alone, as in a row of units beneath the header."""
    lower = _plain(text)
    if not lower or len(lower) > 24:
        return False
    rest, unit = _take_unit(lower)
    return bool(unit) and not re.sub(r"[\s()\[\]._-]+|oxides?|elements?", "", rest)


_MARKS = str.maketrans("", "", " \t\r\n\f\v_()[]{}*.,:;/'\"-")
_FILLERS = re.compile(r"\b(?:in|oxides?|elements?|conc(?:entrations?)?|content|as)\b")


def _plain(text: str) -> str:
    text = re.sub("\u00c2(?=[\u00b0-\u00b5])|</?su[bp]>", "", text)  # UTF-8 read as Latin-1; HTML
    # A capital sigma is a sum (ΣFeO is all iron); a small one is an error.
    text = re.sub("[\u03a3\u2211]", "sum", unicodedata.normalize("NFKC", text)).strip().lower()
    return text.replace("µ", "u").replace("μ", "u").replace("\u2019", "'")


_WEIGHT = re.compile(
    r"(?:oxides?|ox|element(?:al)?|el)?[\s._]*"
    r"(?:(?:wt|weight|mass|gew(?:ichts)?|massen?|(?<![a-z])ma|peso|(?<![a-z])m)[\s._-]*"
    r"(?:%|pct|per\s?cent(?:age)?|prozent)|"
    r"%\s*(?:poids|masse|peso|pond|by\s+weight|wt|m/m|[wm](?![a-z])))\.?"
)
_UNITS = (
    (_WEIGHT, "wt%"),
    (re.compile(r"(?:at|atom|atomic)[\s._-]*(?:%|pct|percent)"), "at%"),
    (re.compile(r"(?:mol|mole|molar)[\s._-]*(?:%|pct|percent)"), "mol%"),
    (re.compile(r"(?<![a-z])(?:ppmw?|ug/g|ug\s?g-1|mg/kg)(?![a-z])"), "ppm"),
    (re.compile(r"(?<![a-z])(?:um|microns?|micromet(?:re|er)s?|mkm)(?![a-z])"), "um"),
    (re.compile(r"(?<![a-z])(?:mm|millimet(?:re|er)s?)(?![a-z])"), "mm"),
    (re.compile(r"(?<![a-z])nm(?![a-z])"), "nm"),
    (re.compile(r"(?<![a-z])cm(?![a-z])"), "cm"),
    (re.compile(r"[(\[]\s*u\s*[)\]]$|^u$"), "um"),
    (re.compile(r"%|(?<![a-z])(?:wt|weight|mass)(?![a-z])\.?"), "wt%"),
)
_SHARES = re.compile(r"\boxides?\b|\bconc|\b(?:wt|weight|mass)\b")
_OTHER = re.compile(
    r"atom|\bat[\s._]*%|cation|apfu|formula|mol|detection|\bd\.?\s?l\.?\b|\blod\b|\blld\b|\bmdl\b|"
    r"\bcdl|error|\berr\b|sigma|\u03c3|±|\+/-|\bstd|st\.?\s?dev|standard dev|\bs\.?d\.?\b|uncert|"
    r"\bdet\b|\blimits?\b|\btimes?\s*[(\[]|\bbeam\s*curr|\bcurr\w*\.?\s*[(\[]|\bnorm\b|"
    r"k-?\s?ra|count|cps|\bnet\b|\braw\b|intensit|peak|backgr|\bbg\b|normali[sz]ed|precision|reproduc"
)


def _take_unit(lower: str) -> tuple[str, str]:
    """Cut the unit out of a header; the first kind of unit that stands in it."""
    for pattern, unit in _UNITS:
        found = pattern.search(lower)
        if found:
            return lower[: found.start()] + " " + lower[found.end() :], unit
    return lower, ""


_KINDS: dict[str, Kind] = {
    "Total": "total", "point": "point", "dataset": "point", "distance": "place", "x": "place",
    "y": "place", "stage_x": "place", "stage_y": "place", "stage_z": "place",
    "beam_x": "place", "beam_y": "place", "profile": "name", "group": "name", "comment": "name",
    "verdict": "verdict", "Fo": "mg",
}  # fmt: skip


def _names() -> dict[str, str]:
    names = {element.lower(): element for element in ELEMENTS}
    names |= {oxide.lower(): oxide for oxide in OXIDES}
    # An index that the program which wrote the file had no character for ("SiO\u2082": "SiO?").
    names |= {re.sub(r"\d", "?", oxide.lower()): oxide for oxide in OXIDES}
    # A zero typed for the letter O ("Al203", "Mg0") is common enough to be read.
    names |= {oxide.lower().replace("o", "0"): oxide for oxide in OXIDES if len(oxide) > 2}
    for iron in ("FeO", "Fe2O3"):
        for all_iron in ("{}t", "{}tot", "{}total", "{}all", "{}allfe", "{}alliron", "{}astotal",
                         "t{}", "tot{}", "total{}", "sum{}", "all{}", "totalfeas{}", "allfeas{}",
                         "totalironas{}", "allironas{}", "feas{}", "fetas{}"):  # fmt: skip
            names[all_iron.format(iron.lower())] = f"{iron}t"
    names |= dict.fromkeys(
        ("total", "sum", "totals", "oxidetotal", "totaloxides", "totaloxide", "sumoxides", "tot",
         "oxidesum", "oxtotal", "summe", "gesamt", "somme", "totale", "suma"),
        "Total",
    )  # fmt: skip
    names |= dict.fromkeys(
        ("point", "no", "#", "pt", "n", "spot", "pointno", "nr", "point#", "pointnr", "pt#",
         "spotno", "spot#", "number", "line", "line#", "linenumber", "linenum", "analysisno",
         "analysis#",
         "pointnumber", "messpunkt", "punkt", "punktnr"),
        "point",
    )  # fmt: skip
    names |= dict.fromkeys(("datasetpoint", "datasetpoint#"), "dataset")
    names |= dict.fromkeys(
        ("distance", "dist", "d", "position", "reldist", "relativedistance", "relativedist",
         "distancefromrim", "distancefromcore", "distancefromedge", "rimdistance", "distfromrim",
         "distfromcore", "profiledistance", "traversedistance", "depth", "distancetorim",
         "distancetocore", "distancetoedge", "disttorim", "length", "profilelength",
         "distancealongprofile", "distancealongtraverse", "abstand", "distanz", "entfernung",
         "strecke", "distanza", "distancia"),
        "distance",
    )  # fmt: skip
    for axis in "xyz":
        names |= dict.fromkeys(
            (axis, f"stage{axis}", f"stg{axis}", f"{axis}stage", f"{axis}pos", f"{axis}position",
             f"pos{axis}", f"{axis}coord", f"{axis}coordinate", f"stage{axis}position",
             f"{axis}stageposition", f"xyz{axis}", f"stageposition{axis}"),
            f"stage_{axis}",
        )  # fmt: skip
    for axis in "xy":
        names |= dict.fromkeys(
            (f"beam{axis}", f"{axis}beam", f"beam{axis}pos", f"beam{axis}position",
             f"beamposition{axis}", f"beamshift{axis}", f"beamdeflection{axis}"),
            f"beam_{axis}",
        )  # fmt: skip
    for what in ("profile", "traverse", "transect"):
        for end in ("", "id", "name", "no", "number", "#", "nr"):
            names[what + end] = "profile"
    names |= dict.fromkeys(("linename", "lineid"), "profile")
    for what in ("crystal", "grain", "sample", "olivine"):
        for end in ("", "id", "name", "no", "number", "#", "nr"):
            names[what + end] = "group"
    names |= dict.fromkeys(
        ("comment", "comments", "name", "label", "analysis", "analysisname", "spotname",
         "description", "pointname", "remark", "remarks", "spotid", "id", "kommentar",
         "bemerkung", "commentaire", "commento", "comentario"),
        "comment",
    )  # fmt: skip
    names |= dict.fromkeys(
        ("ignore", "ignored", "bad", "badpoint", "badpoints", "baddata", "reject", "rejected",
         "exclude", "excluded", "outlier", "outliers", "isoutlier", "discard", "discarded", "omit",
         "omitted", "delete", "deleted", "remove", "removed", "invalid", "donotuse", "dontuse",
         "notused", "unused", "use", "used", "usepoint", "keep", "include", "included", "accept",
         "accepted", "valid", "good", "ok", "quality", "qualityflag", "dataquality", "qc", "flag",
         "flags", "status", "verdict", "rating", "verwenden", "verworfen", "ausreisser",
         "ausreißer", "qualität", "schlecht", "qualité"),
        "verdict",
    )  # fmt: skip
    names |= dict.fromkeys(
        ("fo", "xfo", "fo#", "fono", "focontent", "foh", "forsterite", "mg#", "mgno", "mgnumber",
         "xmg", "mgnr", "fomol", "mgmg+fe", "100mgmg+fe"),
        "Fo",
    )  # fmt: skip
    return names


_NAMES = _names()
