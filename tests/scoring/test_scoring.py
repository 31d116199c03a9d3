"""Scores of sections whose confusion with the truth is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
from numpy.typing import NDArray

from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.crystals.edits import CrystalStore, Judge, Merge, Split
from napari_olivine.errors import InputError, SectionError
from napari_olivine.job import Event, Job
from napari_olivine.scoring import Scores, ScoreSettings, score_section, scores_table
from napari_olivine.section import Section, SectionRecord, create_raster
from napari_olivine.settings import Settings

SHAPE = (1100, 900)
TINY = Job(memory_bytes=1 << 20)

AS_SEGMENTED = CrystalsSettings(part_touching=False, bridge_um=0)
"""Faults of the segmentation stay those of the crystals."""

Image = NDArray[Any]


class Made(Settings):
    """Settings of products that a test puts there."""

    version: int = 1


def disc(row: int, column: int, radius: int) -> Image:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.hypot(rows - row, columns - column) <= radius


DISCS = [  # row, column, radius, kind
    (150, 150, 60, "normal"),
    (150, 400, 60, "reversed"),
    (1020, 150, 60, "none"),
    (600, 400, 60, "complex"),
    (600, 700, 60, "normal"),
    (1000, 899, 80, "normal"),  # cut by the edge of the section
    (300, 700, 25, "none"),
    (850, 600, 10, "micro"),
]


def true_images() -> tuple[Image, Image]:
    """Crystal ids and mg# (0 off olivine)."""
    crystals = np.zeros(SHAPE, np.uint32)
    mg = np.zeros(SHAPE)
    for place, (row, column, radius, kind) in enumerate(DISCS):
        inside = disc(row, column, radius)
        crystals[inside] = place + 1
        rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
        away = np.hypot(rows - row, columns - column) / radius
        slope = {"normal": -0.1, "reversed": 0.1}.get(kind, 0.0)
        ring = 0.1 * np.exp(-(((away - 0.5) / 0.15) ** 2)) if kind == "complex" else 0.0
        mg[inside] = (0.8 + slope * away**2 + ring)[inside]
    return crystals, mg


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    crystals, mg = true_images()
    phase = np.where(crystals > 0, 6, 1).astype(np.uint8)
    phase[400:420, 100:200] = 4  # 2000 px of orthopyroxene
    folder = tmp_path / "truth"
    folder.mkdir()
    tifffile.imwrite(folder / "phase.tif", phase, compression="zlib", rowsperstrip=64)
    tifffile.imwrite(folder / "mg.tif", np.round(mg * 1e4).astype(np.uint16), compression="zlib")
    tifffile.imwrite(folder / "crystals.tif", crystals, compression="zlib", tile=(256, 256))
    kinds = [kind for *_, kind in DISCS]
    table = pd.DataFrame({"id": range(1, len(DISCS) + 1), "kind": kinds, "broken": 0})
    table.to_csv(folder / "crystals.csv", index=False)
    return folder


def put(section: Section, product: str, name: str, image: Image) -> None:
    recipe = section.recipe("test", Made(), [])
    floating = image.dtype == np.float32
    with section.draft(product, recipe, Job()) as draft:
        raster = create_raster(
            draft.path / name, image.shape, image.dtype, 1.0,
            reduction="nanmean" if floating else "nearest", fill=np.nan if floating else 0,
        )  # fmt: skip
        raster.write(0, 0, image)
        raster.build_pyramid(Job())


def new_section(path: Path, shape: tuple[int, int] = SHAPE) -> Section:
    record = SectionRecord(name="known", pixel_size_um=1.0, shape=shape, signals=["BSE"])
    section = Section.create(path, record)
    rows = [("1", 0, shape[0], 0, 500, "train"), ("2", 0, shape[0], 500, shape[1], "test")]
    columns = ["session", "row0", "row1", "col0", "col1", "role"]
    section.annotate("sessions", pd.DataFrame(rows, columns=columns))
    return section


