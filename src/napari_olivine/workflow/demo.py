"""The demonstration: a synthetic section with known truth through the whole chain."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from napari_olivine.job import Job
from napari_olivine.phantom import PhantomSettings, RockName, make_phantom
from napari_olivine.registry import STEPS
from napari_olivine.section import write_atomically
from napari_olivine.settings import Settings, setting
from napari_olivine.workflow.chain import ChainSettings, run_chain


class DemoSettings(Settings):
    """Settings of the demonstration."""

    rows: int = setting(6, "Tile rows", "Rows of tiles of the synthetic section.", ge=2, le=40)
    cols: int = setting(9, "Tile columns", "Columns of tiles.", ge=3, le=60)
    rock: RockName = setting("andesite", "Rock", "Rock of the section; see {step:phantom}.")
    network: str = setting("light", "Network", "Network to train; see {step:train}.")
    max_minutes: float = setting(
        7.5, "Training time", "Stop training after so many minutes.", unit="min", gt=0
    )
    steps: dict[str, dict[str, Any]] = setting(
        {}, "Steps", "Settings of single steps by name, as for {step:run}."
    )
    view: bool = setting(True, "Open napari", "Open the section at the end if there is a screen.")


def run_demo(
    folder: Path | None = None, settings: DemoSettings | None = None, job: Job | None = None
) -> Path:
    """Make a synthetic section, run every step on it and score the result against its truth.

    Parameters
    ----------
    folder
        Where; ``napari-olivine-demo`` in the current folder if not given. Gets ``source`` (what
        the instruments left), ``truth``, ``section``, ``catalogue`` and ``scores.json``.
    settings
        Size of the section and of the training.
    job
        Running job.

    Returns
    -------
    Path
        Folder of the finished section.
    """
    settings, job = settings or DemoSettings(), job or Job()
    folder = (folder or Path("napari-olivine-demo")).resolve()
    source, started = folder / "source", time.monotonic()
    if source.exists():
        job.say(f"The synthetic section in {source} is already there.")
    else:
        job.say("Making a synthetic thin section with known truth")
        wanted = PhantomSettings(
            rock=settings.rock, rows=settings.rows, cols=settings.cols, seed=job.seed
        )
        make_phantom(source, wanted, job)
    chain = ChainSettings(
        network=settings.network,
        max_minutes=settings.max_minutes,
        catalogue=folder / "catalogue",
        rasters=True,
        steps=settings.steps,
    )
    section = run_chain(source, folder / "section", chain, job)
    job.say("Scores against the truth, which no step has seen:")
    from napari_olivine.scoring import scores_table

    scores: Any = STEPS["score"].function(section, source / "truth", None, job)
    write_atomically(folder / "scores.json", scores.model_dump_json(indent=1) + "\n")
    job.say(scores_table(scores))
    job.say(f"Made in {(time.monotonic() - started) / 60:.1f} minutes, all in {folder}.")
    return section.path
