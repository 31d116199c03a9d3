"""Corrections of the mask: kept apart from the rule, painted over it, taken back to the byte."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_olivine.errors import EditError, InputError, SectionError
from napari_olivine.history import History
from napari_olivine.job import Job
from napari_olivine.masks import MaskSettings, make_mask
from napari_olivine.masks.corrections import (
    Correction,
    CorrectMaskSettings,
    MaskCorrection,
    MaskCorrections,
    connected_piece,
    correct_by_file,
    correct_mask,
    painting,
    take_over_corrections,
)
from napari_olivine.section import PIECE, Section, lock_of
from napari_olivine.section.check import check_section
from tests.helpers.built_once import built_once
from tests.helpers.sections import make_section

SIDE = 1100
WHOLE = slice(0, SIDE)


def stroke(label: Any, line: Any, radius: float = 20) -> Correction:
    return Correction(label=label, tool="brush", line=line, radius_px=radius)


TO_OTHER = stroke("other", ((200, 200), (200, 300)))
TO_OLIVINE = stroke("olivine", ((505, 900), (530, 900)))


def made(folder: Path) -> Section:
    """A disc of olivine in glass, with its mask."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    olivine = (rows - 300) ** 2 + (columns - 300) ** 2 < 200**2
    counts = {"Mg": (60, 15), "Fe": (25, 23), "Ca": (0, 23), "Al": (0, 30), "Si": (40, 98)}
    images = {s: np.where(olivine, *pair).astype(np.uint8) for s, pair in counts.items()}
    section = make_section(folder, {"BSE": images["Si"], **images})
    make_mask(section)
    return section


@pytest.fixture
def section(tmp_path: Path) -> Section:
    shutil.copytree(built_once("corrected_mask", made), tmp_path / "section")
    return Section(tmp_path / "section")


def pixels(section: Section, name: str = "olivine", level: int = 0) -> np.ndarray:
    return section.raster("mask", name).read(slice(0, SIDE), slice(0, SIDE), level)


def everything(section: Section) -> dict[str, Any]:
    """All pixels of the mask, at each level, its record and all other files beside them."""
    found: dict[str, Any] = {
        f"{name} {level}": pixels(section, name, level).tobytes()
        for name in ("olivine", "phases", "certainty")
        for level in range(3)
    }
    files = [*(section.path / "mask").glob("edits/*"), *(section.path / "annotations").glob("*")]
    found |= {str(file): file.read_bytes() for file in files}
    return found | {"record": json.loads((section.path / "mask/product.json").read_text())}


def test_a_correction_is_painted_in_every_image_and_told(section: Section) -> None:
    before, phases = pixels(section), pixels(section, "phases")
    MaskCorrections(section).add([TO_OTHER, TO_OLIVINE])
    assert section.state("mask") == "stale"
    product = correct_mask(section)
    assert product is not None
    assert section.state("mask") == "fresh"
    gone, new = (one.pixels(WHOLE, WHOLE) for one in (TO_OTHER, TO_OLIVINE))
    after = pixels(section)
    assert (after[gone] == 0).all()
    assert (after[new] == 1).all()
    touched = gone | new
    assert np.array_equal(after[~touched], before[~touched])
    assert (pixels(section, "certainty")[touched] == 100).all()
    assert (pixels(section, "phases")[new] == 1).all()
    other = gone & (before != 1)
    assert np.array_equal(pixels(section, "phases")[other], phases[other]), "glass stays glass"
    told = product.notes["corrections"]
    assert told["corrected_px"] == touched.sum()
    assert told["olivine_px"] == int(after.sum()) - int(before.sum())
    measured = (after != 255).sum()
    assert product.notes["phase_percent"] == round(100 * (after == 1).sum() / measured, 2)
    olivine = next(mode for mode in product.notes["modes"] if mode["name"] == "olivine")
    assert olivine["percent"] == round(100 * (pixels(section, "phases") == 1).sum() / measured, 3)
    raster = section.raster("mask", "olivine")
    for level in (1, 2):
        shape = raster.level_shapes[level]
        window = slice(0, shape[0]), slice(0, shape[1])
        assert np.array_equal(raster.read(*window, level), raster.reduced(level, *window))


