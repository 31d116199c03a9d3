"""Element maps without any BSE image are a section of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_olivine.calibration import calibrate
from napari_olivine.comparison import compare_networks
from napari_olivine.crystals import find_crystals
from napari_olivine.errors import InputError, SectionError
from napari_olivine.inference import segment
from napari_olivine.job import Job
from napari_olivine.levelling import level
from napari_olivine.masks import MaskSettings, make_mask
from napari_olivine.readers import ImportSettings, import_section, read_source
from napari_olivine.registry import STEPS
from napari_olivine.section import Section
from napari_olivine.training import synthesise, train

SIZE = ImportSettings(pixel_size_um=1)
COUNTS = np.random.default_rng(0).poisson(20, (80, 100)).astype(np.uint8)


def maps(folder: Path, **images: np.ndarray) -> Path:
    folder.mkdir()
    for name, pixels in images.items():
        tifffile.imwrite(folder / f"{name}.tif", pixels)
    return folder


@pytest.fixture
def section(tmp_path: Path) -> Section:
    return import_section(maps(tmp_path / "maps", Mg=COUNTS, Fe=COUNTS), tmp_path / "s", SIZE)


def test_maps_alone_are_imported_and_masked(tmp_path: Path, section: Section) -> None:
    assert sorted(section.record.signals) == ["Fe", "Mg"]
    make_mask(section, MaskSettings(rule="Mg/(Mg + Fe) > 0.1", smoothing_px=0))
    mask = section.raster("mask", "olivine").read(slice(None), slice(None))
    assert mask.mean() > 0.9
    ome = json.loads((section.path / "mask" / "olivine" / "zarr.json").read_text())["attributes"][
        "ome"
    ]
    of = section.path / "mask" / "olivine" / ome["image-label"]["source"]["image"]
    assert of.resolve().is_dir(), "other programs find the image that the mask is of"
    assert "there is no BSE image" in read_source(tmp_path / "maps", SIZE).problems[0]


STEPS_ON_BSE = {
    "level": level, "train": train, "segment": segment, "calibrate": calibrate,
    "crystals": find_crystals, "synthesise": synthesise,
    "compare": lambda section: compare_networks(section, section.path.parent / "comparison"),
}  # fmt: skip


def test_the_registry_knows_which_steps_work_on_bse() -> None:
    assert {name for name, step in STEPS.items() if step.bse} == set(STEPS_ON_BSE)


@pytest.mark.parametrize("step", STEPS_ON_BSE)
def test_steps_that_need_bse_say_so(section: Section, step: str) -> None:
    make_mask(section, MaskSettings(rule="Mg/(Mg + Fe) > 0.1"))
    with pytest.raises(SectionError, match="has no BSE image, only the maps"):
        STEPS_ON_BSE[step](section)  # type: ignore[operator]


def test_coarser_maps_lie_over_the_finest(tmp_path: Path) -> None:
    source = read_source(maps(tmp_path / "maps", Al=COUNTS[::2, ::2], Mg=COUNTS), SIZE)
    assert list(source.signals) == ["Mg", "Al"]
    np.testing.assert_array_equal(source.signals["Al"].read(0, 1, Job())[0, ::2], COUNTS[0, ::2])
    assert "for the same field as Mg" in " ".join(source.problems)


def test_maps_of_other_fields_are_refused(tmp_path: Path) -> None:
    folder = maps(tmp_path / "maps", Al=COUNTS[:50, :30], Mg=COUNTS)
    with pytest.raises(InputError, match="Al.tif is not aligned with Mg"):
        read_source(folder, SIZE)


def test_tiles_of_maps_are_a_mosaic(tmp_path: Path) -> None:
    grid: dict[str, Any] = {
        f"{signal}_r{row}_c{column}": COUNTS[row * 40 : row * 40 + 40, column * 50 :][:, :50]
        for signal in ("Mg", "Si")
        for row in range(2)
        for column in range(2)
    }
    source = read_source(maps(tmp_path / "maps", **grid), SIZE)
    assert source.form == "tiles"
    assert not any("BSE" in problem for problem in source.problems[1:])
    np.testing.assert_array_equal(source.signals["Si"].read(0, 80, Job()), COUNTS)


def test_a_signal_may_still_be_named_bse(tmp_path: Path) -> None:
    folder = maps(tmp_path / "maps", Mg=COUNTS, Si=COUNTS)
    chosen = read_source(folder, SIZE.model_copy(update={"bse": "Si"}))
    assert list(chosen.signals) == ["BSE", "Mg"]
