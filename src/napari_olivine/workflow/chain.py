"""The whole chain: instrument files in, catalogue of crystals out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_olivine.errors import InputError
from napari_olivine.job import Event, Job
from napari_olivine.registry import STEPS
from napari_olivine.section import Section
from napari_olivine.settings import Settings, setting

CHAIN = ("import", "level", "mask", "train", "segment", "calibrate", "crystals", "export")
"""Steps in their order."""

SHARE = {
    "import": 0.02,
    "level": 0.02,
    "mask": 0.02,
    "train": 0.70,
    "segment": 0.12,
    "calibrate": 0.04,
    "crystals": 0.04,
    "export": 0.04,
}
"""Share of the chain's time that each step takes, measured on the standard section."""


class ChainSettings(Settings):
    """Settings of the whole chain; those of single steps may be given by ``steps``."""

    rule: str = setting("olivine", "Rule", "Rule of the reference mask; see the mask step.")
    network: str = setting("light", "Network", "Network to train; see the train step.")
    max_minutes: float | None = setting(
        None, "Training time", "Stop training after so many minutes.", unit="min", gt=0
    )
    threshold: float = setting(
        0.1,
        "Threshold",
        "Probability from which a pixel counts as olivine (0.1 as published).",
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
        "Settings of single steps by name, as in a settings file: "
        '{"mask": {"smoothing_px": 0.7}, "train": {"patience": 5}}.',
    )

    def of(self, step: str) -> Settings:
        """Return the settings of one step.

        Raises
        ------
        InputError
            If `steps` names a step or setting that does not exist.
        """
        if unknown := set(self.steps) - set(CHAIN):
            raise InputError(f"There is no step {sorted(unknown)}; there are {', '.join(CHAIN)}.")
        shared: dict[str, dict[str, Any]] = {
            "mask": {"rule": self.rule},
            "train": {"network": self.network, "max_minutes": self.max_minutes},
            "segment": {"threshold": self.threshold},
            "export": {"rasters": self.rasters},
        }
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
    for step in CHAIN:  # a bad setting of a late step is found before the first hour is spent
        settings.of(step)
    catalogue = settings.catalogue or section.with_name(f"{section.name}-catalogue")
    opened: Section | None = None
    before = 0.0
    for number, step in enumerate(CHAIN, 1):
        job.say(f"[{number}/{len(CHAIN)}] {step}: {STEPS[step].title}")
        part = replace(job, listen=_within(job, before, SHARE[step]))
        function, own = STEPS[step].function, settings.of(step)
        if step == "import":
            opened = function(source, section, own, part)
        elif step == "export":
            function(opened, catalogue, own, part)
        else:
            function(opened, own, part)
        before += SHARE[step]
    assert opened is not None
    job.progress(1, 1, "Done")
    job.say(f"The catalogue is in {catalogue}.")
    return opened


def _within(job: Job, before: float, share: float) -> Any:
    """Fit a step's progress into its share of the chain."""

    def listen(event: Event) -> None:
        if event["event"] == "progress" and event["total"]:
            done = before + share * event["done"] / event["total"]
            event = event | {"done": done, "total": 1.0}
        job.listen(event)

    return listen
