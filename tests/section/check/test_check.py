"""The check of a section: every harm is found, mended where it can be, and never worsened."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr

from napari_olivine.cli import main
from napari_olivine.crystals.table import COLUMNS
from napari_olivine.errors import Cancelled, SectionError
from napari_olivine.job import Job
from napari_olivine.readers import import_section
from napari_olivine.section import Section, create_raster
from napari_olivine.section.check import CheckSettings, Report, files
from napari_olivine.section.draft import OLD
from napari_olivine.settings import Settings
from napari_olivine.workflow import check_section
from tests.helpers.sources import make_mosaic, tile_file

EVERYTHING = slice(0, 1 << 30)
REPAIR = CheckSettings(repair=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A source of 2,080 x 600 px and its section with a mask, a map of mg# and crystals."""
    folder = tmp_path_factory.mktemp("made")
    make_mosaic(folder / "source", tile_shape=(260, 75), grid=(8, 8), signals=("BSE", "Mg"))
    section = import_section(folder / "source", folder / "section")
    labels = (np.indices(section.shape).sum(0) // 90 % 3).astype(np.uint32)
    labels[:500] = 0
    images = {
        "mask": ("olivine", (labels == 1).astype(np.uint8), "mode"),
        "mg": ("mg", np.where(labels == 1, 0.8, np.nan).astype(np.float32), "nanmean"),
        "crystals": ("crystals", labels, "mode"),
    }
    for product, (name, image, reduction) in images.items():
        recipe = section.recipe(product, Settings(), ["images"])
        with section.draft(product, recipe, Job()) as draft:
            raster = create_raster(
                draft.path / name, section.shape, image.dtype, 0.5, reduction=reduction,
                fill=np.nan if image.dtype.kind == "f" else 0,
            )  # fmt: skip
            raster.write(0, 0, image)
            raster.build_pyramid(Job())
            if product == "crystals":
                columns = COLUMNS
                table = pd.DataFrame({name: [1, 2] for name in columns})
                table.to_parquet(draft.path / "crystals.parquet")
    return folder


@pytest.fixture
def section(made: Path, tmp_path: Path) -> Section:
    """A copy that a test may harm."""
    shutil.copytree(made / "section", tmp_path / "section")
    return Section(tmp_path / "section")


def check(section: Section, settings: CheckSettings | None = None) -> Report:
    return check_section(section, settings or CheckSettings(), Job())


def pixels(section: Section, product: str, name: str) -> list[np.ndarray]:
    raster = section.raster(product, name)
    return [raster.read(EVERYTHING, EVERYTHING, level) for level in range(len(raster.levels))]


def forget_checksums(section: Section, name: str) -> None:
    """Make the record of a product one of before records named every file."""
    file = section.path / name / "product.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"files": {}}))


def rot(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 4
    file.write_bytes(content)


def test_a_whole_section_is_told_as_such(section):
    report = check(section)
    assert report.findings == []
    assert set(report.bytes_of) >= {"images", "epma", "mask", "mg", "crystals"}
    assert report.bytes_of["images"] == sum(
        file.stat().st_size for file in (section.path / "images").rglob("*") if file.is_file()
    )
    assert check(section, REPAIR).findings == [], "and a repair has nothing to do"


HARM: dict[str, Callable[[Path], None]] = {
    "rot": rot,
    "truncated": lambda file: file.write_bytes(file.read_bytes()[:100]),
    "emptied": lambda file: file.write_bytes(b""),
    "deleted": lambda file: file.unlink(),
    "noise": lambda file: file.write_bytes(np.random.default_rng(0).bytes(5000)),
}


@pytest.mark.parametrize(
    ("shard", "harm"),
    [
        *(("0/c/0/0", harm) for harm in HARM),
        ("0/c/2/0", "deleted"),
        ("2/c/0/0", "rot"),
        ("1/c/1/0", "truncated"),
        ("3/c/0/0", "deleted"),
    ],
)
def test_a_damaged_image_is_mended_from_its_files(section, shard, harm):
    before = {name: pixels(section, "images", name) for name in ("BSE", "Mg")}
    HARM[harm](section.path / "images" / "Mg" / shard)
    told = check(section)
    assert {finding.where for finding in told.left} == {"images/Mg"}
    assert all("{setting:repair}" in finding.advice for finding in told.left)
    mended = check(section, REPAIR)
    assert mended.left == []
    assert any(finding.state == "repaired" for finding in mended.findings)
    for name, levels in before.items():
        for level, found in zip(levels, pixels(section, "images", name), strict=True):
            np.testing.assert_array_equal(found, level)
    assert check(section).findings == []


@pytest.mark.parametrize(
    ("product", "name", "harm"),
    [("mask", "olivine", "rot"), ("mg", "mg", "deleted"), ("crystals", "crystals", "truncated")],
)
def test_a_damaged_overview_is_made_again(section, product, name, harm):
    before = pixels(section, product, name)
    HARM[harm](section.path / product / name / "1" / "c" / "1" / "0")
    assert len(check(section).left) == 1
    assert check(section, REPAIR).left == []
    for level, found in zip(before, pixels(section, product, name), strict=True):
        np.testing.assert_array_equal(found, level)


def test_what_cannot_be_mended_is_moved_aside_and_nothing_is_deleted(section, capsys):
    rot(section.path / "mask" / "olivine" / "0" / "c" / "1" / "0")
    kept = {
        file.relative_to(section.path / "mask"): file.read_bytes()
        for file in (section.path / "mask").rglob("*")
        if file.is_file()
    }
    (finding,) = check(section).left
    assert "mask to aside/; then run {step:mask} again" in finding.advice
    (finding,) = check(section, REPAIR).left
    assert "run {step:mask} again" in finding.advice
    assert section.state("mask") == "missing"
    (aside,) = (section.path / "aside").iterdir()
    assert {p.relative_to(aside): p.read_bytes() for p in aside.rglob("*") if p.is_file()} == kept
    assert check(section).left == [], "what lies aside is not looked at again"


def test_changed_files_are_not_read_into_an_image(made, tmp_path):
    shutil.copytree(made / "source", tmp_path / "source")
    section = import_section(tmp_path / "source", tmp_path / "section")
    make_mosaic(tmp_path / "other", tile_shape=(260, 75), grid=(8, 8), signals=("BSE",), seed=4)
    shutil.copy(
        tile_file(tmp_path / "other", "BSE", 7, 7), tile_file(tmp_path / "source", "BSE", 7, 7)
    )
    rot(section.path / "images" / "Mg" / "0" / "c" / "0" / "0")
    (finding,) = check(section, REPAIR).left
    assert "not those that were imported" in finding.what
    assert "run {step:import} again" in finding.advice
    assert not (section.path / "images").exists()


def test_files_that_were_moved_are_found_with_the_option(made, tmp_path):
    shutil.copytree(made / "source", tmp_path / "source")
    section = import_section(tmp_path / "source", tmp_path / "section")
    (tmp_path / "source").rename(tmp_path / "elsewhere")
    rot(section.path / "images" / "Mg" / "0" / "c" / "0" / "0")
    settings = CheckSettings(repair=True, source=str(tmp_path / "elsewhere"))
    assert check(section, settings).left == []


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("mask/product.json", "{", "product.json is missing or damaged"),
        ("mask/product.json", None, "product.json is missing or damaged"),
        ("mask/olivine/zarr.json", "{}", "not a readable OME-Zarr image"),
        ("mask/olivine/0/zarr.json", "{", "not a readable OME-Zarr image"),
        ("mask/olivine/2/zarr.json", None, "not a readable OME-Zarr image"),
        ("crystals/crystals.parquet", "x", "crystals.parquet cannot be read"),
        ("crystals/crystals.parquet", None, "crystals.parquet is missing"),
        ("epma/analyses.parquet", None, "analyses.parquet is missing"),
    ],
)
def test_damaged_files_are_told_with_the_command_that_makes_them(section, file, content, words):
    path = section.path / file
    path.unlink() if content is None else path.write_text(content)
    (finding,) = check(section).left
    assert words in finding.what
    assert "run {step:" in finding.advice
    check(section, REPAIR)
    assert not (section.path / file.split("/")[0]).exists()
    assert len(list((section.path / "aside").iterdir())) == 1


