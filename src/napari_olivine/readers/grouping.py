"""Which images are of which signal: by their folders and names, else by what the files say."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.choosing import BSE
from napari_olivine.readers.contents import Contents, ImageFile
from napari_olivine.readers.formats import open_images
from napari_olivine.readers.image import Image
from napari_olivine.readers.part import Part
from napari_olivine.readers.settings import ImportSettings
from napari_olivine.readers.signals import DEPTH, depth_of


@dataclass(frozen=True)
class Grouped:
    """The images of a folder by their signals.

    Parameters
    ----------
    signals
        Images of each signal, in the order of their places.
    remarks
        What the person should know, in sentences.
    refused
        Files that cannot be used, in sentences.
    """

    signals: dict[str, list[Part]]
    remarks: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def group(contents: Contents, settings: ImportSettings, job: Job) -> Grouped:
    """Tell which images are of which signal; files that do not say it by name are opened.

    Parameters
    ----------
    contents
        What lies in the folder.
    settings
        `rename` gives signals other names.
    job
        Running job.

    Raises
    ------
    InputError
        If `rename` cannot be understood.
    """
    new_names = _new_names(settings)
    found: dict[str, list[Part]] = defaultdict(list)
    nameless: list[Part] = []
    refused = list(contents.unreadable)
    for done, one in enumerate(contents.images):
        job.progress(done, len(contents.images), "Looking into the folder")
        if one.signal and not one.format.container:
            found[one.signal].append(Part(one.place, one.file))
            continue
        try:
            images = open_images(one.file)
        except InputError as error:
            refused.append(str(error))
            continue
        for signal, part in _parts_of(one, images):
            (found[signal] if signal else nameless).append(part)
    remarks = [f"{told}: left out" for told in contents.left_out]
    _name_the_nameless(found, nameless, remarks)
    signals: dict[str, list[Part]] = {}
    for signal, parts in found.items():
        name = new_names.get(signal, signal)
        if name:
            signals[name] = [*signals.get(name, []), *parts]
    twins: list[str] = []
    for signal, parts in signals.items():
        signals[signal] = _without_twins(parts, twins)
    if twins:
        more = f" and {len(twins) - 1} more are" if len(twins) > 1 else " is"
        remarks.append(f"{twins[0]}{more} left out: the same image is there with more bits")
    return Grouped(signals, remarks, refused)


def _new_names(settings: ImportSettings) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in settings.rename]
    wrong = [old + mark + new for old, mark, new in pairs if not (old and mark and new.strip())]
    if wrong:
        raise InputError(
            f"The new names of signals cannot be understood: {', '.join(wrong)}; write OLD=NEW, "
            "e.g. 'Map 12=Mg'."
        )
    return {old.strip(): new.strip() for old, _, new in pairs}


def _parts_of(one: ImageFile, images: list[Image]) -> list[tuple[str, Part]]:
    """Signal (empty if unknown) and part of each image of a file that was opened."""
    signals = [image.signal or image.acquisition.detector for image in images]
    repeated = Counter(signals)
    seen: Counter[str] = Counter()
    parts = []
    for number, (signal, image) in enumerate(zip(signals, images, strict=True)):
        seen[signal] += 1
        place = one.place
        if repeated[signal] > 1:  # the tiles of a mosaic in one file
            place = f"{place}/{seen[signal]:04d}"
        parts.append((signal, Part(place, one.file, number, image)))
    return parts


def _name_the_nameless(
    found: dict[str, list[Part]], nameless: list[Part], remarks: list[str]
) -> None:
    """Many alike that say nothing are tiles of the BSE image; otherwise each keeps its name."""
    if nameless and BSE not in found and (_alike(nameless) if len(nameless) > 1 else not found):
        found[BSE] = nameless
        what = f"{len(nameless)} images, e.g. {nameless[0].file.name}, do"
        if len(nameless) == 1:
            what = f"{nameless[0].file.name} does"
        remarks.append(f"{what} not say which signal it shows; taken for the BSE image")
        return
    for part in nameless:
        name = part.place.split("/")[-1]
        found[name].append(replace(part, place=""))


def _alike(parts: list[Part]) -> bool:
    """Tell whether images are tiles of one mosaic: of one size, and numbered or on the stage."""
    images = [part.image for part in parts if part.image is not None]
    one_shape = len({image.shape for image in images}) == 1
    numbered = len({re.sub(r"\d+", "#", part.place) for part in parts}) == 1
    on_stage = all(image.acquisition.stage_um is not None for image in images)
    return one_shape and (numbered or on_stage)


def _without_twins(parts: list[Part], left_out: list[str]) -> list[Part]:
    """Of images that stand there with 8 and with 16 or 32 bits, keep the deeper ones."""
    at: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        at[_plain(part.place)].append(part)
    kept: list[Part] = []
    for place, here in at.items():
        depths = [_depth(part) for part in here]
        if len(here) > 1 and len(set(depths)) == len(here):
            best = here[depths.index(max(depths))]
            left_out += [part.file.name for part in here if part is not best]
            kept.append(replace(best, place=place))
        else:
            kept += here
    return kept


def _plain(place: str) -> str:
    return re.sub(r"[\s_.\-]{2,}", "_", DEPTH.sub("", place)).strip(" _.-")


def _depth(part: Part) -> int:
    """Bits of a pixel as the name says, 0 where it says nothing."""
    return depth_of(part.file.stem) or 0
