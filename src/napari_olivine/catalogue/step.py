"""The export step: tables, cut-outs, plots, outlines and rasters of a catalogue, all or nothing."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import filelock
import pandas as pd

from napari_olivine.catalogue.atomic_folder import raise_if_foreign, write_folder
from napari_olivine.catalogue.calibration_plots import plot_calibration, plot_traverses
from napari_olivine.catalogue.cutouts import write_cutouts
from napari_olivine.catalogue.exported import PHASES, Exported, wanted_rasters
from napari_olivine.catalogue.histograms import MgHistogram, count_mg
from napari_olivine.catalogue.methods import methods_text, readme_text
from napari_olivine.catalogue.outlines import write_outlines
from napari_olivine.catalogue.plots import plot_mg, plot_overview, plot_sizes
from napari_olivine.catalogue.rasters import write_tiff
from napari_olivine.catalogue.recognised import crystals_with_kinds
from napari_olivine.catalogue.settings import ExportSettings
from napari_olivine.catalogue.tables import write_crystals, write_profiles
from napari_olivine.catalogue.web import write_site
from napari_olivine.crystals import (
    CLASS_COLOURS,
    OLIVINE,
    PHENOCRYSTS,
    counted,
    crystals_there,
    outside,
    product_of_phase,
)
from napari_olivine.crystals.edits import bring_up_to_date
from napari_olivine.errors import InputError, SectionError
from napari_olivine.job import Job
from napari_olivine.section import Section


def export_catalogue(
    section: Section,
    folder: Path,
    settings: ExportSettings | None = None,
    job: Job | None = None,
) -> Path:
    """Write the catalogue of a section's crystals.

    Tables, cut-outs, plots and, on request, outlines and rasters are written beside `folder` and
    put in place when all is done; an earlier catalogue is replaced only then. README.txt in it says
    what each file is. Products that the section lacks (probability, mg#, calibration) are left
    out; of crystals that are no olivine also mg# and calibration, which say nothing of them.

    Parameters
    ----------
    section
        Section with crystals of the phase.
    folder
        New or empty folder, or one with an earlier catalogue.
    settings
        See :class:`ExportSettings`; the defaults if not given.
    job
        Running job.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    SectionError
        If there are no crystals, or a product is out of date.
    InputError
        If the folder holds other things or lies inside the section.
    """
    settings, job = settings or ExportSettings(), job or Job()
    folder = Path(folder).resolve()
    if folder.is_relative_to(section.path) or section.path.is_relative_to(folder):
        raise InputError(
            f"{folder} and the section {section.path} overlap.",
            remedy="Choose another folder.",
            file=folder,
        )
    raise_if_foreign(folder)
    exported = _choose(section, settings.phase, job)
    source, there = exported.source, exported.there
    used = {source, "segmentation"} if source == "joint" and settings.rasters else {source}
    for name in sorted((there - set(PHASES)) | (used & there)):
        section.require(name)
    record = {
        "section": section.record.name,
        "created": datetime.now().astimezone().isoformat(timespec="seconds"),
        "settings": settings.model_dump(mode="json"),
        "products": {
            product.name: product.fingerprint
            for product in section.products()
            if not product.name.startswith("models/")
        },
        "recipe": asdict(section.require(exported.product).recipe),
    }
    (section.path / "work").mkdir(exist_ok=True)
    lock = filelock.FileLock(section.path / "work" / "export.lock")
    try:
        held = lock.acquire(timeout=0)
    except filelock.Timeout:
        raise SectionError(
            f"Another process exports {section.path} now.", remedy="Wait for it.", step="export"
        ) from None
    with held, write_folder(folder, record) as inside:
        _write(section, inside, settings, exported, job)
    job.say(f"Wrote the catalogue to {folder}.")
    return folder


def _choose(section: Section, phase: str, job: Job) -> Exported:
    """Tell what is exported, with every edit carried out.

    Raises
    ------
    SectionError
        If there are no crystals of the phase, or they are out of date.
    """
    product = product_of_phase(phase)
    if section.product(product) is None and (others := crystals_there(section)):
        raise SectionError(
            f"{section.path} has no crystals of {phase}, but of {', '.join(others)}.",
            remedy="Set {setting:phase} to one of these, or run {step:crystals} with this phase.",
            setting="phase",
            step="crystals",
            expected=", ".join(others),
        )
    section.require(product)
    optional: tuple[str, ...] = (*PHASES, "probability")
    if phase == OLIVINE:
        bring_up_to_date(section, job)
        optional += ("mg", "calibration")
    there = frozenset(name for name in optional if section.state(name) != "missing")
    source = str(section.require(product).notes["phase_from"])
    return Exported(phase, product, source, there)


def _write(
    section: Section, folder: Path, settings: ExportSettings, exported: Exported, job: Job
) -> None:
    """Write all files, and last the README that names them."""
    product, there = exported.product, exported.there
    every = crystals_with_kinds(section, product, exported.phase, job)
    table = counted(every)
    columns = "composition, shape, review" if exported.phase == OLIVINE else "shape"
    files = {"crystals.csv": f"One row a crystal: place, size, class, {columns}."}
    write_crystals(table, folder / "crystals.csv")
    away = outside(every)
    for name, rows, words in (
        ("outside.csv", every[away], "Crystals whose larger part lies outside the region of study"),
        (
            "rejected.csv",
            every[~away & ~every["id"].isin(table["id"])],
            "What a person found to be no olivine",
        ),
    ):
        if len(rows):
            write_crystals(rows, folder / name)
            files[name] = f"{words}; they count nowhere else."
    if "calibration" in there:
        write_profiles(section, folder)
        files["profiles.csv"] = "Microprobe points with the grey beneath them and predicted mg#."
        files["calibration.json"] = "The calibration of grey against mg#, its scores and warnings."
    histogram = count_mg(section, every, job) if "mg" in there else None
    files |= _plot(section, every, histogram, exported, folder, job)
    if settings.cutouts and (table["size_class"] == "phenocryst").any():
        mg_range = histogram.range(PHENOCRYSTS, 1) if histogram is not None else (0.0, 1.0)
        margin = settings.cutout_margin_um
        write_cutouts(section, product, table, folder / "cutouts", mg_range, margin, job)
        files["cutouts/CLASS/crystal_ID.png"] = "Each phenocryst: BSE with its outline" + (
            " and, on one colour scale for all, its mg# (grey where it is unknown)."
            if exported.phase == OLIVINE
            else "."
        )
    files |= write_outlines(section.raster(product, "crystals"), table, folder, settings, job)
    if settings.rasters:
        files |= _rasters(section, folder, settings, exported, job)
    text = methods_text(section, exported.source, exported.phase)
    (folder / "methods.txt").write_text(text, encoding="utf-8")
    files["methods.txt"] = "How this was made, for a paper, with the record of each step."
    if settings.web:
        mg_range = histogram.range(CLASS_COLOURS, 1) if histogram is not None else (0.0, 1.0)
        files |= write_site(section, exported, table, folder, mg_range, files, job)
    files["catalogue.json"] = "Which products this catalogue was written from."
    (folder / "README.txt").write_text(readme_text(files, exported.phase), encoding="utf-8")


def _plot(
    section: Section,
    every: pd.DataFrame,
    histogram: MgHistogram | None,
    exported: Exported,
    folder: Path,
    job: Job,
) -> dict[str, str]:
    plots = folder / "plots"
    plots.mkdir()
    made: dict[str, Any] = section.require(exported.product).recipe.settings
    bounds = made["microphenocryst_from_um2"], made["phenocryst_from_um2"]
    job.progress(0, 4, "Plotting")
    plot_overview(section, exported.product, every, plots / "overview.png")
    job.progress(1, 4, "Plotting")
    table = counted(every)
    plot_sizes(table, bounds, plots / "sizes.png")
    files = {
        "plots/overview.png": "Map of the section with the crystals in the colours of their class.",
        "plots/sizes.png": "Histogram of the crystals' areas; dashed: bounds of the size classes.",
    }
    job.progress(2, 4, "Plotting")
    if histogram is not None:
        plot_mg(histogram, table, plots / "mg_histograms.png")
        files["plots/mg_histograms.png"] = "mg# of all pixels, by class."
    job.progress(3, 4, "Plotting")
    if "calibration" in exported.there:
        profiles = section.table("calibration", "profiles")
        plot_calibration(profiles, plots / "calibration.png")
        plot_traverses(profiles, plots / "traverses.png")
        files["plots/calibration.png"] = "Grey against measured mg#, and predicted mg#."
        files["plots/traverses.png"] = "mg# along each traverse, measured and predicted."
    job.progress(4, 4, "Plotting")
    return files


def _rasters(
    section: Section, folder: Path, settings: ExportSettings, exported: Exported, job: Job
) -> dict[str, str]:
    """Write the rasters that the section has."""
    files = {}
    for name, (product, raster, words) in wanted_rasters(section, exported).items():
        if product in exported.there or product == exported.product:
            write_tiff(section.raster(product, raster), folder / name, settings.compression, job)
            files[name] = f"{words} Tiled BigTIFF with pyramid and pixel size."
    return files | _phases(section, folder, settings, exported.there, job)


def _phases(
    section: Section, folder: Path, settings: ExportSettings, there: frozenset[str], job: Job
) -> dict[str, str]:
    """Write the image of all minerals and what its codes mean."""
    modes = section.require("mask").notes.get("modes") if "mask" in there else None
    if not modes:
        return {}
    write_tiff(section.raster("mask", "phases"), folder / "phases.tif", settings.compression, job)
    table = pd.DataFrame(modes)[["code", "name", "percent", "error"]]
    table.to_csv(folder / "phases.csv", index=False)
    return {
        "phases.tif": "uint8, minerals by the rule book, codes as in phases.csv; 255: none. "
        "Tiled BigTIFF with pyramid and pixel size.",
        "phases.csv": "Code, name and modal percentage of each mineral of phases.tif, and its "
        "standard error.",
    }
