"""How the rocks of the phantom look in numbers, beside real BSE images.

    python benchmarks/bench_rocks.py [IMAGE ...] [--seeds 5] [--keep 768 1020] [--pictures FOLDER]

Each IMAGE is a grey BSE image around one olivine, of which the first rows and columns (--keep) are
looked at, without scale bars. Its olivine is taken as the largest piece of the commonest grey, up
to half the way to the 97th percentile, which is the glass: so it suits olivine that is darker.
Phantoms go by their truth. All else is measured in the same way:

resin     share of pixels darker than grey 25
noise     spread of the difference of diagonal pairs of neighbours, off resin
contrast  mean grey 2-5 px inside the outline of olivine, less that 2-5 px outside, resin left out
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from napari_olivine.phantom import PhantomSettings, RockName, make_phantom
from napari_olivine.phantom.rocks import ROCKS

RESIN_GREY = 25
TILES = {"rows": 3, "cols": 3, "sessions": 1}
PICTURED, PICTURE = 2, (slice(0, 480), slice(300, 1020))
Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", type=Path, nargs="*")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--keep", type=int, nargs=2, default=(768, 1020), metavar=("ROWS", "COLS"))
    parser.add_argument("--pictures", type=Path, help="write a JPEG of each rock (seed 2) here")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = [
        {"image": file.stem} | looks(grey, darker_piece(grey))
        for file in given.images
        for grey in [read_grey(file)[: given.keep[0], : given.keep[1]]]
    ]
    print_table(rows)
    for rock in get_args(RockName):
        made = [
            phantom(rock, seed, given.pictures if seed == PICTURED else None)
            for seed in range(1, given.seeds + 1)
        ]
        print_table([{"image": f"{rock}: {end}"} | ends(made, end) for end in ("least", "most")])


def ends(rows: list[dict[str, float]], end: str) -> dict[str, float]:
    """Return the least or the most of each number over the seeds."""
    table = pd.DataFrame(rows)
    return dict(table.min() if end == "least" else table.max())


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print a table in Markdown."""
    if rows:
        print("| " + " | ".join(rows[0]) + " |\n" + "| --- " * len(rows[0]) + "|")
    for row in rows:
        print("| " + " | ".join(v if isinstance(v, str) else f"{v:.1f}" for v in row.values()), "|")
    print(flush=True)


def read_grey(file: Path) -> Grey:
    """Read an image as grey, also one with a palette of greys."""
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        image = page.asarray()
        if page.colormap is not None:
            image = (page.colormap[0] >> 8).astype(np.uint8)[image]
    return np.asarray(image if image.ndim == 2 else image[..., 0], np.uint8)


def darker_piece(grey: Grey) -> Mask:
    """Return the largest piece of the commonest grey, up to half the way to the glass."""
    smooth = ndimage.median_filter(grey, 5)
    rock = ndimage.binary_erosion(smooth > RESIN_GREY, iterations=2)
    common = int(np.argmax(np.bincount(smooth[rock])))
    glass = float(np.percentile(smooth[rock], 97))
    alike = rock & (smooth > common - 15) & (smooth < (common + glass) / 2)
    label, _ = ndimage.label(ndimage.binary_opening(alike, iterations=2))
    sizes = np.bincount(label.ravel())
    sizes[0] = 0
    return np.asarray(ndimage.binary_fill_holes(label == np.argmax(sizes)))


def looks(grey: Grey, olivine: Mask) -> dict[str, float]:
    """Measure grey, noise, resin and the contrast at the outlines of olivine."""
    rock = grey > RESIN_GREY
    inner = ndimage.distance_transform_edt(olivine)
    outer = ndimage.distance_transform_edt(~olivine)
    just_inside, just_outside = (
        grey[(d >= 2) & (d < 5) & ndimage.binary_erosion(rock, iterations=2)].astype(float)
        for d in (inner, outer)
    )
    noise = noise_of(grey)
    contrast = just_inside.mean() - just_outside.mean()
    low, middle, high = np.percentile(grey[rock], (5, 50, 95))
    return {
        "grey 5 %": low, "50 %": middle, "95 %": high, "noise": noise,
        "resin, %": 100 * float((grey <= RESIN_GREY).mean()),
        "olivine, %": 100 * float(olivine.mean()),
        "olivine grey": float(grey[inner > 5].mean()),
        "contrast": contrast, "over noise": contrast / noise,
    }  # fmt: skip


def noise_of(grey: Grey) -> float:
    """Return the standard deviation of a pixel from diagonal differences, off resin and edges."""
    height, width = grey.shape[0] // 2 * 2, grey.shape[1] // 2 * 2
    block = grey[:height, :width].astype(float).reshape(height // 2, 2, width // 2, 2)
    difference = (block[:, 0, :, 0] - block[:, 0, :, 1] - block[:, 1, :, 0] + block[:, 1, :, 1]) / 2
    rock = block.min(axis=(1, 3)) > 2 * RESIN_GREY
    size = np.abs(difference[rock])
    return float(np.sqrt(np.mean(size[size < 4 * np.median(size)] ** 2)))


def phantom(rock: RockName, seed: int, pictures: Path | None) -> dict[str, float]:
    """Make a phantom and measure it; its modes and crystals too."""
    with tempfile.TemporaryDirectory() as folder:
        made = make_phantom(Path(folder) / "p", PhantomSettings(rock=rock, seed=seed, **TILES))
        grey = np.block(
            [
                [tifffile.imread(made / f"tiles/BSE/r{row:02d}_c{col:02d}.tif") for col in range(3)]
                for row in range(3)
            ]
        )
        phase = tifffile.imread(made / "truth" / "phase.tif")
        table = pd.read_csv(made / "truth" / "crystals.csv")
    codes = ROCKS[rock].codes
    if pictures is not None:
        save_picture(pictures / f"rock-{rock}.jpg", grey[PICTURE])
    modes = {name: 100 * float((phase == code).mean()) for name, code in codes.items()}
    shown = {f"{name}, %": modes.get(name, 0.0) for name in ("glass", "plagioclase", "serpentine")}
    shown["pyroxene, %"] = modes["clinopyroxene"] + modes["orthopyroxene"]
    return looks(grey, phase == codes["olivine"]) | shown | {"crystals": float(len(table))}


def save_picture(file: Path, grey: Grey) -> None:
    """Write a JPEG for the documentation."""
    from PIL import Image

    Image.fromarray(grey).save(file, quality=82)


if __name__ == "__main__":
    main()
