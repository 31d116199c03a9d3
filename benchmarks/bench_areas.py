"""What suggested areas are worth beside areas chosen at random.

    python benchmarks/bench_areas.py [--seeds 101 102 103 104 105] [--rock andesite]
    python benchmarks/bench_areas.py --train [--seeds 301 302] [--columns 6] [--steps 200]
        [--randoms 2]
    python benchmarks/bench_areas.py --big

A phantom of 6 x 9 tiles (``--columns``) in three sessions is imported and masked; areas are
suggested in the training session (18 tiles), by the mask and by the grey, and as many tiles are
drawn at random.

Without ``--train`` the truth is counted: of all kinds of crystals (mineral and size class) in the
training session, how many the areas show with one crystal at least, or half of all where there is
but one; the mean of 500 draws at random, and the share of the draws that show as many or more.

With ``--train`` the light network learns, by crops of 160 px, for the same number of steps from the
whole training session, from the suggested areas of a quarter and a half of it, and from a quarter
at random. Told is the IoU of olivine in the test session against the truth, at the threshold 0.5.

With ``--big`` a section of 1.5 gigapixels (9,000 tiles) has a phantom repeated in the one overview
that is read, and nothing else: told are time and peak memory.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_olivine.areas import (
    Area,
    AreasSettings,
    grid_of,
    pieces_in,
    sessions_with_areas,
    suggest_areas,
)
from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Job
from napari_olivine.masks import make_mask
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.readers import import_section
from napari_olivine.scoring import ScoreSettings
from napari_olivine.scoring.truth import Truth
from napari_olivine.section import (
    CHUNK,
    Draft,
    Section,
    SectionRecord,
    Tiles,
    create_raster,
    with_role,
)
from napari_olivine.settings import Settings
from napari_olivine.training import TrainSettings, train

SESSION = "1"
MINERALS = {2: "plagioclase", 3: "clinopyroxene", 4: "orthopyroxene", 5: "oxide", 6: "olivine"}
"""Codes of the phantom's truth."""

DRAWS = 500


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103, 104, 105])
    parser.add_argument("--rock", default="andesite")
    parser.add_argument("--columns", type=int, default=9)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--randoms", type=int, default=2)
    parser.add_argument("--big", action="store_true")
    given = parser.parse_args()
    if given.big:
        big()
        return
    if given.train:
        print("| seed | areas | tiles | chosen | test IoU |\n| --- | --- | --- | --- | --- |")
    else:
        print("| seed | tiles | by mask | by grey | at random | as good at random |")
        print("| --- | --- | --- | --- | --- | --- |")
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as work:
            source, path = Path(work) / "source", Path(work) / "section"
            make_phantom(source, PhantomSettings(rock=given.rock, seed=seed, cols=given.columns))
            import_section(source, path)
            section = Section(path)
            make_mask(section)
            truth = Truth(source / "truth", section)
            if given.train:
                learn_all(section, truth, seed, given.steps, given.randoms)
            else:
                count(section, truth, seed)


