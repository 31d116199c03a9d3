"""Images of crystals: told apart by form, texture and scale, not by grey."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_olivine.errors import Cancelled, InputError
from napari_olivine.job import Job
from napari_olivine.phantom import ImageSetSettings, draw_images, make_image_set
from napari_olivine.phantom.kinds import COARSEST_UM, FINEST_UM, KINDS

FEW = ImageSetSettings(train=2, test=1, strangers=1, side_px=64)


def test_the_folder_holds_images_their_scale_and_the_part_that_tells_the_kind(
    tmp_path: Path,
) -> None:
    folder = make_image_set(tmp_path / "images", FEW)
    with (folder / "known" / "labels.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 5 * 3 and {row["split"] for row in rows} == {"train", "test"}
    for row in rows:
        assert FINEST_UM <= float(row["um_per_px"]) <= COARSEST_UM
        image = tifffile.imread(folder / "known" / row["file"])
        part = tifffile.imread(folder / "truth" / "known" / row["file"])
        assert image.shape == part.shape == (64, 64) and image.dtype == np.uint8
        assert 0 < (part > 0).mean() < 0.9
    assert {path.name for path in (folder / "strangers").iterdir()} >= {"fragment", "lamellar"}


def test_the_same_seed_gives_the_same_images() -> None:
    first, again = (list(draw_images(FEW)) for _ in range(2))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    other = list(draw_images(FEW.model_copy(update={"seed": 1})))
    assert not np.array_equal(first[0].image, other[0].image)


def test_grey_tells_no_kind() -> None:
    drawn = list(draw_images(ImageSetSettings(train=12, test=0, strangers=12, side_px=64)))
    mean = {name: [one.image.mean() for one in drawn if one.kind == name] for name in KINDS}
    for name, greys in mean.items():
        others = [grey for other in mean if other != name for grey in mean[other]]
        assert np.quantile(others, 0.1) < np.mean(greys) < np.quantile(others, 0.9)


def test_the_two_sieves_are_one_texture_at_two_scales() -> None:
    coarse, fine = KINDS["coarse sieve"], KINDS["fine sieve"]
    assert coarse.um_per_px == pytest.approx([6 * um for um in fine.um_per_px])
    images = [
        kind.draw(np.random.default_rng(3), 96, um) for kind, um in ((coarse, 1.2), (fine, 0.2))
    ]
    assert np.array_equal(images[0].grey, images[1].grey)


def test_nothing_is_left_where_it_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="not an empty folder"):
        make_image_set(tmp_path, FEW)
    job = Job()
    job.cancel.set()
    with pytest.raises(Cancelled):
        make_image_set(tmp_path / "images", FEW, job)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
