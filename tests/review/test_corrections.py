"""What a person found in the review, as labels for a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.crystals.edits import CrystalStore, Judge, Merge, Note, Redraw, Shape, Split
from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.networks import Normalisation, network_spec
from napari_olivine.review.corrections import CorrectionsSettings, write_corrections
from napari_olivine.section import Section
from napari_olivine.section.check import CheckSettings
from napari_olivine.training import TrainSettings, train
from napari_olivine.training.plan import make_plan
from napari_olivine.training.review_labels import Corrections, corrections_fingerprint
from napari_olivine.training.samples import Samples
from napari_olivine.training.windows import BY_HAND
from napari_olivine.workflow import check_section
from tests.crystals.test_step import labels_of, make_section, put

Image = NDArray[Any]

AS_FOUND = CrystalsSettings(bridge_um=0, part_touching=False)
SHAPE = (700, 1500)
NORM = Normalisation(align="none", median=120, spread=10, mean=(120.0,), std=(10.0,))

DISCS = {
    "disc": (150, 150, 60), "seam": (200, 1024, 40), "twins": (150, 410, 50),
    "left": (400, 150, 70), "small": (600, 600, 12), "val": (300, 700, 40),
    "tested": (150, 1250, 50), "large": (500, 360, 135),
}  # fmt: skip
SESSIONS = pd.DataFrame({
    "session": ["1", "2", "3", "4"], "row0": 0, "row1": SHAPE[0],
    "col0": [0, 650, 900, 1150], "col1": [650, 900, 1150, 1500],
    "role": ["train", "val", "none", "test"],
})  # fmt: skip


def scene() -> Image:
    """Discs, one of them two that touch, one in halves beside a crack, one larger than 256 px."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    olivine = np.zeros(SHAPE, bool)
    for row, column, radius in [*DISCS.values(), (150, 500, 50)]:
        olivine |= np.hypot(rows - row, columns - column) <= radius
    olivine[300:480, 151:155] = False
    return olivine


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    olivine = scene()
    section = make_section(tmp_path_factory.mktemp("corrections") / "section", olivine)
    section.annotate("sessions", SESSIONS)
    mask = olivine.astype(np.uint8)
    mask[:, 900:1150] = 255  # no X-rays were measured there
    put(section, "mask", "olivine", mask)
    find_crystals(section, AS_FOUND, Job())
    return section.path


@pytest.fixture
def section(found: Path, tmp_path: Path) -> Section:
    shutil.copytree(found, tmp_path / "section")
    return Section(tmp_path / "section")


@pytest.fixture
def store(section: Section) -> Iterator[CrystalStore]:
    store = CrystalStore(section)
    yield store
    store.close()


def at(store: CrystalStore, name: str, right: int = 0) -> int:
    row, column, _ = DISCS[name]
    column += right
    return int(store.labels.read(slice(row, row + 1), slice(column, column + 1))[0, 0])


def written(store: CrystalStore, ignore_px: int = 0) -> Image:
    """Write corrections and return what they say."""
    store.flush()
    write_corrections(store.section, CorrectionsSettings(ignore_px=ignore_px))
    raster = store.section.raster("corrections", "olivine")
    return raster.read(*(slice(0, side) for side in raster.shape))


def circle(row: int, column: int, radius: int, crystal: int) -> Redraw:
    side = np.arange(-radius, radius + 1)
    mask = np.hypot(side[:, None], side) <= radius
    return Redraw(crystals=(crystal,), drawn=Shape.of_mask(mask, row - radius, column - radius))


def judge(store: CrystalStore, verdict: Any, *names: str) -> None:
    store.do(Judge(crystals=tuple(at(store, name) for name in names), verdict=verdict))


# ---------------------------------------------------------------------- what is said


def test_judged_crystals_say_what_the_person_said_and_all_else_nothing(store: CrystalStore) -> None:
    labels = labels_of(store.section)
    accepted, rejected = at(store, "seam"), at(store, "disc")
    judge(store, "accepted", "seam")
    judge(store, "rejected", "disc")
    store.do(Note(crystals=(at(store, "small"),), text="look again"))
    expected = np.full(SHAPE, 255, np.uint8)
    expected[labels == accepted] = 1
    expected[labels == rejected] = 0
    np.testing.assert_array_equal(written(store), expected)
    table = store.section.table("corrections", "corrections").set_index("id")
    assert table["value"].to_dict() == {accepted: 1, rejected: 0}
    assert table["pixels"].to_dict() == {k: (labels == k).sum() for k in (accepted, rejected)}
    boxes = table[["row0", "row1", "col0", "col1"]].to_numpy().tolist()
    assert [160, 241, 984, 1065] in boxes  # over a seam of blocks
    raster = store.section.raster("corrections", "olivine")
    for level in range(1, len(raster.levels)):
        window = [slice(0, side) for side in raster.level_shapes[level]]
        np.testing.assert_array_equal(raster.read(*window, level), raster.reduced(level, *window))


