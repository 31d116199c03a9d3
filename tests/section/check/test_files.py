"""The check knows every file of every product, and never takes a whole one for damaged."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.crystals.edits import CrystalStore, Judge, Merge, Note, Split
from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.section import Section, Tiles, create_raster
from napari_olivine.section.annotations import PLACEMENTS
from napari_olivine.section.check import CheckSettings, Report, check_section, run
from napari_olivine.section.provenance import Product
from napari_olivine.section.tables import write_table
from napari_olivine.settings import Settings
from tests.crystals.edits.test_edits import AS_FOUND, scene
from tests.crystals.test_step import make_section

REPAIR = CheckSettings(repair=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A section with crystals that were edited in every way, a model, tiles and analyses."""
    section = make_section(tmp_path_factory.mktemp("files") / "section", *scene())
    section.annotate("placements", pd.DataFrame(columns=PLACEMENTS))
    with section.draft("epma", section.recipe("import", Settings(), []), Job()) as draft:
        write_table(
            pd.DataFrame({name: np.arange(999.0) for name in ("profile", "point", "x_um", "y_um")}),
            draft.path / "analyses.parquet",
        )
    with section.draft("models/light", section.recipe("train", Settings(), []), Job()) as draft:
        save_file({"weight": np.ones(1000)}, draft.path / "weights.safetensors")
        (draft.path / "card.json").write_text("{}")
    images = section.require("images")
    Tiles.of_grid((2, 2), (280, 350)).write(images.path)
    images.write()
    find_crystals(section, AS_FOUND, Job())
    store = CrystalStore(section)
    disc, *others = store.table.sort_values("area_px", ascending=False)["id"].tolist()
    row = store.table.loc[disc]
    middle = (row["col0"] + row["col1"]) / 2
    store.do(Judge(crystals=(disc,), verdict="accepted"))
    store.do(
        Split(crystals=(disc,), lines=(((row["row0"] - 3, middle), (row["row1"] + 3, middle)),))
    )
    store.do(Note(crystals=(others[0],), text="ä"))
    store.do(Merge(crystals=(others[0], others[1])))
    store.undo()
    store.close()
    return section.path


@pytest.fixture
def section(made: Path, tmp_path: Path) -> Section:
    shutil.copytree(made, tmp_path / "section")
    return Section(tmp_path / "section")


def check(section: Section, settings: CheckSettings | None = None) -> Report:
    return check_section(section, settings or CheckSettings(), Job())


def everything(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock" and path.name != "holder.txt"
    }


def rot(file: Path, place: float = 0.4) -> None:
    """Change a bit as a tired disk does: nobody has written the file."""
    before = file.stat()
    content = bytearray(file.read_bytes())
    content[int(len(content) * place)] ^= 4
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_section_with_edited_crystals_is_whole_and_a_repair_changes_nothing(section):
    before = everything(section.path)
    assert check(section).findings == []
    assert check(section, REPAIR).findings == []
    assert everything(section.path) == before


def test_edits_that_were_stopped_before_their_end_are_no_damage(section):
    """Tables are written before the record: a window that is killed in between harms nothing."""
    record = section.path / "crystals" / "product.json"
    before = record.read_bytes()
    store = CrystalStore(section)
    store.do(Judge(crystals=(int(store.table["id"].iloc[0]),), verdict="rejected"))
    store.close()
    stale = record.stat().st_mtime_ns - 10**9
    record.write_bytes(before)
    os.utime(record, ns=(stale, stale))
    assert check(section, REPAIR).findings == []


def test_crystals_that_somebody_edits_are_left_alone(section):
    store = CrystalStore(section)
    rot(section.path / "crystals" / "found.parquet")
    (note,) = check(section, REPAIR).findings
    assert (note.where, note.state) == ("crystals", "note")
    assert "somebody edits them now" in note.what
    assert f"process {os.getpid()}" in note.what
    store.close()
    assert [finding.where for finding in check(section).left] == ["crystals"]


