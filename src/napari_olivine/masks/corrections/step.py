"""The step `correct-mask`: corrections of the mask from files, or told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.masks import UNKNOWN_NAME
from napari_olivine.masks.corrections.correction import WORDS, Correction, Label
from napari_olivine.masks.corrections.journal import MaskCorrections, make_correction
from napari_olivine.masks.corrections.named_phases import phase_key, phases_of
from napari_olivine.masks.corrections.painting import correct_mask, missing_words
from napari_olivine.masks.corrections.settings import CorrectMaskSettings
from napari_olivine.polygons import Polygon, read_geojson, refuse_faults
from napari_olivine.section import Section

Said = tuple[Label, str]
"""Label of a correction, and the name of the phase."""

LABELS: dict[str, Said] = {
    "olivine": ("olivine", ""), "not olivine": ("other", ""), "other": ("other", ""),
}  # fmt: skip
"""What is no name of another phase."""


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
        If a file is no GeoJSON, a polygon cannot be used or has no class, or the mask that is there
        does not tell a phase.
    SectionError
        If the mask is being made right now; the corrections are stored then.
    """
    settings, job = settings or CorrectMaskSettings(), job or Job()
    section.require("images")
    corrections = MaskCorrections(section)
    known = _known_phases(section)
    new: list[Correction] = []
    if settings.olivine is not None:
        new += _read(section, settings.olivine, ("olivine", ""), "olivine", job)
    if settings.other is not None:
        new += _read(section, settings.other, ("other", ""), "other", job)
    for name, file in settings.phase:
        new += _read(section, file, _said(name, known, "phase"), "phase", job)
    for file in settings.classes:
        new += _read_classes(section, file, known, job)
    if settings.clear:
        corrections.replace(new)
    elif new:
        corrections.add(new)
    product = correct_mask(section, job)
    _tell(corrections, job)
    if product is None:
        job.say("There is no mask yet: they are painted over it when it is made.")
    elif told := product.notes.get("corrections"):
        more = {"olivine": told["olivine_px"], **told.get("phases_px", {})}
        changes = ", ".join(f"{count:+d} pixels of {name}" for name, count in more.items())
        job.say(f"They hold {told['corrected_px']} pixels; the mask has {changes} by them.")
        if missing := told.get("missing_phases"):
            job.warn(missing_words(missing))
    return corrections


def _tell(corrections: MaskCorrections, job: Job) -> None:
    """Say how many corrections there are of each kind."""
    edits = corrections.edits
    for label in ("olivine", "other"):
        count = sum(one.says == WORDS[label] for one in edits)
        job.say(f"{count} corrections say {WORDS[label]}.")
    for name, count in corrections.phases().items():
        job.say(f"{count} corrections say {name}.")


def _known_phases(section: Section) -> list[str] | None:
    """Return the names of the phases that the mask tells; `None` where there is no mask yet."""
    product = section.product("mask")
    return None if product is None else [one.name for one in phases_of(product.notes)]


def _said(name: str, known: Sequence[str] | None, setting: str, file: Path | str = "") -> Said:
    """Return what a name stands for; a phase is called as the mask calls it."""
    key = phase_key(name)
    if key in LABELS:
        return LABELS[key]
    if known is None and key and key != UNKNOWN_NAME:
        return "other", " ".join(name.split())
    for one in known or ():
        if phase_key(one) == key:
            return "other", one
    place = f"{file}: " if file else ""
    there = ["olivine", WORDS["other"], *(known or ())]
    raise InputError(
        f"{place}The mask tells no phase {name!r}; it has {', '.join(there)}.",
        remedy="Name one of these, or make the mask with a rule book that has the phase: "
        "{step:mask}.",
        setting=setting,
        file=file,
        expected=", ".join(there),
    )


def _read(section: Section, file: Path, said: Said, setting: str, job: Job) -> list[Correction]:
    return [_correction(said, one) for one in _polygons(section, file, setting, job)]


def _read_classes(
    section: Section, file: Path, known: Sequence[str] | None, job: Job
) -> list[Correction]:
    """Read polygons whose classes say what is there."""
    polygons = _polygons(section, file, "classes", job)
    if without := [one.name for one in polygons if not one.classification.strip()]:
        raise InputError(
            f"{file}: {', '.join(without[:5])}{' ...' if len(without) > 5 else ''}: no class says "
            "what is there.",
            remedy="Give each annotation a class in QuPath, e.g. Olivine or Plagioclase, and "
            "export it again; or name the phase of a whole file as {setting:phase}.",
            setting="classes",
            file=file,
        )
    return [_correction(_said(one.classification, known, "classes", file), one) for one in polygons]


def _polygons(section: Section, file: Path, setting: str, job: Job) -> list[Polygon]:
    polygons, other = read_geojson(file, setting, "polygon")
    if other:
        job.warn(f"{file}: {other} of its objects are no polygons and left out.")
    remedy = "Correct it where it was drawn, and export it again; coordinates are pixels."
    refuse_faults(polygons, section.shape, section.pixel_size_um, file, remedy, setting)
    return polygons


def _correction(said: Said, polygon: Polygon) -> Correction:
    label, phase = said
    rings = [ring.tolist() for ring in polygon.rings]
    return make_correction(label=label, phase=phase, tool="file", rings=rings)
