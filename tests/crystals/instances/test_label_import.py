"""Label images from elsewhere become crystals as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
from numpy.typing import NDArray

from napari_olivine.catalogue import ExportSettings, export_catalogue
from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.crystals.edits import CrystalStore, Merge
from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.section import Section
from tests.crystals.test_step import TINY, labels_of, make_section, two_discs

Image = NDArray[Any]


def labels() -> Image:
    """The two discs under numbers of their own, one of them in two pieces, and a speck."""
    olivine, _ = two_discs()
    found = np.zeros(olivine.shape, np.int32)
    found[:800, 400:] = 7 * olivine[:800, 400:]
    found[800:, :400] = 123_456 * olivine[800:, :400]
    found[:, 240:250] = 0  # no crack is bridged, no piece is split off
    found[5, 5] = 2  # nor is anything too small
    return found


@pytest.fixture
def section(tmp_path: Path) -> Section:
    return make_section(tmp_path / "section", *two_discs())


def run(section: Section, file: Path, image: Image, job: Job | None = None, **how: Any) -> None:
    tifffile.imwrite(file, image, **how)
    find_crystals(section, CrystalsSettings(labels=file), job)


@pytest.mark.parametrize(
    ("dtype", "how"),
    [
        ("int32", {}),
        ("uint32", {"tile": (256, 256), "compression": "zlib"}),
        ("int64", {"rowsperstrip": 100}),
    ],
)
def test_numbers_stay_and_crystals_are_measured(
    section: Section, tmp_path: Path, dtype: str, how: dict[str, Any]
) -> None:
    image = labels()
    run(section, tmp_path / "labels.tif", image.astype(dtype), TINY, **how)
    np.testing.assert_array_equal(labels_of(section), image)
    table = section.table("crystals", "crystals").set_index("id")
    assert table.index.tolist() == [2, 7, 123_456]
    for crystal, row in table.iterrows():
        down, right = np.nonzero(image == crystal)
        assert row["area_px"] == len(down)
        assert row[["row0", "row1", "col0", "col1"]].tolist() == [
            down.min(), down.max() + 1, right.min(), right.max() + 1,
        ]  # fmt: skip
        assert (row["x_um"], row["y_um"]) == pytest.approx((2 * right.mean(), 2 * down.mean()))
    assert table["zoning_class"].tolist() == ["", "reversed", "normal"]
    raster = section.raster("crystals", "crystals")
    for level in range(1, len(raster.levels)):
        window = tuple(slice(0, side) for side in raster.level_shapes[level])
        np.testing.assert_array_equal(raster.read(*window, level), raster.reduced(level, *window))
    assert section.require("crystals").notes["phase_from"] == "labels"
    assert section.state("crystals") == "fresh"


def test_they_need_no_segmentation_and_are_edited_and_exported(tmp_path: Path) -> None:
    section = make_section(tmp_path / "section", *two_discs())
    section.product("segmentation").path.rename(tmp_path / "gone")  # type: ignore[union-attr]
    section.product("mg").path.rename(tmp_path / "gone too")  # type: ignore[union-attr]
    run(section, tmp_path / "theirs.tif", labels())
    store = CrystalStore(section)
    store.do(Merge(crystals=(2, 7)))
    store.close()
    folder = export_catalogue(section, tmp_path / "out", ExportSettings(rasters=True))
    assert pd.read_csv(folder / "crystals.csv")["id"].tolist() == [7, 123_456]
    assert "label image theirs.tif" in " ".join((folder / "methods.txt").read_text().split())
    assert not (folder / "mask.tif").exists()


def test_another_file_makes_other_crystals(section: Section, tmp_path: Path) -> None:
    file, image = tmp_path / "labels.tif", labels()
    run(section, file, image)
    first = section.fingerprint("crystals")
    run(section, file, image)
    assert section.fingerprint("crystals") == first
    image[image == 7] = 8
    run(section, file, image)
    assert section.table("crystals", "crystals")["id"].tolist() == [2, 8, 123_456]


def test_one_number_alone_is_perhaps_a_mask(section: Section, tmp_path: Path) -> None:
    told: list[Any] = []
    image = np.where(labels() > 0, 255, 0).astype(np.uint8)
    run(section, tmp_path / "mask.tif", image, Job(listen=told.append))
    assert any("is it a mask?" in event.get("message", "") for event in told)


def test_no_number_at_all_is_no_crystal(section: Section, tmp_path: Path) -> None:
    run(section, tmp_path / "none.tif", np.zeros(labels().shape, np.uint16))
    assert len(section.table("crystals", "crystals")) == 0


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (np.zeros((10, 10), np.uint16), "pixel on pixel"),
        (np.zeros(two_discs()[0].shape, np.float32), "whole numbers"),
        (np.full(two_discs()[0].shape, -1, np.int32), "holds the number -1"),
        (np.full(two_discs()[0].shape, 2**31, np.uint32), "holds the number 2147483648"),
    ],
)
def test_images_that_are_no_labels_are_refused(
    section: Section, tmp_path: Path, image: Image, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        run(section, tmp_path / "labels.tif", image)
    assert section.product("crystals") is None


def test_files_that_are_no_images_are_refused(section: Section, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no label image"):
        find_crystals(section, CrystalsSettings(labels=tmp_path / "none.tif"))
    (tmp_path / "text.tif").write_text("no image")
    with pytest.raises(InputError, match="cannot be read"):
        find_crystals(section, CrystalsSettings(labels=tmp_path / "text.tif"))
