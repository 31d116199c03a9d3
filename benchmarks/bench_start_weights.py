"""Do the start weights pay, and crops where the network was wrong, at equal time?

    python benchmarks/bench_start_weights.py [--rocks andesite] [--seeds 101 102] [--minutes 1.5]
    python benchmarks/bench_start_weights.py --source FOLDER --seeds 1 --minutes 5
    python benchmarks/bench_start_weights.py --steps 300 --starts none auto --hard 0 0.25

A small phantom of each rock and seed, its mask by the default rules. Each network is trained from
each start with each share of crops on errors, for the same minutes of this machine's clock, or for
the same steps. Told are, against the truth, in the session for validation and in that for test, the
IoU of olivine at the threshold that was best in validation against the mask, and the part of the
orthopyroxene that is taken. Sections are kept in ``--work`` for the next run.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Job
from napari_olivine.masks import make_mask
from napari_olivine.networks import read_card
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.readers import import_section
from napari_olivine.scoring import ScoreSettings
from napari_olivine.scoring.truth import Truth
from napari_olivine.section import Role, Section, with_role
from napari_olivine.training import TrainSettings, train


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, help="files of one section with truth/, no phantom")
    parser.add_argument("--rocks", nargs="+", default=["andesite"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102])
    parser.add_argument("--networks", nargs="+", default=["light"])
    parser.add_argument("--starts", nargs="+", default=["none", "auto"])
    parser.add_argument("--hard", type=float, nargs="+", default=[0.25])
    parser.add_argument("--rates", type=float, nargs="+", default=[0.001])
    parser.add_argument("--minutes", type=float, default=1.5)
    parser.add_argument("--steps", type=int, default=0, help="steps instead of minutes")
    parser.add_argument("--crop-px", type=int, default=128)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "start-weights")
    given = parser.parse_args()
    print("| rock | seed | network | start | errors | rate | steps | s | validation | test |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for rock, seed in ((rock, seed) for rock in given.rocks for seed in given.seeds):
        folder = given.work / f"{given.source.name if given.source else rock}-{seed}"
        section, truth = open_section(folder, given.source, rock, seed)
        for network, start, hard, rate in (
            (network, start, hard, rate)
            for network in given.networks for start in given.starts
            for hard in given.hard for rate in given.rates
        ):  # fmt: skip
            settings = TrainSettings(
                network=network, weights=start, hard=hard, learning_rate=rate, name="trained",
                crop_px=given.crop_px, steps=50, patience=1000,
                epochs=-(-given.steps // 50) or 1000,
                max_minutes=600 if given.steps else given.minutes,
            )  # fmt: skip
            start_name = Path(start).name
            cells = f"{rock} | {seed} | {network} | {start_name} | {hard:g} | {rate:g}"
            print(f"| {cells} | {learn(section, truth, settings, seed)} |", flush=True)


def open_section(folder: Path, source: Path | None, rock: str, seed: int) -> tuple[Section, Truth]:
    """Make the section of files, or of a rock and seed, or open it."""
    path = folder / "section"
    made = source is None
    source = source or folder / "source"
    if not (path / "mask").exists():
        if made:
            make_phantom(source, PhantomSettings.small(rock=rock, seed=seed))
        import_section(source, path)
        make_mask(Section(path))
    section = Section(path)
    return section, Truth(source / "truth", section)


def learn(section: Section, truth: Truth, settings: TrainSettings, seed: int) -> str:
    """Train, segment, and tell steps, seconds and scores."""
    started = time.monotonic()
    model = train(section, settings, Job(seed=seed, force=True))
    took = time.monotonic() - started
    segment(section, SegmentSettings(model=settings.name), Job(force=True))
    card = read_card(model.path)
    cells = [f"{card.best_step}", f"{took:.0f}"]
    roles: tuple[Role, ...] = ("val", "test")
    for role in roles:
        iou, taken = score(section, truth, role, card.best_threshold)
        cells.append(f"{iou:.3f}, {taken:.0%}")
    return " | ".join(cells)


def score(section: Section, truth: Truth, role: Role, threshold: float) -> tuple[float, float]:
    """Return the IoU of olivine and the part of the orthopyroxene taken in sessions of a role."""
    codes, hit, either, taken, every = ScoreSettings(), 0, 0, 0, 0
    for session in with_role(section.sessions(), role):
        rows, columns = session.window
        phase = truth.phase(rows)[:, columns]
        found = section.raster("probability", "olivine").read(rows, columns) >= threshold * 255
        olivine, opx = (phase == code for code in (codes.olivine_code, codes.orthopyroxene_code))
        hit, either = hit + int((found & olivine).sum()), either + int((found | olivine).sum())
        taken, every = taken + int((found & opx).sum()), every + int(opx.sum())
    return hit / max(1, either), taken / max(1, every)


if __name__ == "__main__":
    main()
