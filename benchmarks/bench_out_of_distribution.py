"""Is a section that looks unlike the training told, and one of the same kind left in peace?

    python benchmarks/bench_out_of_distribution.py DATA [--seeds 301 302 303 304 305]
    python benchmarks/bench_out_of_distribution.py DATA --seeds 301 302 303 --worth
    python benchmarks/bench_out_of_distribution.py DATA --speed 1500

DATA is the folder of the standard sections and of real images. What the sessions for training and
validation look like is measured on phantoms of each rock and seed, and on the standard sections,
as `train` does for a model card; no network is trained, for none is asked. Then sections of other
kinds are compared with it as `segment` does. Told is how many get a warning, and how much of them
is beyond the limit. ``--worth`` trains the light network for 200 steps on the first phantom of each
rock instead, lets it go over all phantoms, and tells the IoU of olivine there beside what is beyond
the limit. ``--speed`` times the comparison on a section of so many megapixels. Sections are kept in
``--work`` for the next run.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pandas as pd
import tifffile
from numpy.typing import NDArray
from PIL import Image

from napari_olivine.inference import SegmentSettings, compare_with_training, is_far, segment
from napari_olivine.inference.models import SelectedModel
from napari_olivine.job import Job
from napari_olivine.masks import make_mask
from napari_olivine.networks import ModelCard, measure_normalisation, read_card
from napari_olivine.networks.card import WEIGHTS, write_card
from napari_olivine.phantom import PhantomSettings, RockName, make_phantom
from napari_olivine.readers import import_section
from napari_olivine.scoring import ScoreSettings
from napari_olivine.scoring.truth import Truth
from napari_olivine.section import Section, SectionRecord, create_raster, rock_only, with_role
from napari_olivine.settings import Settings
from napari_olivine.training import TrainSettings, train
from napari_olivine.training.appearance import measure_appearance
from napari_olivine.training.plan import plan_sections

Grey = NDArray[np.uint8]

STANDARD = {
    "section-main": "andesite", "section-small": "andesite",
    "section-glassy": "tephra", "section-cumulate": "cumulate",
}  # fmt: skip
"""The rock that each standard section is meant to be."""


@dataclass(frozen=True)
class Subject:
    """A section that is trained on and compared."""

    name: str
    rock: str
    by_another_hand: bool
    section: Section


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103])
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "unlike")
    parser.add_argument("--each", action="store_true", help="print every comparison")
    parser.add_argument("--worth", action="store_true", help="train, and tell the IoU")
    parser.add_argument("--speed", type=float, help="megapixels")
    given = parser.parse_args()
    subjects = list(open_subjects(given.data, given.work, given.seeds))
    if given.speed:
        time_it(subjects[0], given.speed, given.work)
        return
    if given.worth:
        phantoms = [one for one in subjects if not one.by_another_hand]
        for rock in get_args(RockName):
            same = [one for one in phantoms if one.rock == rock]
            worth(same[0], [one for one in phantoms if one is not same[0]], given.work)
        return
    pictures = {kind: list(images(given.data, kind)) for kind in REAL}
    found: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for learned in subjects:
        model = learn(learned.section, given.work / "model" / learned.name)
        for kind, section in comparisons(learned, subjects, pictures, given.work / "picture"):
            made = compare_with_training(section, [model], Job(force=True))
            assert made is not None
            share = float(made.notes["unlike_percent"])
            found[kind].append((share, is_far(made.notes)))
            if given.each:
                words = ", ".join(made.notes["differences"])
                print(f"{learned.name} | {kind} | {section.record.name} | {share:.0f} % | {words}")
    print("| kind of section | sections | warned | beyond the limit: least, median, most |")
    print("| --- | --- | --- | --- |")
    for kind, results in found.items():
        shares = [share for share, _ in results]
        warned = sum(far for _, far in results)
        print(
            f"| {kind} | {len(results)} | {100 * warned / len(results):.0f} % | "
            f"{min(shares):.0f}, {np.median(shares):.0f}, {max(shares):.0f} % |"
        )


def open_subjects(data: Path, work: Path, seeds: list[int]) -> Iterator[Subject]:
    """Make the phantoms and import the standard sections, or open them."""
    for seed in seeds:
        for rock in get_args(RockName):
            folder = work / f"{rock}-{seed}"
            if not (folder / "section").exists():
                settings = PhantomSettings(
                    rock=rock, seed=seed, rows=4, cols=6, profiles_per_session=1
                )
                make_phantom(folder / "source", settings)
                import_section(folder / "source", folder / "section")
            yield Subject(folder.name, rock, False, Section(folder / "section"))
    for name, rock in STANDARD.items():
        if not (work / name).exists():
            import_section(data / name, work / name)
        yield Subject(name, rock, True, Section(work / name))


def learn(section: Section, folder: Path) -> SelectedModel:
    """Write the card that a training on a section would write, as far as it tells looks."""
    learned = plan_sections([section], TrainSettings(target="olivine"), Job())
    plan = learned[0].plan
    sessions = [one for one in section.sessions() if one.session in plan.training]
    normalisation = measure_normalisation(section, sessions, "session", 1, False, Job())
    card = ModelCard(
        network="light", title="no network", channels=1, pixel_size_um=section.pixel_size_um,
        grey_type="uint8", normalisation=normalisation, section=section.record.name,
        training_sessions=plan.training, validation_sessions=plan.validation,
        weights_from="none", best_epoch=0, best_step=0, scores={}, best_threshold=0.5,
        settings={}, seed=0, versions={}, created="",
        appearance=measure_appearance(learned, normalisation, Job()),
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    write_card(folder, card)
    (folder / WEIGHTS).write_bytes(b"")
    return SelectedModel("", folder, card, ("olivine",))


def comparisons(
    learned: Subject, subjects: list[Subject], pictures: dict[str, list[Grey]], folder: Path
) -> Iterator[tuple[str, Section]]:
    """Give the sections that are compared with a training, and what kind each is of."""
    whole = learned.section.raster("images", "BSE")
    for role in ("test", "none"):
        for one in with_role(learned.section.sessions(), role):
            own = whole.read(*one.window)
            yield "another session of the section", picture(folder, own)
            if role == "test":
                for kind, image in altered(own):
                    yield kind, picture(folder, image)
    for other in subjects:
        if other is learned:
            continue
        if other.rock != learned.rock:
            yield "another rock", other.section
        elif other.by_another_hand == learned.by_another_hand:
            yield f"the same rock, another seed: {learned.rock}", other.section
        else:
            yield "the same rock by another hand", other.section
    for kind, several in pictures.items():
        for image in several:
            yield kind, picture(folder, image)


def altered(grey: Grey) -> Iterator[tuple[str, Grey]]:
    """Change how an image looks."""
    random = np.random.default_rng(0)
    median = float(np.median(rock_only(grey)))
    values = grey.astype(np.float32)

    def stored(image: NDArray[np.floating[Any]]) -> Grey:
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)

    for gain in (0.6, 0.8, 1.25, 1.6):
        yield f"contrast x {gain}", stored((values - median) * gain + median)
    yield "inverted", stored(2 * median - values)
    for sigma in (1, 3):
        yield f"blurred, sigma {sigma} px", stored(cv2.GaussianBlur(values, (0, 0), sigma))
    yield "noise of 6 grey added", stored(values + random.normal(0, 6, grey.shape))
    edges = np.abs(cv2.Laplacian(cv2.GaussianBlur(values, (0, 0), 1.5), cv2.CV_32F, ksize=3))
    flat = (values - median) / 4 + median + 4 * edges
    yield (
        "like secondary electrons: flat, bright edges",
        stored(flat + random.normal(0, 3, grey.shape)),
    )
    size = (round(grey.shape[1] / 1.5), round(grey.shape[0] / 1.5))
    yield (
        "pixels 1.5 times as large",
        np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8),
    )


REAL = (
    "real: olivine in tephra (iceland)", "real: superalloy", "real: BSE clipped (semarkona)",
    "real: chloritoid", "an element map (sk394a, Si)", "noise", "resin alone", "one grey",
)  # fmt: skip


def images(data: Path, kind: str) -> Iterator[Grey]:
    """Give the images of a kind."""
    random = np.random.default_rng(0)
    if "iceland" in kind:
        for file in sorted(file for file in (data / "iceland").iterdir() if "BSE.tif" in file.name):
            yield np.asarray(Image.open(file).convert("L"))[:768, :980]
    elif "superalloy" in kind:
        for file in sorted((data / "superalloy" / "Super1" / "train").iterdir()):
            yield np.asarray(Image.open(file).convert("L"))
    elif "semarkona" in kind:
        yield np.asarray(tifffile.imread(data / "semarkona" / "obj1" / "obj1_8bt_BSE.tif"))
    elif "chloritoid" in kind:
        yield bytes_of(np.loadtxt(data / "chloritoid" / "Cp.txt"))
    elif "sk394a" in kind:
        yield bytes_of(np.loadtxt(data / "sk394a" / "Si.txt"))
    else:
        mean, sd = {"noise": (128, 20), "resin alone": (12, 2.5), "one grey": (100, 0)}[kind]
        yield np.clip(np.rint(random.normal(mean, sd, (512, 512))), 1, 255).astype(np.uint8)


def bytes_of(values: NDArray[np.floating[Any]]) -> Grey:
    """Put counts on the scale of bytes."""
    low, high = np.percentile(values, [0.5, 99.5])
    return np.clip(1 + 254 * (values - low) / (high - low), 1, 255).astype(np.uint8)


def picture(folder: Path, image: Grey) -> Section:
    """Store an image as a section of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    record = SectionRecord(name="picture", pixel_size_um=1.0, shape=image.shape, signals=["BSE"])
    section = Section.create(folder, record)
    recipe = section.recipe("import", Settings(), [], extra={"source": "made by a benchmark"})
    with section.draft("images", recipe, Job()) as draft:
        out = create_raster(draft.path / "BSE", image.shape, "uint8", 1.0, reduction="mean")
        out.write(0, 0, image)
        out.build_pyramid(Job())
    whole_section(section)
    return section


