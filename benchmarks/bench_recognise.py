"""Classifiers of images: how fast, and how good on crystals of real and synthetic images.

    python benchmarks/bench_recognise.py speed FOLDER
    python benchmarks/bench_recognise.py lookalikes FOLDER DATA/section-main
    python benchmarks/bench_recognise.py chondrite DATA/semarkona
    python benchmarks/bench_recognise.py superalloy DATA/superalloy/Super1

speed: ten classes of 20 images (textures of other scales and forms, drawn here), from the folder to
the classifier on disk, k-fold test included; then the rate of a prediction. lookalikes: olivine and
pyroxene of the truth as crystals of a section that is kept in FOLDER, learned in the sessions with
the roles train and val and told in the session with the role test. chondrite: olivine, pyroxene and
metal by the counts of Mg, Si, Fe and S, told from one map alone, learned in one field and told in
the other, both ways. superalloy: large and small crystals by hand-made masks, each in a frame that
is fitted to it, with the size of its pixels hidden and given, learned in the images for training
and validation and told in those for testing.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import tifffile
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.job import Job
from napari_olivine.levelling import LevelSettings, level
from napari_olivine.readers import ImportSettings, import_section
from napari_olivine.recognition import (
    ImageSet,
    RecogniseTrainSettings,
    RecognitionImage,
    folds,
    images_of_section,
    load_classifier,
    make_classifier,
    measure_performance,
    train_classifier,
)
from napari_olivine.recognition.comparison import as_text, divisions, evaluate_classifier
from napari_olivine.recognition.registry import GROUPS
from napari_olivine.section import Section

SIDE = 64
JOB = Job()
CLASSIFIERS = ("linear", "linear:measurements", "linear:deep", *GROUPS["light"][1:])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("speed").add_argument("folder", type=Path)
    lookalikes = commands.add_parser("lookalikes")
    lookalikes.add_argument("folder", type=Path)
    lookalikes.add_argument("data", type=Path)
    for name in ("chondrite", "superalloy"):
        commands.add_parser(name).add_argument("data", type=Path)
    given = vars(parser.parse_args())
    {
        "speed": measure_speed,
        "lookalikes": tell_lookalikes,
        "chondrite": tell_chondrite,
        "superalloy": tell_superalloy,
    }[given.pop("command")](**given)


def measure_speed(folder: Path) -> None:
    random = np.random.default_rng(0)
    shutil.rmtree(folder / "ten", ignore_errors=True)
    for kind in range(10):
        place = folder / "ten" / f"class {kind}"
        place.mkdir(parents=True)
        for number in range(20):
            noise = random.normal(0, 1, (256, 256)).astype(np.float32)
            form = cv2.GaussianBlur(noise, (0, 0), 1 + kind // 2)
            form = form / form.std() if kind % 2 else np.sign(form)
            grey = 128 + 30 * form + random.normal(0, 8, form.shape)
            Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(place / f"{number}.png")
    started = time.monotonic()
    said: list[str] = []
    job = Job(listen=lambda event: said.append(str(event.get("message"))))
    model = train_classifier(folder / "ten", folder / "model", RecogniseTrainSettings(), job)
    print(f"ten classes x 20 images of 256 px: {time.monotonic() - started:.1f} s;", end=" ")
    print(next(text for text in said if "% right" in text))
    started = time.monotonic()
    classifier = load_classifier(model)
    print(f"read again: {time.monotonic() - started:.2f} s")
    crystals = drawn_crystals(1024)
    learned = crystals.select(np.arange(64))
    crystal_classifier = make_classifier(classifier.name)
    crystal_classifier.fit(learned, JOB)
    new = ImageSet(tuple(unlabelled(one) for one in crystals.images), crystals.classes)
    started = time.monotonic()
    crystal_classifier.probabilities(new, JOB)
    rate = len(new) / (time.monotonic() - started)
    print(f"cut-outs of 64 px: {rate:.0f} a second, 22,000 in {22_000 / rate / 60:.1f} minutes")


def drawn_crystals(count: int) -> ImageSet:
    """Cut-outs in memory, with mask and some measurements."""
    random = np.random.default_rng(1)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    mask = np.hypot(rows - 32, columns - 32) < 20

    def image(number: int) -> RecognitionImage:
        grey = (0.5 + 0.1 * mask + random.normal(0, 0.05, mask.shape)).astype(np.float32)
        return RecognitionImage(
            str(number), "ab"[number % 2], str(number), 1.0, None,
            lambda: grey[..., None], lambda: mask, {"area_um2": float(number)},
        )  # fmt: skip

    return ImageSet.of(image(number) for number in range(count))


def unlabelled(one: RecognitionImage) -> RecognitionImage:
    return RecognitionImage(
        one.name, None, one.source, one.um_per_px, None, one.read, one.mask, one.measurements
    )


def tell_lookalikes(folder: Path, data: Path) -> None:
    section, classes = folder / "section", folder / "classes.csv"
    if not classes.is_file():
        import_section(data, section, ImportSettings(), JOB)
        level(Section(section), LevelSettings(), JOB)
        phase = tifffile.imread(data / "truth" / "phase.tif")
        labels, names = np.zeros(phase.shape, np.uint32), []
        for name, codes in (("olivine", (6,)), ("pyroxene", (3, 4))):
            found, _ = ndimage.label(np.isin(phase, codes), np.ones((3, 3)))
            kept = np.flatnonzero(np.bincount(found.ravel()) >= 50)[1:]
            number = np.zeros(found.max() + 1, np.uint32)
            number[kept] = np.arange(len(kept)) + len(names) + 1
            labels += number[found]
            names += [name] * len(kept)
        tifffile.imwrite(folder / "labels.tif", labels, compression="zlib")
        find_crystals(Section(section), CrystalsSettings(labels=folder / "labels.tif"), JOB)
        table = pd.DataFrame({"id": np.arange(len(names)) + 1, "class": names})
        table.to_csv(classes, index=False)
    images = images_of_section(Section(section), JOB, examples=classes, split_by="roles")
    # The last session has no role: it is neither learned nor told.
    images = images.select([one.split is not None for one in images.images])
    (division,) = divisions(images, 5, 0, JOB)
    area = np.array([(one.measurements or {})["area_um2"] for one in images.images])
    print(f"learned {images.select(division.train).counts()}")
    print(f"told {images.select(division.test).counts()}")
    print("| classifier | right | mean of both | from 500 um2: right | mean of both |")
    print("| --- | --- | --- | --- | --- |")
    random = np.random.default_rng(0)
    targets = images.targets()
    ten = np.concatenate(
        [random.permutation(division.train[targets[division.train] == k])[:10] for k in (0, 1)]
    )
    for name in CLASSIFIERS:
        for how, learned in (("", division.train), (", ten examples of each", ten)):
            classifier = make_classifier(name)
            classifier.fit(images.select(learned), JOB)
            found = classifier.probabilities(images.select(division.test), JOB)
            cells = []
            for chosen in (np.ones(len(division.test), bool), area[division.test] >= 500):
                told = division.test[chosen]
                one = measure_performance(
                    targets[told], found[chosen], 2, images.sources()[told] + told.astype(str)
                ).scores
                cells += [words(one["accuracy"]), words(one["recall"])]
            print(f"| {name}{how} | {' | '.join(cells)} |", flush=True)


def words(one) -> str:
    return f"{100 * one.value:.1f} ({100 * one.low:.1f}-{100 * one.high:.1f}) %"


def tell_chondrite(data: Path) -> None:
    for channel in ("Si", "Fe", "Al"):
        images = []
        for field in ("obj1", "obj2"):
            counts = {
                name: tifffile.imread(data / field / f"{field}_32bt_{name}.tif").astype(float)
                for name in ("Mg", "Si", "Fe", "S", "Al", "Ca")
            }
            grey = counts[channel] / 400
            for name, mask in minerals(counts).items():
                for number, region in regions(ndimage.binary_opening(mask), 40):
                    images.append(cut(grey, region, f"{field} {name} {number}", name, field))
        found = ImageSet.of(images)
        print(f"\none map, {channel}: {found.counts()}")
        told = [evaluate_classifier(n, found, folds(found, 2, 0, JOB), JOB) for n in CLASSIFIERS]
        print(as_text(told), flush=True)


def minerals(counts: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.bool_]]:
    """Minerals by smoothed counts; San Carlos olivine (mg# 0.902) has 250 of Mg, 194 of Si."""
    smooth = {name: ndimage.uniform_filter(image, 3) for name, image in counts.items()}
    mg_si = smooth["Mg"] / np.maximum(smooth["Si"], 1)
    silicate = (smooth["Mg"] > 120) & (smooth["Si"] > 120)
    iron = (smooth["Fe"] > 150) & (smooth["Si"] < 40) & (smooth["S"] < 20)
    return {
        "olivine": silicate & (mg_si > 1.1),
        "pyroxene": silicate & (mg_si > 0.5) & (mg_si < 0.95),
        "metal": iron,
    }


def tell_superalloy(data: Path) -> None:
    kinds = {"large": (0, 0, 255), "small": (255, 0, 0)}
    told: dict[bool, list[RecognitionImage]] = {False: [], True: []}
    for split in ("train", "val", "test"):
        for file in sorted((data / split).iterdir()):
            grey = np.asarray(Image.open(file).convert("L"), float) / 255
            (drawn,) = (data / f"{split}_annot").glob(f"{file.stem}*")
            colours = np.asarray(Image.open(drawn).convert("RGB"))
            for name, colour in kinds.items():
                for number, region in regions((colours == colour).all(axis=2), 20):
                    title = f"{file.stem} {name} {number}"
                    for given in told:
                        one = cut(grey, region, title, name, file.stem, split, given)
                        told[given].append(one)
    for given, images in told.items():
        found = ImageSet.of(images)
        division = divisions(found, 5, 0, JOB)
        print(f"\nsize of a pixel {'given' if given else 'hidden'}: {found.counts()}")
        names = ("linear", "linear:measurements", "random_forest", "gradient_boosting")
        print(as_text([evaluate_classifier(n, found, division, JOB) for n in names]), flush=True)


def regions(mask: NDArray[np.bool_], least_px: int):
    """Give the connected regions of a mask: number and pixels of each."""
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    area = np.bincount(labels.ravel())
    for number in np.flatnonzero(area >= least_px):
        if number:
            yield number, labels == number


def cut(
    grey: NDArray[np.float64],
    region: NDArray[np.bool_],
    name: str,
    label: str,
    source: str,
    split: str | None = None,
    given: bool = True,
) -> RecognitionImage:
    """Cut out a square that is half as long again as the region, brought to 64 px."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    side = int(np.ceil(1.5 * (1 + max(np.ptp(rows), np.ptp(columns)))))
    top = (rows[0] + rows[-1] + 1 - side) // 2
    left = (columns[0] + columns[-1] + 1 - side) // 2
    padded = np.pad(grey, side, mode="symmetric")
    window = padded[top + side : top + 2 * side, left + side : left + 2 * side]
    inside = np.pad(region, side)[top + side : top + 2 * side, left + side : left + 2 * side]
    how = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
    pixels = cv2.resize(window.clip(0, 1).astype(np.float32), (SIDE, SIDE), interpolation=how)
    mask = cv2.resize(inside.astype(np.float32), (SIDE, SIDE), interpolation=how) >= 0.5
    scale = side / SIDE if given else None
    return RecognitionImage(
        name, label, source, scale, split, lambda: pixels[..., None], lambda: mask
    )


if __name__ == "__main__":
    main()
