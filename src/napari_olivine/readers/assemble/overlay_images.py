"""Signals of one image each: which of their images show the field of the BSE image."""

from __future__ import annotations

from dataclasses import replace

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble.identify import Identified
from napari_olivine.readers.assemble.overlaid import OTHER_FIELDS, Overlaid
from napari_olivine.readers.assemble.pixel_size_question import statements_of
from napari_olivine.readers.base import Acquisition, Image, PixelSize, SignalReader, raise_if_any
from napari_olivine.readers.discover import is_wanted, pattern_of
from napari_olivine.readers.formats.metadata import preferred
from napari_olivine.readers.signals import (
    SAME_PIXEL,
    ImageRef,
    WholeImage,
    has_other_size,
    over_section,
    upsample,
    upsampling_factor,
)
from napari_olivine.readers.submaps import UnplacedSignal


def overlay_images(identified: Identified, settings: ImportSettings, job: Job) -> Overlaid:
    """Lay signals of one image each over the BSE image.

    Parameters
    ----------
    identified
        Images of each signal, one of BSE; of several of another signal the nearest is taken.
    settings
        Settings of the import.
    job
        Running job.

    Returns
    -------
    Overlaid
        A reader of each signal; images that show another field than BSE apart.

    Raises
    ------
    InputError
        If BSE cannot be opened, or it is unclear which image of a signal belongs to it.
    """
    folder, images = identified.folder, identified.images
    chosen: dict[str, Image] = {}
    unplaced: list[UnplacedSignal] = []
    wrong: list[str] = []
    remarks: list[str] = []
    reference = identified.reference
    bse = images[reference][0]
    for name, refs in images.items():
        job.check()
        fitting, why_not = _fitting(name, refs, reference, bse, chosen.get(reference))
        if not fitting:
            if name == reference:
                wrong.append(why_not)
            elif is_wanted(name, settings):
                unplaced.append(UnplacedSignal(name, refs, why_not))
            else:
                remarks.append(f"left out: {why_not}")
            continue
        order = sorted(fitting, key=lambda pair: _nearness(pair[0], pair[1], bse), reverse=True)
        near = [_nearness(ref, image, bse) for ref, image in order[:2]]
        if len(near) > 1 and near[0] == near[1]:
            wrong.append(_several(name, refs, reference))
            continue
        best, chosen[name] = order[0]
        if rest := [ref.file.relative_to(folder) for ref in refs if ref is not best]:
            more = f" and {len(rest) - 1} more" if len(rest) > 1 else ""
            remarks.append(
                f"of {len(refs)} images of {name} {best.file.relative_to(folder)} is taken, not "
                f"{rest[0]}{more}"
            )
    if wrong:
        wrong += [one.why for one in unplaced]
    raise_if_any(wrong, f"{folder} {OTHER_FIELDS}", file=folder)
    shape = chosen[reference].shape
    signals: dict[str, SignalReader] = {}
    for name, image in chosen.items():
        signals[name] = over_section(WholeImage(name, image), shape)
        remarks += [f"{image.file.name}: {remark}" for remark in image.remarks]
        remarks += upsample(name, image.shape, shape, reference)
    acquisition, disagreeing = _common(chosen, settings)
    return Overlaid(signals, acquisition, unplaced, remarks + disagreeing)


def _fitting(
    name: str, refs: list[ImageRef], reference: str, bse: ImageRef, bse_image: Image | None
) -> tuple[list[tuple[ImageRef, Image]], str]:
    """Return the images of a signal that can be laid over the BSE image, or why none can."""
    places = {ref.place for ref in refs}
    if len({pattern_of(place) for place in places}) < len(places) and bse.place not in places:
        return [], _several(name, refs, reference)
    fitting: list[tuple[ImageRef, Image]] = []
    first_reason = ""
    for ref in refs:
        try:
            image = ref.open()
            why_not = _why_not(name, image, reference, bse_image or image)
        except InputError as error:
            why_not = str(error)
        if not why_not:
            fitting.append((ref, image))
        first_reason = first_reason or why_not
    return fitting, first_reason


