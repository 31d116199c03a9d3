"""Element maps of a part of the section: found on the BSE image, laid over it, known as a part."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from napari_olivine.catalogue.methods import methods_text
from napari_olivine.crystals import find_crystals
from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.masks import MaskSettings, make_mask
from napari_olivine.readers import ImportSettings, import_section, read_source
from napari_olivine.section import Section, SubmapPlace, Submaps
from napari_olivine.section.check import CheckSettings
from napari_olivine.workflow import check_section

SHAPE = (600, 800)
PIXEL_UM = 2.0
FIELD, TIMES = (90, 130), 3
"""Shape of a field, and how many times larger its pixels are than those of BSE."""

PHASES = np.array(
    # BSE grey, Mg, Fe, Ca counts: glass, olivine, clinopyroxene, plagioclase, oxide
    [(100, 6, 12, 14), (130, 90, 25, 1), (120, 35, 18, 40), (85, 1, 2, 30), (210, 4, 95, 0)],
    np.float32,
)
COUNTS = {"Mg": 1, "Fe": 2, "Ca": 3}


def rock(seed: int = 0) -> NDArray[np.int64]:
    """Return the phase of each pixel: angular grains in glass."""
    random = np.random.default_rng(seed)
    image = np.zeros(SHAPE, np.uint8)
    for _ in range(900):
        centre = random.uniform((0, 0), (SHAPE[1], SHAPE[0]))
        angles = np.sort(random.uniform(0, 2 * np.pi, 6))
        radius = random.uniform(4, 22, 6)
        corners = centre + np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None]
        cv2.fillPoly(image, [corners.astype(np.int32)], int(random.integers(1, 5)))
    return image.astype(np.int64)


ROCK = rock()


def grey(seed: int = 0) -> NDArray[np.uint8]:
    """Return the BSE image."""
    noise = np.random.default_rng(seed).normal(0, 4, SHAPE)
    return np.clip(PHASES[ROCK, 0] + noise, 1, 254).astype(np.uint8)


def field_of(place: SubmapPlace, column: int, seed: int = 1) -> NDArray[Any]:
    """Return counts (or grey, column 0) of a field as measured at a place."""
    ideal = PHASES[ROCK, column]
    total = np.zeros(FIELD, np.float32)
    for down in (-1 / 3, 0, 1 / 3):
        for right in (-1 / 3, 0, 1 / 3):
            linear = place.linear
            first = place.matrix[:, 2] + linear @ np.array([down, right])
            warp = np.array(
                [[linear[1, 1], linear[1, 0], first[1]], [linear[0, 1], linear[0, 0], first[0]]]
            )
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            total += cv2.warpAffine(ideal, warp, FIELD[::-1], flags=flags)
    random = np.random.default_rng(seed + column)
    if column == 0:
        return np.clip(total / 9 + random.normal(0, 2, FIELD), 1, 254).astype(np.uint8)
    return random.poisson(total / 9).astype(np.uint16)


def save(file: Path, image: NDArray[Any], pixel_um: float | None, stage: Any = None) -> None:
    """Write a TIFF; with a stage position (um) as FEI writes it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    tags: dict[str, Any] = {}
    if stage is not None and pixel_um is not None:
        side, x, y = pixel_um * 1e-6, stage[0] * 1e-6, stage[1] * 1e-6
        lines = (
            *("[System]", "Type=SEM", "[Scan]", f"PixelWidth={side}", f"PixelHeight={side}"),
            *("[Stage]", f"StageX={x}", f"StageY={y}"),
            *("[Image]", f"ResolutionX={image.shape[1]}", f"ResolutionY={image.shape[0]}", ""),
        )
        said = "\r\n".join(lines)
        tags = {"metadata": None, "extratags": [(34682, 2, 0, said, True)]}
    elif pixel_um is not None:
        per_cm = 1e4 / pixel_um
        tags = {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(file, image, **tags)


def save_field(folder: Path, place: SubmapPlace, stage: Any = None, pixel_um: Any = 6.0) -> None:
    """Write the maps of a field."""
    for name, column in COUNTS.items():
        save(folder / f"{name} Ka.tif", field_of(place, column), pixel_um, stage)


def save_mosaic(folder: Path) -> None:
    """Write the BSE image as 4 x 4 tiles with stage positions, y upwards."""
    image = grey()
    for row in range(4):
        for column in range(4):
            tile = image[row * 150 : (row + 1) * 150, column * 200 : (column + 1) * 200]
            centre = np.array([column * 200 + 99.5, -(row * 150 + 74.5)]) * PIXEL_UM + (5000, 9000)
            save(folder / f"tile_{row * 4 + column + 1:03d}.tif", tile, PIXEL_UM, centre)


def stage_of(place: SubmapPlace) -> NDArray[np.float64]:
    """Return the stage position of a field's middle in the mosaic above."""
    row, column = place.centre(FIELD)
    return np.array([column, -row]) * PIXEL_UM + (5000, 9000)


def distance(found: SubmapPlace, true: SubmapPlace) -> float:
    """Return the RMS distance of a field's corners from the truth, px of the field."""
    away = found.corners(FIELD) - true.corners(FIELD)
    return float(np.sqrt((away**2).sum(axis=1).mean())) / TIMES


TURNED = SubmapPlace.of(TIMES * 1.004, 2.3, np.array([310.4, 422.7]), FIELD)


def test_maps_without_a_stage_are_found_wherever_they_lie(tmp_path):
    save(tmp_path / "in" / "BSE.tif", grey(), PIXEL_UM)
    upright = SubmapPlace.of(TIMES, 90.0, np.array([320.0, 240.0]), FIELD)
    save_field(tmp_path / "in" / "site 1", TURNED)
    save_field(tmp_path / "in" / "site 2", upright)
    section = import_section(tmp_path / "in", tmp_path / "out")
    fields = section.fields()
    assert fields is not None
    assert distance(fields.places["site 1"], TURNED) < 0.35
    assert distance(fields.places["site 2"], upright) < 0.35
    assert set(fields.table["how"]) == {"registered"}
    told = _told(section)
    assert "site 1 (Ca, Fe, Mg) shows a part of the section, rows 1" in told
    assert "turned by 2." in told


def test_the_methods_tell_of_parts(tmp_path):
    save(tmp_path / "in" / "BSE.tif", grey(), PIXEL_UM)
    save_field(tmp_path / "in" / "site", TURNED)
    section = import_section(tmp_path / "in", tmp_path / "out")
    make_mask(section, MaskSettings(rule="Mg > 50 and Ca < 15", outlines="rule"))
    find_crystals(section)
    text = " ".join(methods_text(section, "mask").split())
    assert "Ca, Fe, Mg were mapped on one area of the section and laid on the BSE image" in text
    assert re.search(r"grey best \(9\d% of the variance\)\.", text)


def test_counts_stay_what_was_counted(tmp_path):
    save(tmp_path / "in" / "BSE.tif", grey(), PIXEL_UM)
    save_field(tmp_path / "in" / "site", TURNED)
    section = import_section(tmp_path / "in", tmp_path / "out")
    mg = section.raster("images", "Mg").read(slice(0, SHAPE[0]), slice(0, SHAPE[1]))
    fields = section.fields()
    assert fields is not None
    there = fields.covers(slice(0, SHAPE[0]), slice(0, SHAPE[1]), ["Mg"])
    assert mg.dtype == np.uint16
    assert not mg[~there].any()
    rows, columns = np.nonzero(there)
    at = fields.places["site"].to_field(np.stack([rows, columns], axis=1).astype(float))
    measured = field_of(TURNED, COUNTS["Mg"])
    nearest = np.floor(at + 0.5).astype(int)
    np.testing.assert_array_equal(mg[there], measured[nearest[:, 0], nearest[:, 1]])


def test_what_no_map_shows_is_unknown_to_the_mask(tmp_path):
    save(tmp_path / "in" / "BSE.tif", grey(), PIXEL_UM)
    save_field(tmp_path / "in" / "site", TURNED)
    section = import_section(tmp_path / "in", tmp_path / "out")
    make_mask(section, MaskSettings(rule="Mg > 50 and Ca < 15", outlines="rule"))
    mask = section.raster("mask", "olivine").read(slice(0, SHAPE[0]), slice(0, SHAPE[1]))
    rows, columns = np.indices(SHAPE)
    at = TURNED.to_field(np.stack([rows.ravel(), columns.ravel()], axis=1).astype(float))
    inside = ((at > 2) & (at < np.array(FIELD) - 3)).all(axis=1).reshape(SHAPE)
    outside = ((at < -2) | (at > np.array(FIELD) + 1)).any(axis=1).reshape(SHAPE)
    assert (mask[outside] == 255).all()
    assert (mask[inside] < 2).all()
    olivine = ROCK == 1
    both = ((mask == 1) & olivine & inside).sum()
    assert both / (((mask == 1) | olivine) & inside).sum() > 0.8


def test_maps_beside_a_described_mosaic(tmp_path):
    description = {
        "pixel_size_um": PIXEL_UM,
        "tile_shape": [150, 200],
        "grid": [4, 4],
        "tile_pattern": "tiles/{signal}/{row}_{col}.tif",
        "signals": ["BSE"],
        "maps": ["site"],
    }
    image = grey()
    for row in range(4):
        for column in range(4):
            tile = image[row * 150 : (row + 1) * 150, column * 200 : (column + 1) * 200]
            save(tmp_path / "in" / "tiles" / "BSE" / f"{row}_{column}.tif", tile, None)
    save_field(tmp_path / "in" / "site", TURNED)
    (tmp_path / "in" / "section.json").write_text(json.dumps(description))
    fields = import_section(tmp_path / "in", tmp_path / "out").fields()
    assert fields is not None
    assert distance(fields.places["site"], TURNED) < 0.35
    (tmp_path / "in" / "section.json").write_text(json.dumps(description | {"maps": ["../x"]}))
    with pytest.raises(InputError, match=r"names the maps '\.\./x', but .* holds no such folder"):
        read_source(tmp_path / "in")


def test_a_stage_that_is_off_leads_to_the_place(tmp_path):
    save_mosaic(tmp_path / "in")
    stage = stage_of(TURNED) + np.array([130, -90])
    save_field(tmp_path / "in" / "EDS", TURNED, stage)
    source = read_source(tmp_path / "in")
    (submap,) = source.submaps
    assert submap.how == "stage"
    assert submap.place is not None
    assert distance(submap.place, TURNED) > 20
    section = import_section(tmp_path / "in", tmp_path / "out")
    fields = section.fields()
    assert fields is not None
    assert distance(fields.places["EDS"], TURNED) < 0.35


def test_maps_named_as_tiles_but_measured_elsewhere_are_no_tiles(tmp_path):
    save_mosaic(tmp_path / "in" / "overview")
    for name, column in COUNTS.items():
        for number, row in enumerate((200.0, 380.0), 1):
            place = SubmapPlace.of(TIMES, 0.0, np.array([row, 300.0 + row / 2]), FIELD)
            file = tmp_path / "in" / "maps" / f"{name}_{number:03d}.tif"
            save(file, field_of(place, column), 6.0, stage_of(place))
    source = read_source(tmp_path / "in")
    assert [one.name for one in source.submaps] == ["maps/001", "maps/002"]


def test_the_bse_image_beside_maps_is_no_tile_and_helps_to_find_them(tmp_path):
    save(tmp_path / "in" / "overview_BSE.tif", grey(), PIXEL_UM)
    folder = tmp_path / "in" / "site"
    save(folder / "Mg.tif", np.full(FIELD, 7, np.uint16), 6.0)  # shows nothing by itself
    save(folder / "BSE.tif", field_of(TURNED, 0), 6.0)
    section = import_section(tmp_path / "in", tmp_path / "out")
    assert section.shape == SHAPE
    fields = section.fields()
    assert fields is not None
    assert distance(fields.places["site"], TURNED) < 0.15
    assert fields.table["explained"][0] > 0.8


def test_maps_that_show_nothing_stay_where_the_stage_puts_them(tmp_path):
    save_mosaic(tmp_path / "in")
    folder = tmp_path / "in" / "glass"
    random = np.random.default_rng(3)
    save(folder / "Mg.tif", random.poisson(6, FIELD).astype(np.uint16), 6.0, stage_of(TURNED))
    section = import_section(tmp_path / "in", tmp_path / "out")
    assert "glass (Mg) shows a part" in (told := _told(section))
    assert "by its stage position, which the images do not confirm" in told
    fields = section.fields()
    assert fields is not None
    away = fields.places["glass"].centre(FIELD) - TURNED.centre(FIELD)
    assert np.abs(away).max() < 1


def test_neighbours_tell_how_far_the_stage_is_off(tmp_path):
    save_mosaic(tmp_path / "in")
    off = np.array([80.0, 60.0])
    save_field(tmp_path / "in" / "site", TURNED, stage_of(TURNED) + off)
    blank = SubmapPlace.of(TIMES, 0.0, np.array([200.0, 250.0]), FIELD)
    noise = np.random.default_rng(3).poisson(6, FIELD).astype(np.uint16)
    save(tmp_path / "in" / "glass" / "Mg.tif", noise, 6.0, stage_of(blank) + off)
    section = import_section(tmp_path / "in", tmp_path / "out")
    fields = section.fields()
    assert fields is not None
    away = fields.places["glass"].centre(FIELD) - blank.centre(FIELD)
    assert np.abs(away).max() < 2


def test_maps_that_are_found_nowhere_are_refused_before_anything_is_written(tmp_path):
    save(tmp_path / "in" / "BSE.tif", grey(), PIXEL_UM)
    noise = np.random.default_rng(3).poisson(6, FIELD).astype(np.uint16)
    save(tmp_path / "in" / "elsewhere" / "Mg.tif", noise, 6.0)
    with pytest.raises(InputError, match=r"fields\.csv[^$]*elsewhere \(Mg; 130 x 90 px of 6 um\)"):
        import_section(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_person_says_where_maps_lie(tmp_path):
    save(tmp_path / "in" / "BSE.tif", grey(), PIXEL_UM)
    true = SubmapPlace.of(TIMES, 0.0, np.array([300.0, 400.0]), FIELD)
    save_field(tmp_path / "in" / "site", true, pixel_um=None)
    with pytest.raises(InputError, match=r"say how large its pixels are \(pixel_size_um in a"):
        read_source(tmp_path / "in")
    top, left = true.corners(FIELD)[0] + 0.5
    (tmp_path / "in" / "fields.csv").write_text(
        f"field,x0_px,y0_px,pixel_size_um\nsite,{left + 9},{top - 6},6\nsight,1,2,3\n"
    )
    source = read_source(tmp_path / "in")
    assert any("places 'sight', but there is no such field; there are site" in p
               for p in source.problems)  # fmt: skip
    (submap,) = source.submaps
    assert submap.place is not None
    np.testing.assert_allclose(submap.place.centre(FIELD), [294, 409])
    section = import_section(tmp_path / "in", tmp_path / "out")
    fields = section.fields()
    assert fields is not None
    assert distance(fields.places["site"], true) < 0.35


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,x\nsite,1\n", "needs the column field and x0_px, y0_px"),
        ("field,x0_px,y0_px\nsite,left,2\n", "x0_px of field 'site' is no use"),
        ("field,pixel_size_um\nsite,-6\n", "pixel_size_um of field 'site' is no use"),
        ("field,pixel_size_um\nsite,6\nsite,6\n", "field 'site' is listed twice"),
    ],
)
def test_a_bad_table_of_fields_is_refused(tmp_path, text, told):
    save(tmp_path / "BSE.tif", grey(), PIXEL_UM)
    save_field(tmp_path / "site", TURNED)
    (tmp_path / "fields.csv").write_text(text)
    with pytest.raises(InputError, match=told):
        read_source(tmp_path)


