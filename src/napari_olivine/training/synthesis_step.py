"""The step `synthesise`: the minerals of the mask, drawn as a BSE image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_olivine.job import Job
from napari_olivine.section import Product, Raster, Section, Session, blocks, create_raster
from napari_olivine.training.files import CHECKPOINT
from napari_olivine.training.settings import TrainSettings
from napari_olivine.training.synthesis_settings import SynthesiseSettings
from napari_olivine.training.windows import IGNORE

if TYPE_CHECKING:
    from napari_olivine.training.drawn_grey import GreyByLabel
    from napari_olivine.training.samples import Samples
    from napari_olivine.training.synthesis import Synthesis

SYNTHETIC = "synthetic"
ROLES = ("train", "val", "test")

BLOCK_PX, HALO_PX = 512, 128
"""What is drawn at once, and what is seen around it; both multiples of 128."""

FORMAT_OF_LOG = (
    "Session {name} ({role}): drawn {off} grey levels off in the mean, {even} with one grey for "
    "each mineral; {texture} % of the scatter within minerals is drawn."
)


def synthesise(
    section: Section, settings: SynthesiseSettings | None = None, job: Job | None = None
) -> Product:
    """Learn to draw BSE from the minerals of the mask, and draw it in all sessions with a role.

    A pix2pix (Isola et al. 2017, arXiv 1611.07004) from labels to image, as ddvika/SEM_segmentation
    trained one. It learns on the sessions with the role ``train``; a stopped run goes on at its
    step. The product is ``synthetic`` with the image ``BSE`` on the grey scale of the training
    sessions; 0 where the mask has no label.

    Parameters
    ----------
    section
        Section with ``images``, ``mask`` and sessions.
    settings
        How long and on what.
    job
        Running job; its seed decides on weights and crops.

    Returns
    -------
    Product
        Its notes tell for each session how far the drawn grey is from the real one, in grey levels
        (mean absolute difference), beside that of one grey for each mineral, and how much of the
        real scatter within minerals is drawn (ratio of standard deviations, percent).

    Raises
    ------
    SectionError
        If the images or the mask are missing or out of date.
    InputError
        If no session is for training, or the mask has no olivine there.
    """
    settings, job = settings or SynthesiseSettings(), job or Job()
    inputs = ["images", "mask", "annotations/sessions"]
    recipe = section.recipe("synthesise", settings, inputs, seed=job.seed)
    if done := section.finished(SYNTHETIC, recipe, job):
        return done

    from napari_olivine.networks import choose_device
    from napari_olivine.training.crops import open_crops
    from napari_olivine.training.drawn_grey import GreyByLabel
    from napari_olivine.training.plan import plan_sections
    from napari_olivine.training.samples import Samples
    from napari_olivine.training.synthesis import InputLabels, Synthesis
    from napari_olivine.training.what_is_shown import show_phases

    how = TrainSettings(network="pix2pix", target="phases", corrections=False)
    learned = plan_sections([section], how, job)
    plan = learned[0].plan
    with section.draft(SYNTHETIC, recipe, job) as draft:
        crops = open_crops(learned, how, show_phases(learned, job), job)
        labels = InputLabels(len(plan.phases) or 2, plan.olivine if plan.phases else 1)
        (samples,) = crops.training.parts
        device = choose_device(job.device)
        synthesis = Synthesis(samples, labels, settings, draft.path, device, job)
        synthesis.run()
        source = section.raster("images", "BSE")
        drawn = create_raster(
            *(draft.path / "BSE", section.shape, source.dtype, section.pixel_size_um),
            reduction="mean",
            origin="BSE drawn by a network from the minerals of the mask; 0 where there is no mask",
        )
        learned_greys = GreyByLabel(samples.normalisation)
        for role in ROLES:
            for session in (one for one in section.sessions() if one.role == role):
                phases = learned[0].phases
                window = [session.window]
                reader = Samples(
                    section, window, samples.normalisation, how.cracks, job, phases=phases, kept=0
                )
                greys = _draw(drawn, synthesis, reader, session, job)
                if role == "train":
                    learned_greys.add_all(greys)
                if told := greys.compared_with(learned_greys):
                    draft.notes[session.session] = {"role": role, **told}
                    job.say(FORMAT_OF_LOG.format(name=session.session, role=role, **told))
        drawn.build_pyramid(job)
        draft.notes["steps"] = synthesis.step
        (draft.path / CHECKPOINT).unlink(missing_ok=True)
    return section.require(SYNTHETIC)


def _draw(
    drawn: Raster, synthesis: Synthesis, samples: Samples, session: Session, job: Job
) -> GreyByLabel:
    """Draw a session block by block, and count its drawn and real greys."""
    from napari_olivine.training.drawn_grey import GreyByLabel

    rows, columns = session.window
    greys = GreyByLabel(samples.normalisation)
    side = BLOCK_PX + 2 * HALO_PX
    parts = list(blocks((rows.stop - rows.start, columns.stop - columns.start), BLOCK_PX, BLOCK_PX))
    for done, block in enumerate(parts):
        job.progress(done, len(parts), f"Drawing session {session.session}")
        first = [_start(part, edge, side) for part, edge in zip(block, session.window, strict=True)]
        grey, label = samples.read(0, first[0], first[1], side)
        made = synthesis.draw(label)
        inner = tuple(
            slice(edge.start + part.start - start, edge.start + part.stop - start)
            for part, edge, start in zip(block, session.window, first, strict=True)
        )
        made, grey, label = made[inner], grey[inner], label[inner]
        greys.add(made, grey, label)
        if np.issubdtype(drawn.dtype, np.integer):
            made = np.clip(np.rint(made), 1, np.iinfo(drawn.dtype).max)
        filled = np.where(label == IGNORE, 0, made).astype(drawn.dtype)
        drawn.write(rows.start + block[0].start, columns.start + block[1].start, filled)
    return greys


def _start(part: slice, edge: slice, side: int) -> int:
    """First row or column of what is read around a part, inside its session where that fits."""
    wanted = edge.start + part.start - HALO_PX
    start: int = max(edge.start, min(wanted, edge.stop - side))
    return start
