"""The region of study: its pixels, its file, and what a person is told of wrong ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_olivine.cli import main
from napari_olivine.errors import InputError, SectionError
from napari_olivine.job import Job
from napari_olivine.polygons import Polygon
from napari_olivine.regions import (
    Region,
    RegionsSettings,
    polygon_mm2,
    set_regions,
    studied_mm2,
    study_region,
)
from napari_olivine.section import Section
from tests.helpers.sections import make_section

SHAPE = (300, 400)
KEEP = [[20.0, 30], [20, 350], [260, 350], [260, 30]]
HOLE = [[100.0, 100], [100, 200], [200, 200], [200, 100]]
OUT = [[200.0, 300], [200, 390], [290, 390], [290, 300]]


def polygon(*rings: list[list[float]]) -> Polygon:
    """A polygon whose sides lie between pixels."""
    return Polygon("a", tuple(np.array(ring) - 0.5 for ring in rings))


def expected() -> np.ndarray:
    """Pixels of KEEP without HOLE and OUT."""
    inside = np.zeros(SHAPE, bool)
    inside[20:260, 30:350] = True
    inside[100:200, 100:200] = False
    inside[200:290, 300:390] = False
    return inside


@pytest.fixture
def section(tmp_path: Path) -> Section:
    return make_section(tmp_path / "section", {"BSE": np.full(SHAPE, 90, np.uint8)})


def write(file: Path, *shapes: list[list[list[float]]], kind: str = "", name: str = "") -> Path:
    """Write polygons as QuPath does: x, y from the corner of the first pixel."""
    features = [
        {
            "type": "Feature",
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[c, r] for r, c in [*ring, ring[0]]] for ring in rings],
            },
            "properties": {"name": name} | ({"classification": {"name": kind}} if kind else {}),
        }
        for rings in shapes
    ]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return file


# ---------------------------------------------------------------- pixels and areas


def test_pixels_are_those_kept_and_not_left_out_block_by_block_and_coarser() -> None:
    region = Region(SHAPE, [polygon(KEEP, HOLE)], [polygon(OUT)])
    found = np.zeros(SHAPE, bool)
    for row in range(0, 300, 70):
        for column in range(0, 400, 90):
            window = slice(row, min(row + 70, 300)), slice(column, min(column + 90, 400))
            found[window] = region.pixels(*window)
    np.testing.assert_array_equal(found, expected())
    halved = expected().reshape(150, 2, 200, 2).mean(axis=(1, 3))
    coarse = region.pixels(slice(0, 150), slice(0, 200), level=1)
    np.testing.assert_array_equal(coarse, halved > 0.5)
    assert region.box == (slice(19, 260), slice(29, 350))
    assert not region.empty
    everything = Region(SHAPE, [], [polygon(OUT)]).pixels(slice(0, 300), slice(0, 400))
    assert everything.sum() == 300 * 400 - 90 * 90
    assert Region(SHAPE, [polygon(OUT)], [polygon(OUT)]).empty


def test_one_pixel_of_a_large_section_is_a_region_and_is_found() -> None:
    tiny = polygon([[9000.0, 20_000], [9000, 20_001], [9001, 20_001], [9001, 20_000]])
    assert not Region((30_000, 40_000), [tiny], []).empty


def test_areas_leave_out_holes_gaps_and_what_lies_beyond(section: Section) -> None:
    pixel_mm2 = 1.5**2 / 1e6
    inside = expected()
    region = Region(SHAPE, [polygon(KEEP, HOLE)], [polygon(OUT)])
    assert studied_mm2(section, region) == pytest.approx(
        (inside.sum() * pixel_mm2, inside.size * pixel_mm2)
    )
    assert polygon_mm2(polygon(KEEP, HOLE), section) == pytest.approx(66_800 * pixel_mm2)
    beyond = [[-50.0, 30], [-50, 350], [10, 350], [10, 30]]
    assert polygon_mm2(polygon(beyond), section) == pytest.approx(3200 * pixel_mm2)
    tiles = {"tile": [0], "row0": [0], "row1": [150], "col0": [0], "col1": [400]}
    tiles |= {"grid_row": [0], "grid_col": [0]}
    pd.DataFrame(tiles).to_parquet(section.path / "images" / "tiles.parquet")
    assert studied_mm2(section, region) == pytest.approx(
        (inside[:150].sum() * pixel_mm2, 150 * 400 * pixel_mm2)
    )


# ---------------------------------------------------------------- the step


def test_files_go_in_and_out_and_the_region_can_be_forgotten(
    section: Section, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep = write(tmp_path / "keep.geojson", [KEEP, HOLE], name="rock")
    out = write(tmp_path / "out.geojson", [OUT])
    both = tmp_path / "both.geojson"
    words = ["regions", str(section.path)]
    assert main([*words, "--keep", str(keep), "--leave-out", str(out), "--export", str(both)]) == 0
    told = capsys.readouterr().out
    assert "Keep: rock, 0.1503 mm2" in told
    assert "The region of study is " in told
    region = study_region(section)
    assert region is not None
    np.testing.assert_array_equal(region.pixels(slice(0, 300), slice(0, 400)), expected())

    features = json.loads(both.read_text())["features"]
    kinds = [one["properties"]["classification"]["name"] for one in features]
    assert kinds == ["Keep", "Leave out"]
    assert {one["properties"]["objectType"] for one in features} == {"annotation"}
    assert features[0]["geometry"]["coordinates"][0][0] == [30, 20]
    stored = section.fingerprint("annotations/regions")
    assert main(words) == 0  # only tells
    assert main([*words, "--clear", "--keep", str(both), "--leave-out", str(both)]) == 0
    assert section.fingerprint("annotations/regions") == stored, "each takes those of its class"

    set_regions(section, RegionsSettings(leave_out=write(out, [HOLE], [OUT])))
    table = section.annotation("regions")
    assert table.groupby("region")["use"].first().value_counts().to_dict() == {
        "keep": 1, "leave_out": 2,
    }  # fmt: skip
    assert set_regions(section, RegionsSettings(clear=True)) is None
    assert not section.has_annotation("regions")


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ([[[[10.0, 10], [40, 40], [10, 40], [40, 10]]]], "crosses itself"),
        ([[[[10.0, 510], [40, 540], [10, 540]]]], "lies outside the image"),
        ([[[[10.0, 10], [10, 40], [10, 70]]]], "encloses no pixel"),
    ],
)
def test_a_polygon_that_cannot_be_used_is_named_and_nothing_is_stored(
    section: Section, tmp_path: Path, shapes: list[Any], words: str
) -> None:
    file = write(tmp_path / "wrong.geojson", *shapes, name="corner")
    with pytest.raises(InputError, match=rf"wrong\.geojson: corner {words}") as error:
        set_regions(section, RegionsSettings(leave_out=file))
    assert error.value.facts.setting == "leave_out"
    assert not section.has_annotation("regions")


def test_what_leaves_nothing_or_is_no_region_is_refused(section: Section, tmp_path: Path) -> None:
    everything = [[[0.0, 0], [0, 400], [300, 400], [300, 0]]]
    file = write(tmp_path / "all.geojson", everything)
    with pytest.raises(InputError, match="leaves nothing"):
        set_regions(section, RegionsSettings(leave_out=file))
    (tmp_path / "text.geojson").write_text("x, y")
    with pytest.raises(InputError, match="cannot be read as GeoJSON") as error:
        set_regions(section, RegionsSettings(keep=tmp_path / "text.geojson"))
    assert error.value.facts.setting == "keep"
    kept = write(tmp_path / "kept.geojson", [KEEP], kind="Keep")
    with pytest.raises(InputError, match="Every polygon of .* has the class 'Keep'"):
        set_regions(section, RegionsSettings(leave_out=kept))
    assert not section.has_annotation("regions")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"use": ["keep", "keep", "drop", "keep"]}, "row 4, use: 'drop' is no use"),
        ({"use": ["keep", "keep", "leave_out", "keep"]}, "row 4, use: .* another use"),
        ({"x_um": ["0", "9", "here", "9"]}, "row 4, x_um: 'here' is no number"),
        ({"ring": [0, 0, 0.5, 0]}, "row 4, ring"),
        ({"ring": [1, 1, 1, 1]}, "a hole without an outline"),
        ({"region": ["a", "a", None, "a"]}, "row 4, region"),
    ],
)
def test_a_table_edited_by_hand_is_told_by_its_row(
    section: Section, changed: dict[str, list[Any]], words: str
) -> None:
    rows = {"region": ["a"] * 4, "use": ["keep"] * 4, "ring": [0] * 4}
    rows |= {"x_um": [0, 90, 90, 0], "y_um": [0, 0, 90, 90]}
    section.annotate("regions", pd.DataFrame(rows | changed))
    with pytest.raises(SectionError, match=words):
        study_region(section)


def test_a_wrong_region_that_was_drawn_is_refused_by_the_steps(section: Section) -> None:
    rows = {"region": "keep 1", "use": "keep", "ring": 0}
    places = {"x_um": [0.0, 90, 0, 90], "y_um": [0.0, 90, 90, 0]}
    section.annotate("regions", pd.DataFrame(rows | places))
    with pytest.raises(InputError, match=r"regions\.csv: keep 1 crosses itself"):
        set_regions(section, job=Job())
