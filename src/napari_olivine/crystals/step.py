"""The crystals step: from a phase to numbered, measured and classified crystals."""

from __future__ import annotations

import shutil
from dataclasses import fields

import pandas as pd

from napari_olivine.crystals.crystal_measurements import Measured, measure_crystals
from napari_olivine.crystals.edits import FOUND, CrystalStore, content, describe
from napari_olivine.crystals.images import Images, crystal_images, other_opinion
from napari_olivine.crystals.instances import (
    LabelImage,
    import_labels,
    no_decisions,
    number_regions,
    resolve_instances,
)
from napari_olivine.crystals.measure import add_surroundings, crystal_blocks, find_vesicle_grey
from napari_olivine.crystals.phase_sources import choose_source, pixels_of, product_of_phase
from napari_olivine.crystals.settings import OLIVINE, CrystalsSettings
from napari_olivine.crystals.table import (
    CLUSTER_SOLIDITY,
    CLUSTERS_TOLD_FROM,
    clusters_percent,
    complete,
    of_other_phase,
    summary,
)
from napari_olivine.job import Job
from napari_olivine.regions import (
    Region,
    copy_region,
    region_inputs,
    studied_mm2,
    study_region,
)
from napari_olivine.registry import SEGMENTATIONS
from napari_olivine.section import (
    Draft,
    Product,
    Raster,
    Recipe,
    Section,
    Tiles,
    create_raster,
    write_table,
)

METHOD = 3
"""2: inclusions, agreement with another opinion, edits of a person. 3: grains that share a network
of boundaries are parted."""


def find_crystals(
    section: Section,
    settings: CrystalsSettings | None = None,
    job: Job | None = None,
) -> Product:
    """Find, number, measure and classify the crystals of a section.

    Connected regions of olivine, or of another phase, become crystals: where there is evidence,
    touching ones are split and the fragments of cracked ones merged. Or the numbers of a label
    image become the crystals.
    Makes the product ``crystals``: the raster ``crystals`` of ids (uint32, 0 for none), numbered in
    reading order, and the table of the same name
    (:data:`~napari_olivine.crystals.table.COLUMNS`). Crystals of another phase are the product
    ``other_crystals/PHASE`` with the same images and tables, without mg#, zoning classes and edits
    of a person, which are of olivine alone. mg# is left empty where the section has no
    ``mg``, the probability where the crystals do not come from the segmentation. Further tables:
    ``profiles``, the radial profile of each crystal that is large enough for one; ``inclusions``,
    holes and inclusions of crystals; ``cuts`` and ``gaps``, each decision to split or merge with
    its evidence; ``found``, the crystals before the edits of a person, which are carried out last.

    Parameters
    ----------
    section
        Section with ``joint``, ``segmentation`` or ``mask``, and ``mg`` if there is one.
    settings
        See :class:`CrystalsSettings`; the defaults if not given.
    job
        Running job; memory stays within its bound for sections of any size.

    Returns
    -------
    Product
        ``crystals``, or that of the other phase.

    Raises
    ------
    SectionError
        If nothing tells which pixels are the phase, or that is out of date.
    InputError
        If the label image cannot be read or does not fit, or the region of study cannot be used, or
        other pixels were chosen than those that tell the phase.
    """
    settings, job = settings or CrystalsSettings(), job or Job()
    image = LabelImage(settings.labels, section.shape) if settings.labels else None
    source = "labels" if image else choose_source(section, settings)
    product = product_of_phase(settings.phase)
    inputs = _inputs(section, source, settings.phase)
    recipe = _recipe(section, settings, inputs, image, job)
    if done := section.finished(product, recipe, job):
        return done
    _tell_what_is_left_out(section, settings, source, inputs, job)
    region = study_region(section)
    with section.draft(product, recipe, job) as draft:
        copy_region(section, draft.path)
        around = settings.surroundings_um if "images" in inputs else 0
        vesicle_grey = find_vesicle_grey(*_bse(section)) if around else None
        if not draft.is_done("table"):
            images, table, decisions = _crystals(
                section, draft, image, source, inputs, settings, region
            )
            measured = _measure(images, table, draft, settings, vesicle_grey)
            table = table.merge(measured.crystals, on="id", validate="one_to_one").sort_values("id")
            if around and len(table):
                table = add_surroundings(*_bse(section), table, around, vesicle_grey)
            table = complete(section, table, settings)
            if settings.phase != OLIVINE:
                table = of_other_phase(table)
            tables = {"profiles": measured.profiles, "inclusions": measured.inclusions, **decisions}
            table.to_parquet(draft.path / "crystals.parquet", index=False)
            table.to_parquet(draft.path / FOUND, index=False)
            for name, rows in tables.items():
                rows.to_parquet(draft.path / f"{name}.parquet", index=False)
            draft.tick("table")
        area_mm2, _ = studied_mm2(section, region)
        draft.notes |= {
            "phase_from": source, "vesicle_grey": vesicle_grey, "area_mm2": round(area_mm2, 4),
        }  # fmt: skip
        if settings.phase == OLIVINE:
            _carry_out_edits(section, draft)
        else:
            draft.notes |= {"phase": settings.phase} | _counts(draft)
            _tell_clusters(draft, settings.phase)
        if away := draft.notes.get("outside_region"):
            job.say(
                f"{away} crystals lie outside the region of study, or their larger part does: they "
                "stay in the table and do not count."
            )
        shutil.rmtree(draft.path / "parts", ignore_errors=True)
    return section.require(product)