def test_corrected_crystals_are_olivine_unless_rejected(store: CrystalStore) -> None:
    halves = at(store, "left", -40), at(store, "left", 40)
    assert halves[0] != halves[1]
    store.do(Merge(crystals=halves))
    twins = at(store, "twins")
    store.do(Split(crystals=(twins,), lines=(((80.0, 455.0), (220.0, 455.0)),)))
    other = at(store, "twins", 90)
    store.do(Judge(crystals=(other,), verdict="rejected"))
    labels = labels_of(store.section)
    expected = np.full(SHAPE, 255, np.uint8)
    expected[np.isin(labels, [*halves, twins])] = 1
    expected[labels == other] = 0
    np.testing.assert_array_equal(written(store), expected)


def test_what_a_redrawn_outline_took_away_is_other_unless_it_was_drawn_again(
    store: CrystalStore,
) -> None:
    disc = at(store, "disc")
    before = labels_of(store.section) == disc
    store.do(circle(150, 150, 30, disc))
    store.do(circle(150, 165, 30, disc))
    after = labels_of(store.section) == disc
    expected = np.full(SHAPE, 255, np.uint8)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    drawn = np.hypot(rows - 150, columns - 150) <= 30
    expected[(before | drawn) & ~after] = 0
    expected[after] = 1
    np.testing.assert_array_equal(written(store), expected)


def test_nothing_is_said_beside_outlines_towards_what_is_no_crystal(store: CrystalStore) -> None:
    judge(store, "accepted", "disc", "small")
    judge(store, "rejected", "val", "seam")
    bare, with_rim = written(store), written(store, ignore_px=2)
    labels = labels_of(store.section)
    for name in ("disc", "small"):
        crystal = labels == at(store, name)
        depth = ndimage.distance_transform_edt(crystal)
        assert (with_rim[crystal & (depth >= 3.1)] == 1).all()
        assert (with_rim[crystal & (depth <= 2)] == 255).all()
    # What is no olivine is none up to its outline: beyond it there is none either.
    assert (with_rim[bare == 0] == 0).all()
    assert (with_rim[bare == 255] == 255).all()


def test_rims_lie_on_both_sides_where_olivine_meets_what_is_none(store: CrystalStore) -> None:
    twins = at(store, "twins")
    store.do(Split(crystals=(twins,), lines=(((80.0, 455.0), (220.0, 455.0)),)))
    store.do(Judge(crystals=(at(store, "twins", 90),), verdict="rejected"))
    square = Shape.of_mask(np.ones((60, 60), bool), 120, 120)
    store.do(Redraw(crystals=(at(store, "disc"),), drawn=square))
    said = written(store, ignore_px=2)
    border = int(np.flatnonzero(labels_of(store.section)[150] == twins).max()) + 1
    assert said[150, border - 4 : border + 4].tolist() == [1, 1, 255, 255, 255, 255, 0, 0]
    assert said[150, 176:184].tolist() == [1, 1, 255, 255, 255, 255, 0, 0]
    assert said[150, 210:212].tolist() == [0, 255]  # taken away up to where the crystal ended


@pytest.mark.parametrize("width", [1, 2, 3])
def test_nothing_is_said_along_a_split_until_the_parts_are_merged(
    store: CrystalStore, width: int
) -> None:
    twins = at(store, "twins")
    store.do(Split(crystals=(twins,), lines=(((80.0, 455.0), (220.0, 455.0)),)))
    border = int(np.flatnonzero(labels_of(store.section)[150] == twins).max()) + 1
    said = written(store, ignore_px=width)[150]
    assert (said[border - width : border + width] == 255).all()
    assert said[[border - width - 1, border + width]].tolist() == [1, 1]
    store.do(Merge(crystals=(at(store, "twins"), at(store, "twins", 90))))
    assert (written(store, ignore_px=width)[150, border - 9 : border + 9] == 1).all()


def test_touching_crystals_have_no_rim_between_them(store: CrystalStore) -> None:
    """Two crystals of olivine: the pixels on both sides are olivine, whichever outline is right."""
    square = Shape.of_mask(np.ones((40, 40), bool), 130, 180)
    new = max(store.do(Redraw(crystals=(), drawn=square))[1].crystals)
    row = labels_of(store.section)[150]
    assert (row[179], row[180]) == (at(store, "disc"), new)
    assert (written(store, ignore_px=2)[150, 160:200] == 1).all()


