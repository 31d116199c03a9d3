"""Two processes never spoil a section: real ones, stopped and killed at the worst moments."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.readers import import_section
from napari_olivine.section import Raster, Section, create_raster
from napari_olivine.section.check import CheckSettings, check_section
from napari_olivine.settings import Settings
from tests.helpers.sources import make_mosaic
from tests.readers.assemble.test_import import contents

EVERYTHING = slice(0, 1 << 30)

IMPORT = """
import sys, time
from napari_olivine.job import Job
from napari_olivine.readers import import_section
pause = float(sys.argv[3])
def slow(event):
    if event["event"] == "progress" and "Import" in event["message"]:
        time.sleep(pause)
import_section(sys.argv[1], sys.argv[2], job=Job(listen=slow))
"""

REPLACE = """
import sys
import numpy as np
from napari_olivine.job import Job
from napari_olivine.section import Section, create_raster
from napari_olivine.settings import Settings
section = Section(sys.argv[1])
print("ready", flush=True)
for version in range(1, 1 + int(sys.argv[2])):
    recipe = section.recipe("mask", Settings(), ["images"], method=version)
    with section.draft("mask", recipe, Job()) as draft:
        out = create_raster(draft.path / "olivine", section.shape, "uint8", 1.0, reduction="mode")
        out.write(0, 0, np.full(section.shape, version, np.uint8))
        out.build_pyramid(Job())
"""


STARTED: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    """End what a test started, and close its pipes."""
    yield
    while STARTED:
        with STARTED.pop() as process:
            process.kill()


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    STARTED.append(process)
    return process


def wait_for(condition, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        assert process.poll() is None, f"it ended too early: {process.stderr.read()}"
        time.sleep(0.005)


def journal_lines(place: Path) -> int:
    file = place / "work" / "images" / "finished.jsonl"
    return file.read_text().count("\n") if file.exists() else 0


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """Two signals of 5,200 x 300 px: six strips each."""
    folder = tmp_path_factory.mktemp("processes") / "source"
    make_mosaic(folder, tile_shape=(520, 150), grid=(10, 2))
    return folder


@pytest.fixture(scope="module")
def untouched(source) -> dict[str, bytes]:
    """What an import that nobody disturbs leaves."""
    return contents(import_section(source, source.with_name("untouched")).path)


def test_two_imports_into_one_folder_make_one_whole_section(source, untouched, tmp_path):
    place = tmp_path / "section"
    processes = [start(IMPORT, source, place, 0.1) for _ in range(2)]
    told = [process.communicate(timeout=120)[1] for process in processes]
    codes = sorted(process.returncode for process in processes)
    assert codes[0] == 0, told
    if codes[1]:
        assert any("Another process is making 'images'" in text for text in told), told
    assert contents(place) == untouched
    assert check_section(Section(place)).findings == []


@pytest.mark.parametrize("strips", [1, 5, 9])
def test_an_import_killed_in_the_middle_ends_bit_for_bit_the_same(
    source, untouched, tmp_path, strips
):
    place = tmp_path / "section"
    process = start(IMPORT, source, place, 0.02)
    wait_for(lambda: journal_lines(place) >= strips, process)
    process.kill()
    process.communicate()
    assert not (place / "images").exists()
    section = import_section(source, place)
    assert contents(place) == untouched
    assert check_section(section).findings == []


def test_what_a_kill_left_half_written_is_not_kept(source, untouched, tmp_path):
    """The worst moment: one file half written under its final name, another not yet renamed."""
    place = tmp_path / "section"
    process = start(IMPORT, source, place, 0.1)
    wait_for(lambda: journal_lines(place) >= 2, process)
    process.kill()
    process.communicate()
    shards = place / "work" / "images" / "BSE" / "0" / "c"
    following = shards / str(journal_lines(place)) / "0"
    following.parent.mkdir(exist_ok=True)
    following.write_bytes(b"half")
    following.with_name("0.partial").write_bytes(b"half")
    import_section(source, place)
    assert contents(place) == untouched


def test_a_dead_process_locks_nobody_out(source, tmp_path):
    place = tmp_path / "section"
    process = start(IMPORT, source, place, 30)
    wait_for((place / "work" / "images" / "recipe.json").exists, process)
    with pytest.raises(SectionError, match="Another process is making 'images'"):
        import_section(source, place)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert (place / "work" / "images.lock").exists(), "its lock file is still there"
    assert import_section(source, place).state("images") == "fresh"


def test_a_reader_sees_one_version_or_the_next_while_a_product_is_replaced(source, tmp_path):
    section = import_section(source, tmp_path / "section")
    with section.draft("mask", section.recipe("mask", Settings(), ["images"]), Job()) as draft:
        out = create_raster(draft.path / "olivine", section.shape, "uint8", 1.0, reduction="mode")
        out.write(0, 0, np.ones(section.shape, np.uint8))
        out.build_pyramid(Job())
    raster = section.raster("mask", "olivine")
    process = start(REPLACE, section.path, 25)
    assert process.stdout.readline() == "ready\n"
    seen: list[int] = []
    while process.poll() is None:
        window = raster.read(slice(0, 1200), EVERYTHING)
        versions = np.unique(window)
        assert versions.size == 1, "a window is of one version"
        seen.append(int(versions[0]))
    assert process.returncode == 0, process.stderr.read()
    assert seen == sorted(seen), "and never of an older one again"
    assert 0 not in seen
    assert raster.read(slice(0, 1), slice(0, 1)) == 25
    assert len(set(seen)) > 3


def test_a_product_that_is_gone_is_told(source, tmp_path):
    section = import_section(source, tmp_path / "section")
    raster = section.raster("images", "BSE")
    (section.path / "images").rename(tmp_path / "elsewhere")
    with pytest.raises(SectionError, match="was taken away"):
        raster.read(slice(0, 10), slice(0, 10))
    assert Raster(tmp_path / "elsewhere" / "BSE").read(slice(0, 10), slice(0, 10)).any()


def test_a_check_beside_an_import_harms_nothing(source, untouched, tmp_path):
    place = tmp_path / "section"
    process = start(IMPORT, source, place, 0.05)
    wait_for(lambda: journal_lines(place) >= 1, process)
    while process.poll() is None:
        report = check_section(Section(place), CheckSettings(repair=True, remove_drafts=True))
        assert not any("images" in finding.where for finding in report.left)
    assert process.returncode == 0, process.stderr.read()
    assert contents(place) == untouched
