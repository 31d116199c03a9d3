"""Which chunks, shards and codec a section is kept in: speed of writing and reading, files, size.

Run ``python benchmarks/bench_store.py [--what layouts codecs kinds] [--rows N --columns N]``;
``--pipeline zarrs.ZarrsCodecPipeline`` measures another codec pipeline of zarr, if it is
installed. Every row of the printed table is measured on the same image, written in strips of 1024
rows as the import does. Files come from the page cache: what is compared is the work of the
processor, which is what a slow disk adds the same bytes to.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec

from napari_olivine.section.shards import CODEC, write_shards

STRIP = 1024
CODECS: dict[str, list[Any]] = {
    "zstd 0": [ZstdCodec(level=0)],
    "zstd 1": [ZstdCodec(level=1)],
    "zstd 3": [ZstdCodec(level=3)],
    "zstd 1 + crc32c": [ZstdCodec(level=1), Crc32cCodec()],
    "zstd 1, its checksum": [ZstdCodec(level=1, checksum=True)],
    "blosc lz4": [BloscCodec(cname="lz4", clevel=5, shuffle="noshuffle")],
    "blosc zstd 1": [BloscCodec(cname="zstd", clevel=1, shuffle="noshuffle")],
    "blosc zstd 1 shuffle": [BloscCodec(cname="zstd", clevel=1, shuffle="shuffle")],
    "none": [],
}
OURS = [CODEC]
"""Written by `napari_olivine.section.shards`, read by zarr."""
WIDE = 8192


def grey_image(rows: int, columns: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return a noisy image of grains, as a microscope's 8-bit BSE (standard deviation 6 grey)."""
    rng = np.random.default_rng(seed)
    small = rng.uniform(40, 220, (rows // 64 + 1, columns // 64 + 1)).astype(np.float32)
    image = np.empty((rows, columns), np.uint8)
    for top in range(0, rows, STRIP):
        part = small[top // 64 : top // 64 + STRIP // 64]
        high = min(STRIP, rows - top)
        grains = cv2.resize(part, (columns, part.shape[0] * 64), interpolation=cv2.INTER_NEAREST)
        noise = rng.standard_normal((high, columns), np.float32) * 6
        image[top : top + high] = np.clip(grains[:high] + noise, 0, 255)
    return image


def label_image(rows: int, columns: int) -> NDArray[np.uint32]:
    """Return crystal ids: some thousand ellipses."""
    rng = np.random.default_rng(1)
    image = np.zeros((rows, columns), np.int32)
    for number in range(1, rows * columns // 40_000):
        centre = (int(rng.integers(columns)), int(rng.integers(rows)))
        axes = (int(rng.integers(5, 120)), int(rng.integers(5, 60)))
        cv2.ellipse(image, centre, axes, float(rng.uniform(0, 180)), 0, 360, number, -1)
    return image.astype(np.uint32)


def mg_image(labels: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Return a noisy mg# on the crystals, NaN elsewhere."""
    noise = np.random.default_rng(2).normal(0.85, 0.01, labels.shape).astype(np.float32)
    return np.where(labels > 0, noise, np.float32(np.nan))


def measure(
    folder: Path,
    image: NDArray[Any],
    chunk: int,
    shard: tuple[int, int] | None,
    codecs: list[Any],
    windows: int = 40,
) -> dict[str, float]:
    """Write and read one image; return megapixels or milliseconds, files and bytes a pixel."""
    shutil.rmtree(folder, ignore_errors=True)
    group = zarr.open_group(folder, mode="w", zarr_format=3)
    array = group.create_array(
        "0",
        shape=image.shape,
        dtype=image.dtype,
        chunks=(chunk, chunk),
        shards=shard,
        compressors=codecs or None,
        fill_value=np.nan if image.dtype.kind == "f" else 0,
    )
    result: dict[str, float] = {}
    rows, columns = image.shape
    whole_shards = codecs is OURS
    megapixels = image.size / 1e6
    begun, cpu = time.perf_counter(), time.process_time()
    # A strip is as high as a shard: half a shard would be read and written twice.
    high = max(STRIP, shard[0] if shard else 0)
    for top in range(0, rows, high):
        strip = image[top : top + high]
        if whole_shards:
            write_shards(folder / "0", array, top, 0, strip)
        else:
            array[top : top + high] = strip
    result["write Mpx/s"] = megapixels / (time.perf_counter() - begun)
    result["write Mpx/core-s"] = megapixels / (time.process_time() - cpu)
    array = zarr.open_group(folder, mode="r")["0"]
    begun = time.perf_counter()
    for top in range(0, rows, STRIP):
        array[top : top + STRIP]
    result["strips Mpx/s"] = megapixels / (time.perf_counter() - begun)
    rng = np.random.default_rng(3)
    for name, (high, wide) in {
        "window 1024 ms": (1024, 1024),
        "view 1920x1080 ms": (1080, 1920),
        "tile 256 ms": (256, 256),
    }.items():
        tops = rng.integers(0, rows - high, windows)
        lefts = rng.integers(0, columns - wide, windows)
        begun = time.perf_counter()
        for top, left in zip(tops, lefts, strict=True):
            array[top : top + high, left : left + wide]
        result[name] = (time.perf_counter() - begun) * 1000 / windows
    files = [file for file in folder.rglob("*") if file.is_file()]
    result["files"] = len(files)
    result["bytes/px"] = sum(file.stat().st_size for file in files) / image.size
    return result


def show(title: str, result: dict[str, float], heading: bool) -> None:
    if heading:
        print("| layout | " + " | ".join(result) + " |")
        print("| --- |" + " --- |" * len(result))
    cells = [
        f"{v:.0f}" if v >= 100 else f"{v:.2g}" if v < 10 else f"{v:.1f}" for v in result.values()
    ]
    print(f"| {title} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--what", nargs="*", default=["layouts", "codecs", "kinds"])
    parser.add_argument("--rows", type=int, default=8192)
    parser.add_argument("--columns", type=int, default=16384)
    parser.add_argument("--pipeline", default="")
    parser.add_argument("--threads", type=int, default=0, help="of zarr; 0 for its own choice")
    options = parser.parse_args()
    if options.pipeline:
        zarr.config.set({"codec_pipeline.path": options.pipeline})
    if options.threads:
        zarr.config.set({"threading.max_workers": options.threads})
    rows, columns = options.rows, options.columns
    wide = min(WIDE, columns)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "image"
        image: NDArray[Any] = grey_image(rows, columns)
        if "layouts" in options.what:
            print(f"\nuint8 grey of {rows} x {columns} px, zstd 1, by layout\n")
            first = True
            for chunk in (256, 512, 1024):
                for shard in (None, (2048, 2048), (4096, 4096), (1024, wide)):
                    title = f"chunks {chunk}, " + (
                        "no shards" if not shard else f"shards {shard[0]} x {shard[1]}"
                    )
                    show(title, measure(folder, image, chunk, shard, CODECS["zstd 1"]), first)
                    first = False
        if "codecs" in options.what:
            print("\nuint8 grey, chunks 512, shards 1024 x 8192, by codec\n")
            for place, (name, codecs) in enumerate(CODECS.items()):
                show(name, measure(folder, image, 512, (1024, wide), codecs), place == 0)
            show("as written here", measure(folder, image, 512, (1024, wide), OURS), False)
        if "kinds" in options.what:
            labels = label_image(rows, columns)
            for kind, image in (("uint32 labels", labels), ("float32 mg#", mg_image(labels))):
                print(f"\n{kind}, chunks 512, shards 1024 x 8192, by codec\n")
                for place, name in enumerate(
                    ("zstd 1, its checksum", "zstd 3", "blosc lz4", "blosc zstd 1 shuffle")
                ):
                    result = measure(folder, image, 512, (1024, wide), CODECS[name])
                    show(name, result, place == 0)
                show("as written here", measure(folder, image, 512, (1024, wide), OURS), False)


if __name__ == "__main__":
    main()