def test_undoing_everything_leaves_nothing_said(store: CrystalStore) -> None:
    judge(store, "accepted", "seam")
    store.do(circle(150, 150, 30, at(store, "disc")))
    store.do(Split(crystals=(at(store, "twins"),), markers=((150.0, 400.0), (140.0, 510.0))))
    assert (written(store) != 255).any()
    while store.journal.active():
        store.undo()
    assert (written(store) == 255).all()
    product = store.section.require("corrections")
    assert product.notes["crystals"] == 0
    assert not len(store.section.table("corrections", "corrections"))
    assert not list((product.path / "olivine").rglob("c/*/*"))  # nothing takes no space


def test_without_a_review_nothing_is_said(section: Section) -> None:
    assert write_corrections(section).notes["crystals"] == 0


def test_corrections_are_out_of_date_after_an_edit_and_the_check_finds_them_whole(
    store: CrystalStore,
) -> None:
    judge(store, "accepted", "seam", "large")
    written(store)
    section = store.section
    assert section.state("corrections") == "fresh"
    first = section.require("corrections").created
    assert write_corrections(section, CorrectionsSettings(ignore_px=0)).created == first
    report = check_section(section, CheckSettings())
    assert not [found for found in report.findings if found.where.startswith("corrections")]
    assert "corrections" in report.bytes_of
    judge(store, "rejected", "disc")
    assert section.state("corrections") == "stale"
    written(store)
    assert section.state("corrections") == "fresh"


# ---------------------------------------------------------------------- after a rerun


def test_what_was_said_of_crystals_that_are_no_longer_found_stays(store: CrystalStore) -> None:
    """A network that has learned what is no olivine must still be told."""
    judge(store, "rejected", "disc", "large", "seam")
    judge(store, "accepted", "small")
    before = written(store)
    section = store.section
    labels = labels_of(section)
    lost = {name: labels == at(store, name) for name in ("disc", "large", "small")}
    store.close()
    olivine = scene()
    for mask in lost.values():
        olivine[mask] = False
    put(section, "segmentation", "olivine", olivine.astype(np.uint8), version=2)
    find_crystals(section, AS_FOUND, Job())
    again = CrystalStore(section)
    after = written(again)
    np.testing.assert_array_equal(after[lost["disc"]], 0)
    np.testing.assert_array_equal(after[lost["small"]], 1)
    # Kept at half the resolution: its outermost pixels are left out.
    sure = ndimage.distance_transform_edt(lost["large"]) >= 6
    assert (after[sure] == 0).all()
    assert (after[~lost["large"]] == before[~lost["large"]]).all()
    judge_again = written(again, ignore_px=2)
    assert (judge_again[lost["disc"]] == 0).all()
    assert set(np.unique(judge_again[lost["small"]])) == {1, 255}
    again.undo()  # of the small one
    np.testing.assert_array_equal(written(again)[lost["small"]], 255)
    again.undo()
    assert (written(again) == 255).all()
    again.close()


# ---------------------------------------------------------------------- training


def samples_of(section: Section, corrected: float = 1.0, **settings: Any) -> Samples:
    plan = make_plan(section, TrainSettings(crop_px=64, **settings), Job())
    corrections = None
    if section.product("corrections"):
        corrections = Corrections(section, plan)
    return Samples(
        section, plan.train_windows, NORM, "olivine", Job(), corrections, corrected=corrected
    )


