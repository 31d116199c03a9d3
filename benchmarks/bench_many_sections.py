"""What a network that learned from several rocks reaches on one that it never saw.

    python benchmarks/bench_many_sections.py [--seeds 301] [--steps 250] [--crop-px 128]
    python benchmarks/bench_many_sections.py --contrast [--seeds 101] [--rocks andesite]
    python benchmarks/bench_many_sections.py --seeds 0 --training-seed 301     # docs/measured.md

A small phantom (3 x 3 tiles) of each rock and seed, its mask by the default rules. The light
network is trained from the start, for the same number of steps each: on one rock, on three, and on
all four. Told is the IoU of olivine by BSE alone, against the truth, in the test session of each
section that it is applied to, at the threshold that `segment` chooses and at 0.5: of one rock on
the other three, of three on the fourth, and of all four on phantoms of the next seed; and against
the mask in the validation sessions of what was learned, at the best threshold and at 0.5.

With ``--contrast`` each network of one rock is applied to the same rock of the next seed, whose
grey is left alone or stretched about grey 128, and levelled by shifts (``session``) or by shifts
and spread (``contrast``), with the same weights.

Sections and models are kept in ``--work`` for the next run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np

from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Job
from napari_olivine.masks import make_mask
from napari_olivine.networks import read_card
from napari_olivine.networks.normalisation import spread_of_section
from napari_olivine.phantom import PhantomSettings, RockName, make_phantom
from napari_olivine.readers import import_section
from napari_olivine.scoring import ScoreSettings
from napari_olivine.scoring.truth import Truth
from napari_olivine.section import Section, with_role
from napari_olivine.training import TrainSettings, train

ROCKS: tuple[RockName, ...] = get_args(RockName)

FACTORS = (1.0, 0.6, 1.25)
"""By which the contrast of a section is stretched."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[301])
    parser.add_argument("--training-seed", type=int, help="that of the phantoms if not given")
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--crop-px", type=int, default=128)
    parser.add_argument("--contrast", action="store_true")
    parser.add_argument("--rocks", nargs="+", choices=ROCKS, default=ROCKS)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "many-sections")
    given = parser.parse_args()
    bench = Bench(given.work, given.steps, given.crop_px, given.training_seed)
    levelled = " levelling |" if given.contrast else ""
    print(f"| seed | trained on |{levelled} applied to | IoU | at 0.5 |")
    print("| --- " * (6 if given.contrast else 5) + "|")
    for seed in given.seeds:
        if given.contrast:
            bench.compare_levelling(seed, given.rocks)
        else:
            bench.compare_rocks(seed)


