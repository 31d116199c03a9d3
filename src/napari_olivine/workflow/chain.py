"""The whole chain: instrument files in, catalogue of crystals out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from napari_olivine.errors import InputError, settings_of, with_step
from napari_olivine.job import Event, Job
from napari_olivine.registry import STEPS, Step, chain
from napari_olivine.section import Section
from napari_olivine.settings import Settings, setting


class ChainSettings(Settings):
    """Settings of the whole chain; those of single steps may be given by ``steps``."""

    rule: str = setting("olivine", "Rule", "Rule of the reference mask; see {step:mask}.")
    limits: Literal["rule", "valleys"] = setting(
        "rule",
        "Limits",
        "Whether the limits of the rule move into the valleys of these maps; see {step:mask}.",
    )
    reference: tuple[str, ...] = setting(
        (),
        "Picked olivine",
        "Places of an olivine that you are sure of, as X,Y or X,Y,RADIUS in um, to which the "
        "limits of the rule are relative; see {step:mask}.",
    )
    network: str = setting("light", "Network", "Network to train; see {step:train}.")
    max_minutes: float | None = setting(
        None, "Training time", "Stop training after so many minutes.", unit="min", gt=0
    )
    threshold: float | None = setting(
        None,
        "Threshold",
        "Probability from which a pixel counts as olivine; see {step:segment}.",
        gt=0,
        lt=1,
    )
    catalogue: Path | None = setting(
        None, "Catalogue", "Folder of the catalogue; automatic: SECTION-catalogue beside it."
    )
    rasters: bool = setting(False, "Rasters", "Also export the full-resolution rasters.")
    steps: dict[str, dict[str, Any]] = setting(
        {},
        "Steps",
        "Settings of single steps by name, which win over those above: "
        '{"mask": {"smoothing_px": 0.7}, "train": {"patience": 5}}.',
    )

    def of(self, step: str) -> Settings:
        """Return the settings of one step.

        Raises
        ------
        InputError
            If `steps` names a step or setting that does not exist.
        """
        names = [one.name for one in chain()]
        if unknown := sorted(set(self.steps) - set(names)):
            raise InputError(
                f"There is no step {unknown}; there are {', '.join(names)}.",
                setting="steps",
                expected=", ".join(names),
            )
        shared: dict[str, dict[str, Any]] = {
            "mask": {"rule": self.rule, "limits": self.limits, "reference": self.reference},
            "train": {"network": self.network, "max_minutes": self.max_minutes},
            "segment": {"threshold": self.threshold},
            "export": {"rasters": self.rasters},
        }
        with settings_of(step):
            return STEPS[step].settings(**(shared.get(step, {}) | self.steps.get(step, {})))


def run_chain(
    source: Path, section: Path, settings: ChainSettings | None = None, job: Job | None = None
) -> Section:
    """Run every step in order; what is up to date is not repeated.

    Parameters
    ----------
    source
        Folder of instrument files.
    section
        Folder of the section to make or to go on with.
    settings
        Settings of the chain.
    job
        Running job; its progress counts all steps together.

    Returns
    -------
    Section
        The section with all its products.
    """
    settings, job = settings or ChainSettings(), job or Job()
    steps = chain()
    for step in steps:  # a bad setting of a late step is found before the first hour is spent
        settings.of(step.name)
    catalogue = settings.catalogue or section.with_name(f"{section.name}-catalogue")
    paths = {"source": source, "section": section, "folder": catalogue}
    before = 0.0
    for number, step in enumerate(steps, 1):
        job.say(f"[{number}/{len(steps)}] {step.name}: {step.title}")
        part = replace(job, listen=_within(job, step, before))
        arguments = (
            Section(section) if one.opened else paths[one.name] for one in step.own_arguments
        )
        with settings_of(step.name):
            step.function(*arguments, settings.of(step.name), part)
        before += step.share
    job.progress(1, 1, "Done")
    job.say(f"The catalogue is in {catalogue}.")
    return Section(section)


def _within(job: Job, step: Step, before: float) -> Any:
    """Fit a step's progress into its share of the chain, and name the step of its settings."""

    def listen(event: Event) -> None:
        if event["event"] == "progress" and event["total"]:
            done = before + step.share * event["done"] / event["total"]
            event = event | {"done": done, "total": 1.0}
        templates = {name: event[name] for name in ("text", "remedy") if name in event}
        named = {name: with_step(template, step.name) for name, template in templates.items()}
        job.listen(event | named)

    return listen