def put_places(section: Section) -> None:
    """Put an image whose grey tells the column."""
    grey = np.broadcast_to(1 + np.arange(SHAPE[1]) // 6, SHAPE).astype(np.uint8)
    put(section, "images", "BSE", grey)


def test_a_persons_word_counts_instead_of_the_mask(store: CrystalStore) -> None:
    judge(store, "rejected", "disc")
    said = written(store, ignore_px=2)
    mask = scene()[:, :650].astype(np.uint8)
    label = samples_of(store.section).read(0, 0, 0, 650)[1]
    said = said[:650, :650]
    by_hand = np.where(said != 255, said + BY_HAND, mask[:650])
    np.testing.assert_array_equal(label, by_hand)


def test_crops_lie_over_crystals_of_which_the_mask_says_no_such_thing(
    store: CrystalStore,
) -> None:
    put_places(store.section)
    judge(store, "rejected", "disc", "small")
    # Of the twins the mask says the same; where the seam is it says nothing.
    judge(store, "accepted", "seam", "twins")
    written(store, ignore_px=2)
    samples = samples_of(store.section)
    seen = {"disc": 0, "small": 0, "seam": 0}
    for number in range(400):
        grey, label = samples.crop(np.random.default_rng(number), 64, 0.0)
        assert label.shape == (64, 64)
        if (label == 255).any():
            seen["seam"] += 1
            assert set(np.unique(label)) <= {1 + BY_HAND, 255}
        else:  # what the mask has of these two is taken away, but for nothing at their rims
            assert not np.isin(label, (1, 1 + BY_HAND)).any()
            seen["small" if grey.min() > 300 // 6 else "disc"] += 1
    assert seen["seam"] == pytest.approx(200, abs=40)
    assert min(seen["disc"], seen["small"]) > 60


def test_not_a_pixel_of_validation_or_test_is_used(store: CrystalStore) -> None:
    put_places(store.section)
    judge(store, "rejected", "val", "tested")
    judge(store, "accepted", "seam")
    new = Redraw(crystals=(), drawn=Shape.of_mask(np.ones((60, 60), bool), 400, 1110))
    store.do(new)  # half of it in the session for tests
    written(store)
    samples = samples_of(store.section)
    for number in range(200):
        grey, label = samples.crop(np.random.default_rng(number), 64, 0.0)
        assert grey.min() >= 900 // 6
        assert grey.max() <= 1 + 1150 // 6
        assert set(np.unique(label)) <= {1 + BY_HAND, 255}
    plan = make_plan(store.section, TrainSettings(crop_px=64), Job())
    corrections = Corrections(store.section, plan)
    for _, columns in corrections.windows:
        assert columns.start >= 900
        assert columns.stop <= 1150
    whole = corrections.read((slice(0, SHAPE[0]), slice(0, SHAPE[1])))
    assert (whole[:, 650:900] == 255).all()
    assert (whole[:, 1150:] == 255).all()


def test_rows_held_out_for_validation_are_left_out(store: CrystalStore) -> None:
    store.section.annotate("sessions", SESSIONS.assign(role=["train", "none", "none", "test"]))
    judge(store, "rejected", "small", "disc")  # the small one lies in the last fifth
    written(store)
    plan = make_plan(store.section, TrainSettings(crop_px=64), Job())
    corrections = Corrections(store.section, plan)
    assert len(corrections) == 1
    assert not corrections.windows
    # A few crystals, met all the time, would be learned by heart.
    assert 0 < corrections.share(0.25) < 0.25 / 10


def test_without_corrections_the_crops_are_the_same_as_before(section: Section) -> None:
    preset = replace(network_spec("light").preset, batch=4, crop_px=64)
    plan = make_plan(section, TrainSettings(crop_px=64), Job())
    plain = Samples(section, plan.train_windows, NORM, "olivine", Job())
    write_corrections(section)
    for corrected in (0.0, 0.25):
        empty = samples_of(section, corrected)
        for step in range(5):
            for one, other in zip(
                plain.batch(0, step, preset, 0.5), empty.batch(0, step, preset, 0.5), strict=True
            ):
                np.testing.assert_array_equal(one, other)


def test_training_knows_by_which_corrections_it_was_made(store: CrystalStore) -> None:
    section, settings = store.section, TrainSettings()
    assert corrections_fingerprint(section, settings) == {}
    write_corrections(section)  # of a review that has not begun
    assert corrections_fingerprint(section, settings) == {}
    judge(store, "rejected", "disc")
    store.flush()
    with pytest.raises(SectionError, match="Run the step 'corrections' again"):
        corrections_fingerprint(section, settings)
    write_corrections(section)
    first = corrections_fingerprint(section, settings)
    assert first
    assert corrections_fingerprint(section, TrainSettings(corrections=False)) == {}
    judge(store, "accepted", "seam")
    written(store)
    assert corrections_fingerprint(section, settings) not in ({}, first)


def test_a_network_is_not_out_of_date_because_the_review_goes_on(store: CrystalStore) -> None:
    """Its crystals are what is reviewed: each edit would make them out of date."""
    section = store.section
    put_noise(section)
    judge(store, "rejected", "disc")
    judge(store, "accepted", "seam")
    written(store)
    settings = TrainSettings(epochs=1, steps=1, batch=2, crop_px=32)
    product = train(section, settings)
    assert product.notes["corrected_crystals"] == 2
    judge(store, "accepted", "small")
    store.flush()
    assert section.state("models/light") == "fresh"
    written(store)
    assert section.state("models/light") == "fresh"


def put_noise(section: Section) -> None:
    random = np.random.default_rng(0)
    grey = np.clip(random.normal(120, 9, SHAPE) + 20 * scene(), 1, 254).astype(np.uint8)
    put(section, "images", "BSE", grey)
