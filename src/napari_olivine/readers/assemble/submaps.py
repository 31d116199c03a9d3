"""Signals that were mapped on a part of the section: which maps belong together, where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_olivine.job import Job
from napari_olivine.readers.assemble.frame import Frame
from napari_olivine.readers.assemble.identify import Identified
from napari_olivine.readers.assemble.overlaid import OTHER_FIELDS, Overlaid
from napari_olivine.readers.base import BSE, SignalReader, raise_if_any
from napari_olivine.readers.submaps import (
    SUBMAPS_FILE,
    Submap,
    SubmapSignal,
    find_submaps,
    read_hand_placed,
)


@dataclass(frozen=True)
class LocatedSubmaps:
    """Maps of parts of the section, as far as the files say where they lie.

    Parameters
    ----------
    submaps
        The maps.
    signals
        Reader of each of their signals.
    files
        Files that say where the maps lie.
    remarks
        What the person should know, in sentences.
    """

    submaps: list[Submap]
    signals: dict[str, SignalReader]
    files: list[Path]
    remarks: list[str]


def locate_submaps(
    identified: Identified, overlaid: Overlaid, frame: Frame, job: Job
) -> LocatedSubmaps:
    """Put maps together that show the same part of the section, and place them by the stage.

    Parameters
    ----------
    identified
        The images, among them those that are known to show a part.
    overlaid
        The signals, and those whose images show another field than BSE.
    frame
        The pixels of the section.
    job
        Running job.

    Returns
    -------
    LocatedSubmaps
        The maps; some may have no place yet.

    Raises
    ------
    InputError
        If a map cannot be one of a part of the section.
    """
    raise_if_any(
        [
            f"{one.signal} is named as a signal of the tiles and lies in the maps as well"
            for one in identified.submaps.maps
            if one.signal in overlaid.signals
        ],
        f"{''.join(map(str, identified.description_files))} cannot be used",
    )
    file = identified.folder / SUBMAPS_FILE
    unplaced = [*overlaid.unplaced, *identified.submaps.maps]
    if BSE not in overlaid.signals:  # nothing tells where a map of a part lies
        raise_if_any([one.why for one in unplaced], f"{identified.folder} {OTHER_FIELDS}")
    found = find_submaps(
        unplaced,
        identified.submaps.bse,
        read_hand_placed(file, frame.pixel_size_um),
        frame.stage,
        frame.pixel_size_um,
        job,
    )
    raise_if_any(found.failed, f"{identified.folder} {OTHER_FIELDS}", file=identified.folder)
    signals: dict[str, SignalReader] = {
        one.signal: SubmapSignal(one.signal, found.submaps, frame.shape) for one in unplaced
    }
    return LocatedSubmaps(found.submaps, signals, [file] if file.exists() else [], found.remarks)