def whole_section(section: Section) -> None:
    """Give a section one session."""
    rows, columns = section.shape
    whole = {"session": "1", "row0": 0, "row1": rows, "col0": 0, "col1": columns, "role": "none"}
    section.annotate("sessions", pd.DataFrame([whole]))


def worth(learned: Subject, others: list[Subject], work: Path) -> None:
    """Train on a phantom, segment others, and print how good that is beside what was told."""
    make_mask(learned.section)
    settings = TrainSettings(
        name="light", max_minutes=600, steps=50, epochs=4, patience=1000, crop_px=128
    )
    folder = train(learned.section, settings).path
    threshold = read_card(folder).best_threshold
    for other in [learned, *others]:
        how = SegmentSettings(model=str(folder), evidence="bse", threshold=threshold)
        segment(other.section, how)
        told = other.section.require("out_of_distribution").notes
        truth = Truth(work / other.name / "source" / "truth", other.section)
        windows = [(slice(0, other.section.shape[0]), slice(0, other.section.shape[1]))]
        if other is learned:
            windows = [one.window for one in with_role(learned.section.sessions(), "test")]
        hit, either = 0, 0
        for rows, columns in windows:
            olivine = truth.phase(rows)[:, columns] == ScoreSettings().olivine_code
            found = other.section.raster("segmentation", "olivine").read(rows, columns) == 1
            hit, either = hit + int((found & olivine).sum()), either + int((found | olivine).sum())
        print(
            f"| {learned.name} | {other.name} | {told['unlike_percent']:.0f} % | "
            f"{'warned' if is_far(told) else ''} | {hit / max(either, 1):.3f} |",
            flush=True,
        )


