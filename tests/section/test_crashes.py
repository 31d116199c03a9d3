"""A run that is killed anywhere, or a power cut: a product is the old one or the new one."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import numpy as np
import pandas as pd
import pytest
import zarr

from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.section import (
    Section,
    SectionRecord,
    Strips,
    Tiles,
    atomic_io,
    create_raster,
    draft,
)
from napari_olivine.section.annotations import PLACEMENTS
from napari_olivine.section.atomic_io import write_atomically
from napari_olivine.section.check import CheckSettings, check_section
from napari_olivine.section.draft import OLD, draft_folder
from napari_olivine.section.provenance import Product
from napari_olivine.section.tables import write_table
from napari_olivine.settings import Settings
from tests.helpers.sections import make_section

EPMA = "analyses.parquet"
EVERYTHING = slice(0, 1 << 30)
REPAIR = CheckSettings(repair=True)
CHANGES = ("rename", "replace", "unlink", "mkdir", "rmdir")
"""What changes a disk, apart from writing into a file that nobody vouches for yet."""


@pytest.fixture
def section(tmp_path: Path) -> Section:
    made = make_section(tmp_path / "section", {"BSE": np.full((60, 50), 7, np.uint8)})
    made.annotate("placements", pd.DataFrame(columns=PLACEMENTS))
    with made.draft("epma", made.recipe("import", Settings(), []), Job()) as drawn:
        write_table(pd.DataFrame(columns=["profile", "point", "x_um", "y_um"]), drawn.path / EPMA)
    return made


def make(section: Section, value: int, name: str = "mask", job: Job | None = None) -> Product:
    """Make a mask full of one value, as a step does."""
    job = job or Job()
    recipe = section.recipe(name, Settings(), ["images"], method=value)
    if done := section.finished(name, recipe, job):
        return done
    with section.draft(name, recipe, job) as drawn:
        out = create_raster(drawn.path / "olivine", section.shape, "uint8", 1.5, reduction="mode")
        for row in drawn.pending([0]):
            out.write(row, 0, np.full(section.shape, value, np.uint8))
        out.build_pyramid(job)
    return section.require(name)


def value_of(section: Section, name: str = "mask") -> int:
    values = np.unique(section.raster(name, "olivine").read(EVERYTHING, EVERYTHING))
    assert values.size == 1, "half of one and half of another"
    return int(values[0])


class Killed(BaseException):
    """The process is gone."""


@contextmanager
def killed_at(moment: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let nothing change the disk any more from a moment on, counted in changes."""
    seen: list[str] = []

    def until(name: str, change: Callable[..., object]) -> Callable[..., object]:
        def changed(*arguments: object, **options: object) -> object:
            seen.append(name)
            if len(seen) > moment:
                raise Killed
            return change(*arguments, **options)

        return changed

    with monkeypatch.context() as patch:
        for name in CHANGES:
            patch.setattr(os, name, until(name, getattr(os, name)))
        yield seen


def test_a_run_that_is_killed_anywhere_leaves_the_old_product_or_the_new_one(section, monkeypatch):
    make(section, 1)
    moment = 0
    while True:
        with killed_at(moment, monkeypatch) as seen:
            with suppress(Killed):
                make(section, 2)
        fresh = Section(section.path)
        if len(seen) <= moment:
            break
        told = check_section(fresh, CheckSettings(repair=moment % 2 == 0), Job())
        assert not told.left or moment % 2, told.left
        if fresh.state("mask") == "missing":
            assert moment % 2, "only between two renames, and a repair completes it"
        else:
            assert value_of(fresh) in (1, 2)
        assert make(fresh, 2).recipe.method == 2
        assert value_of(fresh) == 2
        if moment % 4 == 0:
            assert check_section(fresh, REPAIR, Job()).left == []
            assert not [path for path in (section.path / "work").iterdir() if path.is_dir()]
        make(section, 1)
        moment += 1
    assert moment > 15, "every change of the disk was a moment to die"
    assert value_of(fresh) == 2


def test_what_was_whole_but_not_in_place_is_not_made_again(section, monkeypatch):
    make(section, 1)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(draft, "take_place", lambda *_: (_ for _ in ()).throw(Killed))
        make(section, 2)
    created = Product.read(draft_folder(section.path, "mask")).created
    monkeypatch.setattr(section, "draft", lambda *_: pytest.fail("it was made already"))
    assert make(section, 2).created == created
    assert value_of(section) == 2


def test_a_whole_draft_that_is_gone_on_with_is_not_whole_until_its_end(section, monkeypatch):
    """Its content is being changed again: whoever looks must not take it for finished."""
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(draft, "take_place", lambda *_: (_ for _ in ()).throw(Killed))
        make(section, 2)
    recipe = section.recipe("mask", Settings(), ["images"], method=2)
    with pytest.raises(Killed), section.draft("mask", recipe, Job()):
        raise Killed
    check_section(section, REPAIR, Job())
    assert section.state("mask") == "missing"


