"""Corrections that name a phase other than olivine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
from pydantic import ValidationError

from napari_olivine.catalogue import ExportSettings
from napari_olivine.catalogue.step import _phases
from napari_olivine.errors import EditError, InputError
from napari_olivine.job import Job
from napari_olivine.masks import MaskSettings, make_mask
from napari_olivine.masks.corrections import (
    Correction,
    CorrectMaskSettings,
    MaskCorrections,
    connected_piece,
    correct_by_file,
    correct_mask,
    make_correction,
)
from napari_olivine.section import Section
from tests.helpers.built_once import built_once
from tests.masks.corrections.test_corrections import (
    SIDE,
    TO_OLIVINE,
    WHOLE,
    everything,
    made,
    pixels,
)


@pytest.fixture
def section(tmp_path: Path) -> Section:
    shutil.copytree(built_once("corrected_mask", made), tmp_path / "section")
    return Section(tmp_path / "section")


def stroke(phase: str, line: Any, radius: float = 20) -> Correction:
    return Correction(label="other", phase=phase, tool="brush", line=line, radius_px=radius)


PLAGIOCLASE = stroke("plagioclase", ((300, 300), (300, 400)))
"""In olivine."""
OXIDE = stroke("oxide", ((700, 700), (700, 800)))
"""In glass."""


def code_of(section: Section, name: str) -> int:
    (code,) = [m["code"] for m in section.require("mask").notes["modes"] if m["name"] == name]
    return int(code)


def percent_of(section: Section, name: str) -> float:
    modes = section.require("mask").notes["modes"]
    return float(next(mode["percent"] for mode in modes if mode["name"] == name))


def said(job_does: Callable[[Job], Any]) -> list[str]:
    told: list[str] = []
    job_does(Job(listen=lambda event: told.append(str(event.get("message", "")))))
    return told


def test_a_line_without_a_phase_is_what_it_was_before_phases_had_names() -> None:
    old = (
        '{"label":"other","tool":"brush","line":[[1.0,2.0]],"radius_px":3.0,"rings":[],"at":"",'
        '"who":""}'
    )
    correction = Correction.model_validate_json(old)
    assert correction.phase == ""
    assert correction.model_dump_json() == old
    new = stroke("plagioclase", ((1, 2),))
    assert Correction.model_validate_json(new.model_dump_json()) == new
    assert new.digest != correction.digest
    with pytest.raises(ValidationError, match="other than olivine"):
        make_correction(label="olivine", phase="plagioclase", tool="brush", line=[(1, 2)])


def test_a_phase_is_painted_in_every_image_and_told(section: Section) -> None:
    before = pixels(section, "phases")
    MaskCorrections(section).add([PLAGIOCLASE, OXIDE])
    product = correct_mask(section)
    assert product is not None
    plagioclase, oxide = (one.pixels(WHOLE, WHOLE) for one in (PLAGIOCLASE, OXIDE))
    after = pixels(section, "phases")
    assert (after[plagioclase] == code_of(section, "plagioclase")).all()
    assert (after[oxide] == code_of(section, "oxide")).all()
    assert np.array_equal(after[~(plagioclase | oxide)], before[~(plagioclase | oxide)])
    assert (pixels(section)[plagioclase | oxide] == 0).all(), "no olivine"
    assert (pixels(section, "certainty")[plagioclase | oxide] == 100).all()
    for name in ("olivine", "plagioclase", "oxide", "glass"):
        share = 100 * (after == code_of(section, name)).sum() / (after != 255).sum()
        assert percent_of(section, name) == round(share, 3)
    told = product.notes["corrections"]
    assert told["phases_px"] == {"plagioclase": plagioclase.sum(), "oxide": oxide.sum()}
    assert told["olivine_px"] == -plagioclase.sum()
    assert told["missing_phases"] == {}
    raster = section.raster("mask", "phases")
    for level in (1, 2):
        window = [slice(0, side) for side in raster.level_shapes[level]]
        shown = raster.read(window[0], window[1], level)
        assert np.array_equal(shown, raster.reduced(level, window[0], window[1]))


def test_undo_and_rub_out_give_the_rule_back(section: Section) -> None:
    before = everything(section)
    corrections = MaskCorrections(section)
    corrections.add([PLAGIOCLASE, stroke("altered olivine", ((300, 300),))])
    correct_mask(section)
    assert percent_of(section, "altered olivine") > 0
    gone = Correction(label="rule", tool="brush", line=PLAGIOCLASE.line, radius_px=25)
    corrections.add([gone])
    correct_mask(section)
    assert pixels(section, "phases").tobytes() == before["phases 0"]
    assert [m["name"] for m in section.require("mask").notes["modes"]] == [
        mode["name"] for mode in before["record"]["notes"]["modes"]
    ]
    while corrections.edits:
        corrections.take_back()
    correct_mask(section)
    assert everything(section) == before


def book_of(file: Path, *names: str) -> str:
    rules = {"plagioclase": "Al/Si > 5", "oxide": "Mg > 200", "garnet": "Fe > 200"}
    lines = [f"  - {{name: {name}, colour: '#112233', counts: {rules[name]}}}" for name in names]
    file.write_text("name: a test\nphases:\n" + "\n".join(lines) + "\n")
    return str(file)


def test_another_rule_book_that_has_the_phase_keeps_it(section: Section, tmp_path: Path) -> None:
    MaskCorrections(section).add([PLAGIOCLASE])
    correct_mask(section)
    before = code_of(section, "plagioclase")
    book = book_of(tmp_path / "b.yaml", "garnet", "plagioclase", "oxide")
    make_mask(section, MaskSettings(book=book))
    code = code_of(section, "plagioclase")
    assert code != before
    painted = PLAGIOCLASE.pixels(WHOLE, WHOLE)
    assert np.array_equal(pixels(section, "phases") == code, painted), "by its name"


def test_a_rule_book_without_the_phase_is_told(section: Section, tmp_path: Path) -> None:
    MaskCorrections(section).add([PLAGIOCLASE, TO_OLIVINE])
    settings = MaskSettings(book=book_of(tmp_path / "b.yaml", "oxide"))
    told = said(lambda job: make_mask(section, settings, job))
    assert any("Corrections say plagioclase (1); this mask does not tell it" in t for t in told)
    painted = PLAGIOCLASE.pixels(WHOLE, WHOLE)
    assert (pixels(section)[painted] == 0).all(), "it is not olivine at least"
    assert (pixels(section, "phases")[painted] == 0).all()
    notes = section.require("mask").notes
    assert notes["corrections"]["missing_phases"] == {"plagioclase": 1}
    make_mask(section, MaskSettings(book="none"))
    assert (pixels(section)[painted] == 0).all()
    assert section.require("mask").notes["corrections"]["missing_phases"] == {"plagioclase": 1}
    make_mask(section, MaskSettings())
    code = code_of(section, "plagioclase")
    assert (pixels(section, "phases")[painted] == code).all(), "it was kept all the while"


def test_a_piece_of_any_phase_is_filled(section: Section) -> None:
    MaskCorrections(section).add([PLAGIOCLASE])
    correct_mask(section)
    names = {m["code"]: m["name"] for m in section.require("mask").notes["modes"]}
    image = section.raster("mask", "phases")
    piece = connected_piece(image, 300, 350, "other", "oxide", names)
    assert piece.says == "oxide"
    MaskCorrections(section).add([piece])
    correct_mask(section)
    painted = PLAGIOCLASE.pixels(WHOLE, WHOLE)
    assert np.array_equal(pixels(section, "phases") == code_of(section, "oxide"), painted)
    with pytest.raises(EditError, match="counts as Oxide already"):
        connected_piece(image, 300, 350, "other", "Oxide", names)
    with pytest.raises(EditError, match="counts as not olivine already"):
        connected_piece(image, 300, 350, "other", "", names)
    assert connected_piece(image, 300, 350, "olivine", "", names).label == "olivine"


def square(row: int, column: int, side: int, name: str = "") -> dict[str, Any]:
    """A feature as QuPath writes it: corners of pixels."""
    corners = [(0, 0), (side, 0), (side, side), (0, side), (0, 0)]
    ring = [[column + x, row + y] for x, y in corners]
    properties = {"classification": {"name": name, "color": [1, 2, 3]}} if name else {}
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def written(file: Path, *features: dict[str, Any]) -> Path:
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return file


def test_files_name_a_phase_each(section: Section, tmp_path: Path) -> None:
    laths = written(tmp_path / "laths.geojson", square(250, 250, 50))
    grains = written(tmp_path / "grains.geojson", square(700, 700, 20))
    settings = CorrectMaskSettings(phase=["Plagioclase", laths, "oxide", grains])
    told = said(lambda job: correct_by_file(section, settings, job))
    phases = pixels(section, "phases")
    assert (phases[250:300, 250:300] == code_of(section, "plagioclase")).all()
    assert (phases[700:720, 700:720] == code_of(section, "oxide")).all()
    assert "1 corrections say plagioclase." in told, "as the mask calls it"
    assert any("+2500 pixels of plagioclase, +400 pixels of oxide" in text for text in told)
    with pytest.raises(InputError, match="belong together"):
        CorrectMaskSettings(phase=["plagioclase"])
    with pytest.raises(InputError, match="no phase 'quartz'; it has olivine, not olivine, ortho"):
        correct_by_file(section, CorrectMaskSettings(phase=[("quartz", laths)]))
    with pytest.raises(InputError, match="no phase 'unclassified'"):
        correct_by_file(section, CorrectMaskSettings(phase=[("unclassified", laths)]))
    assert len(MaskCorrections(section)) == 2


def test_the_classes_of_a_file_say_what_is_there(section: Section, tmp_path: Path) -> None:
    file = written(
        tmp_path / "classes.geojson",
        square(250, 250, 50, "Plagioclase"), square(700, 700, 20, "Olivine"),
        square(300, 300, 20, "not olivine"), square(400, 300, 20, "altered olivine"),
    )  # fmt: skip
    correct_by_file(section, CorrectMaskSettings(classes=[file]))
    phases = pixels(section, "phases")
    assert (phases[250:300, 250:300] == code_of(section, "plagioclase")).all()
    assert (phases[700:720, 700:720] == 1).all()
    assert (phases[300:320, 300:320] == 0).all()
    assert (phases[400:420, 300:320] == 254).all()
    bare = written(tmp_path / "bare.geojson", square(250, 250, 50, "oxide"), square(0, 0, 50))
    with pytest.raises(InputError, match="polygon 2: no class"):
        correct_by_file(section, CorrectMaskSettings(classes=[bare]))
    strange = written(tmp_path / "strange.geojson", square(250, 250, 50, "Tumor"))
    with pytest.raises(InputError, match="no phase 'Tumor'"):
        correct_by_file(section, CorrectMaskSettings(classes=[strange]))
    assert len(MaskCorrections(section)) == 4


def test_the_exported_raster_shows_it(section: Section, tmp_path: Path) -> None:
    MaskCorrections(section).add([PLAGIOCLASE])
    correct_mask(section)
    _phases(section, tmp_path, ExportSettings(), frozenset(["mask"]), Job())
    image = tifffile.imread(tmp_path / "phases.tif")
    table = pd.read_csv(tmp_path / "phases.csv").set_index("name")
    painted = PLAGIOCLASE.pixels(WHOLE, WHOLE)
    assert (image[painted] == table.loc["plagioclase", "code"]).all()
    share = 100 * painted.sum() / SIDE**2
    assert table.loc["plagioclase", "percent"] == pytest.approx(share, abs=1e-3)