@pytest.mark.parametrize(
    "file",
    [
        "epma/analyses.parquet", "images/tiles.parquet", "images/BSE/zarr.json",
        "images/BSE/1/zarr.json", "models/light/weights.safetensors", "models/light/card.json",
        "crystals/crystals.parquet", "crystals/found.parquet", "crystals/profiles.parquet",
        "crystals/inclusions.parquet", "crystals/cuts.parquet", "crystals/gaps.parquet",
        "crystals/edits/changes.jsonl", "crystals/edits/000002.npz",
    ],
)  # fmt: skip
@pytest.mark.parametrize("harm", ["rot", "gone", "truncated"])
def test_every_file_is_missed_when_it_is_damaged(section, file, harm):
    path = section.path / file
    if harm == "rot" and path.suffix == ".jsonl":
        path.write_bytes(path.read_bytes().replace(b"{", b"[", 1))
    else:
        HARM[harm](path)
    product = file.rpartition("/")[0].removesuffix("/1").removesuffix("/BSE").removesuffix("/edits")
    assert [finding.where for finding in check(section).left] == [product]


HARM: dict[str, Callable[[Path], None]] = {
    "rot": rot,
    "gone": lambda path: path.unlink(),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
}


def test_whoever_opens_crystals_while_they_are_mended_is_told_by_whom(section, monkeypatch):
    held_by: list[str] = []
    look = run.check_files
    monkeypatch.setattr(
        run, "check_files",
        lambda product, *rest: (
            held_by.append(CrystalStore(section).held_by) if product.name == "crystals" else None,
            look(product, *rest),
        )[1],
    )  # fmt: skip
    assert check(section, REPAIR).findings == []
    assert held_by == [f"a check of the section, process {os.getpid()}"]
    store = CrystalStore(section)
    assert store.writable, "and afterwards they can be edited"
    store.close()


def test_a_product_without_its_image_is_not_whole(section):
    shutil.rmtree(section.path / "segmentation" / "olivine")
    (finding,) = check(section).left
    assert "the image of olivine is missing" in finding.what


def test_crystals_that_lost_an_edits_pixels_come_back_with_all_edits(section):
    before = section.table("crystals", "crystals")
    (section.path / "crystals" / "edits" / "000002.npz").unlink()
    check(section, REPAIR)
    assert section.state("crystals") == "missing"
    find_crystals(section, AS_FOUND, Job())
    after = section.table("crystals", "crystals")
    when = ["reviewed_at"]  # told to a second, which may just have passed
    pd.testing.assert_frame_equal(after.drop(columns=when), before.drop(columns=when))


def test_how_far_edits_were_carried_out_is_mended_by_carrying_them_out_again(section):
    before = {name: section.table("crystals", name) for name in ("crystals", "profiles")}
    labels = section.raster("crystals", "crystals").read(slice(0, 560), slice(0, 700))
    (section.path / "crystals" / "edits" / "applied.json").write_text("")
    assert [f.where for f in check(section).left] == ["crystals/edits/applied.json"]
    assert check(section, REPAIR).left == []
    CrystalStore(section).close()
    for name, table in before.items():
        pd.testing.assert_frame_equal(section.table("crystals", name), table)
    found = section.raster("crystals", "crystals").read(slice(0, 560), slice(0, 700))
    np.testing.assert_array_equal(found, labels)
    assert check(section).findings == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [lines[0], b"{", *lines[2:]], "line 2 is damaged"),
        (lambda lines: [lines[0], b"3", *lines[2:]], "line 2 is damaged"),
        (lambda lines: [lines[0], *lines[2:]], "line 2 is missing"),
    ],
)
def test_a_damaged_journal_of_edits_is_told_and_never_touched(section, change, words):
    file = section.path / "review" / "journal.jsonl"
    content = b"\n".join(change(file.read_bytes().split(b"\n")))
    file.write_bytes(content)
    (finding,) = [f for f in check(section, REPAIR).left if f.where == "review/journal.jsonl"]
    assert words in finding.what
    assert file.read_bytes() == content


def test_a_last_line_that_a_crash_cut_off_is_no_damage(section):
    for name in ("review/journal.jsonl", "crystals/edits/changes.jsonl"):
        with (section.path / name).open("ab") as stream:
            stream.write(b'{"n": 6, "at')
    assert check(section).findings == []


def test_a_record_that_was_changed_by_hand_is_told_and_stays(section):
    file = section.path / "segmentation" / "product.json"
    record = json.loads(file.read_text())
    record["recipe"]["settings"] = {"threshold": 0.9}
    file.write_text(json.dumps(record))
    (finding,) = check(section, REPAIR).left
    assert "does not say any more what it was made from" in finding.what
    assert section.product("segmentation") is not None


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("zarr.json", '"path": "1"', '"path": "."'),
        ("zarr.json", '"scale": [', '"scales": ['),
        ("zarr.json", '"reduction"', '"reduced"'),
        ("0/zarr.json", '"fill_value": 0', '"fill_value": 1180591620717411303424'),
        ("0/zarr.json", '"shape": [', '"shape": [1,'),
        ("0/zarr.json", '"uint8"', '"float99"'),
    ],
)
def test_a_damaged_description_names_its_image(section, file, old, new):
    path = section.path / "images" / "BSE" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(SectionError, match="images/BSE is not a readable OME-Zarr image"):
        section.raster("images", "BSE").read(slice(0, 9), slice(0, 9))
    assert [finding.where for finding in check(section).left] == ["images"]


