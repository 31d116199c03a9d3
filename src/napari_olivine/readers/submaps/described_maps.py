"""Maps of parts of the section in folders or files that a ``section.json`` names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.discover import BSE, group, is_wanted, look_into, one_file
from napari_olivine.readers.signals import Part
from napari_olivine.readers.submaps.submap import UnplacedSignal


@dataclass(frozen=True)
class Beside:
    """What lies in some folders and files.

    Parameters
    ----------
    maps
        Their element maps, by signal.
    electrons
        Their BSE images.
    remarks
        What the person should know, in sentences.
    """

    maps: list[UnplacedSignal]
    electrons: list[Part]
    remarks: list[str]


def maps_beside(folder: Path, names: Sequence[str], settings: ImportSettings, job: Job) -> Beside:
    """Find the maps in folders and files.

    Parameters
    ----------
    folder
        Folder of the description.
    names
        Names of folders or files in it.
    settings
        Settings of the import.
    job
        Running job.

    Raises
    ------
    InputError
        If one is not there or holds no maps.
    """
    maps: dict[str, list[Part]] = defaultdict(list)
    electrons: list[Part] = []
    remarks: list[str] = []
    for name in names:
        path = (folder / name).resolve()
        if not path.exists() or not path.is_relative_to(folder):
            raise InputError(
                f"{folder / 'section.json'} names the maps {name!r}, but {folder} holds no such "
                "folder or file."
            )
        contents = look_into(path, job) if path.is_dir() else one_file(path)
        grouped = group(contents, settings, job)
        remarks += [*grouped.remarks, *(f"left out: {told}" for told in grouped.refused)]
        found = False
        for signal, parts in grouped.signals.items():
            if not is_wanted(signal, settings) or (
                settings.signals and signal not in (BSE, *settings.signals)
            ):
                continue
            placed = [
                replace(part, place="/".join(p for p in (name, part.place) if p)) for part in parts
            ]
            if signal == BSE:
                electrons += placed
            else:
                maps[signal] += placed
                found = True
        if not found:
            raise InputError(f"{path} holds no element map; take it out of {folder}/section.json.")
    return Beside(
        [UnplacedSignal(signal, parts, "") for signal, parts in maps.items()], electrons, remarks
    )