@pytest.fixture
def section(tmp_path: Path) -> Section:
    """Segmented with known faults, and mg# with a known error."""
    section = new_section(tmp_path / "section")
    crystals, mg = true_images()
    olivine = crystals > 0
    olivine[850 - 10 : 850 + 11, 590:611] = False  # the microlite is missed
    olivine[148:153, 210:340] = True  # a bridge merges the first two
    olivine[598:602, 630:780] = False  # the fifth is split
    olivine[400:420, 100:150] = True  # half of the orthopyroxene
    put(section, "images", "BSE", np.full(SHAPE, 100, np.uint8))
    put(section, "segmentation", "olivine", olivine.astype(np.uint8))
    error = np.where(np.arange(SHAPE[1]) < 500, 0.02, -0.01)
    shown = np.where(crystals > 0, mg + error, np.nan).astype(np.float32)
    put(section, "mg", "mg", shown)
    find_crystals(section, AS_SEGMENTED)
    return section


def test_known_faults_are_told(section: Section, truth: Path) -> None:
    scores = score_section(section, truth, ScoreSettings(), TINY)
    crystals, _ = true_images()
    olivine = crystals > 0
    found = section.raster("segmentation", "olivine").read(slice(0, 2000), slice(0, 2000)) == 1
    phase = scores.segmentation
    assert phase is not None
    assert phase.iou == pytest.approx((olivine & found).sum() / (olivine | found).sum())
    assert phase.overall_accuracy == pytest.approx((olivine == found).mean())
    assert phase.precision == pytest.approx(olivine[found].mean())
    assert phase.recall == pytest.approx(found[olivine].mean())
    assert phase.orthopyroxene_percent == pytest.approx(50)

    left, right = scores.sessions
    assert (left.session, left.role, right.role) == ("1", "train", "test")
    assert right.segmentation is not None
    expected = (olivine & found)[:, 500:].sum() / (olivine | found)[:, 500:].sum()
    assert right.segmentation.iou == pytest.approx(expected)
    assert right.segmentation.orthopyroxene_percent is None

    assert left.mg is not None and right.mg is not None and scores.mg is not None
    assert left.mg.rmse == pytest.approx(0.02, abs=1e-4)
    assert left.mg.bias == pytest.approx(0.02, abs=1e-4)
    assert right.mg.bias == pytest.approx(-0.01, abs=1e-4)
    assert scores.mg.pixels == olivine.sum() == left.mg.pixels + right.mg.pixels


def test_crystals_are_matched(section: Section, truth: Path) -> None:
    scores = score_section(section, truth, ScoreSettings(), TINY).crystals
    assert scores is not None
    # Found are the unzoned, the complex one, the one at the edge and the small unzoned one.
    assert (scores.true, scores.found, scores.missed) == (8, 4, 4)
    assert scores.merged == 2
    assert scores.split == 1
    assert scores.spurious == 1  # the orthopyroxene
    assert {name: (size.true, size.found) for name, size in scores.by_size.items()} == {
        "microlite": (1, 0), "microphenocryst": (1, 1), "phenocryst": (6, 3)
    }  # fmt: skip


def test_outside_the_region_of_study_nothing_is_scored(section: Section, truth: Path) -> None:
    places = {"x_um": [499.5, 950, 950, 499.5], "y_um": [-9.0, -9.0, 1200, 1200]}
    rows = {"region": "xenolith", "use": "leave_out", "ring": 0} | places
    section.annotate("regions", pd.DataFrame(rows))
    find_crystals(section, AS_SEGMENTED)
    scores = score_section(section, truth, ScoreSettings(), TINY)
    left, right = scores.sessions
    assert scores.segmentation is not None and scores.mg is not None and right.mg is not None
    assert scores.segmentation.boundary_iou is not None
    assert scores.segmentation.model_copy(update={"boundary_iou": None}) == left.segmentation
    assert (scores.mg, right.mg.pixels) == (left.mg, 0)
    crystals = scores.crystals
    assert crystals is not None
    # Left are four true crystals, the merged pair and the orthopyroxene.
    assert (crystals.true, crystals.found, crystals.labels) == (4, 2, 4)
    assert (crystals.merged, crystals.split, crystals.spurious) == (2, 0, 1)


def test_a_person_mends_the_faults(section: Section, truth: Path) -> None:
    store = CrystalStore(section)

    def at(row: int, column: int) -> int:
        return int(store.labels.read(slice(row, row + 1), slice(column, column + 1))[0, 0])

    store.do(Judge(crystals=(at(410, 125),), verdict="rejected"))  # the orthopyroxene
    store.do(Merge(crystals=(at(580, 700), at(620, 700))))
    line = ((130.0, 275.0), (170.0, 275.0))
    store.do(Split(crystals=(at(150, 150),), lines=(line,)))
    store.close()
    scores = score_section(section, truth, ScoreSettings(), TINY).crystals
    assert scores is not None
    assert (scores.merged, scores.split, scores.spurious) == (0, 0, 0)
    assert (scores.found, scores.missed) == (7, 1)


