"""Maps of parts of the section in folders or files that a ``section.json`` names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.base import BSE
from napari_olivine.readers.discover import group_by_signal, is_wanted, one_file, read_contents
from napari_olivine.readers.signals import ImageRef
from napari_olivine.readers.submaps.submap import UnplacedSignal


@dataclass(frozen=True)
class SubmapImages:
    """Images that are known to show parts of the section.

    Parameters
    ----------
    maps
        Their element maps, by signal.
    bse
        Their BSE images.
    remarks
        What the person should know, in sentences.
    """

    maps: list[UnplacedSignal] = field(default_factory=list)
    bse: list[ImageRef] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def maps_beside(
    folder: Path, names: Sequence[str], settings: ImportSettings, job: Job
) -> SubmapImages:
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

    Returns
    -------
    SubmapImages
        Their places begin with the name of the folder or file.

    Raises
    ------
    InputError
        If one is not there or holds no maps.
    """
    maps: dict[str, list[ImageRef]] = defaultdict(list)
    bse: list[ImageRef] = []
    remarks: list[str] = []
    for name in names:
        path = (folder / name).resolve()
        if not path.exists() or not path.is_relative_to(folder):
            raise InputError(
                f"{folder / 'section.json'} names the maps {name!r}, but {folder} holds no such "
                "folder or file.",
                file=folder / "section.json",
            )
        contents = read_contents(path, job) if path.is_dir() else one_file(path)
        grouped = group_by_signal(contents, settings, job)
        remarks += [*grouped.remarks, *(f"left out: {refusal}" for refusal in grouped.refused)]
        holds_map = False
        for signal, refs in grouped.signals.items():
            if not is_wanted(signal, settings) or (
                settings.signals and signal not in (BSE, *settings.signals)
            ):
                continue
            named = [replace(ref, place="/".join(filter(None, (name, ref.place)))) for ref in refs]
            if signal == BSE:
                bse += named
            else:
                maps[signal] += named
                holds_map = True
        if not holds_map:
            raise InputError(
                f"{path} holds no element map; take it out of {folder}/section.json.",
                file=folder / "section.json",
            )
    unplaced = [UnplacedSignal(signal, refs, "") for signal, refs in maps.items()]
    return SubmapImages(unplaced, bse, remarks)
