"""Network and element maps decide together: what wins, what goes out of date, what stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from napari_olivine.errors import Cancelled, SectionError
from napari_olivine.inference.evidence import (
    HAND_OLIVINE,
    HAND_OTHER,
    SURE,
    UNCLAIMED,
    UNMEASURED,
    evidence_codes,
)
from napari_olivine.inference.joint import joint_limits, leave_out_joint, make_joint, ready_mask
from napari_olivine.inference.odds import NetworkOdds, fit_odds, stored_logits
from napari_olivine.job import Job
from napari_olivine.masks.corrections import MaskCorrections, correct_mask, make_correction
from napari_olivine.section import CHUNK, Section, create_raster
from napari_olivine.settings import Settings
from tests.helpers.sections import make_section

SHAPE = (CHUNK + 70, 300)
EVERY = slice(0, None), slice(0, None)
THRESHOLD = 0.1


def put(section: Section, product: str, inputs: list[str], **images: NDArray[np.uint8]) -> None:
    recipe = section.recipe("test", Settings(), inputs, extra={"source": "made by a test"})
    with section.draft(product, recipe, Job(force=True)) as draft:
        for name, pixels in images.items():
            raster = create_raster(draft.path / name, SHAPE, "uint8", 1.5, reduction="mean")
            raster.write(0, 0, pixels)
            raster.build_pyramid(Job())


@pytest.fixture
def section(tmp_path: Path) -> Section:
    """Maps over the left two thirds: a grain in the middle; a network that takes all for olivine.

    The grain goes on into the part without maps, and over the edge of a block.
    """
    section = make_section(tmp_path / "s", {"BSE": np.full(SHAPE, 100, np.uint8)})
    sessions = {"session": ["a", "b"], "row0": 0, "row1": SHAPE[0], "col0": [0, 100]}
    sessions |= {"col1": [100, 300], "role": ["train", "val"]}
    section.annotate("sessions", pd.DataFrame(sessions))
    mask = np.zeros(SHAPE, np.uint8)
    mask[1000:1060, 50:250] = 1
    certainty = np.full(SHAPE, 100, np.uint8)
    certainty[998:1003, 50:250] = certainty[1057:1060, 50:250] = 90
    certainty[1000:1002, 50:250] = 52
    mask[:, 200:], certainty[:, 200:] = 255, 0
    put(section, "mask", ["images"], olivine=mask, certainty=certainty)
    random = np.random.default_rng(0)
    stored = random.integers(20, 60, SHAPE).astype(np.uint8)
    stored[1002:1060, 50:250] = 240  # it sees the upper outline two pixels lower
    stored[:20] = 5
    put(section, "probability", ["images"], olivine=stored)
    put(section, "segmentation", ["probability"], olivine=(stored >= 26).astype(np.uint8))
    return section


def joint_of(section: Section) -> NDArray[np.uint8]:
    make_joint(section, THRESHOLD, Job())
    return section.raster("joint", "olivine").read(*EVERY)


def correct(section: Section, label: str, row: int, column: int) -> None:
    stroke = {"line": [(row, column)], "radius_px": 5}
    MaskCorrections(section).add([make_correction(label=label, tool="brush", **stroke)])


def test_maps_decide_on_minerals_bse_on_outlines_and_where_there_are_no_maps(
    section: Section,
) -> None:
    found = joint_of(section)
    alone = section.raster("segmentation", "olivine").read(*EVERY)
    np.testing.assert_array_equal(found[:, 200:], alone[:, 200:])
    measured = found[:, :200]
    assert measured[1003:1060, 50:].all(), "sure counts of olivine"
    assert not measured[:999].any() and not measured[1061:].any(), "what BSE takes is none"
    assert not measured[999:1002, 50:].any(), "counts that are not sure: the network decides"
    assert measured[1002, 50:].all()
    notes = section.require("joint").notes
    assert notes["calibrated_on"] == ["b"], "the session for validation"
    assert notes["slope"] > 0.3
    assert notes["covered_percent"] == pytest.approx(100 * 200 / 300, abs=0.01)
    assert notes["removed_px"] > 100_000
    assert notes["added_px"] == 0


def test_a_person_wins(section: Section) -> None:
    before = joint_of(section)
    correct(section, "other", 1030, 120)
    correct(section, "olivine", 500, 120)
    correct(section, "olivine", 10, 250)  # where nothing was measured, and the network says no
    correct_mask(section)
    found = joint_of(section)
    changed = np.argwhere(found != before)
    assert found[500, 120] == found[10, 250] == 1
    assert found[1030, 120] == 0
    near = [np.hypot(*(changed - place).T) < 6 for place in ([1030, 120], [500, 120], [10, 250])]
    assert np.any(near, 0).all(), "nothing else changes"


def test_a_correction_makes_the_joint_result_alone_out_of_date(section: Section) -> None:
    joint_of(section)
    put(section, "crystals", ["joint"])
    put(section, "models/light", ["mask"])
    put(section, "compare/light", ["models/light"])
    correct(section, "other", 1030, 120)
    assert ready_mask(section, Job()) is not None
    states = {product.name: section.state(product.name) for product in section.products()}
    stale = {name for name, state in states.items() if state == "stale"}
    assert stale == {"joint", "crystals", "models/light"}, "the model learned another mask"


def test_it_is_not_made_again_and_goes_on_where_it_was_stopped(section: Section) -> None:
    whole = joint_of(section)
    first = section.require("joint").created
    assert make_joint(section, THRESHOLD, Job()).created == first
    job = Job(force=True)
    job.listen = lambda event: (
        job.cancel.set() if event["event"] == "progress" and event["done"] == 1 else None
    )
    with pytest.raises(Cancelled):
        make_joint(section, THRESHOLD, job)
    assert section.state("joint") == "fresh", "the old one stays until the new one is whole"
    events: list[dict[str, object]] = []
    leave_out_joint(section, Job())
    make_joint(section, THRESHOLD, Job(listen=events.append))
    np.testing.assert_array_equal(section.raster("joint", "olivine").read(*EVERY), whole)
    said = [str(event["message"]) for event in events if event["event"] == "message"]
    assert any("BSE alone leaves out" in words for words in said)


def test_without_maps_there_is_none_and_by_bse_alone_it_is_taken_away(section: Section) -> None:
    joint_of(section)
    leave_out_joint(section, Job())
    assert section.product("joint") is None
    assert {product.name for product in section.products()} >= {"probability", "segmentation"}
    leave_out_joint(section, Job())
    (section.path / "mask").rename(section.path / "gone")
    assert ready_mask(section, Job()) is None


def test_a_mask_that_is_out_of_date_is_told_before_the_network_runs(section: Section) -> None:
    recipe = section.recipe("import", Settings(), [], extra={"source": "another"})
    with section.draft("images", recipe, Job(force=True)) as draft:
        raster = create_raster(draft.path / "BSE", SHAPE, "uint8", 1.5, reduction="mean")
        raster.build_pyramid(Job())
    with pytest.raises(SectionError, match="mask.* is out of date") as error:
        ready_mask(section, Job())
    assert error.value.facts.setting == "evidence"


# ---------------------------------------------------------------------- evidence and odds


def test_codes_of_a_mask_with_certainty() -> None:
    mask = np.array([[0, 0, 0, 1, 1, 1, 255]], np.uint8)
    certainty = np.array([[100, 60, 60, 50, 80, 100, 0]], np.uint8)
    inner = slice(0, 1), slice(0, 7)
    codes = evidence_codes(mask, inner, certainty, None)[0]
    assert codes.tolist() == [0, 0, 20, 100, 160, SURE, UNMEASURED]
    certainty[0, 2] = 0
    assert evidence_codes(mask, inner, certainty, None)[0, 2] == UNCLAIMED
    said = np.array([[1, 255, 255, 0, 255, 255, 1]], np.uint8)
    codes = evidence_codes(mask, inner, certainty, said)[0]
    assert codes[[0, 3, 6]].tolist() == [HAND_OLIVINE, HAND_OTHER, HAND_OLIVINE]


def test_outlines_by_a_rule_alone_are_left_to_the_network() -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[:, 10:] = 1
    codes = evidence_codes(mask[4:], (slice(4, 8), slice(2, 18)), None, None)
    assert codes[0].tolist() == [0] * 6 + [SURE // 2] * 4 + [SURE] * 6


def test_limits_fall_with_the_evidence_and_nothing_overrules_a_person() -> None:
    limits = joint_limits(NetworkOdds(0.8, -0.5), 0.3)
    assert (np.diff(limits[: SURE + 1]) <= 0).all()
    assert limits[0] == 256 and limits[SURE] == 0
    assert limits[HAND_OLIVINE] == 0 and limits[HAND_OTHER] == 256
    assert limits[UNMEASURED] == 77
    logits = stored_logits()
    assert 0.8 * logits[limits[100]] - 0.5 >= 0 > 0.8 * logits[limits[100] - 1] - 0.5


def test_slope_and_offset_are_found_again_and_are_plain_without_pixels() -> None:
    logits = stored_logits()
    probability = 1 / (1 + np.exp(-(0.4 * logits - 1.2)))
    odds = fit_odds(1e4 * np.stack([1 - probability, probability]))
    assert (odds.slope, odds.offset) == pytest.approx((0.4, -1.2), abs=0.01)
    odds = fit_odds(np.zeros((2, 256)))
    assert (odds.slope, odds.offset) == (1, 0)
    assert fit_odds(1e4 * np.stack([probability, 1 - probability])).slope == 0
