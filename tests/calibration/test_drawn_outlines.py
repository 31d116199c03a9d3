"""Calibration of crystals that a person outlined by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_olivine.calibration import CalibrateSettings, calibrate
from napari_olivine.catalogue.methods import pixels_in_words
from napari_olivine.errors import InputError, SectionError
from napari_olivine.job import Event, Job
from napari_olivine.section import Section
from tests.calibration.test_outline import bare
from tests.calibration.test_step import CENTRES, PIXEL, SHAPE, placements, report, section, zoned

__all__ = ["bare", "section"]

QUICK = CalibrateSettings(level_grey=False, refine_placement=False, filter_map=False)


@pytest.fixture
def two(section: Section) -> Section:
    """The section with a traverse to calibrate with, and one that tests it."""
    section.annotate("placements", placements().iloc[:2])
    return section


def ellipse(profile: str) -> np.ndarray:
    """Corners (row, column) of the true outline of a crystal."""
    row, column = CENTRES[profile]
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    return np.stack([row + 99 * np.sin(angle), column + 0.6 * 99 * np.cos(angle)], axis=1)


def outlines(*profiles: str) -> pd.DataFrame:
    """The annotation of the outlines of some crystals."""
    tables = [
        pd.DataFrame(ellipse(name)[:, ::-1] * PIXEL, columns=["x_um", "y_um"]).assign(outline=name)
        for name in profiles
    ]
    return pd.concat(tables)


def texts(events: list[Event]) -> list[str]:
    """What a person was told."""
    return [event["message"] for event in events if event["event"] in ("message", "warning")]


def states(section: Section) -> dict[str, str]:
    return {product.name: section.state(product.name) for product in section.products()}


def test_what_lies_inside_the_outlines_is_the_mineral(bare: Section) -> None:
    bare.annotate("outlines", outlines(*CENTRES))
    bare.annotate("placements", placements().iloc[:2])
    events: list[Event] = []
    calibrate(bare, QUICK, Job(listen=events.append))
    assert "Which pixels are the mineral: outlines drawn by hand." in texts(events)
    assert report(bare)["phase_from"] == "drawn"
    assert report(bare)["scores"]["test"]["filtered"]["rmse"] < 0.004
    inside = bare.raster("outline", "olivine").read(slice(0, SHAPE[0]), slice(0, SHAPE[1])) == 1
    true = np.isfinite(zoned(*np.indices(SHAPE)))
    assert (inside & true).sum() / (inside | true).sum() > 0.97
    mg = bare.raster("mg", "mg").read(slice(0, SHAPE[0]), slice(0, SHAPE[1]))
    assert not np.isfinite(mg[~inside]).any()
    assert np.isfinite(mg[inside]).mean() > 0.9
    assert pixels_in_words(bare, "outline") == "outline drawn by hand"


def test_a_change_of_the_outlines_concerns_the_calibration_alone(two: Section) -> None:
    calibrate(two, QUICK)
    before = {name: two.fingerprint(name) for name in states(two)}
    two.annotate("outlines", outlines("p1"))
    assert {name for name, state in states(two).items() if state == "stale"} == {
        "calibration",
        "mg",
    }
    two.annotate("outlines", outlines("p1").iloc[:0])  # taken back
    assert set(states(two).values()) == {"fresh"}

    two.annotate("outlines", outlines("p1"))
    events: list[Event] = []
    refined = QUICK.model_copy(update={"refine_placement": True})
    calibrate(two, refined, Job(listen=events.append))
    outside = [words for words in texts(events) if "outside every outline" in words]
    assert [words.split()[0] for words in outside] == ["p2"]
    about = [words for words in report(two)["warnings"] if words.startswith("p2")]
    assert about == outside, "that it looks unzoned outside the outlines is no reason of its own"
    calibrate(two, QUICK)
    assert report(two)["phase_from"] == "drawn"
    assert set(states(two).values()) == {"fresh"}

    two.annotate("outlines", outlines("p1").iloc[:0])
    calibrate(two, QUICK)  # all is as without outlines, the one of before is gone
    assert {name: two.fingerprint(name) for name in states(two)} == before


def test_a_script_gives_a_file(two: Section, tmp_path: Path) -> None:
    file = tmp_path / "crystals.geojson"
    rings = [[[c + 0.5, r + 0.5] for r, c in ellipse(name)] for name in CENTRES]
    shape = {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}
    file.write_text(json.dumps(shape))
    settings = QUICK.model_copy(update={"outlines": file})
    calibrate(two, settings)
    assert report(two)["phase_from"] == "drawn"
    assert set(states(two).values()) == {"fresh"}
    with pytest.raises(InputError, match="outlines by grey") as error:
        calibrate(two, settings.model_copy(update={"phase_from": "outline"}))
    assert error.value.facts.setting == "phase_from"


def test_outlines_that_cannot_be_used_are_named(two: Section) -> None:
    wrong = outlines("p1", "p2", "p3")
    places = [*range(60), 60, 90, 75, 105, *range(120, 180)]  # corners 0, 30, 15 and 45 of p2
    wrong = wrong.iloc[places]
    wrong.loc[wrong["outline"] == "p3", "y_um"] += 5000
    two.annotate("outlines", wrong)
    with pytest.raises(
        InputError, match=r"outlines\.csv: p2 crosses itself; p3 lies outside the image"
    ):
        calibrate(two)
    two.annotate("outlines", wrong.assign(x_um="here"))
    with pytest.raises(SectionError, match="row 2, x_um: 'here' is no number"):
        calibrate(two)


def test_outlines_that_are_asked_for_must_be_there(two: Section) -> None:
    with pytest.raises(InputError, match="No crystal of .* is outlined by hand"):
        calibrate(two, CalibrateSettings(phase_from="drawn"))
