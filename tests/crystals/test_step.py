"""The crystals step on small sections made for each test."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.crystals.table import COLUMNS
from napari_olivine.errors import Cancelled, SectionError
from napari_olivine.job import Event, Job
from napari_olivine.section import Section, SectionRecord, create_raster
from napari_olivine.settings import Settings

PIXEL_UM = 2.0
TINY = Job(memory_bytes=2 << 20)  # strips of 64 rows, blocks of 512 px

Image = NDArray[Any]


class Made(Settings):
    """Settings of products that a test puts there."""

    version: int = 1


def put(section: Section, product: str, name: str, image: Image, version: int = 1) -> None:
    """Put a raster into a section, as an earlier step would."""
    recipe = section.recipe("test", Made(version=version), [])
    with section.draft(product, recipe, Job()) as draft:
        fill = float("nan") if image.dtype == np.float32 else 0
        raster = create_raster(
            draft.path / name, image.shape, image.dtype, section.pixel_size_um,
            reduction="nanmean" if image.dtype == np.float32 else "nearest", fill=fill,
        )  # fmt: skip
        raster.write(0, 0, image)
        raster.build_pyramid(Job())


def make_section(path: Path, olivine: Image, mg: Image | None = None, **also: Image) -> Section:
    """Make a section with a segmentation and what else is given."""
    record = SectionRecord(
        name="test", pixel_size_um=PIXEL_UM, shape=olivine.shape, signals=["BSE"]
    )
    section = Section.create(path, record)
    section.annotate(
        "sessions",
        pd.DataFrame({
            "session": ["1", "2"], "row0": 0, "row1": olivine.shape[0],
            "col0": [0, olivine.shape[1] // 2], "col1": [olivine.shape[1] // 2, olivine.shape[1]],
            "role": ["train", "test"],
        }),
    )  # fmt: skip
    put(section, "images", "BSE", np.full(olivine.shape, 120, np.uint8))
    put(section, "segmentation", "olivine", olivine.astype(np.uint8))
    if mg is not None:
        put(section, "mg", "mg", np.where(olivine > 0, mg, np.nan).astype(np.float32))
    for product, image in also.items():
        put(section, product, "olivine", image)
    return section


def two_discs() -> tuple[Image, Image]:
    """Olivine and mg#: a normal disc over a seam of strips, a reversed one cut by the edge."""
    rows, columns = np.mgrid[:1300, :700]
    olivine = np.zeros(rows.shape, bool)
    mg = np.full(rows.shape, 0.5)
    for row, column, core, rim in [(1020, 250, 0.90, 0.78), (600, 690, 0.75, 0.86)]:
        away = np.hypot(rows - row, columns - column)
        inside = away <= 60
        olivine |= inside
        mg[inside] = (core + (rim - core) * (away / 60) ** 2)[inside]
    olivine[100:110, 100:110] = True  # 400 um2
    olivine[50, 50] = True  # a speck
    return olivine, mg


@pytest.fixture
def section(tmp_path: Path) -> Section:
    return make_section(tmp_path / "section", *two_discs())


def labels_of(section: Section) -> Image:
    raster = section.raster("crystals", "crystals")
    return raster.read(slice(0, raster.shape[0]), slice(0, raster.shape[1]))


