"""A source: instrument files up to where each signal and table lies; nothing is written.

`read_source` is the road up to here, a stage a line; `importer` goes on from here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble.frame import Frame, find_frame
from napari_olivine.readers.assemble.identify import identify
from napari_olivine.readers.assemble.messages import describe_acquisition, in_few_words
from napari_olivine.readers.assemble.overlay_images import overlay_images
from napari_olivine.readers.assemble.overlay_tiles import overlay_tiles
from napari_olivine.readers.assemble.place import place_bse
from napari_olivine.readers.assemble.submaps import locate_submaps
from napari_olivine.readers.assemble.tables import OnSection, Tables, read_tables
from napari_olivine.readers.base import BSE, SignalReader, raise_if_any, unit_of
from napari_olivine.readers.mosaic import Layout
from napari_olivine.readers.submaps import Submap

SETTINGS = ImportSettings()

SMALL_BYTES = 64 << 10
"""Files up to this size are recognised by their content, larger ones by size and date."""


@dataclass(frozen=True)
class Source:
    """A folder of instrument files, recognised.

    Parameters
    ----------
    folder
        The folder.
    form
        How the images are kept: ``"tiles"``, or the format of the one BSE image in words.
    name
        Name of the section.
    frame
        The pixels of the section, with the layout of the tiles.
    signals
        Reader of each signal by its name, BSE first.
    submaps
        Maps that show a part of the section in a grid of their own.
    tables
        Sessions, EPMA analyses and their placements as they were read.
    on_section
        The same in places of the section.
    instrument
        Maker of the microscope and what the files say of the acquisition, in words.
    accelerating_voltage_kv
        Accelerating voltage, kV, `None` if unknown.
    description_files
        Files, beside the images, that say what the images are and where they lie.
    problems
        What may spoil the result, in plain sentences; what makes the import impossible is
        raised instead.
    """

    folder: Path
    form: str
    name: str
    frame: Frame
    signals: Mapping[str, SignalReader]
    submaps: list[Submap]
    tables: Tables
    on_section: OnSection
    instrument: str = ""
    accelerating_voltage_kv: float | None = None
    description_files: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def reference(self) -> SignalReader:
        """The signal that the others are laid over: BSE, else the finest map."""
        return next(iter(self.signals.values()))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the section."""
        return self.frame.shape

    @property
    def pixel_size_um(self) -> float:
        """Side of a pixel, um."""
        return self.frame.pixel_size_um

    @property
    def pixel_source(self) -> str:
        """What states the size of a pixel, in words that go on from "by ..."."""
        return self.frame.pixel_source

    @property
    def layout(self) -> Layout | None:
        """Where the tiles lie, `None` without tiles."""
        return self.frame.layout

    @property
    def units(self) -> dict[str, str]:
        """Unit of each X-ray map: ``"counts"``, ``"wt%"`` or ``"at%"``."""
        return {
            name: unit_of(signal.files[0], name)
            for name, signal in self.signals.items()
            if name != BSE and signal.files
        }

    @property
    def tile_shape(self) -> tuple[int, int] | None:
        """Rows and columns of a tile, `None` without tiles."""
        return self.layout.tiles.tile_shape if self.layout else None

    @property
    def sessions(self) -> pd.DataFrame:
        """Columns session, row0, row1, col0, col1 (pixels), role."""
        return self.on_section.sessions

    @property
    def analyses(self) -> pd.DataFrame:
        """EPMA analyses: profile, point, distance_um, oxides in wt%, Total, x_um, y_um."""
        return self.on_section.analyses

    @property
    def placements(self) -> pd.DataFrame:
        """Columns profile, kind, x0_um, y0_um, x1_um, y1_um, use."""
        return self.on_section.placements

    @property
    def image_fingerprint(self) -> str:
        """Fingerprint of the images and of the files that describe them."""
        images = [file for signal in self.signals.values() for file in signal.files]
        return _fingerprint(self.folder, images + self.description_files)

    @property
    def table_fingerprint(self) -> str:
        """Fingerprint of the EPMA tables and of the frame they are placed in."""
        frame = f"{self.shape} {self.pixel_size_um}"
        return _fingerprint(self.folder, self.tables.files, frame)

    @property
    def fingerprint(self) -> str:
        """Fingerprint of all files."""
        both = self.image_fingerprint + self.table_fingerprint
        return hashlib.sha256(both.encode()).hexdigest()[:16]

    def findings(self, job: Job | None = None) -> list[str]:
        """Look at every file of every signal; return what is wrong, a sentence each."""
        job = job or Job()
        wrong: list[str] = []
        for done, signal in enumerate(self.signals.values()):
            job.progress(done, len(self.signals), "Checking the files")
            wrong += signal.check(job)
        return wrong

    def check(self, job: Job | None = None) -> None:
        """Look at every file of every signal before anything is written.

        Raises
        ------
        InputError
            If any file cannot be used; lists up to 20 of them.
        """
        heading = f"{self.folder} cannot be imported"
        if self.layout is not None:
            heading += " as it is ({setting:skip_missing} goes on without what is listed)"
        raise_if_any(self.findings(job), heading, file=self.folder)


def read_source(
    source: Path | str, settings: ImportSettings = SETTINGS, job: Job | None = None
) -> Source:
    """Recognise instrument files; nothing is written, and headers are read but no pixels.

    A folder is looked into with its folders. What counts is what is in the files:

    - ``section.json`` with a `tile_pattern` describes a mosaic of equal tiles per signal;
    - otherwise the name or folder of an image, or the image itself, says its signal; several
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

    Returns
    -------
    Source
        What was recognised.

    Raises
    ------
    InputError
        If nothing is recognised, or a description or table cannot be used.
    """
    job = job or Job()
    identified = identify(source, settings, job)
    placed = place_bse(identified, settings, job)
    if placed.layout is not None:
        overlaid = overlay_tiles(identified, placed, settings, job)
    else:
        overlaid = overlay_images(identified, settings, job)
    frame = find_frame(identified.folder, overlaid, placed.layout, settings)
    located = locate_submaps(identified, overlaid, frame, job)
    tables = read_tables(identified.folder, identified.tables, frame)
    on_section = tables.on_section(frame)
    acquisition = overlaid.acquisition
    return Source(
        folder=identified.folder,
        form=identified.form,
        name=identified.name,
        frame=frame,
        signals=overlaid.signals | located.signals,
        submaps=located.submaps,
        tables=tables,
        on_section=on_section,
        instrument=describe_acquisition(acquisition),
        accelerating_voltage_kv=settings.accelerating_voltage_kv
        or acquisition.accelerating_voltage_kv,
        description_files=[*identified.description_files, *located.files],
        problems=in_few_words(
            identified.folder,
            [
                *identified.remarks,
                *overlaid.remarks,
                *identified.submaps.remarks,
                *(placed.layout.remarks if placed.layout is not None else []),
                *located.remarks,
                *frame.remarks,
                *on_section.remarks,
            ],
        ),
    )


def _fingerprint(folder: Path, files: Sequence[Path], *more: str) -> str:
    digest = hashlib.sha256("\n".join(more).encode())
    for file in sorted(set(files)):
        if not file.exists():  # a missing tile that comes later makes another source
            continue
        state = file.stat()
        if state.st_size <= SMALL_BYTES:
            mark = hashlib.sha256(file.read_bytes()).hexdigest()
        else:
            mark = str(state.st_mtime_ns)
        name = Path(os.path.relpath(file, folder)).as_posix()
        digest.update(f"{name}\t{state.st_size}\t{mark}\n".encode())
    return digest.hexdigest()[:16]
