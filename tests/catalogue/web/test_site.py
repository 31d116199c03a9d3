"""The files of the web map: pictures of the section, outlines and numbers of every crystal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from napari_olivine.catalogue import ExportSettings, export_catalogue
from napari_olivine.catalogue.web.crystal_data import simplified
from napari_olivine.catalogue.web.data_scripts import write_script
from napari_olivine.section import Section
from tests.helpers.exportable_section import PIXEL_UM, SHAPE, make_section

NAME = "</script><script>alert('olivine \u2028 Ol-\u00e9\"')</script>"


@pytest.fixture(scope="module")
def section(tmp_path_factory: pytest.TempPathFactory) -> Section:
    return make_section(tmp_path_factory.mktemp("web") / "section", NAME)


@pytest.fixture(scope="module")
def site(section: Section, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("web") / "out"
    return export_catalogue(section, place, ExportSettings(web=True, cutouts=False))


def values_of(script: Path) -> list[Any]:
    """Read what a script hands over."""
    text = script.read_text(encoding="ascii").strip()
    return list(json.loads(f"[{text[text.index('(') + 1 : -2]}]"))


def layer(site: Path, name: str) -> dict[str, Any]:
    (told,) = values_of(site / "web/data/section.js")
    return next(one for one in told["layers"] if one["name"] == name)


def picture_of(site: Path, name: str) -> np.ndarray[Any, Any]:
    """Put the pictures of the finest level together, RGBA."""
    index = layer(site, name)["index"]
    whole = np.zeros((*SHAPE, 4), np.uint8)
    for row, line in enumerate(index[-1]):
        for column, digit in enumerate(line):
            if digit != "0":
                ending = ("", "jpg", "png")[int(digit)]
                place = site / f"web/tiles/{name}/{len(index) - 1}/{column}_{row}.{ending}"
                tile = np.asarray(Image.open(place).convert("RGBA"))
                rows, columns = row * 512, column * 512
                whole[rows : rows + tile.shape[0], columns : columns + tile.shape[1]] = tile
    return whole


def test_pictures_show_the_section(section: Section, site: Path) -> None:
    grey = section.raster("images", "BSE").read(slice(0, SHAPE[0]), slice(0, SHAPE[1]))
    shown = picture_of(site, "bse")[..., 0]
    assert np.corrcoef(shown.ravel(), grey.ravel())[0, 1] > 0.98  # a JPEG, stretched
    mg = section.raster("mg", "mg").read(slice(0, SHAPE[0]), slice(0, SHAPE[1]))
    drawn = picture_of(site, "mg")
    np.testing.assert_array_equal(drawn[..., 3] > 0, np.isfinite(mg))
    low, high = layer(site, "mg")["scale"]
    assert low < np.nanmin(mg) + 0.01 and high > np.nanmax(mg) - 0.01


def test_the_index_names_the_pictures_that_there_are(site: Path) -> None:
    for name in ("bse", "mg"):
        index = layer(site, name)["index"]
        assert len(index[0]) == len(index[0][0]) == 1  # one picture shows the whole section
        told = {
            f"{level}/{column}_{row}"
            for level, lines in enumerate(index)
            for row, line in enumerate(lines)
            for column, digit in enumerate(line)
            if digit != "0"
        }
        place = site / "web/tiles" / name
        assert told == {f.relative_to(place).with_suffix("").as_posix() for f in place.rglob("*.*")}


def test_every_crystal_has_its_outline_and_its_numbers(section: Section, site: Path) -> None:
    table = pd.read_csv(site / "crystals.csv")
    (crystals,) = values_of(site / "web/data/crystals.js")
    assert crystals["ids"] == table["id"].tolist()
    assert crystals["areas"] == table["area_px"].tolist()
    labels = section.raster("crystals", "crystals").read(slice(0, SHAPE[0]), slice(0, SHAPE[1]))
    mg = section.raster("mg", "mg").read(slice(0, SHAPE[0]), slice(0, SHAPE[1]))
    cells: dict[str, Any] = {}
    for script in (site / "web/data/cells").iterdir():
        number, content = values_of(script)
        assert {crystals["cells"][int(row)] for row in content} == {number}
        cells |= content
    assert sorted(map(int, cells)) == list(range(len(table)))
    for row, crystal in enumerate(table["id"]):
        detail = cells[str(row)]
        rings = [np.cumsum(np.reshape(ring, (-1, 2)), axis=0) for ring in detail["rings"]]
        filled = cv2.fillPoly(np.zeros(SHAPE, np.uint8), rings, 1)
        inside = labels == crystal
        missed, added = (~filled[inside].astype(bool)).sum(), (filled & ~inside).sum()
        around = 4 * np.sqrt(inside.sum())
        assert missed < 0.2 * around and added < 1.5 * around  # lines are filled as well
        values = dict(zip(crystals["columns"], detail["values"], strict=True))
        assert values["id"] == crystal
        assert values["area_um2"] == pytest.approx(inside.sum() * PIXEL_UM**2, rel=1e-6)
        assert sum(detail["histogram"][1:]) == (inside & np.isfinite(mg)).sum()


def test_colours_are_of_the_classes_that_there_are(site: Path) -> None:
    (crystals,) = values_of(site / "web/data/crystals.js")
    choice = crystals["choices"][0]
    assert choice["name"] == "class"
    named = {choice["values"][code][0] for code in choice["codes"]}
    assert {"Phenocrysts, normal zoning", "Phenocrysts, reversed zoning"} <= named
    area = next(one for one in crystals["choices"] if one["name"] == "area_um2")
    assert area["log"] and area["low"] < area["high"]


def test_names_are_text_and_never_markup(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert NAME not in (site / "web/data/section.js").read_text(encoding="utf-8")
    (told,) = values_of(site / "web/data/section.js")
    assert told["name"] == NAME


@given(st.text())
def test_any_text_comes_through_a_script(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    told = {"note": text, text: None}
    file = tmp_path_factory.getbasetemp() / "told.js"
    write_script(file, "f", told)
    assert values_of(file) == [told]
    assert file.read_text(encoding="ascii").count("\n") == 1


@given(st.integers(3, 60), st.floats(10, 300), st.floats(0.1, 5))
def test_simplified_outlines_stay_near(corners: int, radius: float, tolerance: float) -> None:
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    ring = np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=-1).round()
    ((first, *rest),) = ([simplified([ring.astype(np.int64)], tolerance)[0]],)
    assert not rest
    line = np.cumsum(np.reshape(first, (-1, 2)), axis=0).astype(np.float32)
    away = [abs(cv2.pointPolygonTest(line, (float(x), float(y)), True)) for x, y in ring]
    assert max(away) <= tolerance + 1e-3
