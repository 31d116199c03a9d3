"""What the IoU of each phase and the windows that a person sees add to a validation.

    python benchmarks/bench_validation.py [--network light] [--repeat 5]

A small phantom (seed 301) is validated by a network with random weights on one core: as for a
network of olivine alone, with the confusion matrix of all phases, and the windows that are
predicted and written after each validation. Told are the least seconds of the processor of some
repetitions, and what is added, in percent. Only what is counted differs: the network is the same.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from napari_olivine.job import Job
from napari_olivine.masks import make_mask
from napari_olivine.networks import build_network
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.readers import import_section
from napari_olivine.section import Section
from napari_olivine.training import TrainSettings
from napari_olivine.training.confusion import Confusion
from napari_olivine.training.crops import open_crops
from napari_olivine.training.plan import plan_sections
from napari_olivine.training.shown_windows import ShownWindows
from napari_olivine.training.validation import validate
from napari_olivine.training.what_is_shown import show_phases

SEED = 301


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", default="light")
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    job, cpu = Job(), torch.device("cpu")
    with tempfile.TemporaryDirectory() as folder:
        section = a_phantom(Path(folder))
        settings = TrainSettings(network=given.network, target="phases")
        learned = plan_sections([section], settings, job)
        crops = open_crops(learned, settings, show_phases(learned, job), job)
        plan = learned[0].plan
        network = build_network(given.network, classes=len(plan.phases)).eval()
        colours = [phase.colour for phase in plan.phases]
        windows = ShownWindows(crops.validation[0].samples, plan.olivine, colours)
        file = Path(folder) / "windows.npz"

        def score() -> None:
            validate(network, crops.validation, cpu, job)

        counting, Confusion.add = Confusion.add, lambda *_: None  # type: ignore[method-assign]
        without = least_seconds(score, given.repeat)
        Confusion.add = counting  # type: ignore[method-assign]
        with_phases = least_seconds(score, given.repeat)
        shown = least_seconds(lambda: windows.write(network, file, 0, cpu, job), given.repeat)
        print(f"validation of {len(plan.phases)} phases, olivine alone counted: {without:.2f} s")
        print(f"with the IoU of each phase: +{100 * (with_phases / without - 1):.1f} %")
        print(
            f"windows: {shown:.2f} s, +{100 * shown / without:.1f} %; {file.stat().st_size:,} bytes"
        )


def a_phantom(folder: Path) -> Section:
    """Make a small section with a mask."""
    make_phantom(folder / "source", PhantomSettings.small(seed=SEED))
    import_section(folder / "source", folder / "section")
    make_mask(Section(folder / "section"))
    return Section(folder / "section")


def least_seconds(action: Callable[[], None], repeat: int) -> float:
    """Seconds of the processor that an action takes, the least of some repetitions."""
    found = []
    for _ in range(repeat):
        started = time.process_time()
        action()
        found.append(time.process_time() - started)
    return min(found)


if __name__ == "__main__":
    main()
