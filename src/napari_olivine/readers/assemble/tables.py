"""The tables of a source (EPMA analyses, placements, sessions): read once, placed on a frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from napari_olivine.readers.assemble.frame import Frame
from napari_olivine.readers.assemble.stage_coordinates import place_by_stage
from napari_olivine.readers.discover import TableFolder
from napari_olivine.readers.epma import TablesRead, in_order, report_of
from napari_olivine.readers.formats.text import spot_analyses
from napari_olivine.readers.sessions import (
    PlacementTable,
    SessionTable,
    read_placements,
    read_sessions,
)


@dataclass(frozen=True)
class OnSection:
    """What the tables say, in places of the section.

    Parameters
    ----------
    sessions
        Columns session, row0, row1, col0, col1 (pixels), role.
    analyses
        EPMA analyses: profile, point, distance_um, oxides in wt%, Total, x_um, y_um.
    placements
        Columns profile, kind, x0_um, y0_um, x1_um, y1_um, use.
    remarks
        What the person should know, in sentences.
    """

    sessions: pd.DataFrame
    analyses: pd.DataFrame
    placements: pd.DataFrame
    remarks: list[str]


@dataclass(frozen=True)
class Tables:
    """The tables of a source as they were read.

    Parameters
    ----------
    folder
        Folder of the EPMA tables, `None` if there is none.
    analyses
        EPMA analyses, with stage positions where the tables have them.
    placements
        The lines of ``placements.csv``.
    sessions
        The rows of ``sessions.csv``.
    files
        Files of EPMA tables that were read.
    remarks
        What was read as missing, converted or left out, in sentences.
    report
        What was made of the EPMA tables, a row a profile.
    """

    folder: Path | None
    analyses: pd.DataFrame
    placements: PlacementTable
    sessions: SessionTable
    files: list[Path]
    remarks: list[str]
    report: pd.DataFrame

    def on_section(self, frame: Frame) -> OnSection:
        """Place sessions and EPMA analyses on the section.

        Raises
        ------
        InputError
            If a session reaches beyond the section, or its tiles are not there.
        """
        shape, size = frame.shape, frame.pixel_size_um
        analyses = self.analyses
        if frame.standard is not None:
            spots = spot_analyses(frame.standard, shape, size)
            analyses = in_order(pd.concat([analyses, spots]) if len(analyses) else spots)
        analyses, lines, by_stage = place_by_stage(analyses, frame.stage, shape, size)
        placements, problems = self.placements.on_section(analyses, lines, shape, size)
        sessions = self.sessions.on_section(shape, frame.tiles)
        parted = []
        if self.sessions.table is None and len(sessions) > 1:
            parted.append(
                f"the times of the tiles part {len(sessions)} sessions; say what each is used for"
            )
        remarks = [*parted, *self.remarks, *by_stage, *problems]
        return OnSection(sessions, analyses, placements, remarks)


def read_tables(folder: Path, tables: TableFolder | None, frame: Frame) -> Tables:
    """Read EPMA tables, their placements and the sessions of a source.

    Parameters
    ----------
    folder
        Folder of the images.
    tables
        Folder of the EPMA tables, `None` if there is none.
    frame
        The pixels of the section.

    Returns
    -------
    Tables
        Not placed yet.

    Raises
    ------
    InputError
        If a table cannot be understood.
    """
    read = tables.read if tables is not None else TablesRead()
    beside = tables.path if tables is not None else folder / "epma"
    return Tables(
        folder=tables.path if tables is not None else None,
        analyses=read.analyses,
        placements=read_placements(beside / "placements.csv", frame.pixel_size_um),
        sessions=read_sessions(folder / "sessions.csv"),
        files=read.files + ([frame.standard.file] if frame.standard is not None else []),
        remarks=read.problems,
        report=report_of(read),
    )
