"""The product `out_of_distribution`: where a section is unlike what its network learned from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.inference.models import SelectedModel
from napari_olivine.inference.plan import inputs_of, outside_models
from napari_olivine.job import Job
from napari_olivine.networks import (
    CELL_PX,
    Appearance,
    LevelledGrey,
    grid_of_cells,
    measure_cells,
)
from napari_olivine.regions import region_inputs, study_region
from napari_olivine.registry import PRODUCTS
from napari_olivine.section import Draft, Product, Section, create_raster, lock_of, remove
from napari_olivine.settings import Settings

OUT_OF_DISTRIBUTION = "out_of_distribution"
DISTANCE = "distance"
"""Product and its image: the distance from the training by the limit, 0 where it is not known."""

TITLE = PRODUCTS[OUT_OF_DISTRIBUTION].title
"""What the window calls that image."""

MOST_CELLS = 10_000
"""About so many cells are measured at most; one stands for more pixels in a larger section."""

WARNED_SHARE = 0.4
"""Share of a section that is unlike the training from which a person is warned; by the limit 0.1
is to be expected. Chosen on phantoms of the seeds 101 to 103."""

NOT_MEASURED = 0.0


class _Judged(Settings):
    """What decides on the product."""

    models: tuple[str, ...]


def compare_with_training(
    section: Section, models: Sequence[SelectedModel], job: Job
) -> Product | None:
    """Tell, before a network runs, where a section is unlike what it learned from.

    Makes the product ``out_of_distribution`` with the image ``distance`` (float32, a pixel a cell;
    above 1 unlike the training, 0 where nothing was measured), and warns where it is most of the
    section. Of several models the farthest counts.

    Parameters
    ----------
    section
        Section with ``images``.
    models
        Models whose mean is computed.
    job
        Running job.

    Returns
    -------
    Product or None
        `None`, and no product is kept, where no model says what it learned from.
    """
    known = [one for one in models if one.card.appearance and one.card.appearance.usable]
    if silent := [one.folder.name for one in models if one not in known]:
        job.say(
            "Whether this section looks like what the network learned from cannot be judged: the "
            f"card of {', '.join(silent)} does not say what its training looked like. Train it "
            "anew to know."
        )
    if not known:
        _leave_out(section)
        return None
    recipe = section.recipe(
        "segment",
        _Judged(models=tuple(one.name for one in known)),
        [*inputs_of(known), *region_inputs(section)],
        extra=outside_models(known),
    )
    made = section.finished(OUT_OF_DISTRIBUTION, recipe, job)
    if made is None:
        with section.draft(OUT_OF_DISTRIBUTION, recipe, job) as draft:
            _measure(section, draft, known, job)
        made = section.require(OUT_OF_DISTRIBUTION)
    job.report("compared", product=OUT_OF_DISTRIBUTION, **made.notes)
    _tell(known, made, job)
    return made


def difference_in_words(notes: dict[str, Any]) -> str:
    """Say how much of a section is unlike the training, and in which manner.

    Parameters
    ----------
    notes
        Of the product ``out_of_distribution``.

    Returns
    -------
    str
        E.g. ``"72 % of this section looks unlike what the network learned from (more contrast)"``.
    """
    manner = f" ({'; '.join(notes['differences'])})" if notes["differences"] else ""
    return (
        f"{notes['unlike_percent']:.0f} % of this section looks unlike what the network learned "
        f"from{manner}"
    )


def is_far(notes: dict[str, Any]) -> bool:
    """Tell whether so much of a section is unlike the training that a person is warned.

    Parameters
    ----------
    notes
        Of the product ``out_of_distribution``.
    """
    return float(notes["unlike_percent"]) >= 100 * WARNED_SHARE


def _measure(section: Section, draft: Draft, models: Sequence[SelectedModel], job: Job) -> None:
    step = CELL_PX * int(np.ceil(np.sqrt(np.prod(section.shape) / MOST_CELLS) / CELL_PX))
    places = grid_of_cells(slice(0, section.shape[0]), slice(0, section.shape[1]), step)
    region = study_region(section)
    studied = region.pixels if region is not None else None
    farthest = np.full((len(places[0]), len(places[1])), np.nan)
    words: list[str] = []
    for one in models:
        appearance = one.card.appearance
        assert appearance is not None
        grey = LevelledGrey(section, one.card.normalisation, job)
        cells = measure_cells(grey, places, section.tiles(), studied, job)
        distance = appearance.distances(cells)
        farthest = np.fmax(farthest, distance)
        words += [word for word in _words(appearance, cells, distance) if word not in words]
    raster = create_raster(
        draft.path / DISTANCE,
        farthest.shape,
        "float32",
        section.pixel_size_um * step,
        reduction="mean",
        origin="Mahalanobis distance of grey and texture from the training, by the limit: above 1 "
        "is unlike it, 0 is not measured",
    )
    raster.write(0, 0, np.nan_to_num(farthest, nan=NOT_MEASURED).astype(np.float32))
    raster.build_pyramid(job)
    told = farthest[np.isfinite(farthest)]
    draft.notes.update(
        unlike_percent=round(100 * float((told > 1).mean()), 2) if told.size else 0.0,
        median_distance=round(float(np.median(told)), 3) if told.size else None,
        measured_cells=int(told.size),
        differences=words,
    )


def _words(
    appearance: Appearance, cells: NDArray[np.float64], distance: NDArray[np.float64]
) -> list[str]:
    beyond = cells[distance > 1]
    return appearance.differences(beyond) if len(beyond) else []


def _tell(models: Sequence[SelectedModel], made: Product, job: Job) -> None:
    notes = made.notes
    if not notes["measured_cells"]:
        job.say("Nothing of this section can be compared with what the network learned from.")
        return
    learned = "; ".join(
        f"{one.folder.name}: section {one.card.section}, session "
        f"{', '.join(one.card.training_sessions)}"
        for one in models
    )
    words = difference_in_words(notes)
    if not is_far(notes):
        job.say(f"{words}; some 10 % is usual. Where: image '{TITLE}'.")
        return
    job.warn(
        f"{words}: its probability may be wrong there. It learned from {learned}.",
        remedy=f"See the image '{TITLE}' for where. To teach it, measure element maps of a part of "
        "this section ({step:areas} suggests which) and train with that part.",
        setting="model",
    )


def _leave_out(section: Section) -> None:
    """Take away what was said of another model."""
    if section.product(OUT_OF_DISTRIBUTION) is not None:
        with lock_of(section.path, OUT_OF_DISTRIBUTION):
            remove(section.path / OUT_OF_DISTRIBUTION)
