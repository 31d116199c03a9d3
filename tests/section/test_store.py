"""The section on disk: nothing half-written counts, nothing stale is used, nothing is lost."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from ome_zarr_models.v05.image import Image

from napari_olivine.errors import Cancelled, SectionError
from napari_olivine.job import Job
from napari_olivine.section import (
    Section,
    SectionRecord,
    Session,
    blocks,
    create_raster,
    session_index,
    strip_height,
)
from napari_olivine.section.raster import halve
from napari_olivine.settings import Settings, setting
from tests.helpers.sections import make_section


class Choice(Settings):
    """Settings of an invented step."""

    limit: float = setting(1.0, "Limit", "Any number.")


@pytest.fixture
def section(tmp_path: Path) -> Section:
    image = np.arange(1500 * 1200, dtype=np.uint32).reshape(1500, 1200) % 251
    return make_section(tmp_path / "section", {"BSE": image.astype(np.uint8)})


def make(section: Section, name: str, choice: Choice, inputs: list[str], job: Job | None = None):
    job = job or Job()
    recipe = section.recipe(name, choice, inputs)
    if done := section.finished(name, recipe, job):
        return done
    with section.draft(name, recipe, job) as draft:
        (draft.path / "value.txt").write_text(str(choice.limit))
    return section.require(name)


# -------------------------------------------------------------------- products


def test_a_product_says_where_it_came_from(section: Section) -> None:
    product = make(section, "mask", Choice(limit=2), ["images"])
    record = json.loads((product.path / "product.json").read_text())
    assert record["recipe"]["settings"] == {"limit": 2.0}
    assert record["recipe"]["inputs"] == {"images": section.fingerprint("images")}
    assert record["software"]["napari-olivine"]
    assert Section(section.path).product("mask") == product


def test_the_same_step_is_not_repeated_and_force_repeats_it(section: Section) -> None:
    first = make(section, "mask", Choice(), ["images"])
    assert make(section, "mask", Choice(), ["images"]).created == first.created
    assert make(section, "mask", Choice(), ["images"], Job(force=True)).created != first.created


def test_other_settings_make_another_product(section: Section) -> None:
    first = make(section, "mask", Choice(limit=1), ["images"])
    second = make(section, "mask", Choice(limit=2), ["images"])
    assert first.fingerprint != second.fingerprint
    assert (second.path / "value.txt").read_text() == "2.0"


def test_what_depends_on_a_changed_product_is_stale_and_refused(section: Section) -> None:
    make(section, "mask", Choice(limit=1), ["images"])
    make(section, "segmentation", Choice(), ["mask"])
    make(section, "crystals", Choice(), ["segmentation"])
    assert section.state("crystals") == "fresh"
    make(section, "mask", Choice(limit=2), ["images"])
    assert section.state("mask") == "fresh"
    assert section.state("segmentation") == "stale"
    assert section.state("crystals") == "stale", "staleness must travel down the whole chain"
    with pytest.raises(SectionError, match="out of date.*Run the step 'segment' again"):
        section.recipe("crystals", Choice(), ["segmentation"])


def test_an_edited_annotation_makes_stale(section: Section) -> None:
    make(section, "calibration", Choice(), ["images", "annotations/sessions"])
    table = section.annotation("sessions")
    table["role"] = "test"
    section.annotate("sessions", table)
    assert section.state("calibration") == "stale"


def test_a_missing_product_names_the_command_that_makes_it(section: Section) -> None:
    with pytest.raises(SectionError, match="Run the step 'train' first"):
        section.require("models/light")


# -------------------------------------------------------------------- drafts


def test_an_interrupted_draft_is_no_product_and_goes_on(section: Section) -> None:
    recipe = section.recipe("mask", Choice(), ["images"])
    worked: list[int] = []

    def work(stop_after: int | None) -> None:
        job = Job()
        with section.draft("mask", recipe, job) as draft:
            for part in draft.pending(range(10)):
                worked.append(part)
                if part == stop_after:
                    job.cancel.set()

    with pytest.raises(Cancelled):
        work(stop_after=4)
    assert section.state("mask") == "missing"
    work(stop_after=None)
    assert worked == list(range(10)), "no part is done twice, none is left out"
    assert section.state("mask") == "fresh"
    assert not (section.path / "mask" / "finished.jsonl").exists()


def test_a_failed_repeat_leaves_the_old_product(section: Section) -> None:
    make(section, "mask", Choice(limit=1), ["images"])
    recipe = section.recipe("mask", Choice(limit=2), ["images"])
    with pytest.raises(ZeroDivisionError), section.draft("mask", recipe, Job()):
        raise ZeroDivisionError
    assert (section.require("mask").path / "value.txt").read_text() == "1.0"


def test_a_draft_of_other_settings_is_not_gone_on_with(section: Section) -> None:
    for limit in (1.0, 2.0):
        recipe = section.recipe("mask", Choice(limit=limit), ["images"])
        with pytest.raises(RuntimeError), section.draft("mask", recipe, Job()) as draft:
            assert not draft.is_done("a part")
            draft.tick("a part")
            raise RuntimeError


def test_a_full_disk_is_told_and_keeps_what_is_finished(section: Section) -> None:
    recipe = section.recipe("mask", Choice(), ["images"])
    with pytest.raises(SectionError, match="disk.*full.*Free some space"):
        with section.draft("mask", recipe, Job()) as draft:
            draft.tick("first part")
            raise OSError(errno.ENOSPC, "No space left on device")
    with section.draft("mask", recipe, Job()) as draft:
        assert draft.is_done("first part")


def test_a_draft_that_ends_gives_its_lock_back_at_once(section: Section) -> None:
    recipe = section.recipe("mask", Choice(), ["images"])
    # The failure keeps the draft's frame alive: the lock must not wait for the garbage collector.
    with pytest.raises(SectionError) as failure:
        with section.draft("mask", recipe, Job()):
            raise OSError(errno.ENOSPC, "No space left on device")
    with section.draft("mask", recipe, Job()):
        pass
    assert failure.tb is not None


def _hold(path: Path, ready: object) -> None:
    section = Section(path)
    recipe = section.recipe("mask", Choice(), ["images"])
    with section.draft("mask", recipe, Job()) as draft:
        draft.tick("one")
        ready.set()  # type: ignore[attr-defined]
        time.sleep(60)


def test_two_processes_do_not_make_one_product_and_a_killed_one_blocks_nobody(
    section: Section,
) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold, args=(section.path, ready))
    process.start()
    assert ready.wait(60)
    recipe = section.recipe("mask", Choice(), ["images"])
    with pytest.raises(SectionError, match="Another process"):
        with section.draft("mask", recipe, Job()):
            pass
    os.kill(process.pid, signal.SIGKILL)  # type: ignore[arg-type]
    process.join()
    with section.draft("mask", recipe, Job()) as draft:
        assert draft.is_done("one")
    assert section.state("mask") == "fresh"


# -------------------------------------------------------------------- record and annotations


def test_a_section_of_a_newer_version_is_refused(section: Section) -> None:
    file = section.path / "section.json"
    record = json.loads(file.read_text()) | {"format": 99, "unknown": 1}
    file.write_text(json.dumps(record))
    with pytest.raises(SectionError, match="newer version"):
        Section(section.path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": "x"}'])
def test_a_damaged_record_is_told(section: Section, content: str) -> None:
    (section.path / "section.json").write_text(content)
    with pytest.raises(SectionError, match=r"section\.json"):
        Section(section.path)


def test_no_section_and_an_occupied_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(SectionError, match="not a section"):
        Section(tmp_path)
    (tmp_path / "thesis.docx").write_text("do not lose me")
    record = SectionRecord(name="x", pixel_size_um=1, shape=(10, 10), signals=["BSE"])
    with pytest.raises(SectionError, match="not empty"):
        Section.create(tmp_path, record)


def test_annotations_are_replaced_whole_or_not_at_all(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = section.annotation("sessions")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(OSError, match="no"):
        section.annotate("sessions", before.assign(role="test"))
    monkeypatch.undo()
    pd.testing.assert_frame_equal(section.annotation("sessions"), before)
    assert [p.name for p in (section.path / "annotations").iterdir()] == ["sessions.csv"]


def test_each_pixel_knows_its_session() -> None:
    left = Session(session="a", row0=0, row1=4, col0=0, col1=3)
    right = Session(session="b", row0=0, row1=4, col0=3, col1=5)
    index = session_index([left, right], np.arange(5)[:, None], np.arange(6)[None, :])
    assert index[0].tolist() == [0, 0, 0, 1, 1, -1]
    assert (index[4] == -1).all()


# -------------------------------------------------------------------- rasters


def test_a_raster_is_valid_ome_zarr_in_micrometres(section: Section) -> None:
    folder = section.path / "images" / "BSE"
    image = Image.from_zarr(zarr.open_group(folder, mode="r"))
    multiscale = image.attributes.ome.multiscales[0]
    assert [axis.unit for axis in multiscale.axes] == ["micrometer", "micrometer"]
    raster = section.raster("images", "BSE")
    assert raster.pixel_size_um == 1.5
    assert [level.shape for level in raster.levels] == [(1500, 1200), (750, 600), (375, 300)]


def test_every_level_is_the_mean_of_the_one_below(section: Section) -> None:
    raster = section.raster("images", "BSE")
    fine, coarse = np.asarray(raster.levels[0][:]), np.asarray(raster.levels[1][:])
    mean = fine.reshape(750, 2, 600, 2).mean(axis=(1, 3))
    assert np.abs(coarse - mean).max() <= 0.5


@settings(max_examples=30, deadline=None)
@given(
    image=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)),
    reduction=st.sampled_from(["mean", "nearest"]),
)
def test_halving_keeps_odd_edges_and_the_range(image, reduction) -> None:
    half = halve(image, reduction)
    assert half.shape == ((image.shape[0] + 1) // 2, (image.shape[1] + 1) // 2)
    assert half.dtype == image.dtype
    assert image.min() <= half.min()
    assert half.max() <= image.max()
    if reduction == "nearest":
        assert set(half.ravel()) <= set(image.ravel()), "labels are never mixed"


def test_a_mean_over_missing_values_ignores_them() -> None:
    image = np.array([[0.8, np.nan], [np.nan, np.nan]], np.float32)
    assert halve(image, "nanmean")[0, 0] == pytest.approx(0.8)
    assert np.isnan(halve(np.full((2, 2), np.nan, np.float32), "nanmean")[0, 0])


@settings(max_examples=50, deadline=None)
@given(
    rows=st.integers(1, 50),
    columns=st.integers(1, 50),
    high=st.integers(1, 60),
    wide=st.integers(1, 60),
)
def test_blocks_cover_every_pixel_once(rows: int, columns: int, high: int, wide: int) -> None:
    count = np.zeros((rows, columns), int)
    for block in blocks((rows, columns), high, wide):
        count[block] += 1
    assert (count == 1).all()


def test_strips_follow_the_memory_budget() -> None:
    width = 40_000 * 16
    small, large = Job(memory_bytes=256 << 20), Job(memory_bytes=64 << 30)
    assert strip_height(small, width) == 1024
    assert strip_height(large, width) == 8 * 1024


def test_a_raster_that_was_being_created_is_opened_again(tmp_path: Path) -> None:
    first = create_raster(tmp_path / "a", (300, 700), np.uint8, 1.0, reduction="nearest")
    first.write(0, 0, np.ones((300, 700), np.uint8))
    again = create_raster(tmp_path / "a", (300, 700), np.uint8, 1.0, reduction="nearest")
    assert again.read(slice(0, 5), slice(0, 5)).all()


def test_a_folder_that_is_no_raster_is_told(section: Section) -> None:
    with pytest.raises(SectionError, match="has no image 'Mg'; it has BSE"):
        section.raster("images", "Mg")


def test_a_large_annotation_is_another_when_it_has_changed(tmp_path: Path) -> None:
    section = make_section(tmp_path / "s", {"BSE": np.zeros((8, 8), np.uint8)})
    file = section.path / "annotations" / "mask_corrections.jsonl"
    seen = set()
    for number in range(3):
        file.write_text(f"{number}\n" * 60_000)
        os.utime(file, ns=(number, number))  # some drives tell seconds only
        seen.add(section.fingerprint("annotations/mask_corrections"))
        assert section.fingerprint("annotations/mask_corrections") in seen
    assert len(seen) == 3
