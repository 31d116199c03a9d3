"""The import step: exact, resumable, never half, never over a person's edits."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr
from ome_zarr_models.v05.image import Image

from napari_olivine.errors import Cancelled, InputError, SectionError
from napari_olivine.job import Event, Job
from napari_olivine.readers import ImportSettings, import_section
from napari_olivine.readers.assemble import importer
from napari_olivine.readers.epma import report_source
from napari_olivine.section import Section
from tests.helpers.sources import PROFILE, make_images, make_mosaic, make_text_maps, tile_file

EVERYTHING = slice(0, 1 << 30)


def whole(section: Section, name: str) -> np.ndarray:
    return section.raster("images", name).read(EVERYTHING, EVERYTHING)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != "product.json" and "work" not in file.parts
    }


def add_epma(source: Path) -> None:
    (source / "epma").mkdir()
    (source / "epma" / "p1.csv").write_text(PROFILE)
    (source / "epma" / "placements.csv").write_text(
        "profile,x0_px,y0_px,x1_px,y1_px,use\np1,1,2,30,4,test\n"
    )
    (source / "sessions.csv").write_text(
        "session,first_row,last_row,first_col,last_col,role\n1,0,2,0,1,train\n2,0,2,2,3,val\n"
    )


class Watched:
    """A signal's reader that tells of every strip before it is read."""

    def __init__(self, reader, before):
        self._reader, self._before = reader, before

    def __getattr__(self, name):
        return getattr(self._reader, name)

    def read(self, start, stop, job):
        self._before(self._reader.name, start)
        return self._reader.read(start, stop, job)


def watch(monkeypatch, before) -> None:
    """Call ``before(signal, row)`` before each strip is read from the source."""
    recognised_by = importer.read_source

    def watched(*arguments):
        source = recognised_by(*arguments)
        signals = {name: Watched(one, before) for name, one in source.signals.items()}
        return replace(source, signals=signals)

    monkeypatch.setattr(importer, "read_source", watched)


@pytest.fixture
def source(tmp_path) -> Path:
    """Three signals of 1300 x 300 px: two strips each, one tile row cut by their edge."""
    folder = tmp_path / "source"
    make_mosaic(folder, tile_shape=(260, 75), grid=(5, 4), signals=("BSE", "Mg", "Si"))
    return folder


def test_a_mosaic_becomes_a_section(tmp_path):
    images = make_mosaic(tmp_path / "source", dtype="uint16")
    add_epma(tmp_path / "source")
    section = import_section(tmp_path / "source", tmp_path / "section")
    record = section.record
    assert (record.name, record.shape, record.pixel_size_um) == ("test", (60, 120), 0.5)
    assert (record.tile_shape, record.accelerating_voltage_kv) == ((20, 30), 15)
    assert record.signals == ["BSE", "Mg"]
    for name, expected in images.items():
        np.testing.assert_array_equal(whole(section, name), expected)
        assert section.raster("images", name).dtype == np.uint16
        assert section.raster("images", name).reduction == "mean"
    assert [session.role for session in section.sessions()] == ["train", "val"]
    assert section.sessions()[1].window == (slice(0, 60), slice(60, 120))
    assert section.annotation("placements").to_numpy().tolist() == [
        ["p1", "line", 0.5, 1.0, 15.0, 2.0, "test"]
    ]
    assert section.table("epma", "analyses")["MgO"].tolist() == [47, 42]
    assert section.state("images") == section.state("epma") == "fresh"


def test_every_form_becomes_a_section_with_the_same_tables(tmp_path):
    make_mosaic(tmp_path / "tiles")
    make_text_maps(tmp_path / "text")
    make_images(tmp_path / "images")
    settings = ImportSettings(pixel_size_um=2)
    for form in ("tiles", "text", "images"):
        section = import_section(tmp_path / form, tmp_path / "sections" / form, settings)
        assert [session.role for session in section.sessions()] == ["train"]
        assert list(section.annotation("placements")) == [
            "profile", "kind", "x0_um", "y0_um", "x1_um", "y1_um", "use",
        ]  # fmt: skip
        table = section.table("epma", "analyses")
        assert {"profile", "point", "distance_um", "FeO", "MgO", "Total", "x_um"} <= set(table)
        assert len(table) == (2 if form == "text" else 0)


def test_images_are_valid_ome_zarr(source, tmp_path):
    section = import_section(source, tmp_path / "section")
    assert zarr.open_group(section.path, mode="r").metadata.zarr_format == 3
    for name in section.record.signals:
        image = Image.from_zarr(zarr.open_group(section.path / "images" / name, mode="r"))
        assert image.ome_attributes.version == "0.5"
        levels = image.ome_attributes.multiscales[0].datasets
        assert len(levels) == 3  # 1300, 650, 325 rows
        assert [axis.unit for axis in image.ome_attributes.multiscales[0].axes] == [
            "micrometer"
        ] * 2


