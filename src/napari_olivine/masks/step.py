"""The mask step: element maps and a rule in, reference mask out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.masks.limits import cut_populations, limits_in_valleys
from napari_olivine.masks.named_rules import NAMED, rule_for
from napari_olivine.masks.picked_doubts import MINERAL, doubts, poorer_in_silicon
from napari_olivine.masks.reference import Picked, Spot, pick, relative_to
from napari_olivine.masks.rules import COUNTS, Rule
from napari_olivine.masks.sampling import measured_in, read_wide, sample_of
from napari_olivine.section import (
    Product,
    Raster,
    Section,
    Submaps,
    Tiles,
    block_side,
    blocks,
    create_raster,
    strip_height,
)
from napari_olivine.settings import Settings, setting

IGNORE = 255
"""Value of mask pixels without a label: not measured, or too close to an outline."""

ALMOST_ALL = 99.9
"""Share of the measured pixels from which a mask takes the whole section, per cent."""

RIM_SIGMAS = 2
"""Width of the rim of a submap that gets no label, in standard deviations of the smoothing."""


_BY_RULE: Final = "rule"
_NOTHING: Final[tuple[str, ...]] = ()


class MaskSettings(Settings):
    """Settings of the mask step."""

    rule: str = setting(
        "olivine",
        "Rule",
        "'olivine-paper' (Ca/Mg < 0.1, Al/Mg < 0.1, Mg > 30), 'olivine' (the same and "
        "Si/(Mg + Fe) < 0.85, which keeps orthopyroxene out; for maps in wt% its conditions follow "
        "from stoichiometry), or conditions of your own such as 'Al > 900 and Si < 1300'.",
    )
    limits: Literal["rule", "valleys"] = setting(
        _BY_RULE,
        "Limits",
        "'rule': as the rule says. 'valleys': each limit is moved into the valley between two "
        "populations in the histogram of these maps, for other detectors and dwell times than the "
        "rule was written for.",
        exclude_if=_BY_RULE.__eq__,  # masks that were made before this setting stay up to date
    )
    reference: tuple[str, ...] = setting(
        (),
        "Picked olivine",
        "Places of a mineral that you are sure of, as X,Y or X,Y,RADIUS in um from the upper left "
        "corner. The limits of a named rule on counts are then relative to what it has itself "
        "(olivine: Mg > 0.5 ref, Si/(Mg + Fe) < 1.4 ref), and conditions of your own may be "
        "written so ('Si/Mg within 15 % of ref').",
        exclude_if=_NOTHING.__eq__,
    )
    smoothing_px: float | None = setting(
        None,
        "Smoothing",
        "Standard deviation of the Gaussian that averages the Poisson significance of each "
        "condition over neighbours; 0 decides pixel by pixel. Automatic: 0 for olivine-paper, as "
        "published, 1 px otherwise (ours).",
        unit="px",
        ge=0,
        le=10,
    )
    edge_ignore_px: int = setting(
        0,
        "Ignored edge",
        "Half width of a band along every outline that is not used in training, because X-rays "
        "come from a wider volume than backscattered electrons.",
        unit="px",
        ge=0,
        le=20,
    )

    @field_validator("reference")
    @classmethod
    def _check_spots(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(Spot.parse(text)) for text in value)


def make_mask(
    section: Section, settings: MaskSettings | None = None, job: Job | None = None
) -> Product:
    """Make the reference mask of a section from its element maps.

    Parameters
    ----------
    section
        Section with element maps in counts or wt%.
    settings
        Rule and smoothing.
    job
        Running job.

    Returns
    -------
    Product
        ``mask`` with the image ``olivine``: uint8, 0 other, 1 the phase, 255 not measured.

    Raises
    ------
    InputError
        If the rule cannot be read, names an element that has no map, is for maps of another
        unit, or is relative to a mineral that is not picked or picked where nothing was measured.
    """
    settings, job = settings or MaskSettings(), job or Job()
    units = {one: section.unit_of(one) for one in section.record.signals}
    rule = rule_for(settings.rule, units, picked=bool(settings.reference))
    if missing := sorted(set(rule.signals) - set(section.record.signals)):
        raise InputError(
            f"The rule {rule.text!r} needs {', '.join(missing)}, but {section.path} has only "
            f"{', '.join(section.record.signals)}.",
            remedy="Import these maps, or change {setting:rule}.",
            setting="rule",
        )
    recipe = section.recipe("mask", settings, ["images"])
    if done := section.finished("mask", recipe, job):
        return done
    picked = _pick(section, rule, settings)
    is_relative = rule.relative
    rule = _relative_to(picked, rule, settings, job)
    if rule.unit != COUNTS:
        job.say(f"The maps are in {rule.unit}: the rule is {rule.text}.")
    maps = {signal: section.raster("images", signal) for signal in rule.signals}
    # The average at the rim of a submap would mix in pixels that were not measured.
    rim = int(np.ceil(RIM_SIGMAS * _smoothing(settings)))
    measured = _measured_tiles(section, maps)
    coverage = _Coverage(measured, section.fields(), rule.signals, rim)
    rule = _with_limits(rule, maps, coverage, picked, settings, job)
    with section.draft("mask", recipe, job) as draft:
        out = create_raster(
            draft.path / "olivine",
            section.shape,
            np.uint8,
            section.pixel_size_um,
            reduction="mode",
            origin=f"reference mask by the rule {rule.text}",
            labelled="BSE" if "BSE" in section.record.signals else section.record.signals[0],
        )
        side = block_side(job, 4 * (len(maps) + 6))
        for rows, columns in draft.pending(blocks(section.shape, side, side), "Masking"):
            block = _mask_block(rows, columns, maps, rule, settings)
            coverage.ignore_elsewhere(block, rows, columns)
            out.write(rows.start, columns.start, block)
        out.build_pyramid(job)
        tiles = section.tiles()
        empty = len(tiles) - len(measured) if tiles is not None and measured is not None else 0
        draft.notes |= _notes(out, rule, empty, job)
        if is_relative:
            draft.notes["reference"] = [
                {"spot": str(one.spot), "pixels": one.pixels, "levels": one.words} for one in picked
            ]
        share = draft.notes["phase_percent"]
        if share == 0 or share >= ALMOST_ALL:
            left = _left_by_conditions(rule, maps, coverage, settings, job)
            draft.notes["conditions"] = left.counts
            what = "is empty" if share == 0 else "takes the whole section"
            job.warn(
                f"The mask {what}: {left.words}.",
                remedy="Look at these maps, and change {setting:rule} or {setting:limits}.",
                setting="rule",
            )
    return section.require("mask")


def _pick(section: Section, rule: Rule, settings: MaskSettings) -> list[Picked]:
    """Read the picked spots, also in the maps that tell olivine from other minerals."""
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
    rule: Rule,
    maps: Mapping[str, Raster],
    coverage: _Coverage,
    picked: Sequence[Picked],
    settings: MaskSettings,
    job: Job,
) -> Rule:
    """Move the limits if that is wished, and warn of those that cut a population in two."""
    sample = sample_of(maps, coverage.ignore_elsewhere, job)
    if not len(next(iter(sample.values()))):
        return rule
    if picked and settings.rule.strip() in NAMED and rule.unit == COUNTS:
        for doubt in poorer_in_silicon(picked, rule, sample):
            job.warn(
                f"{doubt}.",
                remedy="Pick that mineral in {setting:reference}.",
                setting="reference",
            )
    if settings.limits == "valleys":
        rule, said = limits_in_valleys(rule, sample)
        job.say(
            "; ".join([f"By the histograms of these maps the rule is {rule.text}", *said]) + "."
        )
    remedy = "Pick an olivine that you are sure of in {setting:reference}"
    if settings.limits == _BY_RULE:
        remedy += ", or set {setting:limits} to valleys"
    for problem in cut_populations(rule, sample):
        job.warn(f"{problem}.", remedy=f"{remedy}.", setting="rule")
    return rule


def _smoothing(settings: MaskSettings) -> float:
    """Return the standard deviation of the smoothing, px."""
    if settings.smoothing_px is not None:
        return settings.smoothing_px
    return 0.0 if settings.rule.strip() == "olivine-paper" else 1.0


def _mask_block(
    rows: slice,
    columns: slice,
    maps: Mapping[str, Raster],
    rule: Rule,
    settings: MaskSettings,
) -> NDArray[np.uint8]:
    """Apply the rule to a block, read with a halo so that its outlines do not show."""
    sigma = _smoothing(settings)
    counts, inner = read_wide(maps, rows, columns, ceil(4 * sigma) + settings.edge_ignore_px)
    mask = phase_of(rule, counts, sigma).astype(np.uint8)
    if settings.edge_ignore_px:
        mask[_edge(mask, settings.edge_ignore_px)] = IGNORE
    return mask[inner]


@dataclass(frozen=True)
class _Left:
    """How many of the measured pixels each condition of a rule leaves."""

    measured: int
    counts: dict[str, int]
    together: int

    @property
    def words(self) -> str:
        each = ", ".join(f"{text} leaves {count:,}" for text, count in self.counts.items())
        return f"of {self.measured:,} measured pixels {each}; all together {self.together:,}"


def _left_by_conditions(
    rule: Rule,
    maps: Mapping[str, Raster],
    coverage: _Coverage,
    settings: MaskSettings,
    job: Job,
) -> _Left:
    sigma = _smoothing(settings)
    shape = next(iter(maps.values())).shape
    side = block_side(job, 4 * (len(maps) + 6) + len(rule.conditions))
    counts = dict.fromkeys((condition.text for condition in rule.conditions), 0)
    measured = together = 0
    for rows, columns in blocks(shape, side, side):
        job.check()
        wide, inner = read_wide(maps, rows, columns, ceil(4 * sigma))
        there = measured_in(coverage.ignore_elsewhere, rows, columns)
        held = [one[inner] & there for one in conditions_of(rule, wide, sigma)]
        for condition, one in zip(rule.conditions, held, strict=True):
            counts[condition.text] += int(np.count_nonzero(one))
        together += int(np.count_nonzero(np.logical_and.reduce(held)))
        measured += int(np.count_nonzero(there))
    return _Left(measured, counts, together)


@dataclass(frozen=True)
class _Coverage:
    """Where the maps of a rule were measured: in which tiles, and inside which submaps."""

    tiles: Tiles | None
    submaps: Submaps | None
    signals: list[str]
    rim_px: int

    def ignore_elsewhere(self, block: NDArray[np.uint8], rows: slice, columns: slice) -> None:
        """Take the label from the pixels of a block that were not measured."""
        if self.tiles is not None:
            block[~self.tiles.covers(rows, columns)] = IGNORE
        if self.submaps is not None:
            block[~self.submaps.covers(rows, columns, self.signals, self.rim_px)] = IGNORE


def phase_of(
    rule: Rule, maps: Mapping[str, NDArray[np.float32]], smoothing_px: float
) -> NDArray[np.bool_]:
    """Apply a rule to element maps.

    Parameters
    ----------
    rule
        Definition of the phase.
    maps
        Counts (or wt%) of every signal of the rule, shape (rows, columns).
    smoothing_px
        0: each pixel by itself. Otherwise the significance of each condition (its margin over its
        Poisson standard error; for wt% the margin itself) is averaged by a Gaussian of this
        standard deviation, so that neighbours decide together where a single pixel holds too few
        counts.

    Returns
    -------
    ndarray
        Whether each pixel is the phase, bool, shape (rows, columns).
    """
    held = conditions_of(rule, maps, smoothing_px)
    return np.asarray(np.logical_and.reduce(held))


def conditions_of(
    rule: Rule, maps: Mapping[str, NDArray[np.float32]], smoothing_px: float
) -> list[NDArray[np.bool_]]:
    """Tell for each condition of a rule where it holds.

    Parameters
    ----------
    rule, maps, smoothing_px
        See `phase_of`.

    Returns
    -------
    list of ndarray
        One a condition, bool, shape (rows, columns).
    """
    if smoothing_px == 0:
        return [condition.holds(maps) for condition in rule.conditions]
    held = []
    for condition in rule.conditions:
        # Only of counts the noise is known; quantities are averaged as they are.
        margin = condition.significance(maps) if rule.unit == COUNTS else condition.margin(maps)
        even = cv2.GaussianBlur(margin, (0, 0), smoothing_px, borderType=cv2.BORDER_REFLECT_101)
        held.append(even > 0)
    return held


def _edge(phase: NDArray[np.uint8], width: int) -> NDArray[np.bool_]:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    return np.asarray(cv2.dilate(phase, disc) != cv2.erode(phase, disc))


def _measured_tiles(section: Section, maps: Mapping[str, Raster]) -> Tiles | None:
    """Return the tiles in which any map of the rule holds X-rays; `None` without tiles."""
    tiles = section.tiles()
    if tiles is None:
        return None
    level = min(2, *(len(m.levels) - 1 for m in maps.values()))
    coarse = 2**level
    measured = []
    for row0, row1, col0, col1 in tiles.bounds:
        window = (
            slice(max(row0, 0) // coarse, -(-row1 // coarse)),
            slice(max(col0, 0) // coarse, -(-col1 // coarse)),
        )
        # The outermost pixels of the window may belong to a neighbour.
        inner = (slice(1, -1), slice(1, -1))
        measured.append(any(m.read(*window, level=level)[inner].any() for m in maps.values()))
    return Tiles(tiles.table[measured].reset_index(drop=True))


def _notes(mask: Raster, rule: Rule, unmeasured: int, job: Job) -> dict[str, object]:
    """Modal proportion at full resolution: an overview shows thin crystals thicker."""
    phase = measured = 0
    for rows, columns in blocks(mask.shape, strip_height(job, 4 * mask.shape[1])):
        job.check()
        values = mask.read(rows, columns)
        phase += int(np.count_nonzero(values == 1))
        measured += int(np.count_nonzero(values <= 1))
    return {
        "rule": rule.text,
        "phase_percent": round(100 * phase / max(1, measured), 2),
        "unmeasured_tiles": unmeasured,
    }
