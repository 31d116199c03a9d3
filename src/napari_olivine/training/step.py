"""The step `train`: a network learns the reference mask from BSE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.networks import START_WEIGHTS, NetworkSpec, network_spec
from napari_olivine.regions import REGIONS_INPUT
from napari_olivine.section import Product, Recipe, Section, fingerprint_of_bytes
from napari_olivine.training.files import CHECKPOINT, WEIGHTS_FROM
from napari_olivine.training.other_sections import fingerprints_of_others, open_others
from napari_olivine.training.phases import phases_of_mask, target_of
from napari_olivine.training.review_labels import corrections_fingerprint
from napari_olivine.training.settings import TrainSettings
from napari_olivine.training.what_is_shown import show_phases, weights_of


def train(
    section: Section, settings: TrainSettings | None = None, job: Job | None = None
) -> Product:
    """Train a network on the sessions with the role ``train`` and keep the best weights.

    It may learn from other sections too (`TrainSettings.others`), which are only read; the model is
    a product of `section`. Outside the region of study nothing is learned and nothing scored by the
    mask. Where a person corrected crystals (product ``corrections``), that counts instead of the
    mask; this, and what was corrected in the mask by hand, counts more.
    Best is the lowest binary cross-entropy on the sessions with the role ``val`` of all sections.
    The product is
    ``models/NAME`` with ``weights.safetensors``, ``card.json``, ``history.csv`` (validations) and
    ``losses.csv`` (training loss by steps), and ``last.safetensors`` where the weights of the last
    step are not those that validation found best. A run that was stopped goes on at the step where
    it was. A model that learns on (`TrainSettings.weights` is its folder) is scored before the
    first step, and its weights are kept if no later ones are better.

    Parameters
    ----------
    section
        Section with ``images``, ``mask`` and sessions.
    settings
        What is trained and how.
    job
        Running job. Its seed decides on weights, crops and augmentation.

    Returns
    -------
    Product
        The model.

    Raises
    ------
    SectionError
        If the images or the mask of a section are missing or out of date, the corrections are out
        of date, or another section is not there or is being made.
    InputError
        If no session of a section is for training, no mask has olivine there, another section has
        other pixels or greys, or the start weights cannot be used.
    """
    settings = settings or TrainSettings()
    job = job or Job()
    name = f"models/{_model_name(settings)}"
    others = open_others(section, settings, job)
    sections = [section, *others]
    recipe = training_recipe(section, settings, job.seed, others)
    if done := section.finished(name, recipe, job):
        return done

    from napari_olivine.networks import build_network, choose_device, save_model, start_weights
    from napari_olivine.training.appearance import measure_appearance
    from napari_olivine.training.card import make_card, tell_scores
    from napari_olivine.training.crops import open_crops
    from napari_olivine.training.forest import ForestTraining
    from napari_olivine.training.loop import Training
    from napari_olivine.training.plan import plan_sections
    from napari_olivine.training.scored import ScoredTraining

    device = choose_device(job.device)
    learned = plan_sections(sections, settings, job)
    plan = learned[0].plan
    with section.draft(name, recipe, job) as draft:
        pieces = show_phases(learned, job)
        crops = open_crops(learned, settings, pieces, job)
        network = build_network(plan.spec.name, seed=job.seed, classes=len(plan.phases) or 1)
        weights_from = _weights_from(draft.path)
        if not (draft.path / CHECKPOINT).exists():
            weights_from = start_weights(network, plan.spec, settings.weights, job, plan.phases)
            (draft.path / WEIGHTS_FROM).write_text(weights_from, encoding="utf-8")
        what = (network, plan, crops.training, crops.validation, draft.path, device, job)
        training: ScoredTraining
        if plan.spec.architecture == "forest":
            training = ForestTraining(*what)
        else:
            training = Training(*what, weights=weights_of(plan.phases, pieces))
            if not training.state.history and _has_learned(plan.spec, settings.weights):
                training.score_start()
        state = training.run()
        scores = training.best()
        appearance = measure_appearance(learned, training.samples.normalisation, job)
        card = make_card(learned, settings, training, scores, appearance, weights_from)
        save_model(draft.path, network, card)
        pd.DataFrame(state.history).to_csv(draft.path / "history.csv", index=False)
        curve = pd.DataFrame(state.losses, columns=["step", "train_loss"])
        curve.to_csv(draft.path / "losses.csv", index=False)
        # A time limit makes the weights depend on the machine, not on the recipe alone.
        draft.content = fingerprint_of_bytes((draft.path / "weights.safetensors").read_bytes())
        draft.notes.update(card.scores, best_step=card.best_step, weights_from=weights_from)
        draft.notes |= {"steps": state.step, "clock_s": round(state.seconds, 2)}
        draft.notes["processor_s"] = round(state.processor_seconds, 2)
        if others:
            draft.notes["sections"] = {one.name: one.scores for one in card.sections}
        draft.notes["corrected_crystals"] = crops.corrected_crystals
        if crops.corrected_tiles:
            draft.notes["corrected_tiles"] = crops.corrected_tiles
        (draft.path / CHECKPOINT).unlink(missing_ok=True)
        (draft.path / WEIGHTS_FROM).unlink()
    tell_scores(card, state.step, job)
    return section.require(name)


def training_recipe(
    section: Section, settings: TrainSettings, seed: int, others: Sequence[Section] = ()
) -> Recipe:
    """Write what a training starts from.

    Parameters
    ----------
    section
        Section of the model.
    settings
        What is trained and how.
    seed
        Of weights, crops and augmentation.
    others
        Other sections that it learns from.

    Returns
    -------
    Recipe
        Settings and fingerprints of the inputs.

    Raises
    ------
    SectionError
        If images or mask are missing or out of date.
    InputError
        If there is no such file of start weights.
    """
    return section.recipe(
        "train", settings, ["images", "mask", "annotations/sessions"], seed=seed,
        extra=_start_fingerprint(settings) | corrections_fingerprint(section, settings)
        | _region_fingerprint(section) | _target_fingerprint([section, *others], settings)
        | fingerprints_of_others(others, settings),
    )  # fmt: skip


def _region_fingerprint(section: Section) -> dict[str, str]:
    """Fingerprint of the region of study: another one is another training.

    As a source it is not followed: a network that learned in another region is still a network, and
    what it segmented stays up to date.
    """
    mark = section.fingerprint(REGIONS_INPUT)
    return {"source/regions": mark} if mark else {}


def _target_fingerprint(sections: Sequence[Section], settings: TrainSettings) -> dict[str, str]:
    """Note that a network learns the phases of the mask; not of one of olivine, as of before."""
    learned = target_of(settings) == "phases" and any(phases_of_mask(one) for one in sections)
    return {"source/target": "phases"} if learned else {}


def _model_name(settings: TrainSettings) -> str:
    name = settings.name or settings.network
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum() or name[0] == ".":
        raise InputError(
            f"A model's name must be letters, digits, '-', '_' and '.' only, not {name!r}.",
            setting="name",
        )
    return name


def _start_fingerprint(settings: TrainSettings) -> dict[str, str]:
    """Tell start weights apart: the program's by name, a file by its size and time."""
    if settings.weights in START_WEIGHTS:
        own = network_spec(settings.network).own_weights if settings.weights == "auto" else ""
        return {"source/weights": own} if own else {}
    path = Path(settings.weights).expanduser()
    file = path / "weights.safetensors" if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            f"There is no file {file} to start from.",
            remedy=f"Give {{setting:weights}} as {', '.join(START_WEIGHTS)} or a file.",
            setting="weights",
            file=file,
        )
    found = file.stat()
    return {"source/weights": f"{found.st_size} {found.st_mtime_ns}"}


def _has_learned(spec: NetworkSpec, weights: str) -> bool:
    """Tell whether the start weights know olivine: a model's, or those of the program."""
    return spec.starts_from_own(weights) or Path(weights).expanduser().is_dir()


def _weights_from(folder: Path) -> str:
    file = folder / WEIGHTS_FROM
    return file.read_text(encoding="utf-8") if file.exists() else ""
