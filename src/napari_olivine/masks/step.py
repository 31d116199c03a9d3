"""The mask step: element maps and rules in, reference mask and phases out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.masks.applying import phase_of
from napari_olivine.masks.beside_bse import with_bse
from napari_olivine.masks.condition_counts import count_conditions
from napari_olivine.masks.corrections import correct_draft, correct_mask, corrections_input
from napari_olivine.masks.coverage import Coverage
from napari_olivine.masks.films import minerals_of
from napari_olivine.masks.learning_phases import with_resemblance
from napari_olivine.masks.limits import (
    Sample,
    beside_olivine,
    cut_populations,
    limits_in_valleys,
    of_percentiles,
)
from napari_olivine.masks.local_means import CELL_PX
from napari_olivine.masks.modes import modes_of
from napari_olivine.masks.named_rules import NAMED, rule_on_maps
from napari_olivine.masks.patches import each
from napari_olivine.masks.phase_codes import IGNORE
from napari_olivine.masks.phases import (
    NOISE_FLOOR,
    Labeller,
    Labels,
    Phase,
    unmixed_maps,
    without_edge,
)
from napari_olivine.masks.picked_doubts import MINERAL, doubts, poorer_in_silicon
from napari_olivine.masks.reference import Picked, Spot, pick, relative_to
from napari_olivine.masks.rule_book import NONE, PhaseEntry, RuleBook, read_rule_book
from napari_olivine.masks.rules import COUNTS, Rule, area_words
from napari_olivine.masks.sampling import Wide, read_wide, sample_of, sampled_blocks
from napari_olivine.masks.settings import (
    AUTOMATIC,
    BY_RULE,
    LEAVE,
    MaskSettings,
    is_olivine,
    leaves_outlines,
    smoothing_of,
    stands_beside_olivine,
)
from napari_olivine.masks.unmixing import blur_of_outlines
from napari_olivine.section import (
    CHUNK,
    SHARD_COLUMNS,
    Draft,
    Product,
    Raster,
    Section,
    block_side,
    blocks,
    create_raster,
)

METHOD = 3
"""Altered olivine is found since 2; thin films, and altered olivine by counts alone, since 3."""

FLAT = ("void",)
"""Phases of a rule book that are no mineral: no film is of them."""

TARGET, TARGET_NAME, TARGET_COLOUR = 1, "olivine", "#c5d92d"
"""Code, image and colour of the mineral of the mask."""

ALMOST_ALL = 99.9
"""Share of the measured pixels from which a mask takes the whole section, per cent."""

RIM_SIGMAS = 2
"""Width of the rim of a submap that gets no label, in standard deviations of the smoothing."""


MOST_ROWS = 2048
"""Rows of a block: more of them read little less around it, and a stop waits longer."""

FEWEST_OUTLINE_PX = 300
"""Pixels of outlines from which the blur of the X-rays can be measured."""

USUAL_BLUR_UM = 0.9
"""Blur of the X-rays where it cannot be measured: standard deviation at 15 kV in olivine."""


def make_mask(
    section: Section, settings: MaskSettings | None = None, job: Job | None = None
) -> Product:
    """Make the reference mask of a section from its element maps.

    Parameters
    ----------
    section
        Section with element maps in counts or wt%.
    settings
        Rule, rule book and smoothing.
    job
        Running job.

    Returns
    -------
    Product
        ``mask`` with the image ``olivine``: uint8, 0 other, 1 the phase, 255 not measured; and,
        where a rule book is used, ``phases``: uint8, codes as in the notes of the product, 0 none,
        255 not measured, and ``certainty``: uint8, per cent. Corrections by hand lie over the
        rule's pixels in all three.

    Raises
    ------
    InputError
        If the rule or the rule book cannot be read, the rule names an element that has no map, is
        for maps of another unit, or is relative to a mineral that is not picked or picked where
        nothing was measured.
    """
    settings, job = settings or MaskSettings(), job or Job()
    units = {one: section.unit_of(one) for one in section.record.signals}
    picks = bool(settings.reference)
    rule = rule_on_maps(settings.rule, units, str(section.path), picked=picks)
    book = None if settings.book.strip() == NONE else read_rule_book(settings.book.strip())
    others = _other_rules(book, units)
    # What stands in a book may change under the same name.
    text = {} if book is None else {"source book": book.fingerprint}
    if settings.unclassified != LEAVE and (not others or leaves_outlines(settings)):
        raise InputError(
            "What no rule takes is given to minerals of a rule book, and here is none.",
            remedy="Give {setting:book}, and {setting:outlines} half.",
            setting="unclassified",
        )
    if not job.force:  # a mask of this rule, with other corrections, is not made anew
        correct_mask(section, job)
    inputs = ["images", *corrections_input(section)]
    # Nothing else in it is random.
    seed = None if settings.unclassified == LEAVE else job.seed
    recipe = section.recipe("mask", settings, inputs, seed=seed, extra=text, method=METHOD)
    if done := section.finished("mask", recipe, job):
        return done
    picked = pick_spots(section, rule, settings)
    is_relative = rule.relative
    rule = _relative_to(picked, rule, settings, job)
    if rule.unit != COUNTS:
        job.say(f"The maps are in {rule.unit}: the rule is {rule.text}.")
    maps: Mapping[str, Raster] = {s: section.raster("images", s) for s in rule.signals}
    # The average at the rim of a submap would mix in pixels that were not measured.
    rim = int(np.ceil(RIM_SIGMAS * smoothing_of(settings)))
    coverage = Coverage.of(section, maps, rim)
    sampled = sampled_blocks(maps, job)
    sample = sample_of(sampled, coverage, job)
    rule = _with_limits(rule, sample, picked, settings, job)
    target = Phase(TARGET, TARGET_NAME, TARGET_COLOUR, rule)
    labeller = Labeller(
        (target,),
        coverage,
        smoothing_of(settings),
        _blur_px(section.pixel_size_um, rule, sampled, coverage, settings, job),
        pixel_um=section.pixel_size_um,
    )
    by_counts = labeller.blur_px is not None and rule.unit == COUNTS
    if by_counts and is_olivine(settings):
        known = {
            entry.name: of_percentiles(one, sample)
            for entry, one in others
            if entry.name not in FLAT and set(one.signals) <= set(maps)
        }
        minerals = minerals_of(known, sampled, coverage, labeller.smoothing_px, job.check)
        labeller = replace(labeller, minerals=minerals)
    alters = settings.alteration == AUTOMATIC and by_counts and is_olivine(settings)
    labeller, images = with_bse(section, labeller, sampled, settings.cracks, job, alters=alters)
    maps = {**maps, **images}
    with section.draft("mask", recipe, job) as draft:
        origin = f"reference mask by the rule {rule.text}"
        outputs = {TARGET_NAME: _output(draft, section, TARGET_NAME, origin, "mode")}
        if others and labeller.blur_px is not None:
            labeller, maps = _with_others(section, labeller, others, maps, sample, rim, job)
            where = f"phases by the rule book {settings.book}"
            outputs["phases"] = _output(draft, section, "phases", where, "mode")
            outputs["certainty"] = _output(draft, section, "certainty", where, "mean")
            if settings.unclassified != LEAVE:
                method = settings.unclassified
                labeller, learned = with_resemblance(section, labeller, maps, method, job)
                draft.notes |= {"unclassified": learned} if learned else {}
        halo = labeller.halo_px + settings.edge_ignore_px
        parts = blocks(section.shape, *_block_shape(job, maps, len(labeller.phases)))
        for rows, columns in draft.pending(parts, "Masking"):
            wide = read_wide(maps, rows, columns, CELL_PX * ceil(halo / CELL_PX))
            for name, block in _images(labeller.label(wide, job.check), settings).items():
                if name in outputs:
                    outputs[name].write(rows.start, columns.start, block[wide.inner])
        for output in outputs.values():
            output.build_pyramid(job)
        draft.notes |= _notes(outputs, labeller, section.pixel_size_um, job)
        if is_relative:
            draft.notes["reference"] = [
                {"spot": str(one.spot), "pixels": one.pixels, "levels": one.words} for one in picked
            ]
        share = draft.notes["phase_percent"]
        if share == 0 or share >= ALMOST_ALL:
            of_rule = {signal: maps[signal] for signal in rule.signals}
            left = count_conditions(rule, of_rule, coverage, labeller.smoothing_px, job)
            draft.notes["conditions"] = left.counts
            what = "is empty" if share == 0 else "takes the whole section"
            words = left.words
            if sizes := area_words(rule.area_um2):
                words += f"; of that, {' and '.join(sizes)} um2 for a piece"
            job.warn(
                f"The mask {what}: {words}.",
                remedy="Look at these maps, and change {setting:rule} or {setting:limits}.",
                setting="rule",
            )
        correct_draft(section, draft.path, outputs, draft.notes, job)
    return section.require("mask")


def _block_shape(job: Job, maps: Mapping[str, Raster], phases: int) -> tuple[int, int]:
    """Return rows and columns of a block: whole files of the images, where memory allows it."""
    read = sum(image.dtype.itemsize for image in maps.values())
    bytes_per_pixel = read + 8 + phases * (5 + len(maps) * 8 // CELL_PX**2)
    rows = job.memory_bytes // (2 * bytes_per_pixel) // (CHUNK * SHARD_COLUMNS)
    if rows:
        return CHUNK * min(rows, MOST_ROWS // CHUNK), SHARD_COLUMNS
    side = block_side(job, bytes_per_pixel)
    return side, side


def _other_rules(book: RuleBook | None, units: Mapping[str, str]) -> list[tuple[PhaseEntry, Rule]]:
    """Return the other minerals of the rule book that these maps can tell."""
    entries = [] if book is None else book.phases
    rules = [(entry, entry.rule(units)) for entry in entries if entry.name != TARGET_NAME]
    return [(entry, rule) for entry, rule in rules if rule is not None]


def _with_others(
    section: Section,
    labeller: Labeller,
    others: Sequence[tuple[PhaseEntry, Rule]],
    maps: Mapping[str, Raster],
    sample: Sample,
    rim: int,
    job: Job,
) -> tuple[Labeller, Mapping[str, Raster]]:
    """Let the other minerals of the rule book claim what is left."""
    signals = {signal for _, rule in others for signal in rule.signals}
    more = {s: section.raster("images", s) for s in sorted(signals - set(maps))}
    coverage = labeller.coverage
    if more:
        maps = {**maps, **more}
        coverage = Coverage.of(section, maps, rim)
        sample = sample_of(sampled_blocks(maps, job), coverage, job)
    phases = [
        Phase(TARGET + number, entry.name, entry.colour, of_percentiles(rule, sample))
        for number, (entry, rule) in enumerate(others, start=1)
    ]
    return replace(labeller, phases=(*labeller.phases, *phases), coverage=coverage), maps


def _output(
    draft: Draft, section: Section, name: str, origin: str, reduction: Literal["mode", "mean"]
) -> Raster:
    return create_raster(
        draft.path / name,
        section.shape,
        np.uint8,
        section.pixel_size_um,
        reduction=reduction,
        origin=origin,
        labelled="BSE" if "BSE" in section.record.signals else section.record.signals[0],
    )


def _images(labels: Labels, settings: MaskSettings) -> dict[str, NDArray[np.uint8]]:
    """Return the images of a block and its halo."""
    mask = without_edge((labels.phases == TARGET).astype(np.uint8), settings.edge_ignore_px)
    mask[labels.phases == IGNORE] = IGNORE
    return {TARGET_NAME: mask, "phases": labels.phases, "certainty": labels.certainty}


def pick_spots(section: Section, rule: Rule, settings: MaskSettings) -> list[Picked]:
    """Read the picked spots, also in the maps that tell olivine from other minerals.

    Parameters
    ----------
    section
        Open section.
    rule
        The rule, whose maps are read.
    settings
        Settings with the places of the spots.

    Returns
    -------
    list of Picked
        One a spot.
    """
    telling = [signal for signal in MINERAL if signal in section.record.signals]
    signals = list(dict.fromkeys([*rule.signals, *telling]))
    return [pick(section, Spot.parse(text), signals) for text in settings.reference]


def _relative_to(picked: Sequence[Picked], rule: Rule, settings: MaskSettings, job: Job) -> Rule:
    """Give the rule limits in counts by what was picked, and warn of what speaks against it."""
    written = rule
    rule = relative_to(picked, rule)
    if not picked:
        return rule
    levels = "; ".join(one.words for one in picked)
    if written.relative:
        job.say(f"Relative to what was picked (a pixel: {levels}) the rule is {rule.text}.")
    else:
        job.say(
            f"No condition of {rule.text} is relative: what was picked ({levels}) only checks it."
        )
    for doubt in doubts(picked, rule, olivine=settings.rule.strip() in NAMED):
        job.warn(
            f"{doubt}.", remedy="Look there, and change {setting:reference}.", setting="reference"
        )
    return rule


def _with_limits(
    rule: Rule, sample: Sample, picked: Sequence[Picked], settings: MaskSettings, job: Job
) -> Rule:
    """Move the limits if that is wished, and warn of those that cut a population in two."""
    rule = of_percentiles(rule, sample)
    if not len(next(iter(sample.values()))):
        return rule
    if picked and settings.rule.strip() in NAMED and rule.unit == COUNTS:
        for doubt in poorer_in_silicon(picked, rule, sample):
            job.warn(
                f"{doubt}.",
                remedy="Pick that mineral in {setting:reference}.",
                setting="reference",
            )
    if stands_beside_olivine(rule, settings):
        written, rule = rule, beside_olivine(rule, sample)
        if rule != written:
            job.say(f"By the olivine of these maps the rule is {rule.text}.")
    if settings.limits == "valleys":
        rule, said = limits_in_valleys(rule, sample)
        job.say(
            "; ".join([f"By the histograms of these maps the rule is {rule.text}", *said]) + "."
        )
    remedy = "Pick an olivine that you are sure of in {setting:reference}"
    if settings.limits == BY_RULE:
        remedy += ", or set {setting:limits} to valleys"
    for problem in cut_populations(rule, sample):
        job.warn(f"{problem}.", remedy=f"{remedy}.", setting="rule")
    return rule


def _blur_px(
    pixel_um: float,
    rule: Rule,
    sampled: Sequence[Wide],
    coverage: Coverage,
    settings: MaskSettings,
    job: Job,
) -> float | None:
    """Return the blur of the X-rays, px; `None` where the rule itself makes the outlines."""
    if leaves_outlines(settings):
        return None
    if settings.xray_blur_um is not None:
        return settings.xray_blur_um / pixel_um
    found: list[NDArray[np.float32]] = []

    def measure(wide: Wide) -> None:
        measured = coverage.measured(wide.rows, wide.columns)
        seeds = phase_of(rule, wide.values, smoothing_of(settings)) & measured
        floor = NOISE_FLOOR[rule.unit]
        of_rule = unmixed_maps(rule, wide)
        found.append(blur_of_outlines(of_rule, seeds, measured=measured, noise_floor=floor))

    each(measure, sampled, job.check)
    every = np.concatenate(found)
    if len(every) < FEWEST_OUTLINE_PX:
        return USUAL_BLUR_UM / pixel_um
    return float(np.median(every))


def _notes(
    outputs: Mapping[str, Raster], labeller: Labeller, pixel_um: float, job: Job
) -> dict[str, object]:
    target = labeller.phases[0]
    modes = modes_of(outputs[TARGET_NAME], [target], job)
    by_rule = {TARGET_NAME: {str(one.code): one.pixels for one in modes}}
    notes: dict[str, object] = {
        "rule": target.rule.text,
        "phase_percent": round(modes[-1].percent, 2),
        "unmeasured_tiles": labeller.coverage.empty_tiles,
    }
    if labeller.alteration is not None:
        notes["alteration"] = asdict(labeller.alteration)
    if labeller.blur_px is not None:
        notes["xray_blur_um"] = round(labeller.blur_px * pixel_um, 3)
    if "phases" in outputs:
        modes = modes_of(outputs["phases"], labeller.phases, job)
        by_rule["phases"] = {str(one.code): one.pixels for one in modes}
        notes["modes"] = [
            {name: value for name, value in asdict(one).items() if name != "pixels"}
            for one in modes
        ]
        notes["rules"] = {phase.name: phase.rule.text for phase in labeller.phases}
    return notes | {"pixels_by_rule": by_rule}
