"""Which file is which signal, and which signals are taken."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from os.path import commonprefix
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers.settings import ImportSettings
from napari_olivine.readers.source import SignalReader, refuse_if

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


@dataclass(frozen=True)
class NamedFiles:
    """Files of a set by the signal that their names say.

    Parameters
    ----------
    signals
        File of each signal.
    twins
        For a signal that is there in several depths: the shallower files that are left out.
    left_out
        Files that are no signal, each with why.
    """

    signals: dict[str, Path]
    twins: dict[str, list[Path]]
    left_out: dict[Path, str]

    @property
    def remarks(self) -> list[str]:
        """What a person should know, in plain sentences."""
        told = [
            f"{name} is there more than once: {self.signals[name].name} is taken, the deepest; "
            f"{', '.join(file.name for file in files)} left out"
            for name, files in self.twins.items()
        ]
        return told + [f"{file.name} is left out: {why}" for file, why in self.left_out.items()]


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


def name_signals(files: list[Path]) -> NamedFiles:
    """Name each file's signal; of twins that differ in depth the deepest is taken.

    Where a name says no signal, what all names share at their start is left out and the rest is
    the signal's name; files that are no measurement are left out, unless there are no others. A
    backscatter image is called as its name says (``Cp``, ``BSE 1``), so that a person can choose
    among several.

    Raises
    ------
    InputError
        If two files of the same depth are of one signal.
    """
    stems = [file.stem for file in files]
    start = commonprefix(stems) if len(stems) > 1 else ""  # noqa: RUF071 - names, not paths
    cut = max((start.rfind(mark) for mark in "_- ."), default=-1) + 1
    left_out = {
        file: "its name says that it is no measurement"
        for file in files
        if is_no_measurement(file.stem)
        or (file.stem.lower() in NO_SIGNALS_ALONE and signal_of(file.stem) is None)
    }
    if len(left_out) == len(files):  # a person who hands in nothing else means it
        left_out = {}
    by_name: dict[str, list[Path]] = {}
    backscattered = []
    for file in files:
        if file in left_out:
            continue
        rest = file.stem[cut:].strip()
        name = signal_of(rest) or signal_of(file.stem)
        if name == "BSE":
            backscattered.append(file)
            name = _as_written(rest if signal_of(rest) else file.stem)
        by_name.setdefault(name or rest or file.stem, []).append(file)
    if len(backscattered) == 1:
        name = next(name for name, some in by_name.items() if backscattered[0] in some)
        if name.lower() not in BSE_NAMES and "BSE" not in by_name and len(by_name[name]) == 1:
            by_name = {"BSE" if key == name else key: some for key, some in by_name.items()}
    signals: dict[str, Path] = {}
    twins: dict[str, list[Path]] = {}
    for name, same in by_name.items():
        ranked = sorted(same, key=lambda file: depth_of(file.stem) or 0, reverse=True)
        signals[name] = ranked[0]
        if len(ranked) > 1:
            if depth_of(ranked[0].stem) == depth_of(ranked[1].stem):
                raise InputError(
                    f"{ranked[0]} and {ranked[1]} are both of {name!r}; take one of them away."
                )
            twins[name] = ranked[1:]
    return NamedFiles(signals, twins, left_out)


def _as_written(rest: str) -> str:
    """Return the word for the backscatter image in a name, or the name without its depth."""
    parts = re.split(r"[ _.-]+", rest)
    words = [part for part in parts if part.lower() in BSE_NAMES]
    numbered = any(part.isdigit() for part in parts)
    return words[-1] if words and not numbered else DEPTH.sub("", rest).strip(" _-.")


def signal_names(files: list[Path]) -> dict[str, Path]:
    """Name each file's signal, see `name_signals`.

    Raises
    ------
    InputError
        If two files of the same depth are of one signal.
    """
    return name_signals(files).signals


def choose_signals(
    folder: Path, signals: dict[str, SignalReader], settings: ImportSettings
) -> dict[str, SignalReader]:
    """Return the wanted signals, the backscatter image first and called ``BSE``.

    Raises
    ------
    InputError
        If it is unclear which signal is the backscatter image, or a wanted signal is missing.
    """
    found = ", ".join(signals)
    if settings.bse:
        if settings.bse not in signals:
            raise InputError(f"{folder} has no signal {settings.bse!r}; it has {found}.")
        bse = settings.bse
    else:
        candidates = [name for name in signals if name.lower() in BSE_NAMES]
        if len(candidates) != 1:
            what = f"several ({', '.join(candidates)})" if candidates else "none"
            raise InputError(
                f"{folder}: which signal is the backscatter image? Known by name: {what}. The "
                f"signals are {found}; name it with --bse."
            )
        bse = candidates[0]
    wanted = set(settings.signals) or set(signals)
    if unknown := sorted(wanted - set(signals) - {"BSE"}):
        raise InputError(f"{folder} has no signal {', '.join(unknown)}; it has {found}.")
    chosen = {"BSE": signals[bse]}
    signals[bse].name = "BSE"
    rest = wanted - {bse, "BSE"}
    return chosen | {name: reader for name, reader in signals.items() if name in rest}


def one_shape(signals: dict[str, SignalReader]) -> tuple[int, int]:
    """Return the shape that all signals share.

    Raises
    ------
    InputError
        If a signal differs from BSE; names both shapes.
    """
    shape = signals["BSE"].shape
    wrong = [
        f"{signal.files[0].name} is not aligned with BSE: it has {signal.shape[0]} x "
        f"{signal.shape[1]} px, BSE has {shape[0]} x {shape[1]} px (rows x columns)"
        for signal in signals.values()
        if signal.shape != shape
    ]
    refuse_if(
        wrong,
        f"{signals['BSE'].files[0].parent} cannot be imported; export all signals with the same "
        "field and size, or choose the signals to take",
    )
    return shape


def wanted_files(named: dict[str, Path], settings: ImportSettings) -> dict[str, Path]:
    """Leave out images of signals that nobody asked for (previews, masks)."""
    if not settings.signals:
        return named
    wanted = {name.lower() for name in (*settings.signals, settings.bse or "", *BSE_NAMES)}
    return {name: file for name, file in named.items() if name.lower() in wanted}


def holds_bse(files: list[Path], settings: ImportSettings) -> bool:
    """Tell whether one of the files is the backscatter image, by its name."""
    names = {name.lower() for name in signal_names(files)}
    return bool(names & ({settings.bse.lower()} if settings.bse else set(BSE_NAMES)))
