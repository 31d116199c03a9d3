"""Recognise what a folder of instrument files holds: signals, tiles, pixel size, tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble.bse_tiles import arrange, keep_times
from napari_olivine.readers.assemble.messages import describe_source, in_few_words, nothing_there
from napari_olivine.readers.assemble.overlay import overlay_signals
from napari_olivine.readers.assemble.single_images import NOT_ONE_FIELD, read_one_field
from napari_olivine.readers.assemble.source import Source
from napari_olivine.readers.assemble.stage_coordinates import place_by_stage
from napari_olivine.readers.base import Acquisition, SignalReader, raise_if_any
from napari_olivine.readers.discover import (
    BSE,
    Contents,
    choose,
    drop_non_tiles,
    group,
    look_into,
    one_file,
)
from napari_olivine.readers.epma import in_order, read_profiles
from napari_olivine.readers.formats.text import (
    Standards,
    is_standard_file,
    pixel_sizes_um,
    read_standards,
    spot_analyses,
)
from napari_olivine.readers.mosaic import (
    Layout,
    described_layout,
    described_parts,
    read_description,
)
from napari_olivine.readers.sessions import read_placements, read_sessions
from napari_olivine.readers.signals import Part
from napari_olivine.readers.submaps import (
    SUBMAPS_FILE,
    Submap,
    SubmapSignal,
    UnplacedSignal,
    at_stage,
    find_submaps,
    maps_beside,
    read_hand_placed,
    without_submaps,
)

SETTINGS = ImportSettings()


def read_source(
    source: Path | str, settings: ImportSettings = SETTINGS, job: Job | None = None
) -> Source:
    """Recognise instrument files; nothing is written, and headers are read but no pixels.

    A folder is looked into with its folders. What counts is what is in the files:

    - ``section.json`` with a `tile_pattern` describes a mosaic of equal tiles per signal;
    - otherwise each image's signal is told by its name or folder or by the file itself; several
      images of a signal are tiles, placed by their stage positions or by their names.

    Beside them may stand ``sessions.csv`` and a folder ``epma`` with a table per profile and
    ``placements.csv``.

    Parameters
    ----------
    source
        The folder, or one file that holds all (``.bcf``, ``.h5oina``).
    settings
        What the files do not say themselves.
    job
        Running job; looking into many files can be stopped.

    Raises
    ------
    InputError
        If nothing is recognised, or a description or table cannot be used.
    """
    job = job or Job()
    path = Path(source).resolve()
    if not path.exists():
        raise InputError(f"{path} is not there; give the folder that holds the images.")
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        shown = str(path).encode("utf-8", "replace").decode()
        raise InputError(f"The name of {shown} is no Unicode text; rename it.") from error
    if path.is_dir() and (path / "section.json").exists():
        return _read_described(path, settings, job)
    contents = look_into(path, job) if path.is_dir() else one_file(path)
    grouped = group(contents, settings, job)
    if not grouped.signals:
        raise InputError(nothing_there(path, contents, grouped))
    folder = contents.folder
    try:
        names = choose(folder, list(grouped.signals), settings)
    except InputError as error:
        raise_if_any(grouped.refused, f"{error} Some files cannot be used")
        raise
    chosen = {names[found]: grouped.signals[found] for found in names}
    chosen[BSE], electrons = without_submaps(chosen)
    problems = [*grouped.remarks, *(f"left out: {told}" for told in grouped.refused)]
    layout: Layout | None = None
    chosen[BSE], strangers = drop_non_tiles(chosen[BSE])
    problems += strangers
    if len(chosen[BSE]) > 1:
        layout, acquisition, lost = arrange(folder, chosen[BSE], settings, job)
        signals, remarks, unlaid = overlay_signals(chosen, layout, settings, lost, job)
        form = "tiles"
    else:
        signals, acquisition, remarks, unlaid = read_one_field(folder, chosen, settings)
        form = next(f.format.name for f in contents.images if f.file == chosen[BSE][0].file)
    return _complete(
        folder,
        form,
        signals,
        settings,
        name=path.stem if path.is_file() else folder.name,
        acquisition=acquisition,
        layout=layout,
        parts=chosen,
        tables=contents.tables,
        problems=[*problems, *remarks],
        unlaid=unlaid,
        electrons=electrons,
        job=job,
    )


def with_layout(source: Source, layout: Layout, settings: ImportSettings) -> Source:
    """Return the source with its tiles in other places (found by their overlaps).

    Parameters
    ----------
    source
        Source with tiles.
    layout
        Where they lie.
    settings
        Settings that the source was recognised with.
    """
    assert source.layout is not None
    layout = keep_times(layout, source.layout)
    signals, _, _ = overlay_signals(source.parts, layout, settings)
    signals = {name: signals.get(name, signal) for name, signal in source.signals.items()}
    for name, signal in source.signals.items():
        if signals[name] is not signal:
            signals[name].missing.extend(signal.missing)
    sessions = read_sessions(source.folder / "sessions.csv", layout.shape, layout.tiles)
    found = _read_tables(
        source.folder, source.tables, None, layout.shape, source.pixel_size_um, layout
    )
    moved = replace(
        source,
        signals=signals,
        layout=layout,
        shape=layout.shape,
        sessions=sessions,
        analyses=found.analyses,
        placements=found.placements,
    )
    if not source.fields or layout.stage is None:
        return moved
    return with_fields(
        moved, [at_stage(field, layout.stage, source.pixel_size_um) for field in source.fields]
    )


def with_fields(source: Source, fields: Sequence[Submap]) -> Source:
    """Return the source with maps of parts of the section in other places.

    Parameters
    ----------
    source
        Source with fields.
    fields
        The same fields, elsewhere.
    """
    signals = {
        name: SubmapSignal(name, [one for one in fields if name in one.maps], source.shape)
        if isinstance(signal, SubmapSignal)
        else signal
        for name, signal in source.signals.items()
    }
    return replace(source, signals=signals, fields=list(fields))


def _read_described(folder: Path, settings: ImportSettings, job: Job) -> Source:
    file = folder / "section.json"
    _refuse_section(file)
    description = read_description(file)
    layout = described_layout(folder, description)
    if settings.pixel_size_um is None and description.pixel_size_um is None:
        raise InputError(f"{file} has no pixel_size_um; add it or give --pixel-size-um.")
    names = choose(folder, description.signals, settings)
    parts = {
        new: list(described_parts(folder, description, old).values()) for old, new in names.items()
    }
    signals, remarks, unlaid = overlay_signals(parts, layout, settings)
    beside = maps_beside(folder, description.maps, settings, job)
    raise_if_any(
        [
            f"{one.signal} is named as a signal of the tiles and lies in the maps as well"
            for one in beside.maps
            if one.signal in signals
        ],
        f"{file} cannot be used",
    )
    return _complete(
        folder,
        "tiles",
        signals,
        settings,
        name=description.name or folder.name,
        acquisition=Acquisition(
            pixel_size_um=description.pixel_size_um,
            accelerating_voltage_kv=description.accelerating_voltage_kV,
        ),
        layout=layout,
        parts=parts,
        tables=folder / "epma",
        description_files=[file],
        problems=[*remarks, *beside.remarks],
        unlaid=[*unlaid, *beside.maps],
        electrons=beside.electrons,
        job=job,
    )


def _complete(
    folder: Path,
    form: str,
    signals: dict[str, SignalReader],
    settings: ImportSettings,
    *,
    name: str,
    acquisition: Acquisition,
    layout: Layout | None = None,
    parts: dict[str, list[Part]] | None = None,
    tables: Path | None = None,
    description_files: Iterable[Path] = (),
    problems: Iterable[str] = (),
    unlaid: Sequence[UnplacedSignal] = (),
    electrons: Sequence[Part] = (),
    job: Job,
) -> Source:
    """Add pixel size, maps of parts, sessions, analyses and placements to the images."""
    shape = signals[BSE].shape
    standards = [file for file in sorted(folder.glob("*.txt")) if is_standard_file(file)]
    standard = read_standards(standards[0]) if standards else None
    pixel_size_um = settings.pixel_size_um or acquisition.pixel_size_um
    if pixel_size_um is None and standard is not None:
        pixel_size_um = round(sum(pixel_sizes_um(standard, shape)) / 2, 6)
    if pixel_size_um is None:
        raise InputError(
            f"{folder}: the files do not say how large a pixel is; give --pixel-size-um (or, for "
            "text maps, add the standard file of XMapTools with the corners of the map)."
        )
    hand_placed = folder / SUBMAPS_FILE
    fields = find_submaps(
        unlaid,
        electrons,
        read_hand_placed(hand_placed, pixel_size_um),
        layout.stage if layout else None,
        pixel_size_um,
        job,
    )
    raise_if_any(fields.failed, f"{folder} {NOT_ONE_FIELD}")
    for one in unlaid:
        signals[one.signal] = SubmapSignal(
            one.signal, [field for field in fields.fields if one.signal in field.maps], shape
        )
    found = _read_tables(folder, tables, standard, shape, pixel_size_um, layout)
    more = [
        f"{file.name} is left out: a section has one standard file, {standards[0].name} is taken"
        for file in standards[1:]
    ]
    file = folder / "sessions.csv"
    sessions = read_sessions(file, shape, layout.tiles if layout else None)
    parted = []
    if not file.exists() and len(sessions) > 1:
        parted = [
            f"the times of the tiles part {len(sessions)} sessions; say what each is used for"
        ]
    return Source(
        folder=folder,
        form=form,
        name=name,
        pixel_size_um=pixel_size_um,
        shape=shape,
        signals=signals,
        sessions=sessions,
        analyses=found.analyses,
        placements=found.placements,
        layout=layout,
        parts=parts or {},
        instrument=describe_source(acquisition),
        accelerating_voltage_kv=settings.accelerating_voltage_kv
        or acquisition.accelerating_voltage_kv,
        fields=fields.fields,
        description_files=[*description_files, *([hand_placed] if hand_placed.exists() else [])],
        table_files=found.files + standards[:1],
        tables=tables,
        problems=in_few_words(
            folder,
            [
                *problems,
                *(layout.remarks if layout else []),
                *fields.remarks,
                *more,
                *parted,
                *found.remarks,
            ],
        ),
    )


@dataclass(frozen=True)
class _Tables:
    analyses: pd.DataFrame
    placements: pd.DataFrame
    files: list[Path]
    remarks: list[str]


def _read_tables(
    folder: Path,
    tables: Path | None,
    standard: Standards | None,
    shape: tuple[int, int],
    pixel_size_um: float,
    layout: Layout | None,
) -> _Tables:
    """Read the EPMA tables and place them on the section."""
    analyses = in_order(pd.DataFrame())
    files: list[Path] = []
    remarks: list[str] = []
    if tables is not None:
        analyses, files, remarks = read_profiles(tables)
    if standard is not None:
        spots = spot_analyses(standard, shape, pixel_size_um)
        analyses = in_order(pd.concat([analyses, spots]) if len(analyses) else spots)
    analyses, lines, placed = place_by_stage(
        analyses, layout.stage if layout else None, shape, pixel_size_um
    )
    placements, misplaced = read_placements(
        (tables or folder / "epma") / "placements.csv", analyses, shape, pixel_size_um, lines
    )
    return _Tables(analyses, placements, files, [*remarks, *placed, *misplaced])


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


__all__ = ["Contents", "Layout", "read_source", "with_fields", "with_layout"]
