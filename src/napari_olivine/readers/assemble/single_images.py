"""Signals of one image each: which of their images show the field of the BSE image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.base import Acquisition, Image, SignalReader, raise_if_any
from napari_olivine.readers.discover import BSE, is_wanted, pattern_of
from napari_olivine.readers.signals import (
    SAME_PIXEL,
    Part,
    UpsampledSignal,
    WholeImage,
    another_size,
    repeated,
    times_finer,
)
from napari_olivine.readers.submaps import UnplacedSignal

NOT_ONE_FIELD = (
    "cannot be imported; export all signals of one field (or with the same tiles), or name the "
    "signals to take (--signals)"
)
"""What to do about maps that show something else than BSE."""


def read_one_field(
    folder: Path, chosen: dict[str, list[Part]], settings: ImportSettings
) -> tuple[dict[str, SignalReader], Acquisition, list[str], list[UnplacedSignal]]:
    """Read signals of one image each; what shows another field than BSE is returned apart."""
    images: dict[str, Image] = {}
    unlaid: list[UnplacedSignal] = []
    wrong: list[str] = []
    remarks: list[str] = []
    bse = chosen[BSE][0]
    for name, parts in chosen.items():
        fit, why_not = _fitting(name, parts, bse, images.get(BSE))
        if not fit:
            if name == BSE:
                wrong.append(why_not)
            elif is_wanted(name, settings):
                unlaid.append(UnplacedSignal(name, parts, why_not))
            else:
                remarks.append(f"left out: {why_not}")
            continue
        order = sorted(fit, key=lambda each: _nearness(each[0], each[1], bse), reverse=True)
        best = order[0]
        if len(fit) > 1 and len({_nearness(part, image, bse) for part, image in order[:2]}) == 1:
            wrong.append(_several(name, parts))
            continue
        images[name] = best[1]
        if rest := [part.file.relative_to(folder) for part in parts if part is not best[0]]:
            more = f" and {len(rest) - 1} more" if len(rest) > 1 else ""
            taken = best[0].file.relative_to(folder)
            remarks.append(
                f"of {len(parts)} images of {name} {taken} is taken, not {rest[0]}{more}"
            )
    raise_if_any([*wrong, *(one.why for one in unlaid if wrong)], f"{folder} {NOT_ONE_FIELD}")
    shape = images[BSE].shape
    readers: dict[str, SignalReader] = {}
    for name, image in images.items():
        readers[name] = WholeImage(name, image)
        remarks += [f"{image.file.name}: {told}" for told in image.remarks]
        if image.shape != shape:
            readers[name] = UpsampledSignal(readers[name], shape)
            remarks.append(repeated(name, image.shape, shape))
    acquisition, disagreeing = agree(images, folder, settings)
    return readers, acquisition, remarks + disagreeing, unlaid


def _fitting(
    name: str, parts: list[Part], bse: Part, bse_image: Image | None
) -> tuple[list[tuple[Part, Image]], str]:
    """Return the images of a signal that can be laid over the BSE image, or why none can."""
    places = {part.place for part in parts}
    if len({pattern_of(place) for place in places}) < len(places) and bse.place not in places:
        return [], _several(name, parts)
    fit: list[tuple[Part, Image]] = []
    told = ""
    for part in parts:
        try:
            image = part.open()
            why_not = _why_not(name, image, bse_image or image)
        except InputError as error:
            why_not = str(error)
        if not why_not:
            fit.append((part, image))
        told = told or why_not
    return fit, told


def _several(name: str, parts: list[Part]) -> str:
    return (
        f"{name} has {len(parts)} images ({parts[0].file.name}, {parts[1].file.name}"
        f"{', ...' if len(parts) > 2 else ''}) and BSE has one"
    )


def _nearness(part: Part, image: Image, bse: Part) -> tuple[bool, bool, bool, int]:
    """Larger for the image that rather belongs to the BSE image: by place, counts before wt%."""
    return (
        part.place == bse.place,
        part.file.parent == bse.file.parent,
        image.dtype.kind == "u",
        image.dtype.itemsize,
    )


def _why_not(name: str, image: Image, bse: Image) -> str:
    """Say why an image cannot be laid over the BSE image; nothing if it can."""
    if image.shape == bse.shape:
        return ""
    times = times_finer(bse.shape, image.shape)
    said = (
        f"{image.file.name} is not aligned with BSE: it has {image.shape[0]} x {image.shape[1]} "
        f"px, BSE has {bse.shape[0]} x {bse.shape[1]} px (rows x columns)"
    )
    if times is None:
        return said
    size, bse_size = image.acquisition.pixel_size_um, bse.acquisition.pixel_size_um
    told = another_size(name, size, bse_size, times[0])
    return f"{said}; {told}" if told else ""


def agree(
    images: dict[str, Image], folder: Path, settings: ImportSettings
) -> tuple[Acquisition, list[str]]:
    """Return what the images say of their acquisition, BSE first, and where they disagree."""
    bse = images[BSE]
    acquisition = bse.acquisition
    told = {
        name: image.acquisition.pixel_size_um * image.shape[1] / bse.shape[1]
        for name, image in images.items()
        if image.acquisition.pixel_size_um
    }
    remarks = []
    if acquisition.pixel_size_um is None and told:
        acquisition = replace(acquisition, pixel_size_um=next(iter(told.values())))
    apart = bool(told) and max(told.values()) > (1 + SAME_PIXEL) * min(told.values())
    if settings.pixel_size_um is None and apart:
        listed = ", ".join(f"{name} {size:.4g}" for name, size in told.items())
        remarks.append(
            f"the files do not agree on the size of a pixel ({listed} um); "
            f"{acquisition.pixel_size_um:.4g} um is taken, set the pixel size if that is wrong"
        )
    voltages = [image.acquisition.accelerating_voltage_kv for image in images.values()]
    if acquisition.accelerating_voltage_kv is None:
        known = next((voltage for voltage in voltages if voltage), None)
        acquisition = replace(acquisition, accelerating_voltage_kv=known)
    return acquisition, remarks
