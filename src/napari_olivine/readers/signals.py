"""Which file is which signal, and which signals are taken."""

from __future__ import annotations

import re
from os.path import commonprefix
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers.settings import ImportSettings
from napari_olivine.readers.source import SignalReader, refuse_if

BSE_NAMES = ("bse", "bsed", "compo", "cp", "backscatter")
"""Names of the backscatter image, as instruments and XMapTools write them."""

LINE = re.compile(r"([A-Z][a-z]?)(?:[ _-][KLM]|K)[^\s\d_-]?\d?(?:[ _-]series)?")
"""An element followed by its X-ray line: ``Mg K series``, ``Fe Ka1``, ``SiK``."""

ELEMENTS = (
    "O", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K", "Ca", "Ti", "V", "Cr", "Mn",
    "Fe", "Co", "Ni", "Cu", "Zn", "Sr", "Zr", "Ba",
)  # fmt: skip
"""Elements that a file's name may end with."""


def signal_names(files: list[Path]) -> dict[str, Path]:
    """Name each file's signal.

    What all names share at their start is left out; ``Mg K series`` is ``Mg``, and a name that
    ends with an element or BSE (``MORB7_16bit_Mg``) is that.

    Raises
    ------
    InputError
        If two files are of one signal.
    """
    stems = [file.stem for file in files]
    start = commonprefix(stems) if len(stems) > 1 else ""  # noqa: RUF071 - names, not paths
    cut = max((start.rfind(mark) for mark in "_- ."), default=-1) + 1
    named: dict[str, Path] = {}
    for file, stem in zip(files, stems, strict=True):
        name = _signal_of(stem[cut:].strip())
        if name in named:
            raise InputError(
                f"{named[name]} and {file} are both of {name!r}; take one of them away."
            )
        named[name] = file
    return named


def _signal_of(name: str) -> str:
    line = LINE.fullmatch(name)
    end = re.split(r"[_ .-]", name)[-1]
    if line:
        return line[1]
    return end if end in ELEMENTS or end.lower() in BSE_NAMES else name


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