def _several(name: str, refs: list[ImageRef], reference: str) -> str:
    return (
        f"{name} has {len(refs)} images ({refs[0].file.name}, {refs[1].file.name}"
        f"{', ...' if len(refs) > 2 else ''}) and {reference} has one"
    )


def _nearness(ref: ImageRef, image: Image, bse: ImageRef) -> tuple[bool, bool, bool, int]:
    """Larger for the image that rather belongs to the BSE image: by place, counts before wt%."""
    return (
        ref.place == bse.place,
        ref.file.parent == bse.file.parent,
        image.dtype.kind == "u",
        image.dtype.itemsize,
    )


def _why_not(name: str, image: Image, reference: str, bse: Image) -> str:
    """Say why an image cannot be laid over the BSE image; nothing if it can."""
    if image.shape == bse.shape:
        return ""
    times = upsampling_factor(bse.shape, image.shape)
    shapes = (
        f"{image.file.name} is not aligned with {reference}: it has {image.shape[0]} x "
        f"{image.shape[1]} px, {reference} has {bse.shape[0]} x {bse.shape[1]} px (rows x columns)"
    )
    if times is None:
        return shapes
    size, bse_size = image.acquisition.pixel_size_um, bse.acquisition.pixel_size_um
    wrong_size = has_other_size(name, size, bse_size, times[0])
    return f"{shapes}; {wrong_size}" if wrong_size else ""


def _every_statement(
    acquisition: Acquisition, images: dict[str, Image], columns: int
) -> tuple[PixelSize, ...]:
    """Return the statements of the reference, and what the other signals measured."""
    every = list(statements_of(acquisition))
    for name, image in list(images.items())[1:]:
        for one in statements_of(image.acquisition)[:1]:
            if not one.measured:
                continue
            size_um = one.size_um * image.shape[1] / columns
            every.append(replace(one, size_um=size_um, source=f"{one.source} (of {name})"))
    # What was measured goes before a resolution in dots an inch.
    return tuple(sorted(every, key=lambda one: not one.measured))


def _common(images: dict[str, Image], settings: ImportSettings) -> tuple[Acquisition, list[str]]:
    """Return what the images say of their acquisition, BSE first, and where they disagree."""
    bse = next(iter(images.values()))
    acquisition = bse.acquisition
    sizes = {
        name: image.acquisition.pixel_size_um * image.shape[1] / bse.shape[1]
        for name, image in images.items()
        if image.acquisition.pixel_size_um
    }
    remarks = []
    if acquisition.pixel_size_um is None and sizes:
        name, size_um = next(iter(sizes.items()))
        source = f"{images[name].acquisition.pixel_source} (of {name})".removeprefix(" ")
        acquisition = replace(acquisition, pixel_size_um=size_um, pixel_source=source)
    apart = bool(sizes) and max(sizes.values()) > (1 + SAME_PIXEL) * min(sizes.values())
    # Where a person says it, the other signals need not agree.
    others = images if settings.pixel_size_um is None else {}
    if every := _every_statement(acquisition, others, bse.shape[1]):
        acquisition = replace(acquisition, **preferred(every))
    if settings.pixel_size_um is None and apart:
        listed = ", ".join(f"{name} {size:.4g}" for name, size in sizes.items())
        remarks.append(
            f"the files do not agree on the size of a pixel ({listed} um); "
            f"{acquisition.pixel_size_um:.4g} um is taken (by {acquisition.pixel_source}); set the "
            "pixel size if that is wrong"
        )
    if acquisition.accelerating_voltage_kv is None:
        voltages = (image.acquisition.accelerating_voltage_kv for image in images.values())
        known = next((voltage for voltage in voltages if voltage), None)
        acquisition = replace(acquisition, accelerating_voltage_kv=known)
    return acquisition, remarks