def test_what_macos_lays_beside_files_does_no_harm(section):
    """On drives of other systems every file has a companion that is no table and no JSON."""
    for file in list(section.path.rglob("*")):
        if file.is_file() and "c" not in file.relative_to(section.path).parts:
            file.with_name(f"._{file.name}").write_bytes(b"\0\5\26\7")
    (section.path / ".DS_Store").write_bytes(b"x")
    (section.path / "crystals" / ".DS_Store").write_bytes(b"x")
    before = everything(section.path)
    assert check(section, REPAIR).findings == []
    assert everything(section.path) == before


@pytest.mark.parametrize("content", [None, "", "{}", '{"node_type": "array"}'])
def test_the_sections_own_group_is_written_again(section, content):
    file = section.path / "zarr.json"
    before = file.read_bytes()
    file.unlink() if content is None else file.write_text(content)
    (finding,) = check(section).left
    assert "other programs do not find" in finding.what
    assert check(section, REPAIR).left == []
    assert file.read_bytes() == before


def test_images_stay_while_the_instruments_disk_is_not_connected(section):
    """They could not be made again: a section with a damaged corner is more than none."""
    shutil.rmtree(section.path / "images" / "BSE" / "0" / "c")
    (section.path / "epma" / "analyses.parquet").write_text("x")
    file = section.path / "section.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"source": "/not/here"}))
    told = check(Section(section.path), REPAIR).left
    assert {finding.where for finding in told} == {"images", "epma"}
    assert all(
        "the instrument's files are not in /not/here: say with {setting:source}" in f.advice
        for f in told
    )
    assert not (section.path / "aside").exists()


@pytest.mark.parametrize("shape", [(1025, 40), (40, 8193), (1025, 8193)])
@pytest.mark.parametrize("fill", [0, 255])
def test_a_last_row_or_column_that_is_lost_is_not_taken_for_empty(section, tmp_path, shape, fill):
    """A file may hold a single row of pixels: what is gone must not be written into overviews."""
    from napari_olivine.section.check.images import inspect

    raster = create_raster(tmp_path / "a", shape, "uint8", 1.0, reduction="mode", fill=fill)
    raster.write(0, 0, np.full(shape, 7, np.uint8))
    raster.build_pyramid(Job())
    assert not inspect(raster, Job(), lambda share: None)
    for place in {("0", str(shape[1] // 8192)), (str(shape[0] // 1024), "0")} - {("0", "0")}:
        file = tmp_path / "a" / "0" / "c" / place[0] / place[1]
        content = file.read_bytes()
        file.unlink()
        assert inspect(raster, Job(), lambda share: None).windows, place
        file.write_bytes(content)


def test_small_numbers_are_compared_as_small_numbers(tmp_path):
    """Concentrations of 1e-9 are no zeros."""
    from napari_olivine.section.check.images import inspect

    raster = create_raster(tmp_path / "a", (1500, 600), "float32", 1.0, reduction="nanmean")
    raster.write(0, 0, np.full((1500, 600), 3e-9, np.float32))
    raster.build_pyramid(Job())
    assert not inspect(raster, Job(), lambda share: None)
    (tmp_path / "a" / "0" / "c" / "1" / "0").unlink()
    assert inspect(raster, Job(), lambda share: None).windows


def test_a_record_of_before_files_were_named_is_enough(section):
    for product in section.products():
        file = product.path / "product.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"files": {}}))
    assert all(not product.files for product in section.products())
    assert check(section, REPAIR).findings == []
    (section.path / "models" / "light" / "card.json").unlink()
    assert [f.what for f in check(section).left] == ["card.json is missing"]


def test_products_read_what_they_wrote(section):
    for product in section.products():
        product.write()
        assert Product.read(product.path) == section.product(product.name)
    assert CrystalsSettings(**section.require("crystals").recipe.settings) == AS_FOUND
