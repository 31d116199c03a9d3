"""The step `segment`: a network's probability of olivine over a section, and the threshold."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from napari_olivine.errors import InputError, SectionError
from napari_olivine.inference.settings import SegmentSettings
from napari_olivine.job import Job
from napari_olivine.networks import ModelCard, read_card
from napari_olivine.networks.card import CARD, WEIGHTS
from napari_olivine.section import Product, Section, blocks, create_raster, strip_height
from napari_olivine.section.recipe import fingerprint_of_bytes
from napari_olivine.settings import Settings

PIXEL_SIZE_TOLERANCE = 0.05
"""A network knows textures at the pixel size it was trained at; so much off is harmless."""


def segment(
    section: Section, settings: SegmentSettings | None = None, job: Job | None = None
) -> Product:
    """Apply a model to the whole section.

    Makes two products: ``probability/olivine`` (uint8, 255 is 1.0) and, from that and the
    threshold alone, ``segmentation/olivine`` (uint8, 1 where probability >= threshold). Another
    threshold does not run the network again.

    Parameters
    ----------
    section
        Section with ``images``.
    settings
        Which model, windows, blending and threshold.
    job
        Running job.

    Returns
    -------
    Product
        The segmentation.

    Raises
    ------
    SectionError
        If the images or the model are missing or out of date.
    InputError
        If the model folder is damaged, or made for another pixel size or grey type.
    """
    settings = settings or SegmentSettings()
    job = job or Job()
    make_probability(section, settings, job)
    return _make_segmentation(section, settings, job)


def make_probability(section: Section, settings: SegmentSettings, job: Job) -> Product:
    """Make the product ``probability`` unless it is up to date."""
    name, folder = find_model(section, settings.model)
    card = read_card(folder)
    check_fits(card, folder, section)
    inputs = ["images"] + ([name] if name else [])
    if card.normalisation.align == "session":
        inputs.append("annotations/sessions")
    recipe = section.recipe(
        "segment",
        _Probability(
            model=name or str(folder),
            window_px=settings.window_px,
            overlap_px=settings.overlap_px,
            blend=settings.blend,
        ),
        inputs,
        extra={} if name else {"source/model": _fingerprint(folder)},
    )
    if done := section.finished("probability", recipe, job):
        return done

    from napari_olivine.inference.predict import predict_into

    with section.draft("probability", recipe, job) as draft:
        raster = create_raster(
            draft.path / "olivine",
            section.shape,
            "uint8",
            section.pixel_size_um,
            reduction="mean",
            origin=f"probability of olivine by {card.network}, 255 is 1.0",
        )
        predict_into(raster, section, folder, settings, draft, job)
        raster.build_pyramid(job)
        draft.notes.update(model=name or str(folder), network=card.network)
    return section.require("probability")


def find_model(section: Section, model: str) -> tuple[str, Path]:
    """Find a model by its name in the section, by its folder, or the newest of the section.

    Returns
    -------
    name
        Name of the product, empty for a folder outside the section.
    folder
        Where it lies.

    Raises
    ------
    SectionError
        If there is none.
    """
    if model:
        name = f"models/{model}"
        if section.product(name) is not None:
            return name, section.path / name
        folder = Path(model).expanduser()
        if folder.is_dir():
            return "", folder.resolve()
    models = [product for product in section.products() if product.name.startswith("models/")]
    if not models:
        wanted = f"no model {model!r} and no folder of that name" if model else "no model yet"
        raise SectionError(
            f"{section.path} has {wanted}: run 'napari-olivine train' first, or give a model's "
            "folder."
        )
    if model:
        there = ", ".join(product.name.removeprefix("models/") for product in models)
        raise SectionError(
            f"{section.path} has no model {model!r}, and there is no such folder; it has {there}."
        )
    newest = max(models, key=lambda product: product.created)
    return newest.name, newest.path


def check_fits(card: ModelCard, folder: Path, section: Section) -> None:
    """Refuse a section that looks different from what the model was trained on.

    Raises
    ------
    InputError
        If pixel size or type of grey differ.
    """
    ratio = section.pixel_size_um / card.pixel_size_um
    if abs(ratio - 1) > PIXEL_SIZE_TOLERANCE:
        raise InputError(
            f"The model {folder} was trained at {card.pixel_size_um:g} um a pixel, this section "
            f"has {section.pixel_size_um:g}: train a model at this pixel size, or import the "
            "section at the model's."
        )
    grey_type = str(section.raster("images", "BSE").dtype)
    if grey_type != card.grey_type:
        raise InputError(
            f"The model {folder} was trained on BSE images of type {card.grey_type}, this "
            f"section's are {grey_type}: train a model on such images."
        )


def _compare_threshold(section: Section, settings: SegmentSettings, job: Job) -> None:
    """Tell when another threshold was clearly better on the model's validation session."""
    card = read_card(find_model(section, settings.model)[1])
    at_published, best = card.scores.get("iou_0.1", 0.0), card.scores.get("iou_best", 0.0)
    if settings.threshold == PUBLISHED_THRESHOLD and best - at_published > WORTH_SAYING:
        job.say(
            f"On its validation session the model is better at threshold {card.best_threshold:.2f} "
            f"(IoU {best:.2f}) than at {settings.threshold:g} (IoU {at_published:.2f}); longer "
            "training narrows the gap."
        )


PUBLISHED_THRESHOLD = 0.1
WORTH_SAYING = 0.02


class _Probability(Settings):
    """The settings that decide on the probability."""

    model: str
    window_px: int
    overlap_px: int
    blend: str


def _fingerprint(folder: Path) -> str:
    return fingerprint_of_bytes((folder / CARD).read_bytes() + (folder / WEIGHTS).read_bytes())


class _Threshold(Settings):
    """The setting that decides on the segmentation."""

    threshold: float


def _make_segmentation(section: Section, settings: SegmentSettings, job: Job) -> Product:
    recipe = section.recipe("segment", _Threshold(threshold=settings.threshold), ["probability"])
    if done := section.finished("segmentation", recipe, job):
        return done
    _compare_threshold(section, settings, job)
    lowest = math.ceil(settings.threshold * 255 - 1e-9)
    with section.draft("segmentation", recipe, job) as draft:
        probability = section.raster("probability", "olivine")
        raster = create_raster(
            draft.path / "olivine",
            section.shape,
            "uint8",
            section.pixel_size_um,
            reduction="mode",
            origin=f"1 where the probability of olivine is at least {settings.threshold:g}",
        )
        for rows, columns in draft.pending(
            blocks(section.shape, strip_height(job, 4 * section.shape[1])), "Thresholding"
        ):
            olivine = probability.read(rows, columns) >= lowest
            raster.write(rows.start, 0, olivine.astype(np.uint8))
        raster.build_pyramid(job)
        found = 0
        for rows, columns in blocks(section.shape, strip_height(job, section.shape[1])):
            job.check()
            found += int(np.count_nonzero(raster.read(rows, columns)))
        draft.notes["olivine_percent"] = round(100 * found / math.prod(section.shape), 3)
    return section.require("segmentation")
