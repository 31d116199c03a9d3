"""The step `correct-mask`: corrections of the mask from files, or told."""

from __future__ import annotations

from pathlib import Path

from napari_olivine.job import Job
from napari_olivine.masks.corrections.correction import WORDS, Correction, Label
from napari_olivine.masks.corrections.journal import MaskCorrections, make_correction
from napari_olivine.masks.corrections.painting import correct_mask
from napari_olivine.masks.corrections.settings import CorrectMaskSettings
from napari_olivine.polygons import read_geojson, refuse_faults
from napari_olivine.section import Section


def correct_by_file(
    section: Section, settings: CorrectMaskSettings | None = None, job: Job | None = None
) -> MaskCorrections:
    """Correct the mask by polygons of files, on top of the corrections that are there.

    Nothing changes if a file cannot be used. A mask that is there is corrected at once; one that is
    made later is corrected then.

    Parameters
    ----------
    section
        Section with images.
    settings
        See :class:`CorrectMaskSettings`; with none of them the corrections are told.
    job
        Running job.

    Returns
    -------
    MaskCorrections
        All corrections.

    Raises
    ------
    InputError
        If a file is no GeoJSON, or a polygon cannot be used.
    SectionError
        If the mask is being made right now; the corrections are stored then.
    """
    settings, job = settings or CorrectMaskSettings(), job or Job()
    section.require("images")
    corrections = MaskCorrections(section)
    new: list[Correction] = []
    labels: tuple[Label, ...] = ("olivine", "other")
    for label, file in zip(labels, (settings.olivine, settings.other), strict=True):
        if file is not None:
            new += _read(section, file, label, job)
    if settings.clear:
        corrections.replace(new)
    elif new:
        corrections.add(new)
    product = correct_mask(section, job)
    for label in labels:
        count = sum(one.label == label for one in corrections.edits)
        job.say(f"{count} corrections say {WORDS[label]}.")
    if product is None:
        job.say("There is no mask yet: they are painted over it when it is made.")
    elif "corrections" in product.notes:
        told = product.notes["corrections"]
        job.say(
            f"They hold {told['corrected_px']} pixels; the mask has {told['olivine_px']:+d} pixels "
            "of olivine by them."
        )
    return corrections


def _read(section: Section, file: Path, label: Label, job: Job) -> list[Correction]:
    polygons, other = read_geojson(file, label, WORDS[label])
    if other:
        job.warn(f"{file}: {other} of its objects are no polygons and left out.")
    remedy = "Correct it where it was drawn, and export it again; coordinates are pixels."
    refuse_faults(polygons, section.shape, section.pixel_size_um, file, remedy, label)
    return [
        make_correction(label=label, tool="file", rings=[ring.tolist() for ring in one.rings])
        for one in polygons
    ]
