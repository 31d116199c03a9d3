"""The check of a whole section: one product after the other, mended where it can be."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_olivine.errors import OlivineError, SectionError
from napari_olivine.job import Job
from napari_olivine.registry import folders_of_several, product_type
from napari_olivine.section import RECORD, WORK, Product, Raster, Section, lie_apart
from napari_olivine.section.check.annotations import (
    ANNOTATIONS,
    REVIEW,
    check_annotations,
    check_root,
)
from napari_olivine.section.check.edits import check_edits, check_under_corrections
from napari_olivine.section.check.files import check_description, check_files, image_folders
from napari_olivine.section.check.findings import Report
from napari_olivine.section.check.images import (
    Damage,
    above,
    inspect,
    is_raster,
    pyramid_mismatch,
    rebuild,
    rewrite,
)
from napari_olivine.section.check.orphans import (
    ASIDE,
    alone,
    finish_swaps,
    in_use,
    making,
    quarantine,
    remove_partials,
    tell_drafts,
)
from napari_olivine.settings import Settings, setting

OF_SOURCE = ("images", "epma")
"""Products that only the instrument's files can make again."""

ROUNDS = 3
"""A mended level may show damage above it: so often a raster is looked at."""

Strips = Mapping[str, Callable[[int, int], NDArray[Any]]]
"""Reads rows from start to stop of a signal of the source, by its name."""

Reread = Callable[[Section, Product], Strips]
"""Opens the files that the images came from; raises `OlivineError` if they are not the same."""


class CheckSettings(Settings):
    """Settings of the check of a section."""

    repair: bool = setting(
        False,
        "Repair",
        "Mend what can be mended: overviews from the full resolution, images from their files. "
        "What cannot be mended is moved to aside/, never deleted.",
    )
    remove_drafts: bool = setting(
        False,
        "Remove unfinished products",
        "With repair: also remove what stopped runs left in work/ and could go on with.",
    )
    source: str = setting(
        "",
        "Instrument files",
        "Folder of the files that were imported, if it was moved since.",
    )


def check_section(
    section: Section,
    settings: CheckSettings = CheckSettings(),  # noqa: B008 - settings are frozen
    job: Job | None = None,
    reread: Reread | None = None,
) -> Report:
    """Check everything in a section, and repair it if asked to.

    Every chunk of every raster is read, so that its checksum is verified; every overview is
    compared with the level below it; tables, records, models and annotations are read. What other
    processes are making now is left alone.

    Parameters
    ----------
    section
        The section.
    settings
        Whether to repair.
    job
        Running job; bounds the memory.
    reread
        Opens the files that the images came from; without it images cannot be mended.

    Returns
    -------
    Report
        Findings, repairs, and damage that is left.
    """
    job = job or Job()
    source = Path(settings.source or section.record.source)
    report = Report(job, settings.repair, "" if source.is_dir() else str(source))
    finish_swaps(section, report)
    tell_drafts(section, report, remove=settings.remove_drafts)
    check_root(section, report)
    check_annotations(section, report)
    for name in _names(section, report):
        job.check()
        if user := in_use(section, name):
            report.note(name, f"{user}; it was not checked")
        elif not settings.repair:
            _check_product(section, name, report, reread)
        else:
            with alone(section, name) as free:
                if free:
                    _check_product(section, name, report, reread)
    _tell_stale(section, report)
    _tell_size(section, report)
    left, mended = len(report.left), sum(one.state == "repaired" for one in report.findings)
    job.say(
        f"{section.path}: {mended} repaired, {left} left."
        if left or mended
        else f"{section.path}: everything is whole."
    )
    return report


def _names(section: Section, report: Report) -> list[str]:
    """Products of the section, with those whose record is lost."""
    names = []
    for folder in sorted(path for path in section.path.iterdir() if path.is_dir()):
        if folder.name in (ANNOTATIONS, REVIEW, WORK, ASIDE) or folder.name.startswith("."):
            continue
        if folder.name in folders_of_several():
            inside = sorted(one.name for one in folder.iterdir() if one.is_dir())
            names += [f"{folder.name}/{name}" for name in inside]
        elif product_type(folder.name) or (folder / RECORD).exists():
            names.append(folder.name)
        else:
            report.note(folder.name, "is no part of the section")
    for name in ("images",) if lie_apart(section) else OF_SOURCE:
        if name not in names and not in_use(section, name) and not in_use(section, "images"):
            report.damage(name, "is missing", f"run {making(name)} again")
    return names


def _check_product(section: Section, name: str, report: Report, reread: Reread | None) -> None:
    folder = section.path / name
    try:
        product = Product.read(folder)
    except SectionError:
        _give_up(section, name, report, f"its {RECORD} is missing or damaged")
        return
    if product.name != name:
        _give_up(section, name, report, f"its {RECORD} is of {product.name!r}")
        return
    remove_partials(section, folder, report)
    if _recorded(folder) != product.fingerprint:
        what = f"its {RECORD} was changed: it does not say any more what it was made from"
        report.damage(name, what, f"run {making(name)} again")
    edits: Iterator[str] = iter(())
    if name == "crystals":
        edits = check_edits(section, report)
    elif name == "mask":
        edits = check_under_corrections(section)
    for problem in chain(check_files(product, folder, report.job), edits):
        _give_up(section, name, report, problem)
        return
    rasters = [path for path in sorted(folder.iterdir()) if is_raster(path)]
    there = {path.name for path in rasters}
    signals = set(section.record.signals) if name == "images" else set()
    if lost := (image_folders(product) | signals) - there:
        _give_up(section, name, report, f"the image of {', '.join(sorted(lost))} is missing")
        return
    for raster in rasters:
        if not _check_raster(section, product, raster, report, reread):
            return


