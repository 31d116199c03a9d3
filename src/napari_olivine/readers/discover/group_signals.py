"""Which images are of which signal: by their folders and names, else by what the files say."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.base import BSE, DEPTH, Image, depth_of, plain
from napari_olivine.readers.discover.contents import Contents, ImageFile
from napari_olivine.readers.discover.filename_patterns import (
    PICTURES,
    in_short,
    pattern_of,
)
from napari_olivine.readers.formats import PAGE, holds_several, open_images
from napari_olivine.readers.signals import ImageRef, upsampling_factor

Kind = tuple[int, str]

ELECTRON = re.compile(r"ele[ck]tron|back ?scatter|ruckstreu|retrodiffus")
"""Names of images that electrons made, in small letters without accents."""

NAMELESS = 3
"""So many alike that say nothing keep their names; more are left out."""


@dataclass(frozen=True)
class SignalGroups:
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


def group_by_signal(contents: Contents, settings: ImportSettings, job: Job) -> SignalGroups:
    """Sort the images by their signals; files that do not say it by name are opened.

    Parameters
    ----------
    contents
        What lies in the folder.
    settings
        `rename` gives signals other names.
    job
        Running job.

    Returns
    -------
    SignalGroups
        The images of each signal, and what is left out.

    Raises
    ------
    InputError
        If `rename` cannot be understood.
    """
    new_names = _new_names(settings)
    by_signal: dict[str, list[ImageRef]] = defaultdict(list)
    nameless: list[ImageRef] = []
    refused = list(contents.unreadable)
    for done, one in enumerate(contents.images):
        named = bool(one.signal) and not holds_several(one.file, one.format)
        if not named or done % 256 == 0:
            job.progress(done, len(contents.images), "Looking into the folder")
        if named:
            by_signal[one.signal].append(ImageRef(one.place, one.file))
            continue
        try:
            images = open_images(one.file)
        except InputError as error:
            if one.signal:  # the step that needs it says what is wrong
                by_signal[one.signal].append(ImageRef(one.place, one.file))
            else:
                refused.append(str(error))
            continue
        for signal, ref in _refs_of(one, images):
            (by_signal[signal] if signal else nameless).append(ref)
    remarks = [f"{left_out}: left out" for left_out in contents.left_out]
    remarks += contents.remarks
    remarks += _name_the_nameless(by_signal, nameless)
    signals: dict[str, list[ImageRef]] = defaultdict(list)
    for signal, refs in by_signal.items():
        if name := new_names.get(signal, signal):
            signals[name] += refs
    shallow: list[Path] = []
    doubled: list[str] = []
    signals = {name: _without_twins(refs, shallow, doubled) for name, refs in signals.items()}
    if shallow:
        remarks.append(f"{in_short(shallow)} left out: the same image is there with more bits")
    return SignalGroups(signals, [*remarks, *doubled], refused)


def _new_names(settings: ImportSettings) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in settings.rename]
    wrong = [old + mark + new for old, mark, new in pairs if not (old and mark and new.strip())]
    if wrong:
        raise InputError(
            f"The new names of signals cannot be understood: {', '.join(wrong)}.",
            remedy="Write OLD=NEW, e.g. 'Map 12=Mg'.",
            setting="rename",
        )
    return {old.strip(): new.strip() for old, _, new in pairs}


def _refs_of(one: ImageFile, images: list[Image]) -> list[tuple[str, ImageRef]]:
    """Signal (empty if unknown) and ref of each image of a file that was opened.

    What the name of the file says holds for its only image; of several it says nothing.
    """
    signals = [image.signal or image.acquisition.detector for image in images]
    if one.signal and len(images) == 1:
        signals = [one.signal]
    elif one.signal:
        signals = [f"{one.signal} {name}" if name.startswith(PAGE) else name for name in signals]
    repeated = Counter(signals)
    seen: Counter[str] = Counter()
    refs = []
    for number, (signal, image) in enumerate(zip(signals, images, strict=True)):
        seen[signal] += 1
        place = one.place
        if repeated[signal] > 1:  # the tiles of a mosaic in one file
            place = f"{place}/{seen[signal]:04d}"
        refs.append((signal, ImageRef(place, one.file, number, image)))
    return refs


def _name_the_nameless(by_signal: dict[str, list[ImageRef]], nameless: list[ImageRef]) -> list[str]:
    """Many alike that say nothing are tiles of the BSE image; a few others keep their names.

    They are added to their signals; returned is what the person should know.
    """
    remarks = []
    families: dict[tuple[object, ...], list[ImageRef]] = defaultdict(list)
    for ref in nameless:
        families[_alike(ref)].append(ref)
    if BSE not in by_signal and (bse := _likely_bse(list(families.values()), by_signal)):
        by_signal[BSE] = bse
        subject = f"{bse[0].file.name} does not say which signal it shows"
        if len(bse) > 1:
            first = bse[0].file.name
            subject = f"{len(bse)} images, e.g. {first}, do not say which signal they show"
        remarks.append(f"{subject}; taken for the BSE image")
        families = {key: refs for key, refs in families.items() if refs is not bse}
    for refs in families.values():
        if len(refs) > NAMELESS:
            files = in_short([ref.file for ref in refs])
            remarks.append(f"{files} left out: they do not say which signal they show")
            continue
        for ref in refs:
            by_signal[ref.place.split("/")[-1]].append(replace(ref, place=""))
    return remarks


def _alike(ref: ImageRef) -> tuple[object, ...]:
    """Return what tiles of one mosaic share: their size, and names with numbers or the stage."""
    assert ref.image is not None
    on_stage = ref.image.acquisition.stage_um is not None
    return ref.image.shape, on_stage or pattern_of(ref.place)


def _likely_bse(
    families: list[list[ImageRef]], by_signal: dict[str, list[ImageRef]]
) -> list[ImageRef]:
    """Return the images that are the backscatter image, as nothing else can be."""
    called_electron = [one for one in families if ELECTRON.search(plain(one[0].file.stem))]
    families = sorted(called_electron or families, key=len, reverse=True)
    if not families or (len(families) > 1 and len(families[0]) == len(families[1])):
        return []
    first = families[0]
    if len(first) > 1 or not by_signal:
        return first
    others = [refs[0] for refs in by_signal.values() if len(refs) == 1]
    return first if others and _of_one_field(first[0], others[0]) else []


def _of_one_field(bse: ImageRef, other: ImageRef) -> bool:
    image = other.try_open()
    return (
        bse.image is None or image is None or bool(upsampling_factor(bse.image.shape, image.shape))
    )


def _without_twins(refs: list[ImageRef], shallow: list[Path], doubled: list[str]) -> list[ImageRef]:
    """Of an image that is there with several depths or in several formats keep the best."""
    at: dict[str, list[ImageRef]] = defaultdict(list)
    for ref in refs:
        at[_plain(ref.place)].append(ref)
    bits: dict[Kind, int] = {}
    kept: list[ImageRef] = []
    for place, here in at.items():
        kinds = {_kind(ref): ref for ref in here}
        if len(here) == 1 or len(kinds) < len(
            here
        ):  # it is unclear which is best: a later step decides
            kept += here
            continue
        if len({depth for depth, _ in kinds}) == len(here):
            best = kinds[max(kinds)]
            shallow += [ref.file for ref in here if ref is not best]
            kept.append(replace(best, place=place))
            continue
        for kind, ref in kinds.items():
            if kind not in bits:  # one of each kind tells
                image = ref.try_open()
                bits[kind] = image.dtype.itemsize if image is not None else 0
        best = kinds[max(kinds, key=lambda kind: (bits[kind], kind[1] not in PICTURES))]
        kept.append(best)
        rest = [ref.file for ref in here if ref is not best]
        doubled.append(f"{in_short(rest)} left out: {best.file.name} shows the same")
    return kept


def _kind(ref: ImageRef) -> Kind:
    """Bits of a pixel as the name says (0 where it says nothing), and the file's suffix."""
    return depth_of(ref.file.stem) or 0, ref.file.suffix.lower()


def _plain(place: str) -> str:
    return re.sub(r"[\s_.\-]{2,}", "_", DEPTH.sub("", place)).strip(" _.-")