def messages(events: list[Event]) -> list[str]:
    """What the person is told; progress is not."""
    return [event["message"] for event in events if event["event"] == "message"]


def test_a_finished_import_does_nothing_again(source, tmp_path):
    import_section(source, tmp_path / "section")
    before = contents(tmp_path / "section")
    times = [file.stat().st_mtime_ns for file in sorted((tmp_path / "section").rglob("*.json"))]
    said = []
    import_section(source, tmp_path / "section", job=Job(listen=said.append))
    assert messages(said) == ["images is up to date.", "epma is up to date."]
    assert contents(tmp_path / "section") == before
    assert times == [
        file.stat().st_mtime_ns for file in sorted((tmp_path / "section").rglob("*.json"))
    ]


def test_force_repeats_it(source, tmp_path):
    section = import_section(source, tmp_path / "section")
    first = section.product("images")
    import_section(source, tmp_path / "section", job=Job(force=True))
    second = section.product("images")
    assert second.created > first.created
    assert second.fingerprint == first.fingerprint


def test_a_stopped_import_goes_on(source, tmp_path, monkeypatch):
    """Stopped at every point where it can be: the end is the same to the byte."""
    untouched = contents(import_section(source, tmp_path / "untouched").path)
    place = tmp_path / "section"
    journal = place / "work" / "images" / "finished.jsonl"
    reads: list[tuple[str, int]] = []

    def before(name, row):
        done = journal.read_text() if journal.exists() else ""
        assert f"('{name}', {row})" not in done, "a strip that was finished is never read again"
        reads.append((name, row))

    watch(monkeypatch, before)
    job = Job()
    events = 0
    stop_at = 1

    def stop(event):
        nonlocal events
        events += 1
        if events == stop_at:
            job.cancel.set()

    job.listen = stop
    stops = 0
    while stops < 100:
        job.cancel.clear()
        events = 0
        try:
            section = import_section(source, place, job=job)
            break
        except Cancelled:
            stops += 1
            stop_at += 1
    assert stops > 10
    assert contents(section.path) == untouched
    # Two strips of three signals; a stop may lose the one that was being read ahead.
    assert len(set(reads)) == 3 * 2 <= len(reads) <= 3 * 2 + stops


def test_a_failure_in_a_strip_keeps_those_before_it(source, tmp_path, monkeypatch):
    place = tmp_path / "section"
    untouched = contents(import_section(source, tmp_path / "untouched").path)

    def fail(name, row):
        if (name, row) == ("Mg", 1024):
            raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        watch(patched, fail)
        with pytest.raises(OSError, match="Input/output error"):
            import_section(source, place)
    assert Section(place).product("images") is None
    assert not (place / "images").exists()
    reads = []
    watch(monkeypatch, lambda name, row: reads.append((name, row)))
    section = import_section(source, place)
    assert contents(section.path) == untouched
    assert reads == [("Mg", 1024), ("Si", 0), ("Si", 1024)]