def test_undo_gives_back_the_bytes_and_redo_too(section: Section) -> None:
    history, corrections = History(), MaskCorrections(section)
    seen = [everything(section)]
    for one in (TO_OTHER, TO_OLIVINE, stroke("rule", ((200, 250),), 30)):
        history.do(MaskCorrection(corrections, one))
        correct_mask(section)
        seen.append(everything(section))
    assert seen[1] != seen[0]
    for back in (2, 1, 0):
        history.undo()
        correct_mask(section)
        assert everything(section) == seen[back]
    assert not corrections.file.exists()
    for forth in (1, 2, 3):
        history.redo()
        correct_mask(section)
        assert everything(section) == seen[forth]


def test_to_rub_out_gives_the_rule_back(section: Section) -> None:
    before = pixels(section)
    MaskCorrections(section).add([TO_OTHER, stroke("rule", ((200, 200), (200, 300)), 25)])
    product = correct_mask(section)
    assert np.array_equal(pixels(section), before)
    assert product is not None
    assert product.notes["corrections"]["corrected_px"] == 0
    assert not [*(section.path / "mask/edits").glob("*.npz")]


def test_a_rerun_of_the_rule_keeps_the_corrections(section: Section) -> None:
    corrections = MaskCorrections(section)
    corrections.add([TO_OTHER, TO_OLIVINE])
    product = make_mask(section)
    assert product.notes["corrections"]["count"] == 2
    created = product.created
    assert make_mask(section).created == created, "the rule is not run for corrections"
    product = make_mask(section, MaskSettings(rule="olivine-paper"))
    assert product.created != created
    after = pixels(section)
    gone, new = (one.pixels(WHOLE, WHOLE) for one in (TO_OTHER, TO_OLIVINE))
    assert (after[gone] == 0).all()
    assert (after[new] == 1).all()
    assert product.recipe.inputs["annotations/mask_corrections"] == corrections.fingerprint
    while corrections.edits:
        corrections.take_back()
    correct_mask(section)
    without = pixels(section)
    make_mask(section, MaskSettings(rule="olivine-paper"), Job(force=True))
    assert np.array_equal(pixels(section), without)


