"""Calibration of single-crystal images: no element maps, no mask."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from napari_olivine.calibration import CalibrateSettings, calibrate
from napari_olivine.crystals import find_crystals
from napari_olivine.errors import SectionError
from napari_olivine.section import Section
from tests.calibration.test_step import SHAPE, report, section, zoned

__all__ = ["section"]


@pytest.fixture
def bare(section: Section) -> Section:
    """The section without its mask, resin in its lower part."""
    shutil.rmtree(section.path / "mask")
    grey = section.raster("images", "BSE")
    rows = grey.read(slice(380, 500), slice(0, SHAPE[1]))
    grey.write(380, 0, np.full_like(rows, 12))
    return Section(section.path)


def test_crystals_are_outlined_by_their_grey(bare: Section) -> None:
    calibrate(bare)
    assert report(bare)["phase_from"] == "outline"
    assert report(bare)["scores"]["test"]["filtered"]["rmse"] < 0.004
    everything = (slice(0, SHAPE[0]), slice(0, SHAPE[1]))
    found = bare.raster("outline", "olivine").read(*everything) == 1
    true = np.isfinite(zoned(*np.indices(SHAPE)))
    true[:, 300:600] = true[:, 900:] = False  # crystals of test traverses are not outlined
    assert (found & true).sum() / (found | true).sum() > 0.9
    assert not found[380:].any()
    mg = bare.raster("mg", "mg").read(*everything)
    there = np.isfinite(mg)
    assert there.sum() > 0.8 * true.sum()
    error = mg[there] - zoned(*np.indices(SHAPE))[there]
    assert np.sqrt(np.nanmean(error**2)) < 0.006
    assert bare.state("mg") == "fresh"
    find_crystals(bare)
    assert bare.require("crystals").notes["phase_from"] == "outline"
    assert len(bare.table("crystals", "crystals")) >= 2


def test_a_section_with_maps_asks_for_its_mask(bare: Section) -> None:
    with pytest.raises(SectionError, match="mask"):
        calibrate(bare, CalibrateSettings(phase_from="mask"))