@pytest.mark.parametrize("name", ["models/a__b", "models/light.old", "models/light.1"])
def test_a_killed_model_comes_to_its_own_place_whatever_its_name(section, monkeypatch, name):
    make(section, 1, "models/light")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(draft, "take_place", lambda *_: (_ for _ in ()).throw(Killed))
        make(section, 3, name)
    make(section, 2, "models/light")
    check_section(section, REPAIR, Job())
    assert value_of(section, name) == 3
    assert value_of(section, "models/light") == 2
    names = {product.name for product in section.products()}
    assert names == {"images", "epma", "models/light", name}


@pytest.mark.parametrize("written", [0, 1, 2, 3])
def test_an_image_whose_creation_was_killed_is_created_again(tmp_path, monkeypatch, written):
    """There is no zarr.json without all that belongs to it."""
    folder = tmp_path / "a"
    made = [zarr.create_array, zarr.create_group]
    left = [written]

    def until(make: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            if not left[0]:
                raise Killed
            left[0] -= 1
            return make(*arguments, **options)

        return call

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(zarr, "create_array", until(made[0]))
        patch.setattr(zarr, "create_group", until(made[1]))
        create_raster(folder, (1500, 700), "uint8", 1.0, reduction="mean")
    raster = create_raster(folder, (1500, 700), "uint8", 1.0, reduction="mean")
    assert raster.level_shapes == [(1500, 700), (750, 350), (375, 175)]
    raster.write(0, 0, np.ones((1500, 700), np.uint8))
    assert create_raster(
        folder, (1500, 700), "uint8", 1.0, reduction="mean"
    ).read(EVERYTHING, EVERYTHING).all()  # fmt: skip


def test_a_section_whose_start_was_killed_is_started_again(tmp_path, monkeypatch):
    record = SectionRecord(name="x", pixel_size_um=1, shape=(10, 10), signals=["BSE"])
    moment, seen = 0, [""]
    while len(seen) >= moment:
        with killed_at(moment, monkeypatch) as seen:
            with suppress(Killed):
                Section.create(tmp_path / str(moment), record)
        if (tmp_path / str(moment)).exists():
            (tmp_path / str(moment) / ".DS_Store").touch()
        assert Section.create(tmp_path / str(moment), record).record == record
        moment += 1
    assert moment > 5


def test_images_whose_record_of_the_section_is_lost_are_not_imported_over(section):
    (section.path / "section.json").unlink()
    with pytest.raises(SectionError, match=r"section\.json is lost"):
        Section.create(section.path, section.record)
    assert (section.path / "images" / "BSE").is_dir()


def test_tiles_of_a_killed_import_are_whole_or_not_there(tmp_path, monkeypatch):
    tiles = Tiles.of_grid((2, 2), (10, 10))
    monkeypatch.setattr(
        pd.DataFrame, "to_parquet", lambda _, file, **options: _write_half(Path(file))
    )
    with pytest.raises(Killed):
        tiles.write(tmp_path)
    assert Tiles.read(tmp_path) is None


def _write_half(file: Path) -> None:
    file.write_bytes(b"half")
    raise Killed


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_product_that_is_a_link_is_replaced_by_a_folder(section, tmp_path):
    make(section, 1)
    (section.path / "mask").rename(tmp_path / "elsewhere")
    (section.path / "mask").symlink_to(tmp_path / "elsewhere")
    for value in (2, 3, 4):
        make(section, value)
        assert value_of(section) == value
    assert not (section.path / "work" / f"mask{OLD}").is_symlink()
    assert (tmp_path / "elsewhere" / "olivine").is_dir(), "what lies elsewhere is not touched"


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no second disk")
@pytest.mark.parametrize("link", ["work", "models"])
def test_two_disks_are_told_before_the_work_begins(section, link):
    with TemporaryDirectory(dir="/dev/shm") as other:
        if os.stat(other).st_dev == section.path.stat().st_dev:
            pytest.skip("it is the same disk")
        if (section.path / link).exists():
            (section.path / link).rename(section.path / "before")
        (section.path / link).symlink_to(other)
        with pytest.raises(SectionError, match=f"{link}.*lie on two disks"):
            make(section, 1, "models/light")


# -------------------------------------------------------------------- power cuts


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Files and folders (their inodes) that were brought to the disk."""
    inodes: set[int] = set()
    fsync = os.fsync

    def record(handle: int) -> None:
        inodes.add(os.fstat(handle).st_ino)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", record)
    return inodes


@pytest.mark.parametrize("sharded", [True, False])
def test_pixels_are_on_the_disk_before_they_are_ticked_off(tmp_path, synced, sharded):
    shape = (2048, 1100)
    raster = create_raster(tmp_path / "a", shape, "uint8", 1.0, reduction="mean", sharded=sharded)
    strips = Strips(raster, lambda part: None)
    for row in (0, 1024):
        strips.write(row, np.full((1024, 1100), 3, np.uint8))
    raster.write(300, 200, np.full((70, 40), 9, np.uint8))
    atomic_io.wait_for_io()
    files = [file for file in raster.folder.rglob("c/*/*") if file.is_file()]
    assert len(files) > 2
    assert {file.stat().st_ino for file in files} <= synced


def test_a_part_is_not_ticked_off_before_its_pixels_are_on_the_disk(section, monkeypatch):
    fsync, may_go = os.fsync, Event()

    def slow(handle: int) -> None:
        may_go.wait(30)
        fsync(handle)

    with section.draft("mask", section.recipe("mask", Settings(), []), Job()) as drawn:
        out = create_raster(drawn.path / "a", section.shape, "uint8", 1.5, reduction="mode")
        journal = drawn.path / "finished.jsonl"
        monkeypatch.setattr(os, "fsync", slow)
        out.write(0, 0, np.ones(section.shape, np.uint8))
        drawn.tick("a part")
        assert drawn.is_done("a part")
        assert not journal.exists()
        may_go.set()
        atomic_io.wait_for_io()
        assert journal.read_text() == '"a part"\n'


def test_a_disk_that_refuses_pixels_is_told_and_nothing_vouches_for_them(section, monkeypatch):
    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    recipe = section.recipe("mask", Settings(), [])
    with pytest.raises(OSError, match="Input/output"):
        with section.draft("mask", recipe, Job()) as drawn:
            out = create_raster(drawn.path / "a", section.shape, "uint8", 1.5, reduction="mode")
            with monkeypatch.context() as patch:
                patch.setattr(os, "fsync", refuse)
                out.write(0, 0, np.ones(section.shape, np.uint8))
                drawn.tick("a part")
                atomic_io.submit_io(lambda: pytest.fail("something was vouched for"))
                atomic_io._disk().submit(lambda: None).result()
    assert section.product("mask") is None
    with section.draft("mask", recipe, Job()) as drawn:
        assert not drawn.is_done("a part")


def test_a_product_is_on_the_disk_before_it_is_in_place(section, synced):
    product = make(section, 1)
    everything = {path.stat().st_ino for path in (product.path, *product.path.rglob("*"))}
    assert everything <= synced
    assert section.path.stat().st_ino in synced, "its name, too"


def test_a_drive_that_cannot_wait_for_the_disk_is_written_all_the_same(section, monkeypatch):
    def cannot(_: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", cannot)
    make(section, 4)
    assert value_of(section) == 4


def test_small_files_are_for_everybody_whom_the_person_lets_read(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a.json", "ä")
        (tmp_path / "b").write_text("")
    finally:
        os.umask(before)
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.json", "b")}
    assert len(modes) == 1
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "ä"
    assert len(list(tmp_path.iterdir())) == 2


# -------------------------------------------------------------------- disks that say no


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_even_if_nothing_can_be_noted_any_more(section, monkeypatch, number):
    def full(*_: object) -> None:
        raise OSError(number, "no room")

    monkeypatch.setattr(draft, "_add_seconds", full)
    with pytest.raises(SectionError, match=r"full.*Free some space"):
        with section.draft("mask", section.recipe("mask", Settings(), ["images"]), Job()):
            full()


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_section_that_may_only_be_read_is_told(section, monkeypatch, number):
    def forbidden(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("filelock.BaseFileLock.acquire", forbidden)
    with pytest.raises(SectionError, match="cannot be written.*'mask' cannot be made"):
        make(section, 1)
    with pytest.raises(SectionError, match="Check it without the setting 'repair'"):
        check_section(section, REPAIR, Job())
    assert check_section(section, CheckSettings(), Job()).findings == []


def test_locks_can_be_taken_by_colleagues(section):
    make(section, 1)
    lock = section.path / "work" / "mask.lock"
    assert stat.S_IMODE(lock.stat().st_mode) & 0o060 == 0o060


def test_a_product_that_is_taken_away_while_it_is_looked_at_is_missing(section, monkeypatch):
    make(section, 1)
    read = Path.read_text

    def gone(path: Path, *arguments: object, **options: object) -> str:
        path.unlink(missing_ok=True)
        return read(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "read_text", gone)
    assert section.product("mask") is None
    assert section.state("mask") == "missing"


@pytest.mark.parametrize(
    "content", ["", "3", '"x"', "[]", "{}", '{"fingerprint": 1, "recipe": {"step": 1}}', "\xff"]
)
def test_a_damaged_record_names_its_file(section, content):
    product = make(section, 1)
    (product.path / "product.json").write_bytes(content.encode("latin1"))
    with pytest.raises(SectionError, match=r"mask/product\.json is missing or damaged"):
        section.state("mask")


def test_a_record_says_which_files_there_are(section):
    product = make(section, 1)
    record = json.loads((product.path / "product.json").read_text())
    assert set(record["files"]) == {
        "olivine/zarr.json",
        "olivine/0/zarr.json",
    }
    assert not list((section.path / "work").glob(f"*{OLD}"))
