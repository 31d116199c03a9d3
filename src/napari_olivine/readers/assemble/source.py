"""What was recognised in a folder of instrument files; nothing is written here."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from napari_olivine.job import Job
from napari_olivine.readers.base import SignalReader, raise_if_any
from napari_olivine.readers.mosaic import Layout
from napari_olivine.readers.signals import Part
from napari_olivine.readers.submaps import Submap

SMALL_BYTES = 64 << 10
"""Files up to this size are recognised by their content, larger ones by size and date."""


@dataclass
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
    pixel_size_um
        Side of a pixel, um.
    shape
        Rows and columns of the whole section.
    signals
        Reader of each signal by its name, BSE first.
    layout
        Where the tiles lie, `None` without tiles.
    parts
        Images of each signal by which the readers were made.
    fields
        Maps that show a part of the section in a grid of their own.
    instrument
        Maker of the microscope and what the files say of the acquisition, in words.
    accelerating_voltage_kv
        Accelerating voltage, kV, `None` if unknown.
    sessions
        Columns session, row0, row1, col0, col1 (pixels), role.
    analyses
        EPMA analyses: profile, point, distance_um, oxides in wt%, Total, x_um, y_um.
    placements
        Columns profile, kind, x0_um, y0_um, x1_um, y1_um, use.
    description_files, table_files
        Files, beside the images, that the images or the tables were read from.
    tables
        Folder of the EPMA tables, `None` if there is none.
    problems
        What may spoil the result, in plain sentences; what makes the import impossible is
        raised instead.
    """

    folder: Path
    form: str
    name: str
    pixel_size_um: float
    shape: tuple[int, int]
    signals: dict[str, SignalReader]
    sessions: pd.DataFrame
    analyses: pd.DataFrame
    placements: pd.DataFrame
    layout: Layout | None = None
    parts: dict[str, list[Part]] = field(default_factory=dict)
    fields: list[Submap] = field(default_factory=list)
    instrument: str = ""
    accelerating_voltage_kv: float | None = None
    description_files: list[Path] = field(default_factory=list)
    table_files: list[Path] = field(default_factory=list)
    tables: Path | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def tile_shape(self) -> tuple[int, int] | None:
        """Rows and columns of a tile, `None` without tiles."""
        return self.layout.tiles.tile_shape if self.layout else None

    @property
    def image_fingerprint(self) -> str:
        """Fingerprint of the images and of the file that describes them."""
        images = [file for signal in self.signals.values() for file in signal.files]
        return _fingerprint(self.folder, images + self.description_files)

    @property
    def table_fingerprint(self) -> str:
        """Fingerprint of the EPMA tables and of the frame they are placed in."""
        frame = f"{self.shape} {self.pixel_size_um}"
        return _fingerprint(self.folder, self.table_files, frame)

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
            heading += " as it is (--skip-missing goes on without what is listed)"
        raise_if_any(self.findings(job), heading)


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
