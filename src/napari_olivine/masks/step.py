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
from napari_olivine.masks.coverage import Coverage
from napari_olivine.masks.limits import cut_populations, limits_in_valleys
from napari_olivine.masks.named_rules import NAMED, rule_for
from napari_olivine.masks.picked_doubts import MINERAL, doubts, poorer_in_silicon
from napari_olivine.masks.reference import Picked, Spot, pick, relative_to
from napari_olivine.masks.rules import COUNTS, WEIGHT, Rule
from napari_olivine.masks.sampling import Wide, read_wide, sample_of, sampled_blocks
from napari_olivine.masks.unmixing import CELL_PX, HALO_PX, blur_of_outlines, half_pixel_mask
from napari_olivine.section import (
    Product,
    Raster,
    Section,
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


FEWEST_OUTLINE_PX = 300
"""Pixels of outlines from which the blur of the X-rays can be measured."""

USUAL_BLUR_UM = 0.9
"""Blur of the X-rays where it cannot be measured: standard deviation at 15 kV in olivine."""

NOISE_FLOOR = {COUNTS: 1.0, WEIGHT: 0.5}
"""Added to the mean of a map for the variance of a pixel, in units of the map."""

_BY_RULE: Final = "rule"
_AUTOMATIC: Final = "automatic"
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
    outlines: Literal["automatic", "half", "rule"] = setting(
        _AUTOMATIC,
        "Outlines",
        "'half': where half of the signal of a pixel comes from the mineral, by the counts on both "
        "sides. 'rule': where the rule still holds, which is 1 to 2 um further inside. Automatic: "
        "rule for olivine-paper, as published, half otherwise (ours).",
    )
    xray_blur_um: float | None = setting(
        None,
        "X-ray blur",
        "Standard deviation of the blur of the element maps, for outlines at half. Automatic: "
        "measured on the outlines themselves.",
        unit="um",
        ge=0,
        le=20,
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
    coverage = Coverage.of(section, maps, rim)
    rule = _with_limits(rule, maps, coverage, picked, settings, job)
    blur_px = _blur_px(section, rule, maps, coverage, settings, job)
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
        side = block_side(job, 4 * (len(maps) + 10))
        for rows, columns in draft.pending(blocks(section.shape, side, side), "Masking"):
            wide = read_wide(maps, rows, columns, _halo_px(settings, blur_px))
            out.write(
                rows.start, columns.start, _mask_block(wide, rule, coverage, settings, blur_px)
            )
        out.build_pyramid(job)
        draft.notes |= _notes(out, rule, coverage.empty_tiles, job)
        if blur_px is not None:
            draft.notes["xray_blur_um"] = round(blur_px * section.pixel_size_um, 3)
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
    coverage: Coverage,
    picked: Sequence[Picked],
    settings: MaskSettings,
    job: Job,
) -> Rule:
    """Move the limits if that is wished, and warn of those that cut a population in two."""
    sample = sample_of(maps, coverage, job)
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


def _halo_px(settings: MaskSettings, blur_px: float | None) -> int:
    """Return how many pixels around a block its mask depends on."""
    halo = ceil(4 * _smoothing(settings)) + settings.edge_ignore_px
    if blur_px is not None:
        halo = CELL_PX * ceil(halo / CELL_PX) + HALO_PX
    return halo


def _mask_block(
    wide: Wide, rule: Rule, coverage: Coverage, settings: MaskSettings, blur_px: float | None
) -> NDArray[np.uint8]:
    """Apply the rule to a block, read with a halo so that its outlines do not show."""
    phase = phase_of(rule, wide.values, _smoothing(settings))
    measured = coverage.measured(wide.rows, wide.columns)
    if blur_px is not None:
        maps, floor = _unmixed(rule, wide)
        phase = half_pixel_mask(maps, phase, blur_px, measured=measured, noise_floor=floor)
    mask = phase.astype(np.uint8)
    if settings.edge_ignore_px:
        mask[_edge(mask, settings.edge_ignore_px)] = IGNORE
    mask[~measured] = IGNORE
    return mask[wide.inner]


def _unmixed(rule: Rule, wide: Wide) -> tuple[dict[str, NDArray[np.float32]], float]:
    """Return the maps by which pixels along outlines are unmixed, and their noise floor."""
    maps = {signal: values for signal, values in wide.values.items() if signal != "BSE"}
    return maps, NOISE_FLOOR[rule.unit]


def _blur_px(
    section: Section,
    rule: Rule,
    maps: Mapping[str, Raster],
    coverage: Coverage,
    settings: MaskSettings,
    job: Job,
) -> float | None:
    """Return the blur of the X-rays, px; `None` where the rule itself makes the outlines."""
    if settings.outlines == "rule" or (
        settings.outlines == _AUTOMATIC and settings.rule.strip() == "olivine-paper"
    ):
        return None
    if not set(rule.signals) - {"BSE"}:
        return None
    if settings.xray_blur_um is not None:
        return settings.xray_blur_um / section.pixel_size_um
    found = []
    for wide in sampled_blocks(maps, 0, job):
        measured = coverage.measured(wide.rows, wide.columns)
        seeds = phase_of(rule, wide.values, _smoothing(settings)) & measured
        values, floor = _unmixed(rule, wide)
        found.append(blur_of_outlines(values, seeds, measured=measured, noise_floor=floor))
    every = np.concatenate(found)
    if len(every) < FEWEST_OUTLINE_PX:
        return USUAL_BLUR_UM / section.pixel_size_um
    return float(np.median(every))


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
    coverage: Coverage,
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
        wide = read_wide(maps, rows, columns, ceil(4 * sigma))
        there = coverage.measured(rows, columns)
        held = [one[wide.inner] & there for one in conditions_of(rule, wide.values, sigma)]
        for condition, one in zip(rule.conditions, held, strict=True):
            counts[condition.text] += int(np.count_nonzero(one))
        together += int(np.count_nonzero(rule.of(held) & there))
        measured += int(np.count_nonzero(there))
    return _Left(measured, counts, together)


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
    return rule.of(conditions_of(rule, maps, smoothing_px))


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