def test_what_the_check_wants_of_the_crystals_is_what_they_have():
    assert set(files.COLUMNS["crystals/crystals.parquet"]) <= set(COLUMNS)


def test_a_table_without_its_columns_is_told(section):
    pd.DataFrame({"id": [1]}).to_parquet(section.path / "crystals" / "crystals.parquet")
    (finding,) = check(section).left
    assert "lacks the column x_um, y_um" in finding.what


def test_a_lost_signal_is_told(section):
    shutil.rmtree(section.path / "images" / "Mg")
    (finding,) = check(section).left
    assert "the image of Mg is missing" in finding.what


def test_a_raster_of_another_size_is_told(section):
    shutil.rmtree(section.path / "mask" / "olivine")
    create_raster(section.path / "mask" / "olivine", (50, 60), "uint8", 0.5, reduction="mode")
    (finding,) = check(section).left
    assert "olivine: it has 50 x 60 px, the section 2080 x 600" in finding.what


def test_a_truncated_model_is_told(section):
    from safetensors.numpy import save_file

    recipe = section.recipe("train", Settings(), ["images"])
    with section.draft("models/light", recipe, Job()) as draft:
        save_file({"weight": np.ones(1000)}, draft.path / "weights.safetensors")
        (draft.path / "card.json").write_text("{}")
    assert check(section).findings == []
    file = section.path / "models" / "light" / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-8])
    (finding,) = check(section, REPAIR).left
    assert finding.where == "models/light"
    assert "weights.safetensors is truncated" in finding.what
    assert "{step:train}" in finding.advice