def test_crystals_are_numbered_measured_and_classified(section: Section) -> None:
    product = find_crystals(section, CrystalsSettings(), TINY)
    table = section.table("crystals", "crystals")
    assert table.columns.tolist() == COLUMNS
    assert table["id"].tolist() == [1, 2, 3]
    assert table["size_class"].tolist() == ["microlite", "phenocryst", "phenocryst"]
    assert table["zoning_class"].tolist() == ["", "reversed", "normal"]
    assert table["touches_edge"].tolist() == [False, True, False]
    assert table["session"].tolist() == ["1", "2", "1"]
    normal = table.iloc[2]
    assert (normal["x_um"], normal["y_um"]) == pytest.approx((500, 2040))
    assert normal["area_um2"] == normal["area_px"] * 4 == pytest.approx(np.pi * 120**2, rel=0.01)
    assert normal[["row0", "row1", "col0", "col1"]].tolist() == [960, 1081, 190, 311]
    assert normal["major_axis_um"] == pytest.approx(240, rel=0.02)
    assert normal["aspect_ratio"] < 1.01
    assert normal["hole_fraction"] == 0
    assert np.isnan(normal["mean_probability"])
    assert table["zone_class"].tolist() == ["", "reversed", "normal"]
    assert normal["zone_probability"] > 0.9
    assert normal["feret_max_um"] == pytest.approx(242, abs=3)
    assert normal["circularity"] == pytest.approx(1, abs=0.02)
    assert normal["mg_q05"] < normal["mg_q50"] < normal["mg_q95"]
    assert table["edge_contact"].tolist() == [0, pytest.approx(0.362, abs=0.01), 0]  # a chord
    # No vesicles: the disc of 250 um around it is rock, of the one at the edge some is outside.
    assert normal["rock_area_um2"] == pytest.approx(np.pi * 250**2, rel=1e-3)
    assert 0.5 < table["seen_fraction"].iloc[1] < 0.7
    profiles = section.table("crystals", "profiles")
    assert profiles["id"].tolist() == [2, 3]
    assert profiles["mg_010"].iloc[1] < profiles["mg_090"].iloc[1]
    labels = labels_of(section)
    olivine, _ = two_discs()
    olivine[50, 50] = False
    np.testing.assert_array_equal(labels > 0, olivine)
    assert product.notes["phenocrysts_normal"] == 1
    assert product.notes["phase_from"] == "segmentation"
    assert not (product.path / "parts").exists()


def test_memory_changes_nothing_but_how(section: Section) -> None:
    find_crystals(section, CrystalsSettings(), TINY)
    tiny = section.table("crystals", "crystals")
    find_crystals(section, CrystalsSettings(), Job(force=True))
    pd.testing.assert_frame_equal(tiny, section.table("crystals", "crystals"))


def test_the_mask_has_another_opinion_on_what_the_network_found(tmp_path: Path) -> None:
    olivine, mg = two_discs()
    mask = np.where(olivine, 1, 0).astype(np.uint8)
    mask[960:1020] = 0  # half of the third
    mask[600:, 600:] = 255  # unknown in half of the second
    mask[:200] = 255
    section = make_section(tmp_path / "section", olivine, mg, mask=mask)
    find_crystals(section)
    agreement = section.table("crystals", "crystals")["agreement"]
    assert agreement.tolist() == [
        pytest.approx(np.nan, nan_ok=True), 1.0, pytest.approx(0.5, abs=0.01)
    ]  # fmt: skip


def test_mean_probability_comes_from_the_probability(tmp_path: Path) -> None:
    olivine, mg = two_discs()
    probability = np.where(olivine, 204, 0).astype(np.uint8)
    section = make_section(tmp_path / "s", olivine, mg, probability=probability)
    find_crystals(section)
    assert section.table("crystals", "crystals")["mean_probability"].tolist() == [0.8] * 3


def test_mask_serves_where_there_is_no_segmentation(tmp_path: Path) -> None:
    olivine, mg = two_discs()
    section = make_section(tmp_path / "s", olivine, mg)
    mask = np.where(olivine, 1, 0).astype(np.uint8)
    mask[:, 400:] = 255  # ignored
    put(section, "mask", "olivine", mask)
    find_crystals(section, CrystalsSettings(phase_from="mask"))
    assert len(section.table("crystals", "crystals")) == 2
    section.product("segmentation").path.rename(tmp_path / "gone")  # type: ignore[union-attr]
    assert find_crystals(section).notes["phase_from"] == "mask"


def test_without_mg_there_is_a_warning_and_no_zoning(tmp_path: Path) -> None:
    section = make_section(tmp_path / "s", two_discs()[0])
    events: list[Event] = []
    find_crystals(section, CrystalsSettings(), Job(listen=events.append))
    assert any(event["event"] == "warning" for event in events)
    table = section.table("crystals", "crystals")
    assert (table["zoning_class"] == "").all()
    assert table["mg_mean"].isna().all()
    find_crystals(section, CrystalsSettings(zoning="paper"))
    assert section.table("crystals", "crystals")["zoning_class"].tolist() == ["", "none", "none"]


def test_no_olivine_at_all_gives_an_empty_catalogue(tmp_path: Path) -> None:
    nothing = np.zeros((300, 200), bool)
    section = make_section(tmp_path / "s", nothing, np.full(nothing.shape, 0.8))
    product = find_crystals(section)
    table = section.table("crystals", "crystals")
    assert table.columns.tolist() == COLUMNS
    assert len(table) == product.notes["crystals"] == 0
    assert not labels_of(section).any()


