"""Does a network that learns all phases take less orthopyroxene for olivine?

    python benchmarks/bench_phases_target.py [--seeds 101 102] [--steps 250] [--crop-px 128]

A small phantom of each seed, its mask by the default rules. The light network is trained from the
start for the same number of steps with olivine or not as its target, and with all phases of the
mask; both targets cost about the same time a step, which is told as seconds of the processor, as
the clock of a machine that others use says little. Told are, in the test session against the truth,
the IoU of olivine and the part of the orthopyroxene that is taken for it, at the thresholds 0.1 and
0.5. Sections are kept in ``--work`` for the next run.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Job
from napari_olivine.masks import make_mask
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.readers import import_section
from napari_olivine.scoring import ScoreSettings
from napari_olivine.scoring.truth import Truth
from napari_olivine.section import Section, with_role
from napari_olivine.training import TrainSettings, train

THRESHOLDS = (0.1, 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102])
    parser.add_argument("--targets", nargs="+", default=["olivine", "phases"])
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--crop-px", type=int, default=128)
    parser.add_argument("--foreground", type=float, default=0.5)
    parser.add_argument("--verbose", action="store_true", help="print the log of each training")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "phases-target")
    given = parser.parse_args()
    print("| seed | target | steps | processor, s | 0.1: IoU, opx taken | 0.5: IoU, opx taken |")
    print("| --- | --- | --- | --- | --- | --- |")
    for seed in given.seeds:
        section, truth = open_phantom(given.work / str(seed), seed)
        for target in given.targets:
            settings = TrainSettings(
                name=f"{target}-{given.steps}-{given.crop_px}-{given.foreground:g}",
                target=target, max_minutes=600, steps=50, epochs=-(-given.steps // 50),
                patience=1000, crop_px=given.crop_px, foreground=given.foreground,
            )  # fmt: skip
            learn(section, truth, settings, seed, verbose=given.verbose)


def open_phantom(folder: Path, seed: int) -> tuple[Section, Truth]:
    """Make the section of a seed, or open it."""
    source, path = folder / "source", folder / "section"
    if not (path / "mask").exists():
        make_phantom(source, PhantomSettings.small(seed=seed))
        import_section(source, path)
        make_mask(Section(path))
    section = Section(path)
    return section, Truth(source / "truth", section)


def learn(
    section: Section, truth: Truth, settings: TrainSettings, seed: int, *, verbose: bool
) -> None:
    """Train, segment, and print how well that is."""

    def listen(event: dict[str, object]) -> None:
        if event["event"] in ("message", "warning", "epoch"):
            print({k: v for k, v in event.items() if k != "event"}, flush=True)

    started = time.process_time()
    train(section, settings, Job(seed=seed, listen=listen) if verbose else Job(seed=seed))
    took = time.process_time() - started
    segment(section, SegmentSettings(model=settings.name), Job())
    cells = []
    for threshold in THRESHOLDS:
        iou, taken = score(section, truth, threshold)
        cells.append(f"{iou:.3f}, {taken:.1%}")
    steps = (settings.steps or 0) * (settings.epochs or 0)
    print(
        f"| {seed} | {settings.target} | {steps} | {took:.0f} | {' | '.join(cells)} |", flush=True
    )


def score(section: Section, truth: Truth, threshold: float) -> tuple[float, float]:
    """Return the IoU of olivine and the part of the orthopyroxene taken in the test sessions."""
    codes, hit, either, taken, every = ScoreSettings(), 0, 0, 0, 0
    for session in with_role(section.sessions(), "test"):
        rows, columns = session.window
        phase = truth.phase(rows)[:, columns]
        found = section.raster("probability", "olivine").read(rows, columns) >= threshold * 255
        olivine, opx = (phase == code for code in (codes.olivine_code, codes.orthopyroxene_code))
        hit, either = hit + int((found & olivine).sum()), either + int((found | olivine).sum())
        taken, every = taken + int((found & opx).sum()), every + int(opx.sum())
    return hit / max(1, either), taken / max(1, every)


if __name__ == "__main__":
    main()
