"""How well the grey of drifted sessions comes to one scale, against the truth.

    python benchmarks/bench_drift.py SOURCE [SOURCE ...] [--phantoms 3] [--big 1500] [--work DIR]

SOURCE is a folder of a synthetic section with truth/drift.csv, which only this script reads.
Phantoms of other seeds get gains of 0.9-1.1 and offsets of +-20 planted over their own drift. With
--unclipped the phantom is imaged with less contrast, so that epoxy and oxides are inside of the
range of the image.

gain and offset: grey as measured = gain x grey of session 1 + offset (offset at grey 0). Error at a
grey: the grey of session 1 that the levelling gives to what truly has this grey, less this grey.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import tifffile

from napari_olivine.job import Job
from napari_olivine.levelling import LevelledRaster, LevelSettings, level, open_levelled
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.phantom.instrument import Instrument, standard_instrument
from napari_olivine.phantom.rocks import ROCKS
from napari_olivine.readers import import_section
from napari_olivine.section import Section, SectionRecord, create_raster
from napari_olivine.settings import Settings

DARK, MIDDLE, BRIGHT = 0.0, 118.0, 220.0

LOW_CONTRAST = 14.0
"""Grey levels per atomic number at which epoxy is at 38 and titanomagnetite at some 215."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, nargs="*")
    parser.add_argument("--phantoms", type=int, default=0, help="phantoms of so many seeds")
    parser.add_argument("--unclipped", type=int, default=0, help="so many with nothing clipped")
    parser.add_argument("--overlapping", type=int, default=0, help="so many with overlaps")
    parser.add_argument("--bse-alone", action="store_true", help="also without element maps")
    parser.add_argument("--big", type=int, default=0, help="also a mosaic of so many Mpx")
    parser.add_argument("--work", type=Path, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.work) as work:
        for source in given.source:
            section = import_section(source, Path(work) / source.name)
            drift = pd.read_csv(source / "truth" / "drift.csv")
            score(section, drift, source.name)
            if given.bse_alone:
                score(without_maps(section, Path(work)), drift, f"{source.name}, BSE alone")
        for seed in range(1, given.phantoms + 1):
            section, drift = drifted_phantom(Path(work), seed)
            score(section, drift, f"phantom {seed}")
            if given.bse_alone:
                score(without_maps(section, Path(work)), drift, f"phantom {seed}, BSE alone")
        for seed in range(1, given.unclipped + 1):
            section, drift = drifted_phantom(Path(work), seed, unclipped=True)
            alone = without_maps(section, Path(work))
            score(alone, drift, f"phantom {seed}, nothing clipped, BSE alone")
        for seed in range(1, given.overlapping + 1):
            section, drift = overlapping_phantom(Path(work), seed)
            score(section, drift, f"phantom {seed} cut with overlaps")
        if given.big:
            big(Path(work), given.big)


