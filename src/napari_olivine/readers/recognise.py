"""Recognise the form of a source by its content."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.readers.epma import in_order, read_profiles
from napari_olivine.readers.images import IMAGE_SUFFIXES, TiffImage
from napari_olivine.readers.mosaic import open_mosaic, read_description
from napari_olivine.readers.settings import ImportSettings
from napari_olivine.readers.signals import (
    choose_signals,
    holds_bse,
    one_shape,
    signal_names,
    wanted_files,
)
from napari_olivine.readers.source import Form, SignalReader, Source, refuse_if
from napari_olivine.readers.tables import read_placements, read_sessions
from napari_olivine.readers.textmaps import TextMap, is_text_map
from napari_olivine.readers.xmaptools import (
    is_standard_file,
    pixel_sizes_um,
    read_standards,
    spot_analyses,
)
from napari_olivine.section.tiles import Tiles

SETTINGS = ImportSettings()


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
    files = sorted(file for file in folder.iterdir() if file.is_file())
    maps = [file for file in files if is_text_map(file)]
    images = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    if maps and (not images or holds_bse(maps, settings)):
        return _read_text_maps(folder, maps, settings)
    if images:
        return _read_images(folder, images, settings)
    raise InputError(
        f"{folder} holds nothing that can be imported. Expected one of: a section.json that "
        "describes a mosaic of tiles; text files of numbers, one map per signal; TIFF files, one "
        "image per signal (BSE.tif, Mg.tif, Fe.tif, ...)."
    )


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


def _read_text_maps(folder: Path, files: list[Path], settings: ImportSettings) -> Source:
    readers = {name: TextMap(name, file) for name, file in signal_names(files).items()}
    signals = choose_signals(folder, dict(readers), settings)
    shape = one_shape(signals)
    found = [file for file in sorted(folder.glob("*.txt")) if is_standard_file(file)]
    standards = read_standards(found[0]) if found else None
    pixel_size_um = settings.pixel_size_um
    if pixel_size_um is None:
        if standards is None:
            raise InputError(
                f"{folder} does not say how large a pixel is: give --pixel-size-um, or add the "
                "standard file of XMapTools with the corners of the map."
            )
        pixel_size_um = round(sum(pixel_sizes_um(standards, shape)) / 2, 6)
    return _complete(
        folder,
        "text maps",
        signals,
        settings,
        name=folder.name,
        pixel_size_um=pixel_size_um,
        spot_files=found[:1],
        spots=spot_analyses(standards, shape, pixel_size_um) if standards else None,
        problems=[
            f"{file.name} is left out: a section has one standard file, {found[0].name} is taken"
            for file in found[1:]
        ],
    )


def _read_images(folder: Path, files: list[Path], settings: ImportSettings) -> Source:
    readers: dict[str, TiffImage] = {}
    wrong = []
    named = signal_names(files)
    for name, file in wanted_files(named, settings).items():
        try:
            readers[name] = TiffImage(name, file)
        except InputError as error:
            wrong.append(str(error))
    refuse_if(
        wrong,
        f"{folder} cannot be imported; to leave files out, name the signals to take (--signals)",
    )
    signals = choose_signals(folder, dict(readers), settings)
    sizes = {name: reader.pixel_size_um for name, reader in readers.items() if reader.pixel_size_um}
    pixel_size_um = settings.pixel_size_um or next(iter(sizes.values()), None)
    if pixel_size_um is None:
        raise InputError(
            f"{folder}: the TIFF files do not say how large a pixel is; give --pixel-size-um."
        )
    problems = []
    if settings.pixel_size_um is None and max(sizes.values()) > 1.01 * min(sizes.values()):
        problems.append(
            f"the TIFF files do not agree on the size of a pixel ({_listed(sizes)} um); "
            f"{pixel_size_um:.4g} um is taken, set the pixel size if that is wrong"
        )
    one_shape(signals)
    return _complete(
        folder,
        "images",
        signals,
        settings,
        name=folder.name,
        pixel_size_um=pixel_size_um,
        problems=problems,
    )


def _listed(sizes: dict[str, float]) -> str:
    return ", ".join(f"{name} {size:.4g}" for name, size in sizes.items())


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
    spot_files: list[Path] | None = None,
    problems: list[str] | None = None,
) -> Source:
    """Add sessions, analyses and placements to the images."""
    shape = signals["BSE"].shape
    analyses, table_files, remarks = read_profiles(folder / "epma")
    if spots is not None:
        analyses = in_order(pd.concat([analyses, spots]) if len(analyses) else spots)
        table_files += spot_files or []
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
        sessions=read_sessions(
            folder / "sessions.csv",
            shape,
            Tiles.of_grid((shape[0] // tile_shape[0], shape[1] // tile_shape[1]), tile_shape)
            if tile_shape
            else None,
        ),
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