def test_a_killed_import_goes_on(tmp_path):
    """The process is ended by the system in the middle of its strips."""
    images = make_mosaic(tmp_path / "source", tile_shape=(512, 256), grid=(12, 4))
    place = tmp_path / "section"
    code = (
        "import sys, time\n"
        "from napari_olivine.job import Event, Job\n"
        "from napari_olivine.readers import import_section\n"
        "slow = lambda event: time.sleep(0.3 if event['event'] == 'progress' else 0)\n"
        "import_section(sys.argv[1], sys.argv[2], job=Job(listen=slow))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path / "source", place])
    journal = place / "work" / "images" / "finished.jsonl"
    deadline = time.monotonic() + 60
    while not (journal.exists() and journal.read_text().count("\n") >= 3):
        assert time.monotonic() < deadline, "the import did not begin"
        assert process.poll() is None, "the import ended too early"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = journal.read_text().count("\n")
    assert not (place / "images").exists()
    said = []
    section = import_section(tmp_path / "source", place, job=Job(listen=said.append))
    for name, expected in images.items():
        np.testing.assert_array_equal(whole(section, name), expected)
    assert 3 <= finished < 12


def test_another_memory_gives_the_same_section(source, tmp_path):
    large = import_section(source, tmp_path / "large", job=Job(memory_bytes=8 << 30))
    small = import_section(source, tmp_path / "small", job=Job(memory_bytes=1 << 20))
    assert contents(large.path) == contents(small.path)


def test_another_source_is_refused(source, tmp_path):
    section = import_section(source, tmp_path / "section")
    before = contents(section.path)
    make_mosaic(tmp_path / "other", seed=5)
    with pytest.raises(SectionError, match=r"imported from .*source; import .*other into another"):
        import_section(tmp_path / "other", section.path)
    with pytest.raises(SectionError, match="with another pixel size, other signals"):
        import_section(source, section.path, ImportSettings(pixel_size_um=3))
    assert contents(section.path) == before


def test_a_source_that_was_moved_is_the_same(source, tmp_path):
    import_section(source, tmp_path / "section")
    moved = source.rename(tmp_path / "moved")
    said = []
    import_section(moved, tmp_path / "section", job=Job(listen=said.append))
    assert messages(said)[0] == "images is up to date."


def test_changed_tiles_are_imported_again(source, tmp_path):
    section = import_section(source, tmp_path / "section")
    first = section.fingerprint("images")
    make_mosaic(tmp_path / "new", tile_shape=(260, 75), grid=(5, 4), signals=("BSE",), seed=9)
    shutil.copy(tile_file(tmp_path / "new", "BSE", 1, 1), tile_file(source, "BSE", 1, 1))
    import_section(source, section.path)
    assert section.fingerprint("images") != first


def test_a_new_table_leaves_the_images_alone(source, tmp_path):
    section = import_section(source, tmp_path / "section")
    images, epma = section.fingerprint("images"), section.fingerprint("epma")
    add_epma(source)
    import_section(source, section.path)
    assert section.fingerprint("images") == images
    assert section.fingerprint("epma") != epma
    assert len(section.table("epma", "analyses")) == 2


def test_what_a_person_changed_stays(source, tmp_path):
    add_epma(source)
    section = import_section(source, tmp_path / "section")
    placements = section.annotation("placements").assign(x0_um=7.5, use="ignore")
    section.annotate("placements", placements)
    sessions = section.annotation("sessions").assign(role="test")
    section.annotate("sessions", sessions)
    import_section(source, section.path, job=Job(force=True))
    assert section.annotation("placements")["x0_um"].tolist() == [7.5]
    assert section.annotation("sessions")["role"].tolist() == ["test", "test"]


def test_a_bad_source_leaves_no_folder(source, tmp_path):
    tile_file(source, "Mg", 0, 0).unlink()
    with pytest.raises(InputError, match=r"r00_c00\.tif is missing"):
        import_section(source, tmp_path / "section")
    assert not (tmp_path / "section").exists()


def test_missing_tiles_are_kept_in_the_record(source, tmp_path):
    tile_file(source, "Mg", 0, 0).unlink()
    said = []
    section = import_section(
        source, tmp_path / "section", ImportSettings(skip_missing=True), Job(listen=said.append)
    )
    assert (whole(section, "Mg")[:260, :75] == 0).all()
    assert (whole(section, "Mg")[260:, 75:] > 0).all()
    (missing,) = section.product("images").notes["missing_tiles"]
    assert "r00_c00.tif is missing" in missing
    warnings = [event["message"] for event in said if event["event"] == "warning"]
    assert warnings == [f"{missing}; it is left black"]


def test_source_and_section_must_lie_apart(source):
    for place in (source, source / "section", source.parent):
        with pytest.raises(InputError, match="choose a folder beside it"):
            import_section(source, place)


def test_a_folder_with_something_else_is_refused(source, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("cat")
    with pytest.raises(SectionError, match="is not empty and holds no section"):
        import_section(source, tmp_path / "photos")


def test_problems_are_told_as_warnings(source, tmp_path):
    add_epma(source)
    (source / "epma" / "p2.csv").write_text(PROFILE.replace("47", "crack"))
    said = []
    import_section(source, tmp_path / "section", job=Job(listen=said.append))
    warnings = [event["message"] for event in said if event["event"] == "warning"]
    assert len(warnings) == 2
    assert "p2.csv: 1 cells of 'MgO' hold no number ('crack')" in warnings[0]
    assert "'p2' has no placement yet" in warnings[1]


def test_the_small_standard_section(shared_data, tmp_path):
    source = shared_data / "section-small"
    section = import_section(source, tmp_path / "section")
    assert section.shape == (1352, 2048)
    assert [(s.session, s.role) for s in section.sessions()] == [("1", "train"), ("2", "val")]
    assert section.sessions()[1].window == (slice(0, 1352), slice(1024, 2048))
    assert section.table("epma", "analyses")["profile"].nunique() == 5
    assert len(section.annotation("placements")) == 5


def test_the_report_of_the_tables_is_kept_with_the_section(tmp_path: Path) -> None:
    source = tmp_path / "source"
    make_images(source)
    (source / "epma").mkdir()
    (source / "epma" / "p1.csv").write_text(PROFILE)
    section = import_section(source, tmp_path / "section", ImportSettings(pixel_size_um=1.0))
    pd.testing.assert_frame_equal(report_source(section.path), report_source(source))
    assert report_source(section.path)["profile"].tolist() == ["p1"]