def test_only_the_tiles_of_a_correction_are_written(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    corrections = MaskCorrections(section)
    corrections.add([TO_OTHER])
    correct_mask(section)
    written = []
    raster_write = painting.Raster.write

    def write(raster: Any, row: int, column: int, block: np.ndarray, level: int = 0) -> None:
        written.append((row // PIECE, column // PIECE, level))
        raster_write(raster, row, column, block, level)

    monkeypatch.setattr(painting.Raster, "write", write)
    corrections.add([stroke("other", ((700, 200),))])
    correct_mask(section)
    assert {place[:2] for place in written if place[2] == 0} == {(1, 0)}
    assert len(written) == 3 * 3, "a tile, and one of each of the two overviews, in three images"
    written.clear()
    correct_mask(section)
    assert not written


@pytest.mark.parametrize("place", ["_write_painted", "_gains"])
def test_a_process_that_is_killed_is_gone_on_with(
    section: Section, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    before = everything(section)
    corrections = MaskCorrections(section)
    corrections.add([TO_OTHER, TO_OLIVINE])
    with monkeypatch.context() as patch:
        patch.setattr(painting, place, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            correct_mask(section)
    assert section.state("mask") == "stale"
    corrections.take_back()
    correct_mask(section)
    corrections.take_back()
    correct_mask(section)
    assert everything(section) == before


def test_corrections_survive_reopening_and_a_line_that_was_cut_off(section: Section) -> None:
    corrections = MaskCorrections(section)
    corrections.add([TO_OTHER, TO_OLIVINE])
    correct_mask(section)
    with corrections.file.open("ab") as stream:
        stream.write(b'{"label": "oli')
    assert section.state("mask") == "fresh"
    again = MaskCorrections(Section(section.path))
    assert again.edits == [TO_OTHER, TO_OLIVINE]
    history = History()
    take_over_corrections(history, again)
    assert history.undo().describe() == "Taken back: mask painted: olivine"
    assert MaskCorrections(section).edits == [TO_OTHER]
    with pytest.raises(EditError, match="another program"):
        corrections.add([TO_OLIVINE])
    assert corrections.edits == [TO_OTHER]
    corrections.file.write_text('{"label": "quartz"}\n')
    with pytest.raises(SectionError, match="Line 1"):
        MaskCorrections(section)


def test_a_filled_crack_is_closed(section: Section) -> None:
    before = pixels(section)
    MaskCorrections(section).add([TO_OTHER])
    correct_mask(section)
    raster = section.raster("mask", "olivine")
    MaskCorrections(section).add([connected_piece(raster, 200, 250, "olivine")])
    correct_mask(section)
    assert np.array_equal(pixels(section), before)


def test_a_mask_of_an_older_version_is_counted_first(section: Section) -> None:
    record = section.path / "mask/product.json"
    values = json.loads(record.read_text())
    del values["notes"]["pixels_by_rule"]
    record.write_text(json.dumps(values))
    MaskCorrections(section).add([TO_OTHER])
    product = correct_mask(section)
    assert product is not None
    after = pixels(section)
    assert product.notes["phase_percent"] == round(100 * (after == 1).sum() / after.size, 2)


def test_polygons_of_a_file_correct_the_mask(section: Section, tmp_path: Path) -> None:
    def written(name: str, corners: list[list[int]]) -> Path:
        shape = {"type": "Polygon", "coordinates": [corners]}
        (tmp_path / name).write_text(json.dumps(shape))
        return tmp_path / name

    square = written("square.geojson", [[100, 800], [200, 800], [200, 900], [100, 900]])
    bow = written("bow.geojson", [[0, 0], [50, 50], [50, 0], [0, 50]])
    said: list[str] = []
    job = Job(listen=lambda event: said.append(str(event.get("message", ""))))
    with pytest.raises(InputError, match="crosses itself"):
        correct_by_file(section, CorrectMaskSettings(olivine=square, other=bow))
    assert not MaskCorrections(section).edits
    correct_by_file(section, CorrectMaskSettings(olivine=square), job)
    assert (pixels(section)[800:900, 100:200] == 1).all()
    assert any("10000 pixels" in text for text in said)
    correct_by_file(section, CorrectMaskSettings(clear=True))
    assert (pixels(section)[800:900, 100:200] == 0).all()
    assert not MaskCorrections(section).edits


def test_the_check_finds_damage_under_corrections_and_in_their_file(section: Section) -> None:
    corrections = MaskCorrections(section)
    corrections.add([TO_OTHER])
    correct_mask(section)

    def damaged() -> set[str]:
        return {one.where for one in check_section(section).findings if one.state == "damage"}

    before = damaged()  # a section of a test has no analyses
    (file,) = (section.path / "mask/edits").glob("*.npz")
    file.write_bytes(file.read_bytes()[:-20])
    corrections.file.write_text("no JSON\n")
    assert damaged() - before == {"mask", "annotations/mask_corrections.jsonl"}


def test_a_mask_that_is_being_made_is_corrected_afterwards(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(painting, "PATIENCE_S", 0)
    MaskCorrections(section).add([TO_OTHER])
    with lock_of(section.path, "mask"), pytest.raises(SectionError, match="being made right now"):
        correct_mask(section)
    assert section.state("mask") == "stale"
    correct_mask(section)
    assert section.state("mask") == "fresh"


def test_where_the_rules_pixels_are_lost_the_mask_is_made_anew(section: Section) -> None:
    corrections = MaskCorrections(section)
    corrections.add([TO_OTHER])
    correct_mask(section)
    corrected = pixels(section)
    (file,) = (section.path / "mask/edits").glob("*.npz")
    file.write_bytes(file.read_bytes()[:-20])
    corrections.add([TO_OTHER])
    with pytest.raises(SectionError, match="is damaged"):
        make_mask(section)
    make_mask(section, job=Job(force=True))
    assert np.array_equal(pixels(section), corrected)
    assert section.state("mask") == "fresh"