def test_zoning_is_compared_on_whole_phenocrysts(section: Section, truth: Path) -> None:
    zoning = score_section(section, truth, ScoreSettings(), TINY).zoning
    assert zoning is not None
    # The merged pair and the split one are missed; the one at the edge does not count.
    assert zoning.phenocrysts == 4
    assert zoning.confusion["none"]["none"] == 1
    assert zoning.confusion["normal"]["missed"] == 2
    assert zoning.confusion["reversed"]["missed"] == 1
    assert zoning.confusion["complex"]["none"] == 1
    assert sum(sum(row.values()) for row in zoning.confusion.values()) == 5
    assert zoning.right == 1
    assert zoning.accuracy == pytest.approx(1 / 4)
    assert zoning.accuracy_of_classified == 1
    assert zoning.accuracy_with_others == pytest.approx(2 / 5)


def test_perfect_products_have_perfect_scores(tmp_path: Path, truth: Path) -> None:
    section = new_section(tmp_path / "s")
    crystals, mg = true_images()
    put(section, "mask", "olivine", (crystals > 0).astype(np.uint8))
    put(section, "mg", "mg", np.where(crystals > 0, mg, np.nan).astype(np.float32))
    put(section, "images", "BSE", np.full(SHAPE, 100, np.uint8))
    find_crystals(section)
    scores = score_section(section, truth)
    assert scores.mask is not None and scores.crystals is not None and scores.zoning is not None
    assert scores.mask.iou == scores.mask.overall_accuracy == 1
    assert scores.crystals.found == scores.crystals.true == 8
    assert (scores.crystals.merged, scores.crystals.split, scores.crystals.spurious) == (0, 0, 0)
    assert scores.zoning.accuracy == scores.zoning.accuracy_with_others == 1


def test_missing_products_are_named(tmp_path: Path, truth: Path) -> None:
    scores = score_section(new_section(tmp_path / "s"), truth)
    assert scores.mask is None and scores.crystals is None and scores.traverses == {}
    text = scores_table(scores)
    for name in ("mask", "segmentation", "mg", "calibration", "crystals"):
        assert f"  {name}: the section has none" in text


def test_table_and_json_say_the_same(section: Section, truth: Path) -> None:
    calibration = {"scores": {use: {
        "raw": {"points": 90, "rmse": 0.0121, "r2": 0.97, "rmse10": None},
        "filtered": {"points": 80, "rmse": 0.0056, "r2": 0.99, "rmse10": 0.004},
    } for use in ("calibrate", "test")}}  # fmt: skip
    with section.draft("calibration", section.recipe("t", Made(), []), Job()) as draft:
        (draft.path / "calibration.json").write_text(json.dumps(calibration))
    scores = score_section(section, truth)
    assert scores.traverses["test, filtered"]["rmse"] == 0.0056
    assert Scores.model_validate_json(scores.model_dump_json()) == scores
    text = scores_table(scores)
    assert "0.0056" in text and "0.0121" in text
    assert scores.segmentation is not None
    assert f"{scores.segmentation.iou:.4f}" in text
    assert "session 2 (test)" in text
    assert max(map(len, text.splitlines())) < 100
    (section.path / "calibration" / "calibration.json").write_text("{}")
    with pytest.raises(SectionError, match="calibration.json is damaged"):
        score_section(section, truth)


def test_bse_alone_and_with_maps_are_scored_side_by_side(section: Section, truth: Path) -> None:
    before = score_section(section, truth)
    assert before.joint is None and before.segmentation_sizes is None
    put(section, "joint", "olivine", (true_images()[0] > 0).astype(np.uint8))
    scores = score_section(section, truth)
    assert scores.segmentation == before.segmentation
    assert scores.final == before.final and scores.missing == before.missing
    assert scores.joint is not None and scores.joint.iou == 1
    assert scores.sessions[1].joint is not None and scores.sessions[1].joint.iou == 1
    assert scores.joint_sizes is not None and scores.segmentation_sizes is not None
    whole, alone = scores.joint_sizes.classes, scores.segmentation_sizes.classes
    assert [one.found for one in whole] == [one.true for one in whole]
    assert alone[-1].found < alone[-1].true
    text = scores_table(scores)
    assert "BSE alone: found" in text and "BSE and maps: found" in text
    assert max(map(len, text.splitlines())) < 100