class Bench:
    """Trainings of one length on phantoms in one folder."""

    def __init__(self, work: Path, steps: int, crop_px: int, seed: int | None) -> None:
        self.work, self.steps, self.crop_px, self.training_seed = work, steps, crop_px, seed

    def compare_rocks(self, seed: int) -> None:
        """Train on one rock, on three and on all, and apply that to what was not learned."""
        fresh = [self.phantom(rock, seed + 1) for rock in ROCKS]
        sections = {rock: self.phantom(rock, seed) for rock in ROCKS}
        for rock in ROCKS:
            model, words = self.learn([sections[rock]], seed), f"{seed} | {rock}"
            self.tell_validation(model, words)
            self.apply(model, words, [sections[other] for other in ROCKS if other != rock])
        for rock in ROCKS:
            three = [sections[other] for other in ROCKS if other != rock]
            model, words = self.learn(three, seed), f"{seed} | all but {rock}"
            self.tell_validation(model, words)
            self.apply(model, words, [sections[rock]])
        model, words = self.learn(list(sections.values()), seed), f"{seed} | all four"
        self.tell_validation(model, words)
        self.apply(model, words, fresh)

    def compare_levelling(self, seed: int, rocks: Sequence[RockName]) -> None:
        """Apply the networks of one rock to sections of other contrasts, levelled in both ways."""
        for rock in rocks:
            home = self.phantom(rock, seed)
            by_shift = self.learn([home], seed)
            by_spread = levelled_by_spread(home, by_shift)
            for factor in FACTORS:
                fresh = [self.phantom(rock, seed + 1, factor)]
                self.apply(by_shift, f"{seed} | {rock} | {factor:g}, session", fresh)
                self.apply(by_spread, f"{seed} | {rock} | {factor:g}, contrast", fresh)

    def phantom(self, rock: RockName, seed: int, factor: float = 1.0) -> Section:
        """Make the section of a rock and seed, or open it."""
        folder = self.work / f"{rock}-{seed}"
        if not (folder / "section" / "mask").exists():
            make_phantom(folder / "source", PhantomSettings.small(rock=rock, seed=seed))
            import_section(folder / "source", folder / "section")
            make_mask(Section(folder / "section"))
        if factor == 1:
            return Section(folder / "section")
        stretched = folder / f"stretched-{factor:g}"
        if not stretched.exists():
            shutil.copytree(folder / "section", stretched)
            stretch(Section(stretched), factor)
        return Section(stretched)

    def learn(self, sections: Sequence[Section], seed: int) -> Path:
        """Train in the first section on all of them; returns the model."""
        names = [f"{one.path.parent.name}-{one.path.name}" for one in sections]
        settings = TrainSettings(
            others=tuple(one.path for one in sections[1:]),
            name=".".join(["m", *names, str(self.steps), str(self.crop_px)]),
            steps=50, epochs=-(-self.steps // 50), patience=1000, max_minutes=600,
            crop_px=self.crop_px,
        )  # fmt: skip
        job = Job(seed=seed if self.training_seed is None else self.training_seed)
        return train(sections[0], settings, job).path

    def tell_validation(self, model: Path, words: str) -> None:
        """Print how good a network is in the validation sessions that it learned beside."""
        for one in read_card(model).sections:
            rock = Path(one.folder).parent.name.partition("-")[0]
            chosen, half = one.scores["iou_best"], one.scores["iou_0.5"]
            print(f"| {words} | {rock}, validation | {chosen:.3f} | {half:.3f} |", flush=True)

    def apply(self, model: Path, words: str, sections: Sequence[Section]) -> None:
        """Segment sections by BSE alone and print how well that is."""
        for section in sections:
            segment(section, SegmentSettings(model=str(model), evidence="bse"), Job())
            at_chosen, at_half = score(section)
            rock = section.path.parent.name.partition("-")[0]
            print(f"| {words} | {rock} | {at_chosen:.3f} | {at_half:.3f} |", flush=True)


def levelled_by_spread(home: Section, model: Path) -> Path:
    """Copy a model with another card: the grey is levelled by its spread too."""
    folder = home.path.parent / f"{model.name}-by-spread"
    shutil.copytree(model, folder, dirs_exist_ok=True)
    card = json.loads((folder / "card.json").read_text())
    card["normalisation"] |= {"align": "contrast", "spread": spread_of_section(home, Job())}
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def stretch(section: Section, factor: float) -> None:
    """Change the contrast of the BSE image about grey 128."""
    raster = section.raster("images", "BSE")
    grey = raster.read(slice(0, section.shape[0]), slice(0, section.shape[1])).astype(float)
    changed = np.clip(np.rint(128 + (grey - 128) * factor), 0, 255).astype(np.uint8)
    raster.write(0, 0, changed)
    raster.build_pyramid(Job())


def score(section: Section) -> tuple[float, float]:
    """IoU of olivine in the test sessions, at the threshold of the segmentation and at 0.5."""
    truth = Truth(section.path.parent / "source" / "truth", section)
    hit, either = np.zeros(2, int), np.zeros(2, int)
    for session in with_role(section.sessions(), "test"):
        rows, columns = session.window
        olivine = truth.phase(rows)[:, columns] == ScoreSettings().olivine_code
        chosen = section.raster("segmentation", "olivine").read(rows, columns) == 1
        half = section.raster("probability", "olivine").read(rows, columns) >= 128
        for place, found in enumerate((chosen, half)):
            hit[place] += int((found & olivine).sum())
            either[place] += int((found | olivine).sum())
    at_chosen, at_half = hit / np.maximum(1, either)
    return float(at_chosen), float(at_half)


if __name__ == "__main__":
    main()
