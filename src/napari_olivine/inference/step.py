"""The step `segment`: a network's probability of olivine, the threshold, and the element maps."""

from __future__ import annotations

from collections.abc import Sequence

from napari_olivine.inference.joint import leave_out_joint, make_joint, ready_mask
from napari_olivine.inference.models import SelectedModel, select_models
from napari_olivine.inference.out_of_distribution import compare_with_training
from napari_olivine.inference.plan import make_plan
from napari_olivine.inference.probability import Runner, open_probabilities
from napari_olivine.inference.segmentation import make_segmentation
from napari_olivine.inference.settings import SegmentSettings
from napari_olivine.inference.threshold import automatic_threshold
from napari_olivine.job import Job
from napari_olivine.section import Product, Section


def segment(
    section: Section, settings: SegmentSettings | None = None, job: Job | None = None
) -> Product:
    """Apply a model to the whole section.

    Makes two products: ``probability/olivine`` (uint8, 255 is 1.0; further images for
    `settings.phases`) and, from that and the thresholds alone, ``segmentation/olivine`` (uint8,
    1 where probability >= threshold). Another threshold does not run the network again. With
    `settings.compare`, ``compare/MODEL`` is a second probability. Where the section has a mask,
    ``joint/olivine`` joins the probability with what the element maps say
    (`napari_olivine.inference.joint`); the others go by BSE alone. Before the network runs, the
    section is compared with what it learned from (`napari_olivine.inference.out_of_distribution`).

    Parameters
    ----------
    section
        Section with ``images``.
    settings
        Which model, windows, blending and threshold.
    job
        Running job.

    Returns
    -------
    Product
        The segmentation: ``joint`` if it is made, else ``segmentation``.

    Raises
    ------
    SectionError
        If the images or the model are missing, or the images or the mask out of date, or the images
        change meanwhile.
    InputError
        If the model folder is damaged, or made for another pixel size or grey type.
    """
    settings = settings or SegmentSettings()
    job = job or Job()
    section.raster("images", "BSE")  # before a model is asked for, which would not help
    models = select_models(section, settings.model, settings.compare, settings.phases)
    _tell_of_changes(section, models["probability"], job)
    mask = ready_mask(section, job) if settings.evidence == "joint" else None
    plan = make_plan(section, models, settings, job)
    compare_with_training(section, models["probability"], job)
    with open_probabilities(section, plan, job) as drafts:
        if drafts:
            run = _choose_runner(settings.scheduler)
            run(section, plan.only(drafts), drafts, job)
    threshold = settings.threshold
    if threshold is None:
        threshold = automatic_threshold(models["probability"][0].card, job)
    alone = make_segmentation(section, threshold, settings.phase_threshold, job)
    if mask is None:
        leave_out_joint(section, job)
        return alone
    return make_joint(section, threshold, job)


def _tell_of_changes(section: Section, models: Sequence[SelectedModel], job: Job) -> None:
    """Say which models learned from what has changed since; they serve all the same."""
    for model in models:
        if model.product and section.state(model.product) == "stale":
            job.say(
                f"{model.folder.name} learned from masks or sessions that have changed since, or "
                "are no longer there; it is used as it is."
            )


def _choose_runner(scheduler: str) -> Runner:
    """Choose who runs the network; torch is imported only here, where there is work."""
    if scheduler:
        from napari_olivine.inference.cluster import fill_on_cluster

        return fill_on_cluster
    from napari_olivine.inference.local_runner import fill_here

    return fill_here
