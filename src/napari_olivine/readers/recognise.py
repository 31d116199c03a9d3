"""Recognise the form of a source by its content."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.readers.epma import read_profiles
from napari_olivine.readers.mosaic import open_mosaic, read_description
from napari_olivine.readers.settings import ImportSettings
from napari_olivine.readers.source import Form, SignalReader, Source
from napari_olivine.readers.tables import read_placements, read_sessions

SETTINGS = ImportSettings()
BSE_NAMES = ("bse", "bsed", "compo", "cp", "backscatter")
"""Names of the backscatter image, as instruments and XMapTools write them."""


def read_source(source: Path | str, settings: ImportSettings = SETTINGS) -> Source:
    """Recognise a folder of instrument files; nothing is written and no pixels are read.

    Forms, told apart by what the folder holds:

    - ``section.json`` with a `tile_pattern`: a mosaic of equal tiles per signal;
    - text files of numbers: one map per signal, with an XMapTools standard file if there is one;
    - TIFF files: one image per signal.

    Beside them may stand ``sessions.csv`` and a folder ``epma`` with a table per profile and
    ``placements.csv``.

    Parameters
    ----------
    source
        The folder.
    settings
        What the files do not say themselves.

    Raises
    ------
    InputError
        If nothing is recognised, or a description or table cannot be used.
    """
    folder = Path(source).resolve()
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give the folder that holds the images.")
    if (folder / "section.json").exists():
        return _read_mosaic(folder, settings)
    raise InputError("later")


def _read_mosaic(folder: Path, settings: ImportSettings) -> Source:
    file = folder / "section.json"
    _refuse_section(file)
    description = read_description(file)
    pixel_size_um = settings.pixel_size_um or description.pixel_size_um
    if pixel_size_um is None:
        raise InputError(f"{file} has no pixel_size_um; add it or give --pixel-size-um.")
    signals = choose_signals(
        folder, open_mosaic(folder, description, skip_missing=settings.skip_missing), settings
    )
    return _complete(
        folder,
        "tiles",
        signals,
        settings,
        name=description.name or folder.name,
        pixel_size_um=pixel_size_um,
        tile_shape=description.tile_shape,
        voltage_kv=description.accelerating_voltage_kV,
        description_files=[file],
    )


def choose_signals(
    folder: Path, signals: dict[str, SignalReader], settings: ImportSettings
) -> dict[str, SignalReader]:
    """Return the wanted signals, the backscatter image first and called ``BSE``."""
    found = ", ".join(signals)
    if settings.bse is not None:
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
    chosen |= {name: reader for name, reader in signals.items() if name in wanted and name != bse}
    return chosen


def _complete(
    folder: Path,
    form: Form,
    signals: dict[str, SignalReader],
    settings: ImportSettings,
    *,
    name: str,
    pixel_size_um: float,
    tile_shape: tuple[int, int] | None = None,
    voltage_kv: float | None = None,
    description_files: list[Path] | None = None,
    spots: pd.DataFrame | None = None,
    problems: list[str] | None = None,
) -> Source:
    """Add sessions, analyses and placements to the images."""
    shape = signals["BSE"].shape
    analyses, table_files, remarks = read_profiles(folder / "epma")
    placements, misplaced = read_placements(
        folder / "epma" / "placements.csv", analyses, shape, pixel_size_um
    )
    return Source(
        folder=folder,
        form=form,
        name=name,
        pixel_size_um=pixel_size_um,
        shape=shape,
        signals=signals,
        sessions=read_sessions(folder / "sessions.csv", shape, tile_shape),
        analyses=analyses,
        placements=placements,
        tile_shape=tile_shape,
        accelerating_voltage_kv=settings.accelerating_voltage_kv or voltage_kv,
        description_files=description_files or [],
        table_files=table_files,
        problems=[*(problems or []), *remarks, *misplaced],
    )


def _refuse_section(file: Path) -> None:
    try:
        values = json.loads(file.read_bytes())
    except ValueError as error:
        raise InputError(f"{file} is damaged: {error}.") from error
    if isinstance(values, dict) and "format" in values and "tile_pattern" not in values:
        raise InputError(
            f"{file.parent} is an imported section already; open it, or give the folder of the "
            "instrument files."
        )