def test_a_second_import_finds_the_same_and_changes_nothing(tmp_path):
    save(tmp_path / "in" / "BSE.tif", grey(), PIXEL_UM)
    save_field(tmp_path / "in" / "site", TURNED)
    first = import_section(tmp_path / "in", tmp_path / "out").require("images")
    before = Submaps.read(tmp_path / "out" / "images")
    again = import_section(tmp_path / "in", tmp_path / "out").require("images")
    assert again.created == first.created
    after = Submaps.read(tmp_path / "out" / "images")
    assert before is not None
    assert after is not None
    assert before.table.equals(after.table)


def test_damaged_pixels_are_mended_at_the_place_that_was_found(tmp_path):
    save(tmp_path / "in" / "BSE.tif", grey(), PIXEL_UM)
    save_field(tmp_path / "in" / "site", TURNED)
    section = import_section(tmp_path / "in", tmp_path / "out")
    everything = (slice(0, SHAPE[0]), slice(0, SHAPE[1]))
    whole = section.raster("images", "Mg").read(*everything)
    for file in (tmp_path / "out" / "images" / "Mg" / "0").rglob("c/*/*"):
        content = bytearray(file.read_bytes())
        content[len(content) // 3] ^= 255
        file.write_bytes(content)
    report = check_section(Section(tmp_path / "out"), CheckSettings(repair=True))
    assert not report.left
    mended = Section(tmp_path / "out").raster("images", "Mg").read(*everything)
    np.testing.assert_array_equal(mended, whole)


def test_a_stopped_search_writes_nothing(tmp_path):
    save(tmp_path / "in" / "BSE.tif", grey(), PIXEL_UM)
    save_field(tmp_path / "in" / "site", TURNED)
    job = Job()

    def stop(event: Any) -> None:
        if event.get("message") == "Finding the place of maps":
            job.cancel.set()

    job.listen = stop
    with pytest.raises(Exception, match=r"[Cc]ancel|[Ss]topp"):
        import_section(tmp_path / "in", tmp_path / "out", ImportSettings(), job)
    assert not (tmp_path / "out" / "images").exists()


@settings(max_examples=50, deadline=None)
@given(
    scale=st.floats(0.3, 20),
    angle=st.floats(-180, 180),
    row=st.floats(-500, 500),
    column=st.floats(-500, 500),
)
def test_a_place_leads_there_and_back(scale, angle, row, column):
    place = SubmapPlace.of(scale, angle, np.array([row, column]), FIELD)
    points = np.random.default_rng(0).uniform(-50, 200, (20, 2))
    np.testing.assert_allclose(place.to_field(place.to_section(points)), points, atol=1e-6)
    np.testing.assert_allclose(place.centre(FIELD), [row, column], atol=1e-6)
    assert place.scale == pytest.approx(scale)
    assert (place.angle_deg - angle + 180) % 360 == pytest.approx(180, abs=1e-6)


@pytest.mark.parametrize("times", [1, 2, 5])
def test_coarser_images_of_a_field_lie_on_it(times):
    shape = (50, 70)
    coarse = TURNED.of_blocks(times)
    whole = TURNED.corners(shape)
    np.testing.assert_allclose(coarse.corners((50 // times, 70 // times)), whole, atol=1e-9)
    np.testing.assert_allclose(coarse.of_parts(times).matrix, TURNED.matrix, atol=1e-9)


def test_large_fields_are_found_by_coarser_images(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_olivine.readers.submaps.registration.MOST_PX", 3000)
    save(tmp_path / "in" / "BSE.tif", grey(), PIXEL_UM)
    save_field(tmp_path / "in" / "site", TURNED)
    fields = import_section(tmp_path / "in", tmp_path / "out").fields()
    assert fields is not None
    assert distance(fields.places["site"], TURNED) < 0.6  # with pixels twice as large


def test_where_every_map_of_a_rule_was_measured():
    import pandas as pd

    left = SubmapPlace.of(2.0, 0.0, np.array([9.5, 9.5]), (10, 10))
    right = SubmapPlace.of(2.0, 0.0, np.array([9.5, 19.5]), (10, 10))
    rows = [
        ("a", "Mg,Ca", 10, 10, *left.matrix.ravel()),
        ("b", "Mg", 10, 10, *right.matrix.ravel()),
    ]
    columns = ["field", "signals", "rows", "columns", "row_row", "row_col", "row_0"]
    fields = Submaps(pd.DataFrame(rows, columns=[*columns, "col_row", "col_col", "col_0"]))
    window = (slice(0, 30), slice(0, 40))
    assert fields.covers(*window, ["Mg"]).sum() == 20 * 30
    assert fields.covers(*window, ["Mg", "Ca"]).sum() == 20 * 20
    assert fields.covers(*window, ["Ca"], 2).sum() == 16 * 16
    assert fields.covers(*window, ["Fe"]).all()


def _told(section: Section) -> str:
    return " ".join(section.require("images").notes["fields"])