@pytest.mark.parametrize("memory", [2 << 20, 4 << 30])
def test_one_crystal_over_everything(tmp_path: Path, memory: int) -> None:
    everything = np.ones((1100, 600), bool)
    section = make_section(tmp_path / "s", everything, np.full(everything.shape, 0.8))
    find_crystals(section, CrystalsSettings(), Job(memory_bytes=memory))
    crystal = section.table("crystals", "crystals").iloc[0]
    assert crystal["area_px"] == everything.size
    assert crystal["zoning_class"] == "none"
    assert crystal["mg_mean"] == pytest.approx(0.8)
    assert crystal["touches_edge"]
    assert crystal["major_axis_um"] == pytest.approx(4 * 1100 / np.sqrt(12) * PIXEL_UM, rel=0.01)


def test_connectivity_and_size_are_settings(tmp_path: Path) -> None:
    olivine = np.zeros((1100, 200), bool)
    olivine[20:60, 20:60] = True
    olivine[60:100, 60:100] = True  # touches by a corner
    olivine[1000:1023, 20:100] = True
    olivine[1025:1060, 20:100] = True  # parted by a crack of 4 um on the seam of strips
    section = make_section(tmp_path / "s", olivine)

    def count(**changes: Any) -> int:
        settings = {"part_touching": False, "bridge_um": 0} | changes
        find_crystals(section, CrystalsSettings(**settings), TINY)
        return len(section.table("crystals", "crystals"))

    assert count() == 3
    assert count(join_diagonals=False) == 4
    assert (labels_of(section) > 0).sum() == olivine.sum()
    assert count(min_area_um2=8000) == 2


class Stopper:
    """Listener that cancels its job at the n-th event."""

    def __init__(self, after: int) -> None:
        self.job = Job(memory_bytes=2 << 20, listen=self)
        self.left = after

    def __call__(self, event: Event) -> None:
        self.left -= 1
        if self.left <= 0:
            self.job.cancel.set()


def test_interrupted_anywhere_it_goes_on_to_the_same_result(
    section: Section, tmp_path: Path
) -> None:
    other = make_section(tmp_path / "other", *two_discs())
    find_crystals(other, CrystalsSettings(), TINY)
    stops = 0
    for after in range(1, 200, 7):
        try:
            find_crystals(section, CrystalsSettings(), Stopper(after).job)
            break
        except Cancelled:
            stops += 1
            assert section.product("crystals") is None
    assert stops > 5
    pd.testing.assert_frame_equal(
        section.table("crystals", "crystals"), other.table("crystals", "crystals")
    )
    np.testing.assert_array_equal(labels_of(section), labels_of(other))


def test_going_on_with_another_memory_gives_the_same_result(
    section: Section, tmp_path: Path
) -> None:
    other = make_section(tmp_path / "other", *two_discs())
    find_crystals(other)
    for after, memory in [(3, 2 << 20), (9, 30 << 20), (30, 1 << 21), (60, 4 << 30)]:
        stopper = Stopper(after)
        stopper.job.memory_bytes = memory
        with contextlib.suppress(Cancelled):
            find_crystals(section, CrystalsSettings(), stopper.job)
    find_crystals(section)
    pd.testing.assert_frame_equal(
        section.table("crystals", "crystals"), other.table("crystals", "crystals")
    )
    np.testing.assert_array_equal(labels_of(section), labels_of(other))


def test_parts_lost_after_the_table_was_written_do_not_matter(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("napari_olivine.crystals.step.summary", fail)
        with pytest.raises(KeyboardInterrupt):
            find_crystals(section)
    assert section.product("crystals") is None
    assert find_crystals(section).notes["crystals"] == 3


def test_finished_work_is_repeated_only_for_new_input(section: Section) -> None:
    find_crystals(section)
    marker = section.path / "crystals" / "untouched"
    marker.touch()
    find_crystals(section)
    assert marker.exists()
    olivine, _ = two_discs()
    put(section, "segmentation", "olivine", olivine.astype(np.uint8), version=2)
    assert section.state("crystals") == "stale"
    find_crystals(section)
    assert section.state("crystals") == "fresh"
    assert not marker.exists()


def test_a_section_without_olivine_products_is_refused(tmp_path: Path) -> None:
    section = make_section(tmp_path / "s", two_discs()[0])
    section.product("segmentation").path.rename(tmp_path / "gone")  # type: ignore[union-attr]
    with pytest.raises(SectionError, match="Run the step 'segment'"):
        find_crystals(section)