def test_a_persons_annotations_are_never_touched(section):
    file = section.path / "annotations" / "sessions.csv"
    text = file.read_text().replace("2080", "9999")
    file.write_text(text)
    (finding,) = check(section, REPAIR).left
    assert "leaves the section" in finding.what
    file.write_text("session,row0\n1,x\n")
    (finding,) = check(section, REPAIR).left
    assert "cannot be read" in finding.what
    assert file.read_text() == "session,row0\n1,x\n"


def test_what_is_out_of_date_is_a_note(section):
    recipe = section.recipe("segmentation", Settings(), ["mask"])
    with section.draft("segmentation", recipe, Job()):
        pass
    shutil.rmtree(section.path / "mask")
    report = check(section)
    assert report.left == []
    assert [f.where for f in report.findings] == ["segmentation"]
    assert "out of date" in report.findings[0].what


# -------------------------------------------------------------------- leftovers


def test_an_interrupted_swap_is_completed(section):
    """The new product was whole, the old one was taken away, and then the power failed."""
    before = section.fingerprint("mask")
    (section.path / "work").mkdir(exist_ok=True)
    (section.path / "mask").rename(section.path / "work" / f"mask{OLD}")
    recipe = section.recipe("mask", Settings(), ["images"], method=2)
    with section.draft("mask", recipe, Job()) as draft:
        (draft.path / "new.txt").write_text("new")
    new = section.fingerprint("mask")
    (section.path / "mask").rename(section.path / "work" / "mask")
    shutil.copytree(section.path / "work" / "mask", section.path / "work" / f"mask{OLD}")
    assert len(check(section).left) == 1
    assert section.state("mask") == "missing", "a check without repair changes nothing"
    assert check(section, REPAIR).left == []
    assert section.fingerprint("mask") == new != before
    assert not list((section.path / "work").glob("mask*/"))


def test_a_product_that_was_taken_away_comes_back(section):
    before = section.fingerprint("mask")
    (section.path / "work").mkdir(exist_ok=True)
    (section.path / "mask").rename(section.path / "work" / f"mask{OLD}")
    assert check(section, REPAIR).left == []
    assert section.fingerprint("mask") == before


