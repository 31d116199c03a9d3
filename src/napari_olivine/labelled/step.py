"""The step: a folder of images and masks becomes a section with a mask."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_olivine.errors import InputError, SectionError
from napari_olivine.job import Job
from napari_olivine.labelled.class_table import fingerprint_of_classes, named_classes
from napari_olivine.labelled.classes import LabelClasses, found_classes
from napari_olivine.labelled.label_keys import words_of
from napari_olivine.labelled.layout import ORDER, Layout, lay_out
from napari_olivine.labelled.opened import (
    OpenedPair,
    fingerprint_of_files,
    open_pairs,
    pixel_size,
)
from napari_olivine.labelled.pair_table import read_pair_table
from napari_olivine.labelled.pairs import Pair, find_pairs, require_whole_roles
from napari_olivine.labelled.roles import with_roles
from napari_olivine.labelled.settings import ImportLabelsSettings
from napari_olivine.labelled.survey import Survey, survey
from napari_olivine.labelled.write import write_images, write_labels
from napari_olivine.section import Recipe, Section, SectionRecord

STEP = "import-labels"


def import_labels(
    source: Path | str,
    section: Path | str,
    settings: ImportLabelsSettings | None = None,
    job: Job | None = None,
) -> Section:
    """Import images with masks into a section.

    Products: ``images`` (all images in one mosaic, apart from each other, each a tile) and ``mask``
    (``olivine``: 1 the class of interest, 0 another class, 255 no label; ``phases``: the code of
    each class). The annotation ``sessions`` has a session for each role; it is written when the
    images are.

    Parameters
    ----------
    source
        Folder of images and masks, see `find_pairs`, or a table, see `read_pair_table`.
    section
        Folder of the section, new or from an earlier run of the same import.
    settings
        What the files do not say themselves.
    job
        Running job. Its seed draws the roles where nothing says them.

    Returns
    -------
    Section
        The imported section.

    Raises
    ------
    InputError
        If the source cannot be used; nothing is written then.
    SectionError
        If the folder holds something else.
    """
    settings, job = settings or ImportLabelsSettings(), job or Job()
    source, folder = Path(source).resolve(), Path(section).resolve()
    pairs = _find(source, settings, job)
    classes = named_classes(settings.classes)
    given = fingerprint_of_files(pairs, source if source.is_dir() else source.parent)
    images_by = settings.model_dump(mode="json", include={"pixel_size_um", "gap_px"})
    images = Recipe(STEP, images_by, {"source": given})
    if there := _finished(folder, images, settings, given, job):
        return there
    opened = open_pairs(pairs, source, job)
    masks = [one.labels for one in opened if one.labels is not None]
    seen = survey(masks, classes, job, refuse=settings.others == "refuse")
    classes = (classes or _tell_found(seen, job)).with_target(settings.target)
    _require_target(seen, classes)
    size = pixel_size(opened, settings.pixel_size_um, job)
    layout = lay_out([one.shape for one in opened], [one.role for one in opened], settings.gap_px)
    record = SectionRecord(
        name=folder.name,
        pixel_size_um=size,
        shape=layout.shape,
        signals=["BSE"],
        source=str(source),
    )
    _keep_apart(source, folder)
    made = Section.create(folder, record)
    if not made.has_annotation("sessions") or made.fingerprint("images") != images.fingerprint:
        made.annotate("sessions", layout.sessions)  # before the images that lie in other places
    write_images(made, opened, layout, settings.gap_px, images, job)
    recipe = _labels_recipe(made, settings, given)
    write_labels(made, opened, layout, classes, recipe, job)
    _tell(opened, layout, classes, seen, job)
    return made


def _find(source: Path, settings: ImportLabelsSettings, job: Job) -> list[Pair]:
    """Find the pairs and give them roles."""
    if source.is_dir():
        pairs = find_pairs(source, settings.without_mask)
    elif source.is_file():
        pairs = read_pair_table(source)
    else:
        raise InputError(f"There is no folder or table {source}.", file=source)
    require_whole_roles(pairs, source)
    return with_roles(pairs, settings.val_percent, settings.test_percent, job.seed)


def _finished(
    folder: Path, images: Recipe, settings: ImportLabelsSettings, given: str, job: Job
) -> Section | None:
    """Return the section if both products were made from the same files and settings."""
    if job.force or not (folder / "section.json").exists():
        return None
    there = Section(folder)
    found = there.product("images")
    if found is None or found.recipe.fingerprint != images.fingerprint:
        return None
    done = there.finished("mask", _labels_recipe(there, settings, given), job)
    return there if done else None


def _labels_recipe(section: Section, settings: ImportLabelsSettings, given: str) -> Recipe:
    extra = {"source": given} | fingerprint_of_classes(settings.classes)
    return section.recipe(STEP, settings, ["images"], extra=extra)


def _tell_found(seen: Survey, job: Job) -> LabelClasses:
    """Make classes of what the masks have, and say which."""
    classes = found_classes(list(seen.counts))
    total = sum(seen.counts.values())
    for one in classes.named:
        share = 100 * seen.counts[one.keys[0]] / total
        job.say(f"{one.name}: {words_of(one.keys[0])} in the masks, {share:.3g} % of the pixels.")
    return classes


def _require_target(seen: Survey, classes: LabelClasses) -> None:
    name, share = next(iter(seen.shares(classes).items()))
    if not share:
        raise InputError(
            f"No pixel of the masks is {name}.",
            remedy="Choose another {setting:target}, or look at {setting:classes}.",
            setting="target",
        )


def _tell(
    opened: Sequence[OpenedPair], layout: Layout, classes: LabelClasses, seen: Survey, job: Job
) -> None:
    counts = {role: sum(one.role == role for one in opened) for role in ORDER}
    roles = ", ".join(f"{count} {role}" for role, count in counts.items() if count)
    high, wide = layout.shape
    job.say(f"{len(opened)} images ({roles}) lie apart in a section of {wide} x {high} px.")
    shares = seen.shares(classes)
    target, *others = shares
    job.say(
        f"{target} ({shares[target]:.3g} %) stands in the place of olivine: every step calls it so."
    )
    job.say("The others: " + ", ".join(f"{name} ({shares[name]:.3g} %)" for name in others) + ".")
    for name, share in shares.items():
        if not share:
            job.warn(
                f"No pixel of the masks is {name}.",
                remedy="Look at {setting:classes}.",
                setting="classes",
            )


def _keep_apart(source: Path, folder: Path) -> None:
    inside = source if source.is_dir() else source.parent
    if (
        folder == inside
        or folder in inside.parents
        or (source.is_dir() and inside in folder.parents)
    ):
        raise SectionError(
            f"The section {folder} would lie in the source {source}, or the other way round.",
            remedy="Choose a folder beside it.",
            file=folder,
        )