def big() -> None:
    """Time suggestions for a section of 1.5 gigapixels."""
    import resource

    shape, scale = (33_800, 46_080), 3
    with tempfile.TemporaryDirectory() as work:
        source, small_path = Path(work) / "source", Path(work) / "small"
        make_phantom(source, PhantomSettings())
        import_section(source, small_path)
        small = Section(small_path)
        mask = make_mask(small)
        record = SectionRecord(name="big", pixel_size_um=0.5, shape=shape, signals=["BSE"])
        section = Section.create(Path(work) / "big", record)

        def fill(draft: Draft, product: str, name: str) -> None:
            raster = create_raster(draft.path / name, shape, np.uint8, 0.5, reduction="mean")
            rows, columns = raster.level_shapes[scale]
            every_row, every_column = (slice(0, side) for side in small.shape)
            image = small.raster(product, name).read(every_row, every_column)
            across = np.tile(image, (1, -(-columns // image.shape[1])))[:, :columns]
            for row in range(0, rows, CHUNK):
                every = np.arange(row, min(row + CHUNK, rows)) % image.shape[0]
                raster.write(row, 0, across[every], scale)

        made = section.recipe("import", Settings(), [], extra={"source": "made by a benchmark"})
        with section.draft("images", made, Job()) as draft:
            fill(draft, "images", "BSE")
            Tiles.of_grid((100, 90), (338, 512)).write(draft.path)
        with section.draft("mask", section.recipe("mask", Settings(), ["images"]), Job()) as draft:
            fill(draft, "mask", "olivine")
            fill(draft, "mask", "phases")
            draft.notes["modes"] = mask.notes["modes"]
        for settings in (AreasSettings(by="grey"), AreasSettings(by="mask")):
            begin, used = time.monotonic(), time.process_time()
            found = suggest_areas(section, settings)
            wall, used = time.monotonic() - begin, time.process_time() - used
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"by {settings.by}: {wall:.1f} s, {used:.1f} s of CPU, {peak:.0f} MB")
            print(found.words[0])


def count(section: Section, truth: Truth, seed: int) -> None:
    """Print of how many kinds of true crystals the areas show one at least."""
    grid = grid_of(section, [SESSION])
    every = truth.phase(slice(0, section.shape[0]))
    pieces = pieces_in(every, MINERALS, grid.edges, section.pixel_size_um, Job())
    free = np.flatnonzero([cell.open for cell in grid.cells])
    total = pieces.counts[free].sum(axis=0)
    wanted = np.minimum(1.0, 0.5 * total)

    def shown(cells: Sequence[int] | NDArray[np.int64]) -> int:
        have = pieces.counts[cells].sum(axis=0)
        return int(((have >= wanted) & (total > 0)).sum())

    random = np.random.default_rng(seed)
    kinds = int((total > 0).sum())
    for tiles in (3, 4, 6, 9):
        found = []
        for settings in (_settings(tiles, "mask"), _settings(tiles, "grey")):
            areas = suggest_areas(section, settings).areas
            place = {cell.words: number for number, cell in enumerate(grid.cells)}
            found.append(shown([place[area.place] for area in areas]))
        draws = [shown(random.choice(free, tiles, replace=False)) for _ in range(DRAWS)]
        as_good = np.mean(np.array(draws) >= found[0])
        print(
            f"| {seed} | {tiles} | {found[0]} of {kinds} | {found[1]} | {np.mean(draws):.1f} | "
            f"{as_good:.0%} |",
            flush=True,
        )


def learn_all(section: Section, truth: Truth, seed: int, steps: int, randoms: int) -> None:
    """Train on the whole session, on suggested areas and on tiles at random."""
    sessions = section.annotation("sessions")
    free = [cell for cell in grid_of(section, [SESSION]).cells if cell.open]
    learn(section, truth, (seed, "whole session", len(free)), steps)
    random = np.random.default_rng(seed)
    quarter, half = len(free) // 4, len(free) // 2
    for tiles, drawn in [(quarter, False), *[(quarter, True)] * randoms, (half, False)]:
        if drawn:
            chosen = [free[int(place)] for place in random.choice(len(free), tiles, replace=False)]
            areas = [
                Area(f"r{k}", "train", one.row0, one.row1, one.col0, one.col1, SESSION, "", "")
                for k, one in enumerate(chosen)
            ]
        else:
            areas = list(suggest_areas(section, _settings(tiles, "mask")).areas)
        section.annotate("sessions", sessions_with_areas(sessions, areas, [SESSION]))
        learn(section, truth, (seed, "at random" if drawn else "suggested", tiles), steps)
        section.annotate("sessions", sessions)


def _settings(tiles: int, by: Literal["mask", "grey"]) -> AreasSettings:
    return AreasSettings(by=by, tiles=tiles, validation=0, sessions=[SESSION])


def learn(section: Section, truth: Truth, row: tuple[int, str, int], steps: int) -> None:
    """Train, segment, and print how well that is."""
    begin = time.monotonic()
    seed, what, tiles = row
    settings = TrainSettings(
        name="areas", max_minutes=600, steps=steps // 2, epochs=2, patience=1000, crop_px=160
    )
    train(section, settings, Job(seed=seed, force=True))
    segment(section, SegmentSettings(model="areas"), Job(force=True))
    hit = either = 0
    for session in with_role(section.sessions(), "test"):
        rows, columns = session.window
        olivine = truth.phase(rows)[:, columns] == ScoreSettings().olivine_code
        found = section.raster("probability", "olivine").read(rows, columns) >= 0.5 * 255
        hit, either = hit + int((found & olivine).sum()), either + int((found | olivine).sum())
    minutes = (time.monotonic() - begin) / 60
    print(
        f"| {seed} | {what} | {tiles} | {settings.steps} x {settings.epochs} steps, "
        f"{minutes:.1f} min | {hit / max(1, either):.4f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
