"""Which images are of which signal: by their folders and names, else by what the files say."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.base import DEPTH, Image, depth_of, plain
from napari_olivine.readers.discover.contents import Contents, ImageFile
from napari_olivine.readers.discover.filename_patterns import (
    PICTURES,
    in_short,
    keep_image,
    pattern_of,
)
from napari_olivine.readers.discover.select_signals import BSE
from napari_olivine.readers.formats import open_images
from napari_olivine.readers.signals import ImageRef, times_finer

Kind = tuple[int, str]

ELECTRON = re.compile(r"ele[ck]tron|back ?scatter|ruckstreu|retrodiffus")
"""Names of images that electrons made, in small letters without accents."""

NAMELESS = 3
"""So many alike that say nothing keep their names; more are left out."""


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

    signals: dict[str, list[ImageRef]]
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
    found: dict[str, list[ImageRef]] = defaultdict(list)
    nameless: list[ImageRef] = []
    refused = list(contents.unreadable)
    for done, one in enumerate(contents.images):
        if one.signal and not one.format.container:
            if done % 256 == 0:
                job.progress(done, len(contents.images), "Looking into the folder")
            found[one.signal].append(ImageRef(one.place, one.file))
            continue
        job.progress(done, len(contents.images), "Looking into the folder")
        try:
            images = open_images(one.file)
        except InputError as error:
            refused.append(str(error))
            continue
        for signal, part in _parts_of(one, images):
            (found[signal] if signal else nameless).append(part)
    remarks = [f"{told}: left out" for told in contents.left_out]
    remarks += contents.remarks
    _name_the_nameless(found, nameless, remarks)
    signals: dict[str, list[ImageRef]] = {}
    for signal, parts in found.items():
        name = new_names.get(signal, signal)
        if name:
            signals[name] = [*signals.get(name, []), *parts]
    shallow: list[Path] = []
    doubled: list[str] = []
    for signal, parts in signals.items():
        signals[signal] = _without_twins(parts, shallow, doubled)
    if shallow:
        remarks.append(f"{in_short(shallow)} left out: the same image is there with more bits")
    return Grouped(signals, [*remarks, *doubled], refused)


def _new_names(settings: ImportSettings) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in settings.rename]
    wrong = [old + mark + new for old, mark, new in pairs if not (old and mark and new.strip())]
    if wrong:
        raise InputError(
            f"The new names of signals cannot be understood: {', '.join(wrong)}; write OLD=NEW, "
            "e.g. 'Map 12=Mg'."
        )
    return {old.strip(): new.strip() for old, _, new in pairs}


def _parts_of(one: ImageFile, images: list[Image]) -> list[tuple[str, ImageRef]]:
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
        parts.append((signal, ImageRef(place, one.file, number, image)))
    return parts


def _name_the_nameless(
    found: dict[str, list[ImageRef]], nameless: list[ImageRef], remarks: list[str]
) -> None:
    """Many alike that say nothing are tiles of the BSE image; a few others keep their names."""
    families: dict[tuple[object, ...], list[ImageRef]] = defaultdict(list)
    for part in nameless:
        families[_alike(part)].append(part)
    if BSE not in found and (bse := _likely_bse(list(families.values()), found)):
        found[BSE] = bse
        what = f"{bse[0].file.name} does not say which signal it shows"
        if len(bse) > 1:
            what = f"{len(bse)} images, e.g. {bse[0].file.name}, do not say which signal they show"
        remarks.append(f"{what}; taken for the BSE image")
        families = {key: parts for key, parts in families.items() if parts is not bse}
    for parts in families.values():
        if len(parts) > NAMELESS:
            files = [part.file for part in parts]
            remarks.append(f"{in_short(files)} left out: they do not say which signal they show")
            continue
        for part in parts:
            name = part.place.split("/")[-1]
            found[name].append(replace(part, place=""))


def _alike(part: ImageRef) -> tuple[object, ...]:
    """Return what tiles of one mosaic share: their size, and names with numbers or the stage."""
    assert part.image is not None
    on_stage = part.image.acquisition.stage_um is not None
    return part.image.shape, on_stage or pattern_of(part.place)


def _likely_bse(families: list[list[ImageRef]], found: dict[str, list[ImageRef]]) -> list[ImageRef]:
    """Return the images that are the backscatter image, as nothing else can be."""
    called_electron = [one for one in families if ELECTRON.search(plain(one[0].file.stem))]
    families = sorted(called_electron or families, key=len, reverse=True)
    if not families or (len(families) > 1 and len(families[0]) == len(families[1])):
        return []
    first = families[0]
    if len(first) > 1 or not found:
        return first
    others = [parts[0] for parts in found.values() if len(parts) == 1]
    return first if others and _of_one_field(first[0], others[0]) else []


def _of_one_field(bse: ImageRef, other: ImageRef) -> bool:
    image = keep_image(other).image
    return bse.image is None or image is None or bool(times_finer(bse.image.shape, image.shape))


def _without_twins(
    parts: list[ImageRef], shallow: list[Path], doubled: list[str]
) -> list[ImageRef]:
    """Of an image that is there with several depths or in several formats keep the best."""
    at: dict[str, list[ImageRef]] = defaultdict(list)
    for part in parts:
        at[_plain(part.place)].append(part)
    bits: dict[Kind, int] = {}
    kept: list[ImageRef] = []
    for place, here in at.items():
        kinds = {_kind(part): part for part in here}
        if len(here) == 1 or len(kinds) < len(here):  # not told apart: another step asks
            kept += here
            continue
        if len({depth for depth, _ in kinds}) == len(here):
            best = kinds[max(kinds)]
            shallow += [part.file for part in here if part is not best]
            kept.append(replace(best, place=place))
            continue
        for kind, part in kinds.items():
            if kind not in bits:  # one of each kind tells
                image = keep_image(part).image
                bits[kind] = image.dtype.itemsize if image is not None else 0
        best = kinds[max(kinds, key=lambda kind: (bits[kind], kind[1] not in PICTURES))]
        kept.append(best)
        rest = [part.file for part in here if part is not best]
        doubled.append(f"{in_short(rest)} left out: {best.file.name} shows the same")
    return kept


def _kind(part: ImageRef) -> Kind:
    """Bits of a pixel as the name says (0 where it says nothing), and the file's suffix."""
    return depth_of(part.file.stem) or 0, part.file.suffix.lower()


def _plain(place: str) -> str:
    return re.sub(r"[\s_.\-]{2,}", "_", DEPTH.sub("", place)).strip(" _.-")
