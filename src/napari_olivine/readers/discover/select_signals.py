"""Which of the signals found are taken, and which one is the backscatter image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.base import BSE, is_xray_map, signal_of

NAMED = 12
"""Signals that are listed in an error."""


def select_signals_of(
    folder: Path, found: Sequence[str], settings: ImportSettings
) -> dict[str, str]:
    """Choose the signals to take.

    Parameters
    ----------
    folder
        Where they were found, for the error.
    found
        Names of the signals.
    settings
        `bse` and `signals`, in the names found.

    Returns
    -------
    dict
        Name in the section by name found, the backscatter image first and called ``BSE``; without
        one where all signals are X-ray maps.

    Raises
    ------
    InputError
        If it is unclear which signal is the backscatter image, or a wanted signal is missing.
    """
    listed = _listed(found)
    bse = _bse(folder, found, settings)
    wanted = set(settings.signals) or set(found)
    if unknown := sorted(wanted - set(found) - {BSE}):
        raise InputError(
            f"{folder} has no signal {', '.join(unknown)}; it has {listed}.", file=folder
        )
    rest = [name for name in found if name in wanted and name not in (bse, BSE)]
    return ({bse: BSE} if bse else {}) | {name: name for name in rest}


def is_wanted(name: str, settings: ImportSettings) -> bool:
    """Tell whether a signal must not be left out: it is asked for, or surely is a measurement."""
    renamed = {pair.partition("=")[2].strip() for pair in settings.rename}
    return name in {BSE, *settings.signals, *renamed} or signal_of(name) is not None


def _listed(found: Sequence[str]) -> str:
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more


def _bse(folder: Path, found: Sequence[str], settings: ImportSettings) -> str | None:
    """Return the backscatter image; `None` where nothing but X-ray maps are there."""
    listed = _listed(found)
    if settings.bse:
        for name in (settings.bse, signal_of(settings.bse)):  # "Cp" is known as BSE by now
            if name in found:
                return str(name)
        raise InputError(f"{folder} has no signal {settings.bse!r}; it has {listed}.", file=folder)
    if BSE in found:
        return BSE
    taken = set(settings.signals).intersection(found) if settings.signals else found
    if taken and all(is_xray_map(name) for name in found):
        return None
    raise InputError(
        f"{folder}: which signal is the backscatter image? None is known by its name. The signals "
        f"are {listed}.",
        remedy="Name it with {setting:bse}.",
        setting="bse",
        file=folder,
    )