def test_an_unfinished_run_is_kept_unless_it_is_to_go(section):
    recipe = section.recipe("segment", Settings(), ["images"])
    with pytest.raises(RuntimeError), section.draft("probability", recipe, Job()) as draft:
        draft.tick("a part")
        raise RuntimeError
    for settings in (CheckSettings(), REPAIR):
        (note,) = check(section, settings).findings
        assert note.state == "note"
        assert "1 parts finished" in note.what
        assert "{step:segment} goes on with it" in note.advice
    check(section, CheckSettings(repair=True, remove_drafts=True))
    assert not (section.path / "work" / "probability").exists()


def test_half_written_files_are_removed(section):
    half = section.path / "mask" / "olivine" / "0" / "c" / "0" / "0.partial"
    half.write_bytes(b"half")
    other = section.path / "annotations" / ".sessions.csv-abc"
    other.write_text("half")
    assert len(check(section).left) == 2
    assert check(section, REPAIR).left == []
    assert not half.exists()
    assert not other.exists()


def test_what_another_process_makes_is_left_alone(section):
    recipe = section.recipe("mask", Settings(), ["images"], method=3)
    rot(section.path / "mask" / "olivine" / "0" / "c" / "1" / "0")
    with section.draft("mask", recipe, Job()):
        report = check(section, REPAIR)
    assert {f.where for f in report.findings} == {"mask"}
    assert report.left == []
    assert "another process is making it now" in report.findings[0].what


# -------------------------------------------------------------------- the command


def test_the_command_tells_and_its_exit_status_says_whether_all_is_whole(section, capsys):
    assert main(["check", str(section.path)]) == 0
    assert "everything is whole" in capsys.readouterr().out
    (section.path / "images" / "BSE" / "1" / "c" / "0" / "0").unlink()
    assert main(["check", str(section.path)]) == 1
    out, err = capsys.readouterr()
    assert "images/BSE: 2 parts of the overviews (level 1, 2)" in out
    assert "one thing is left to mend" in err
    assert main(["check", str(section.path), "--repair", "--json-events"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert any(e["event"] == "finding" and e["state"] == "repaired" for e in events)
    assert main(["check", str(section.path)]) == 0


def test_a_check_can_be_stopped(section):
    job = Job()
    job.listen = lambda event: job.cancel.set() if event["event"] == "progress" else None
    with pytest.raises(Cancelled):
        check_section(section, CheckSettings(), job)


def test_little_memory_finds_the_same(section):
    rot(section.path / "images" / "BSE" / "0" / "c" / "1" / "0")
    few = check_section(section, CheckSettings(), Job(memory_bytes=1 << 20))
    assert [f.where for f in few.left] == [f.where for f in check(section).left]


def test_no_section_is_told(tmp_path):
    with pytest.raises(SectionError, match="not a section"):
        check(Section(tmp_path))


def test_an_image_of_version_0_1_is_whole(section):
    """Plain chunks of 1024 px and overviews by the nearest pixel are as good."""
    image = pixels(section, "mask", "olivine")[0]
    folder = section.path / "mask" / "olivine"
    forget_checksums(section, "mask")
    shutil.rmtree(folder)
    raster = create_raster(folder, image.shape, "uint8", 0.5, reduction="nearest")
    group = zarr.open_group(folder, mode="r+")
    for level, array in enumerate(raster.levels):
        shutil.rmtree(folder / str(level))
        chunks = (min(1024, array.shape[0]), min(1024, array.shape[1]))
        old = group.create_array(str(level), shape=array.shape, dtype="uint8", chunks=chunks)
        old[:] = image[:: 2**level, :: 2**level]
    assert check(section).findings == []
    rot(folder / "1" / "c" / "0" / "0")
    assert check(section, REPAIR).left == []
    np.testing.assert_array_equal(pixels(section, "mask", "olivine")[1], image[::2, ::2])