def _recorded(folder: Path) -> str:
    """Return the fingerprint that a record gives itself."""
    return str(json.loads((folder / RECORD).read_text(encoding="utf-8"))["fingerprint"])


def _check_raster(
    section: Section, product: Product, folder: Path, report: Report, reread: Reread | None
) -> bool:
    """Check one raster; return whether the product is still in place."""
    where = f"{product.name}/{folder.name}"
    job = report.job
    try:
        raster = Raster(folder)
    except SectionError as error:
        return _give_up(section, product.name, report, str(error))
    if problem := pyramid_mismatch(raster, section.shape, section.pixel_size_um):
        return _give_up(section, product.name, report, f"{folder.name}: {problem}")
    for problem in check_description(product, folder, job):
        return _give_up(section, product.name, report, problem)

    def progress(share: float) -> None:
        job.progress(share, 1, f"Checking {where}")

    for _ in range(ROUNDS):
        damage = inspect(raster, job, progress)
        if not damage:
            return True
        if not report.repair:
            _tell(where, product.name, damage, raster, report)
            return True
        if damage.windows:
            why = _mend_windows(section, product, raster, damage, report, reread)
            if why:
                return _give_up(section, product.name, report, f"{folder.name}: {why}")
        rebuild(raster, damage.overviews + above(raster, damage.windows), job)
        if damage.overviews:
            report.repaired(
                where, _overviews_in_words(damage), "made again from the full resolution"
            )
    if inspect(raster, job, progress):
        return _give_up(section, product.name, report, f"{folder.name} stays damaged")
    return True


def _mend_windows(
    section: Section,
    product: Product,
    raster: Raster,
    damage: Damage,
    report: Report,
    reread: Reread | None,
) -> str:
    """Read damaged parts of an image again from its files; return why it cannot be done."""
    what = _windows_in_words(damage, raster)
    if product.name != "images" or reread is None:
        return what
    try:
        strips = reread(section, product)
        rewrite(raster, damage.windows, strips[raster.folder.name])
    except (OlivineError, KeyError, OSError) as error:
        why = error.text if isinstance(error, OlivineError) else error
        return f"{what}, and its files cannot be read again ({why})"
    report.repaired(f"images/{raster.folder.name}", what, "read again from the instrument's files")
    return ""


def _tell(where: str, name: str, damage: Damage, raster: Raster, report: Report) -> None:
    if damage.windows:
        advice = (
            "{setting:repair} reads them again from the instrument's files"
            if name == "images"
            else f"{{setting:repair}} moves {name} to {ASIDE}/; then run {making(name)} again"
        )
        report.damage(where, _windows_in_words(damage, raster), advice)
    if damage.overviews:
        report.damage(where, _overviews_in_words(damage), "{setting:repair} makes them again")


def _windows_in_words(damage: Damage, raster: Raster) -> str:
    pixels = sum((r.stop - r.start) * (c.stop - c.start) for r, c in damage.windows)
    rows, columns = damage.windows[0]
    share = 100 * pixels / (raster.shape[0] * raster.shape[1])
    return (
        f"{len(damage.windows)} parts are damaged ({share:.2g} % of the image), the first at row "
        f"{rows.start}, column {columns.start}"
    )


def _overviews_in_words(damage: Damage) -> str:
    levels = sorted({level for level, _ in damage.overviews})
    return (
        f"{len(damage.overviews)} parts of the overviews (level "
        f"{', '.join(map(str, levels))}) do not show what is at full resolution"
    )


def _give_up(section: Section, name: str, report: Report, what: str) -> bool:
    """Report a product that cannot be repaired; a repair moves it aside. Returns False."""
    if report.lost_source and name in OF_SOURCE:
        advice = (
            f"it stays where it is, since the instrument's files are not in {report.lost_source}: "
            "say with {setting:source} where they are now"
        )
        report.damage(name, what, advice)
    elif report.repair:
        place = quarantine(section, name).relative_to(section.path).as_posix()
        report.damage(name, what, f"it was moved to {place}; run {making(name)} again")
    else:
        advice = f"{{setting:repair}} moves it to {ASIDE}/; then run {making(name)} again"
        report.damage(name, what, advice)
    return False


def _tell_stale(section: Section, report: Report) -> None:
    for name in _products(section):
        try:
            if section.state(name) == "stale":
                what = "is out of date: what it was made from has changed"
                report.note(name, what, f"{making(name)} makes it again")
        except SectionError:
            continue  # the damaged record was reported already


def _products(section: Section) -> Iterator[str]:
    for pattern in (f"*/{RECORD}", *(f"{folder}/*/{RECORD}" for folder in folders_of_several())):
        for file in sorted(section.path.glob(pattern)):
            yield file.parent.relative_to(section.path).as_posix()


def _tell_size(section: Section, report: Report) -> None:
    job = report.job
    for folder in sorted(path for path in section.path.iterdir() if path.is_dir()):
        size = 0
        for parent, _, files in os.walk(folder):  # it goes on where a folder is just moved
            job.check()
            for file in files:
                with suppress(OSError):
                    size += (Path(parent) / file).stat().st_size
        report.bytes_of[folder.name] = size
    total = sum(report.bytes_of.values())
    parts = ", ".join(f"{name} {_amount(size)}" for name, size in report.bytes_of.items() if size)
    job.say(f"Disk use {_amount(total)}: {parts}")


def _amount(size: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