def _inputs(section: Section, source: str, phase: str) -> list[str]:
    """Name the products that the crystals are made from and measured on."""
    inputs = [] if source == "labels" else [source]
    of_network = source in SEGMENTATIONS and _has(section, "probability")
    inputs += ["probability"] if of_network else []
    measured = ("mg", "images") if phase == OLIVINE else ("images",)
    inputs += [name for name in measured if _has(section, name)]
    other = other_opinion(section, source, phase)
    return inputs + ([other] if other and section.state(other) == "fresh" else [])


def _recipe(
    section: Section,
    settings: CrystalsSettings,
    inputs: list[str],
    image: LabelImage | None,
    job: Job,
) -> Recipe:
    """Write what the crystals are made from."""
    recipe = section.recipe(
        "crystals", settings, [*inputs, "annotations/sessions", *region_inputs(section)],
        method=METHOD, extra={"source labels": image.fingerprint(job)} if image else None,
    )  # fmt: skip
    if settings.phase == OLIVINE:  # as in the records of before there were other phases
        del recipe.settings["phase"]
    return recipe


WORDS = {"segmentation": "the network's segmentation", "mask": "the rule book of the mask"}
"""What tells a phase other than olivine."""


def _tell_what_is_left_out(
    section: Section, settings: CrystalsSettings, source: str, inputs: list[str], job: Job
) -> None:
    """Tell what the crystals get no value of, and of another phase where its pixels are from."""
    if settings.phase != OLIVINE:
        if source in WORDS:
            maps = "; without element maps there is none" if source == "mask" else ""
            job.say(f"Which pixels are {settings.phase} is told by {WORDS[source]}{maps}.")
        job.say(
            f"mg#, zoning classes and edits by hand are of olivine alone: crystals of "
            f"{settings.phase} get none."
        )
    elif "mg" not in inputs and settings.zoning == "mg":
        job.warn(
            "The section has no mg# map: crystals get no mg# and no zoning class. Run "
            "{step:calibrate} first, or set {setting:zoning} to 'paper'.",
            step="calibrate",
        )