def test_memory_does_not_change_scores(section: Section, truth: Path) -> None:
    assert score_section(section, truth, None, TINY) == score_section(section, truth)


def test_stale_products_are_scored_with_a_warning(section: Section, truth: Path) -> None:
    recipe = section.recipe("test", Made(version=2), [])
    with section.draft("mg", recipe, Job()) as draft:
        create_raster(draft.path / "mg", SHAPE, "float32", 1.0, reduction="nanmean", fill=np.nan)
    events: list[Event] = []
    score_section(section, truth, None, Job(listen=events.append))
    warnings = [event["message"] for event in events if event["event"] == "warning"]
    assert len(warnings) == 1 and "crystals" in warnings[0]


def test_truth_of_another_section_is_refused(tmp_path: Path, truth: Path) -> None:
    other = new_section(tmp_path / "s", (100, 200))
    with pytest.raises(InputError, match=r"phase\.tif has 1100 x 900 pixels, the section 100 x"):
        score_section(other, truth)


def test_faults_of_the_truth_are_named(section: Section, truth: Path) -> None:
    with pytest.raises(InputError, match="no truth folder"):
        score_section(section, truth / "nowhere")
    table = pd.read_csv(truth / "crystals.csv", keep_default_na=False)
    table[:-2].to_csv(truth / "crystals.csv", index=False)
    with pytest.raises(InputError, match="lacks 2 crystals of crystals.tif, the first is 7"):
        score_section(section, truth)
    table.drop(columns="kind").to_csv(truth / "crystals.csv", index=False)
    with pytest.raises(InputError, match="needs the columns id and kind"):
        score_section(section, truth)
    (truth / "mg.tif").write_bytes(b"II*\0nothing")
    with pytest.raises(InputError, match=r"mg\.tif cannot be read"):
        score_section(section, truth)
    (truth / "mg.tif").unlink()
    with pytest.raises(InputError, match=r"lacks mg\.tif"):
        score_section(section, truth)


# ---------------------------------------------------------------- other phases


def test_other_phases_are_scored_where_the_truth_names_them(tmp_path: Path, truth: Path) -> None:
    from tests.helpers.phases import codes, put_network_phases, section_of_phases

    section = section_of_phases(tmp_path / "s")
    put_network_phases(section)
    find_crystals(section, CrystalsSettings(phase="plagioclase", min_area_um2=2000))
    phase = codes() + 4  # olivine 5, plagioclase 6
    phase[85:110, 90:130] = 9  # of the largest plagioclase a strip of 5 rows is left
    for name in ("phase", "mg", "crystals"):
        pixels = phase if name == "phase" else np.zeros(phase.shape, np.uint32)
        tifffile.imwrite(truth / f"{name}.tif", pixels)
    events: list[Event] = []
    how = ScoreSettings(olivine_code=5)
    assert score_section(section, truth, how, Job(listen=events.append)).other_phases == {}
    assert any("no phases.csv that names" in event.get("message", "") for event in events)
    pd.DataFrame({"code": [6], "name": ["plagioclase"]}).to_csv(truth / "phases.csv", index=False)
    scores = score_section(section, truth, how, Job())
    found = scores.other_phases["plagioclase"]
    true = 800 + 100 + 200
    assert found["mask"].iou == pytest.approx(true / (true + 1000))
    assert found["mask"].recall == 1
    assert found["segmentation"].recall == pytest.approx((true - 100) / true)
    assert found["crystals"].recall == pytest.approx(200 / true)  # 1200 px are 2700 um2
    assert "plagioclase, BSE alone" in scores_table(scores)
    given = ScoreSettings(olivine_code=5, phase_codes=("plagioclase=5",))
    assert score_section(section, truth, given).other_phases["plagioclase"]["mask"].iou == 0
    for text in ("plagioclase", "=5", "plagioclase=x", "plagioclase=256"):
        with pytest.raises(InputError, match="is no code of a phase"):
            score_section(section, truth, ScoreSettings(phase_codes=(text,)))
    (truth / "phases.csv").write_text("name\nplagioclase\n")
    with pytest.raises(InputError, match="columns code and name"):
        score_section(section, truth, ScoreSettings())