def time_it(learned: Subject, megapixels: float, work: Path) -> None:
    """Compare a large section, the phantom's BSE side by side, and tell the time."""
    model = learn(learned.section, work / "model" / learned.name)
    raster = learned.section.raster("images", "BSE")
    tile = raster.read(slice(None), slice(None))[:1024, :2048]
    across = max(int(np.sqrt(megapixels * 1e6) / 2048), 1)
    strip = np.tile(tile, (1, across))
    down = max(round(megapixels * 1e6 / strip.size), 1)
    shape = (1024 * down, strip.shape[1])
    with tempfile.TemporaryDirectory() as folder:
        record = SectionRecord(name="large", pixel_size_um=1.0, shape=shape, signals=["BSE"])
        section = Section.create(Path(folder) / "section", record)
        recipe = section.recipe("import", Settings(), [], extra={"source": "made by a benchmark"})
        with section.draft("images", recipe, Job()) as draft:
            out = create_raster(draft.path / "BSE", shape, "uint8", 1.0, reduction="mean")
            for number in range(down):
                out.write(1024 * number, 0, strip)
            out.build_pyramid(Job())
        whole_section(section)
        wall, processor = time.perf_counter(), time.process_time()
        made = compare_with_training(section, [model], Job())
        assert made is not None
        print(
            f"{np.prod(shape) / 1e6:.0f} Mpx, {made.notes['measured_cells']} cells: "
            f"{time.perf_counter() - wall:.1f} s, processor {time.process_time() - processor:.1f} s"
        )


if __name__ == "__main__":
    main()