def _crystals(
    section: Section,
    draft: Draft,
    image: LabelImage | None,
    source: str,
    inputs: list[str],
    settings: CrystalsSettings,
    region: Region | None,
) -> tuple[Images, pd.DataFrame, dict[str, pd.DataFrame]]:
    """Write the ids of the crystals; return the images, the crystals, and the decisions."""
    parts = draft.path / "parts"
    parts.mkdir(exist_ok=True)
    pixel_um, shape = section.pixel_size_um, section.shape
    labels = create_raster(
        draft.path / "crystals", shape, "uint32", pixel_um, reduction="mode", origin="crystal ids"
    )
    if image is not None:
        table, decisions = import_labels(image, labels, draft), no_decisions()
    else:
        regions = create_raster(parts / "regions", shape, "uint32", pixel_um, reduction="mode")
        pixels = pixels_of(section, source, settings.phase)
        table = number_regions(pixels, regions, draft, settings)
        images = crystal_images(section, regions, source, inputs, phase=settings.phase)
        table, decisions = resolve_instances(images, table, labels, draft, settings)
    images = crystal_images(section, labels, source, inputs, region, settings.phase)
    return images, table, decisions


def _carry_out_edits(section: Section, draft: Draft) -> None:
    """Carry out the edits of a person on the new crystals, and note the counts."""
    store = CrystalStore.of_draft(section, draft)
    store.catch_up()
    draft.content = content(store.applied)
    for aside in store.aside():
        draft.job.warn(
            f"Edit {aside.entry.n} ({describe(aside.entry.edit)}) is set aside: {aside.reason}"
        )
    draft.notes |= _counts(draft) | {
        "edits": len(store.journal.active()), "edits_aside": len(store.aside()),
    }  # fmt: skip


def _tell_clusters(draft: Draft, phase: str) -> None:
    """Note how much of a phase lies in clusters, and warn where sizes are not those of crystals."""
    percent = clusters_percent(pd.read_parquet(draft.path / "crystals.parquet"))
    draft.notes["clusters_percent"] = percent
    if percent >= CLUSTERS_TOLD_FROM:
        draft.job.warn(
            f"{percent:g} % of the area of {phase} lies in crystals that fill less than "
            f"{CLUSTER_SOLIDITY:.0%} of their hull. These are probably clusters: crystals that "
            "intergrow and could not be parted. Their sizes and numbers are those of clusters."
        )


def _counts(draft: Draft) -> dict[str, int]:
    """Count the crystals of each class, and the decisions that made them."""
    return summary(pd.read_parquet(draft.path / "crystals.parquet")) | {
        "cuts": int(pd.read_parquet(draft.path / "cuts.parquet")["kept"].sum()),
        "gaps": int(pd.read_parquet(draft.path / "gaps.parquet")["joined"].sum()),
    }


def _has(section: Section, product: str) -> bool:
    return section.state(product) != "missing"


def _bse(section: Section) -> tuple[Raster, Tiles | None]:
    return section.raster("images", "BSE"), section.tiles()


def _measure(
    images: Images,
    table: pd.DataFrame,
    draft: Draft,
    settings: CrystalsSettings,
    vesicle_grey: float | None,
) -> Measured:
    """Measure the crystals in the table, block by block."""
    job = draft.job
    crystals = dict(crystal_blocks(table, images.shape, job))
    kinds = [field.name for field in fields(Measured)]
    for name in draft.pending([f"measure {name}" for name in crystals], "Measuring crystals"):
        group = crystals[name.removeprefix("measure ")]
        found = measure_crystals(group, images, settings, job, vesicle_grey=vesicle_grey)
        for kind in kinds:
            write_table(getattr(found, kind), draft.path / "parts" / f"{name} {kind}.parquet")
    if not crystals:
        return measure_crystals(table, images, settings, job)
    found = Measured(*(
        pd.concat([
            pd.read_parquet(draft.path / "parts" / f"measure {name} {kind}.parquet")
            for name in crystals
        ])
        for kind in kinds
    ))  # fmt: skip
    profiles, inclusions = (
        one.sort_values("id").reset_index(drop=True) for one in (found.profiles, found.inclusions)
    )
    return Measured(found.crystals, profiles, inclusions)
