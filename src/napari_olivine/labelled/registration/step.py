"""The step: a coarser mineral map is laid on the SEM image of the same sample."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.labelled import open_labels
from napari_olivine.labelled.registration.correlation_ratio import ClassGrey
from napari_olivine.labelled.registration.images import (
    Floats,
    MineralMap,
    averaged,
    reduced_grey,
)
from napari_olivine.labelled.registration.placing import Placing
from napari_olivine.labelled.registration.refine import measured, refine
from napari_olivine.labelled.registration.residuals import BlockShift, block_shifts
from napari_olivine.labelled.registration.search import (
    PIXEL_SIZES_PERCENT,
    SIDE_PX,
    Found,
    find_place,
    scale_estimates,
)
from napari_olivine.labelled.registration.settings import RegisterLabelsSettings
from napari_olivine.labelled.registration.write import write_mask
from napari_olivine.readers.base import Image
from napari_olivine.readers.formats import open_images
from napari_olivine.section import write_atomically

MOST_PX = 8 << 20
"""Pixels of the finest averaged image on which a place is refined."""

LEAST_RATIO = 0.1
"""Correlation ratio below which a map hardly explains the image (ours)."""

SURE_TIMES = 1.3
"""How many times better than the best place far away a place must be (ours)."""

MOST_DISTORTION = 0.02
"""Ratio of the two scales of an affine transform, less 1, from which it is suspicious (ours)."""


FAR_MAP_PX, MOST_FAR = 0.5, 0.1
"""Map pixels from which a block is far from where it fits best, and the share of such blocks from
which the map is distorted; chosen on phantoms of the seeds 1 to 3."""


@dataclass(frozen=True)
class Registered:
    """A map that was laid on an SEM image.

    Parameters
    ----------
    placing
        From SEM pixels to map pixels.
    before, after
        Grey of the classes with both frames laid over each other, and at the place found.
    blocks
        Shifts that blocks still have.
    doubts
        Sentences that say why it may be wrong.
    """

    placing: Placing
    before: ClassGrey
    after: ClassGrey
    blocks: tuple[BlockShift, ...]
    doubts: tuple[str, ...]


def register_labels(
    sem: Path,
    map: Path,
    out: Path,
    settings: RegisterLabelsSettings | None = None,
    job: Job | None = None,
) -> Registered:
    """Lay a coarser mineral map on an SEM image, and write it as the mask of that image.

    Scales and rotations are tried on small images, all offsets of each at once, by the correlation
    ratio of grey and classes; the best place is refined as an affine transform from coarse to fine.
    `out` gets the map's colours at the size of the SEM image, by the nearest map pixel; a JSON file
    of the same name says where the map lies and how well it fits.

    Parameters
    ----------
    sem
        Grey image.
    map
        Map of minerals: PNG or TIFF, a value or a colour a mineral.
    out
        TIFF to write.
    settings
        Pixel sizes, and how far to look.
    job
        Running job.

    Returns
    -------
    Registered
        The place, and what speaks for and against it.

    Raises
    ------
    InputError
        If a file cannot be used, or the map is finer than the image.
    """
    settings, job = settings or RegisterLabelsSettings(), job or Job()
    sem, map_file, out = Path(sem), Path(map), Path(out)
    if out.suffix.lower() not in (".tif", ".tiff") or out.resolve() in (
        sem.resolve(), map_file.resolve(),
    ):  # fmt: skip
        raise InputError(f"{out} must be a new .tif file.", file=out, expected="a name with .tif")
    images = open_images(sem)
    if len(images) != 1:
        raise InputError(f"{sem} holds {len(images)} images; expected one.", file=sem)
    (image,) = images
    mineral_map = MineralMap.read(open_labels(map_file))
    greys = _greys(image, mineral_map, settings, job)
    found = _search(image, greys, mineral_map, settings, job)
    placing, converged = refine(found.placing, greys, mineral_map, job)
    finest = min(greys)
    grey = greys[finest]
    after = measured(placing, grey, finest, mineral_map)
    before = measured(_frames(image, mineral_map), grey, finest, mineral_map)
    blocks = block_shifts(placing, grey, finest, mineral_map)
    doubts = _doubts(found, placing, after, blocks, converged)
    registered = Registered(placing, before, after, tuple(blocks), tuple(doubts))
    outside = write_mask(out, placing, mineral_map, image.shape, job)
    record = as_record(registered, outside) | {"sem": sem.name, "map": map_file.name}
    write_atomically(out.with_suffix(".json"), json.dumps(record, indent=1) + "\n")
    _tell(registered, outside, out, job)
    return registered


def _stated_scale(image: Image, settings: RegisterLabelsSettings) -> float | None:
    """Return SEM pixels a map pixel by both pixel sizes; `None` where one is not known."""
    sem_um = settings.sem_pixel_um or image.acquisition.pixel_size_um
    return settings.map_pixel_um / sem_um if sem_um and settings.map_pixel_um else None


def _greys(
    image: Image, mineral_map: MineralMap, settings: RegisterLabelsSettings, job: Job
) -> dict[int, Floats]:
    """Read the SEM image once, about two pixels a map pixel, and average it from there."""
    frames = float(np.sqrt(np.prod(image.shape) / np.prod(mineral_map.shape)))
    finest = max(1, int((_stated_scale(image, settings) or frames) / 2))
    while (image.shape[0] // finest) * (image.shape[1] // finest) > MOST_PX:
        finest += 1
    grey = reduced_grey(image, finest, job)
    if float(grey.std()) == 0:
        raise InputError(f"{image.file} has the same grey everywhere.", file=image.file)
    coarsest = max(1, round(max(grey.shape) / SIDE_PX))
    between = [2**k for k in range(1, coarsest.bit_length()) if 2**k < coarsest]
    return {finest * times: averaged(grey, times) for times in {1, *between, coarsest}}


def _search(
    image: Image,
    greys: dict[int, Floats],
    mineral_map: MineralMap,
    settings: RegisterLabelsSettings,
    job: Job,
) -> Found:
    factor = max(greys)
    stated, percent = _stated_scale(image, settings), settings.scale_percent
    if stated is not None:
        scales, percent = [stated], min(percent, PIXEL_SIZES_PERCENT)
    else:
        scales = scale_estimates(greys[factor], factor, mineral_map, image.shape)
    if min(scales) < 1:
        raise InputError(
            f"A pixel of the map is {min(scales):.3g} pixels of the SEM image: the map must be the "
            "coarser one.",
            remedy="Look at {setting:sem_pixel_um} and {setting:map_pixel_um}.",
            setting="map_pixel_um",
        )
    listed = " or ".join(f"{scale:.4g}" for scale in scales)
    job.say(f"SEM pixels a map pixel, estimated: {listed}.")
    rotation = settings.rotation_deg
    return find_place(greys[factor], factor, mineral_map, scales, percent, rotation, job)


def _frames(image: Image, mineral_map: MineralMap) -> Placing:
    """Return the placing that lays both frames over each other."""
    down, along = (m / s for m, s in zip(mineral_map.shape, image.shape, strict=True))
    return Placing(np.array([[along, 0, (along - 1) / 2], [0, down, (down - 1) / 2]], float))


def _doubts(
    found: Found,
    placing: Placing,
    after: ClassGrey,
    blocks: Sequence[BlockShift],
    converged: bool,
) -> list[str]:
    """Say why a place may be wrong."""
    doubts = []
    if after.ratio < LEAST_RATIO:
        doubts.append(
            f"the map explains only {100 * after.ratio:.2g} % of the variance of the grey"
        )
    if found.best.gain < SURE_TIMES * found.chance:
        doubts.append("another place fits nearly as well")
    if not converged:
        doubts.append("the place could not be refined at every scale")
    if placing.distortion > MOST_DISTORTION:
        doubts.append(f"the map is stretched by {100 * placing.distortion:.2g} % in one direction")
    far = sum(block.distance > FAR_MAP_PX * placing.scale for block in blocks)
    if not blocks:
        doubts.append("no block has enough contrast to check the place")
    elif far > MOST_FAR * len(blocks):
        doubts.append(
            f"{far} of {len(blocks)} blocks fit better more than half a map pixel away: the map is "
            "distorted against the image"
        )
    return doubts


def as_record(registered: Registered, outside: str) -> dict[str, Any]:
    """Return what was found as plain values, as the JSON file has it.

    Parameters
    ----------
    registered
        What was found.
    outside
        Value or colour of pixels beyond the map.
    """
    placing, blocks = registered.placing, registered.blocks
    first = placing.inverse[:, 2]
    return {
        "map_from_sem": placing.matrix.tolist(),
        "sem_from_map": placing.inverse.tolist(),
        "coordinates": "x (column), y (row) of pixel centres, from 0",
        "sem_pixels_a_map_pixel": placing.scale,
        "rotation_deg": placing.rotation_deg,
        "stretch_percent": 100 * placing.distortion,
        "map_origin_in_sem_px": first.tolist(),
        "correlation_ratio": {
            "frames over each other": registered.before.ratio, "registered": registered.after.ratio,
        },
        "covered_percent": 100 * registered.after.overlap,
        "beyond_the_map": outside,
        "residual_px": {
            "median": _quantile(blocks, 50), "95 percent": _quantile(blocks, 95),
            "blocks": [vars(block) for block in blocks],
        },
        "doubts": list(registered.doubts),
    }  # fmt: skip


def _quantile(blocks: Sequence[BlockShift], percent: float) -> float | None:
    if not blocks:
        return None
    return float(np.percentile([block.distance for block in blocks], percent))


def _tell(registered: Registered, outside: str, out: Path, job: Job) -> None:
    placing = registered.placing
    job.say(
        f"A map pixel is {placing.scale:.4f} SEM pixels wide; the map is turned by "
        f"{placing.rotation_deg:.3f} degrees. It covers {100 * registered.after.overlap:.3g} % of "
        f"the image and explains {100 * registered.after.ratio:.3g} % of the variance of its grey "
        f"({100 * registered.before.ratio:.3g} % with both frames laid over each other)."
    )
    if blocks := registered.blocks:
        job.say(
            f"{len(blocks)} blocks lie {_quantile(blocks, 50):.2g} SEM pixels from where they fit "
            f"best (median), {_quantile(blocks, 95):.2g} at the 95th percentile."
        )
    if outside:
        job.say(
            f"Pixels beyond the map have the value {outside}: give it an empty name as a class."
        )
    if registered.doubts:
        job.warn(
            f"{out} may be wrong: {'; '.join(registered.doubts)}.",
            remedy="Lay it over the image and look, or give {setting:sem_pixel_um} and "
            "{setting:map_pixel_um}.",
            setting="map_pixel_um",
            file=out,
        )
