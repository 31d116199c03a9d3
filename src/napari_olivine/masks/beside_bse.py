"""What BSE adds to the counts: alteration and cracks of a section, looked for in a sample of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.masks.alteration import (
    Sampled,
    find_alteration,
    in_words,
    noise_of_grey,
    scale_of,
)
from napari_olivine.masks.olivine_around import SIGNALS
from napari_olivine.masks.patches import each
from napari_olivine.masks.phase_codes import IGNORE, UNKNOWN
from napari_olivine.masks.phases import Labeller
from napari_olivine.masks.sampling import Wide, read_wide
from napari_olivine.section import Raster, Section

Cracks = Literal["olivine", "background", "ignore"]
KEEP: Final = "olivine"
CODES = {"background": UNKNOWN, "ignore": IGNORE}
"""What becomes of open cracks."""


def with_bse(
    section: Section,
    labeller: Labeller,
    sampled: Sequence[Wide],
    cracks: Cracks,
    job: Job,
    *,
    alters: bool,
) -> tuple[Labeller, Mapping[str, Raster]]:
    """Let BSE tell alteration and cracks from the first mineral.

    Parameters
    ----------
    section
        Open section.
    labeller
        Labels blocks by their counts.
    sampled
        Some blocks of the maps.
    cracks
        What becomes of open cracks.
    job
        Running job.
    alters
        Whether altered olivine is looked for.

    Returns
    -------
    labeller : Labeller
        The same, and what it has to know of BSE.
    images : dict
        Images that it needs besides the maps, by their signals.

    Raises
    ------
    InputError
        If cracks are looked for in a section without BSE.
    """
    there = [signal for signal in SIGNALS if signal in section.record.signals]
    if cracks != KEEP and "BSE" not in there:
        raise InputError(
            f"Cracks are seen in BSE, and {section.path} has none.",
            remedy="Import BSE, or set {setting:cracks} to olivine.",
            setting="cracks",
        )
    alters = alters and len(there) == len(SIGNALS)
    if not alters and cracks == KEEP:
        return labeller, {}
    bse = {"BSE": section.raster("images", "BSE")}
    greys = [read_wide(bse, wide.rows, wide.columns, 0).values for wide in sampled]
    found: list[Sampled] = []

    def take(number: int) -> None:
        wide = sampled[number]
        first = labeller.label(wide, job.check).phases == labeller.phases[0].code
        found.append(Sampled({**wide.values, **greys[number]}, first))

    each(take, range(len(sampled)), job.check)
    labeller = replace(labeller, crack_code=CODES.get(cracks), grey_noise=noise_of_grey(found))
    alteration = None
    if alters:
        scale = scale_of(section.pixel_size_um)
        alteration = find_alteration(found, labeller.blur_px or 0.0, scale, job.check)
    if alteration is not None and alteration.by_counts:
        job.say(
            "Altered olivine shows by its counts alone, in veins of some um: BSE does not "
            "tell its veins from cracks here. It is no olivine in the mask; look at it, and at "
            "thinner veins."
        )
    elif alteration is not None:
        job.say(
            f"Altered olivine is {alteration.contrast:.0f} grey darker in BSE than the olivine "
            "beside it, and is no olivine in the mask."
        )
        if where := in_words(alteration.shift_px):
            job.warn(
                f"The X-ray maps lie {where}: outlines of the mask are off by as much.",
                remedy="Import maps that fit the image.",
            )
    return replace(labeller, alteration=alteration), bse