def score(section: Section, drift: pd.DataFrame, name: str) -> None:
    """Level a section and print its table."""
    started = time.perf_counter()
    notes = level(section).notes
    print(f"\n{name}: {time.perf_counter() - started:.0f} s")
    print(
        "| session | sources | gain | truth | error % | offset | truth | error at 0 | 118 | 220 |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in drift.to_dict("records")[1:]:
        found = notes["sessions"][str(row["session"])]
        errors = [
            (row["bse_gain"] * grey + row["bse_offset"] - found["offset"]) / found["gain"] - grey
            for grey in (DARK, MIDDLE, BRIGHT)
        ]
        sources = ", ".join(_sources(section, str(row["session"])))
        print(
            f"| {row['session']:.0f} | {sources} | {found['gain']:.4f} +- "
            f"{found['gain_error']:.4f} | {row['bse_gain']:.4f} | "
            f"{100 * (row['bse_gain'] / found['gain'] - 1):+.2f} | {found['offset']:+.2f} +- "
            f"{found['offset_error']:.2f} | {row['bse_offset']:+.2f} | "
            + " | ".join(f"{error:+.2f}" for error in errors)
            + " |"
        )
    for border, steps in notes["seams"].items():
        print(
            f"seams {border}: median step {steps['step_before_grey']:+.2f} -> "
            f"{steps['step_after_grey']:+.2f}, rms {steps['rms_before_grey']:.2f} -> "
            f"{steps['rms_after_grey']:.2f}",
            flush=True,
        )


def _sources(section: Section, session: str) -> list[str]:
    report = json.loads((section.path / "levelling" / "levelling.json").read_text())
    return list(report["sessions"][session]["sources"])


def without_maps(section: Section, work: Path) -> Section:
    """Return the same section with its BSE image alone."""
    image = section.raster("images", "BSE").read(slice(None), slice(None))
    alone = _store(work / f"{section.path.name}-bse", image, section.record.tile_shape)
    alone.annotate("sessions", section.annotation("sessions"))
    return alone


def drifted_phantom(
    work: Path, seed: int, *, unclipped: bool = False
) -> tuple[Section, pd.DataFrame]:
    """Make a phantom and plant a gain of 0.9-1.1 and an offset of +-20 in every further session."""
    name = f"{'unclipped-' if unclipped else ''}{seed}"
    andesite = ROCKS["andesite"]
    if unclipped:
        andesite = replace(andesite, instrument=_low_contrast)
    with patch.dict(ROCKS, andesite=andesite):
        source = make_phantom(work / f"phantom-{name}", PhantomSettings(seed=seed, drift=0.0))
    drift = pd.read_csv(source / "truth" / "drift.csv")
    sessions = pd.read_csv(source / "sessions.csv")
    random = np.random.default_rng(seed)
    for place, session in enumerate(sessions.to_dict("records")):
        if place == 0:
            continue
        gain = random.uniform(0.9, 1.1)
        offset = random.uniform(-20, 20) if not unclipped else random.uniform(-8, 8)
        drift.loc[place, ["bse_gain", "bse_offset"]] = gain, offset
        for column in range(session["first_col"], session["last_col"] + 1):
            for file in sorted((source / "tiles" / "BSE").glob(f"r*_c{column:02d}.tif")):
                grey = gain * tifffile.imread(file) + offset + random.uniform(-0.5, 0.5)
                tifffile.imwrite(file, np.rint(grey).clip(0, 255).astype(np.uint8))
    return import_section(source, work / f"section-{name}"), drift


def _low_contrast(rng: np.random.Generator, settings: PhantomSettings) -> Instrument:
    return replace(standard_instrument(rng, settings), grey_per_z=LOW_CONTRAST)


def overlapping_phantom(work: Path, seed: int, overlap: int = 40) -> tuple[Section, pd.DataFrame]:
    """Cut a phantom into tiles that overlap, with slopes, noise and drift of their own."""
    source = make_phantom(work / f"overlap-{seed}", PhantomSettings(seed=seed, drift=0.0))
    about = json.loads((source / "section.json").read_text())
    (height, width), (old_rows, old_columns) = about["tile_shape"], about["grid"]
    random = np.random.default_rng(seed)
    down, right = height - overlap, width - overlap
    rows = (old_rows * height - height) // down + 1
    columns = (old_columns * width - width) // right + 1
    first = [0, columns // 3, 2 * columns // 3, columns]
    scales = [(1.0, 0.0)]
    scales += [(random.uniform(0.9, 1.1), random.uniform(-20, 20)) for _ in range(2)]
    y, x = np.mgrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j]
    for signal in about["signals"]:
        folder = source / "tiles" / signal
        names = [[f"r{r:02d}_c{c:02d}.tif" for c in range(old_columns)] for r in range(old_rows)]
        whole = np.block([[tifffile.imread(folder / name) for name in line] for line in names])
        shutil.rmtree(folder)
        folder.mkdir()
        for row, column in np.ndindex(rows, columns):
            top, left = row * down, column * right
            tile = whole[top : top + height, left : left + width]
            if signal == "BSE":
                gain, offset = scales[sum(column >= at for at in first[1:3])]
                slope_x, slope_y = random.normal(0, 1.5, 2)
                noise = random.normal(0, 1, tile.shape)
                grey = gain * tile + offset + slope_x * x + slope_y * y + noise
                tile = np.rint(grey).clip(0, 255).astype(np.uint8)
            tifffile.imwrite(
                folder / f"r{row:02d}_c{column:02d}.tif",
                tile,
                resolution=(10_000, 10_000),
                resolutionunit="CENTIMETER",
            )
    about |= {"grid": [rows, columns], "tile_overlap_px": overlap}
    (source / "section.json").write_text(json.dumps(about))
    sessions = pd.DataFrame({"session": [1, 2, 3], "first_row": 0, "last_row": rows - 1})
    sessions["first_col"], sessions["last_col"] = first[:3], [at - 1 for at in first[1:]]
    sessions.assign(role="none").to_csv(source / "sessions.csv", index=False)
    shutil.rmtree(source / "epma")  # its places are those of the whole phantom
    drift = pd.DataFrame(scales, columns=["bse_gain", "bse_offset"])
    drift.insert(0, "session", [1, 2, 3])
    return import_section(source, work / f"overlap-section-{seed}"), drift


def big(work: Path, megapixels: int) -> None:
    """Level a mosaic of repeated tiles of 512 x 338 and time views of it."""
    rows, columns = 75, max(4, round(megapixels * 1e6 / (338 * 512 * 75)))
    random = np.random.default_rng(0)
    block = np.kron(random.choice([60, 110, 120, 150, 200], (43, 64)), np.ones((8, 8)))[:338, :512]
    shape = rows * 338, columns * 512
    record = SectionRecord(
        name="big", pixel_size_um=1.0, shape=shape, signals=["BSE", "Mg", "Fe"],
        tile_shape=(338, 512),
    )  # fmt: skip
    section = Section.create(work / "big", record)
    recipe = section.recipe("import", Settings(), [], extra={"source": "bench_drift"})
    with section.draft("images", recipe, Job()) as draft:
        for name in record.signals:
            out = create_raster(draft.path / name, shape, "uint8", 1.0, reduction="mean")
            for start in range(0, shape[0], 1024):
                height = min(1024, shape[0] - start)
                strip = np.tile(block, (-(-height // 338) + 1, columns))
                strip = strip[start % 338 : start % 338 + height]
                strip = strip if name == "BSE" else strip / 4 if name == "Mg" else 60 - strip / 5
                noise = random.normal(0, 2, (height, 4096))
                strip = strip + np.tile(noise, (1, -(-shape[1] // 4096)))[:, : shape[1]]
                out.write(start, 0, np.clip(strip, 1, 254).astype(np.uint8))
            out.build_pyramid(Job())
    half = columns // 2 * 512
    table = pd.DataFrame({"session": ["1", "2"], "row0": 0, "row1": shape[0], "role": "none"})
    section.annotate("sessions", table.assign(col0=[0, half], col1=[half, shape[1]]))
    started, job = time.perf_counter(), Job()
    level(section, LevelSettings(), job)
    print(f"\n{rows * columns} tiles, {shape[0] * shape[1] / 1e6:.0f} Mpx, 2 maps: level "
          f"{time.perf_counter() - started:.0f} s, peak {_peak_mb():.0f} MB")  # fmt: skip
    levelled = open_levelled(section)
    assert isinstance(levelled, LevelledRaster)
    for number, there in enumerate(levelled.levels):
        top, left = (
            max(0, (size - view) // 3) for size, view in zip(there.shape, (1080, 1920), strict=True)
        )
        window = slice(top, top + 1080), slice(left, left + 1920)
        times: dict[str, list[float]] = {"raw": [], "levelled": []}
        for _ in range(5):
            for name, raster in (("raw", levelled.raster), ("levelled", levelled)):
                began = time.perf_counter()
                raster.read(*window, number)
                times[name].append(1e3 * (time.perf_counter() - began))
        raw, lev = (float(np.median(times[name])) for name in ("raw", "levelled"))
        print(f"view 1920 x 1080 at level {number}: raw {raw:.0f} ms, levelled {lev:.0f} ms")


def _store(folder: Path, image: np.ndarray, tile_shape: tuple[int, int] | None) -> Section:
    record = SectionRecord(
        name=folder.name, pixel_size_um=1.0, shape=image.shape, signals=["BSE"],
        tile_shape=tile_shape,
    )  # fmt: skip
    section = Section.create(folder, record)
    recipe = section.recipe("import", Settings(), [], extra={"source": "bench_drift"})
    with section.draft("images", recipe, Job()) as draft:
        out = create_raster(draft.path / "BSE", image.shape, image.dtype, 1.0, reduction="mean")
        out.write(0, 0, image)
        out.build_pyramid(Job())
    return section


def _peak_mb() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
