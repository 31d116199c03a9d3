"""Segmentation on a dask scheduler: the same result, whoever dies; and what can be wrong there."""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event as Flag

import numpy as np
import pytest
import torch
from distributed import Client, Future, LocalCluster, Worker

from napari_olivine.errors import Cancelled, InputError, SectionError
from napari_olivine.inference import SegmentSettings, cluster_client, segment
from napari_olivine.inference.cell_queue import CellQueue, View
from napari_olivine.inference.cell_store import CELLS
from napari_olivine.inference.cluster_task import Run, make_guard, predict_piece
from napari_olivine.inference.dask_array import probability_dask
from napari_olivine.inference.models import choose_models
from napari_olivine.inference.plan import make_plan
from napari_olivine.inference.windows import CELL, make_grid
from napari_olivine.job import Event, Job
from napari_olivine.networks import Normalisation, claim_gpu
from napari_olivine.networks.build import build_network
from napari_olivine.networks.files import save_model
from napari_olivine.section import Section, Tiles
from napari_olivine.section.draft import RECIPE
from tests.helpers.sections import make_section
from tests.networks.test_networks import a_card

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As many as each worker has, so that sums are made in the same order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def workers() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", memory_limit=0
    ) as started:
        yield started


@pytest.fixture
def client(workers: LocalCluster) -> Iterator[Client]:
    with Client(workers.scheduler_address, set_as_default=False) as connected:
        connected.wait_for_workers(2)
        yield connected


PLAIN = Normalisation(align="none", median=110, spread=15, mean=(110.0,), std=(15.0,))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folders = []
    every = (("a", ["olivine"]), ("b", ["olivine", "pyroxene"]), ("plain", ["olivine"]))
    for name, classes in every:
        folder = tmp_path_factory.mktemp("models") / name
        folder.mkdir()
        torch.manual_seed(len(folders))
        network = build_network("light", classes=len(classes)).eval()
        other = {"normalisation": PLAIN} if name == "plain" else {}
        save_model(folder, network, a_card(classes=classes, **other))
        folders.append(str(folder))
    return folders


def stripe(folder: Path, shape: tuple[int, int] = (6 * CELL + 80, 60)) -> Section:
    random = np.random.default_rng(0)
    coarse = random.integers(40, 200, (shape[0] // 16 + 1, shape[1] // 16 + 1))
    image = np.kron(coarse, np.ones((16, 16)))[: shape[0], : shape[1]]
    return make_section(folder, {"BSE": (image + random.integers(0, 40, shape)).astype(np.uint8)})


def with_gaps(folder: Path) -> Section:
    """Four cells: in a tile, half in one, in none, and one that a corner of a tile reaches."""
    section = stripe(folder, (3 * CELL + 80, 60))
    tiles = Tiles.of_grid((3, 1), (CELL // 2, 40))
    tiles.table.loc[2, ["row0", "row1", "col0", "col1"]] = [
        3 * CELL + 50,
        7 * CELL // 2 + 50,
        -9,
        61,
    ]
    tiles.write(section.path / "images")
    return section


def how(scheduler: str = "", model: str = "", **other: object) -> SegmentSettings:
    values = {"engine": "float32", "overlap_px": 32, "model": model, "scheduler": scheduler}
    return SegmentSettings(**(values | other))


def whole(section: Section, product: str = "probability", name: str = "olivine") -> np.ndarray:
    return section.raster(product, name).read(slice(0, None), slice(0, None))


def alike(one: Section, other: Section, product: str = "probability") -> bool:
    levels = (s.raster(product, "olivine").levels for s in (one, other))
    return all(np.array_equal(a[:], b[:]) for a, b in zip(*levels, strict=True))


def at_first_cell(act: Callable[[], None]) -> tuple[Job, list[Event]]:
    """A job that does something once, when the first cell is told."""
    events: list[Event] = []

    def listen(event: Event) -> None:
        first = event["event"] == "cells" and all(e["event"] != "cells" for e in events)
        events.append(event)
        if first:
            act()

    return Job(listen=listen), events


def cells_of(events: list[Event]) -> list[tuple[int, int]]:
    return [tuple(cell) for event in events if event["event"] == "cells" for cell in event["cells"]]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, models: list[str]) -> Section:
    """The stripe, segmented in this process."""
    section = stripe(tmp_path_factory.mktemp("here") / "s")
    segment(section, how(model=models[0]))
    return section


# ---------------------------------------------------------------- the same result


def test_workers_make_what_this_process_makes(
    workers: LocalCluster, here: Section, models: list[str], tmp_path: Path
) -> None:
    there = stripe(tmp_path / "s")
    events: list[Event] = []
    job = Job(listen=events.append)
    product = segment(there, how(workers.scheduler_address, models[0]), job)
    assert alike(there, here)
    assert whole(there).std() > 1, "a result that is not the same everywhere"
    notes, expected = (s.require("probability").notes for s in (there, here))
    assert notes == expected
    assert product.notes == here.require("segmentation").notes
    assert there.require("probability").recipe == here.require("probability").recipe
    assert sorted(cells_of(events)) == [(row, 0) for row in range(7)]
    told = [event for event in events if event["event"] == "cells"][-1]
    assert told["histograms"] == {"probability": notes["histogram"]}
    assert told["done"] == told["total"] == 7
    done = [e["done"] for e in events if e.get("message") == "Segmenting"]
    assert done == sorted(done)
    assert done[-1] == 7
    assert not list((there.path / "work").glob("*probe*"))


def test_gaps_and_two_models_at_once(
    workers: LocalCluster, models: list[str], tmp_path: Path
) -> None:
    sections = []
    for name, scheduler in (("here", ""), ("there", workers.scheduler_address)):
        section = with_gaps(tmp_path / name)
        segment(section, how(scheduler, models[0], compare=models[1]))
        sections.append(section)
    one, other = sections
    for product in ("probability", "compare/b"):
        assert alike(one, other, product)
        notes = [s.require(product).notes for s in sections]
        assert notes[0] == notes[1]
        inside = one.tiles().covers(slice(0, one.shape[0]), slice(0, one.shape[1]))
        assert not whole(other, product)[~inside].any()
        assert sum(notes[1]["histogram"]) == inside.sum()
    assert np.array_equal(
        whole(one, "compare/b", "pyroxene"), whole(other, "compare/b", "pyroxene")
    )
    assert whole(other, "compare/b", "pyroxene").any()


def test_averaged_windows_do_not_show_where_pieces_meet(
    workers: LocalCluster, models: list[str], tmp_path: Path
) -> None:
    found = []
    for name, scheduler in (("here", ""), ("there", workers.scheduler_address)):
        section = stripe(tmp_path / name, (2 * CELL + 80, 60))
        segment(section, how(scheduler, models[0], blend="mean", window_px=512))
        found.append(whole(section).astype(int))
    assert np.abs(found[0] - found[1]).max() <= 1


# ---------------------------------------------------------------- who dies, and who is stopped


def test_a_worker_that_is_killed_changes_nothing(
    workers: LocalCluster, client: Client, here: Section, models: list[str], tmp_path: Path
) -> None:
    pids = client.run(os.getpid)

    def kill() -> None:
        os.kill(next(iter(pids.values())), signal.SIGKILL)

    job, events = at_first_cell(kill)
    there = stripe(tmp_path / "s")
    segment(there, how(workers.scheduler_address, models[0]), job)
    assert cells_of(events)
    assert set(client.run(os.getpid).values()) != set(pids.values())
    assert alike(there, here)
    assert there.require("probability").notes == here.require("probability").notes


def test_a_stopped_run_goes_on_where_it_stopped(
    workers: LocalCluster, here: Section, models: list[str], tmp_path: Path
) -> None:
    there = stripe(tmp_path / "s")
    stopped, before = at_first_cell(lambda: stopped.cancel.set())
    with pytest.raises(Cancelled):
        segment(there, how(workers.scheduler_address, models[0]), stopped)
    noted = (there.path / "work" / "probability" / CELLS).read_text().splitlines()
    kept = {tuple(json.loads(line)[0]) for line in noted}
    assert kept >= set(cells_of(before))
    assert 0 < len(kept) < 7
    after: list[Event] = []
    segment(there, how(workers.scheduler_address, models[0]), Job(listen=after.append))
    assert set(cells_of(after)) == {(row, 0) for row in range(7)} - kept
    assert alike(there, here)


def test_a_killed_command_goes_on_and_elsewhere(
    workers: LocalCluster, here: Section, models: list[str], tmp_path: Path
) -> None:
    there = stripe(tmp_path / "s")
    options = ["--engine", "float32", "--overlap-px", "32", "--model", models[0]]
    command = ["segment", str(there.path), *options, "--scheduler", workers.scheduler_address]
    with subprocess.Popen(
        [sys.executable, "-m", "napari_olivine", *command, "--json-events"],
        stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdout is not None
        for line in running.stdout:
            if json.loads(line)["event"] == "cells":
                running.kill()
                break
    assert running.returncode == -signal.SIGKILL
    assert there.product("probability") is None
    after: list[Event] = []
    segment(there, how(model=models[0]), Job(listen=after.append))  # in this process
    assert 0 < len(cells_of(after)) < 7
    assert alike(there, here)
    assert there.require("probability").notes["histogram"] == list(
        np.bincount(whole(there).ravel(), minlength=256)
    )


def test_a_scheduler_that_dies_and_one_that_loses_all_workers(
    here: Section, models: list[str], tmp_path: Path
) -> None:
    there, file = stripe(tmp_path / "s"), tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    own = ["--port", "0", "--dashboard-address", ":0", "--scheduler-file", str(file)]
    work = [*dask, "worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny"]
    scheduler = subprocess.Popen([*dask, "scheduler", *own], **quiet)
    first = subprocess.Popen(work, **quiet)
    second: list[subprocess.Popen[bytes]] = []
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        if event["event"] == "cells" and len(cells_of(events)) in (1, 2) and not second:
            first.kill()
        if event["event"] == "warning" and "No worker is left" in event["message"]:
            second.append(subprocess.Popen(work, **quiet))
        if event["event"] == "cells" and second:
            scheduler.kill()

    try:
        while not file.exists():
            assert scheduler.poll() is None
        with pytest.raises(InputError, match="went away. What is finished is kept"):
            segment(there, how(str(file), models[0]), Job(listen=listen))
    finally:
        for process in (scheduler, first, *second):
            process.kill()
            process.wait()
    after: list[Event] = []
    segment(there, how(model=models[0]), Job(listen=after.append))
    assert sorted(cells_of(events) + cells_of(after)) == [(row, 0) for row in range(7)]
    assert len(second) == 1
    assert alike(there, here)


def test_no_result_is_waited_for_since_its_holder_may_die(
    client: Client,
    here: Section,
    models: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that the command needs of a piece comes with its events."""

    def never(future: Future) -> None:
        Flag().wait()

    monkeypatch.setattr(Future, "result", never)
    there = stripe(tmp_path / "s")
    segment(there, how(client.scheduler.address, models[0]))
    assert alike(there, here)


def test_a_stopped_or_dead_command_is_noticed_by_the_workers(
    workers: LocalCluster, client: Client, models: list[str], tmp_path: Path
) -> None:
    """The scheduler withdraws the pieces of a client that is gone; workers stop within one."""
    there = stripe(tmp_path / "s", (6 * CELL + 80, 600))
    stopped, _ = at_first_cell(lambda: stopped.cancel.set())
    with pytest.raises(Cancelled):
        segment(there, how(workers.scheduler_address, models[0]), stopped)
    deadline = time.monotonic() + 20
    while any(client.processing().values()) or any(client.run(executing).values()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len(list((there.path / "work" / "probability" / "olivine" / "0").glob("c/*/*"))) < 7


def executing(dask_worker: Worker) -> int:
    """How many threads of a worker are busy."""
    return len(dask_worker.active_threads)


def test_a_piece_that_comes_too_late_is_not_written(tmp_path: Path) -> None:
    draft = tmp_path / "draft"
    draft.mkdir()
    guard = make_guard(draft, "mine")
    (draft / RECIPE).write_text("mine")
    guard()
    (draft / RECIPE).write_text("another")
    with pytest.raises(Exception, match="another run has replaced it"):
        guard()
    (draft / RECIPE).unlink()  # the product was put in place
    with pytest.raises(Exception, match="is not there"):
        guard()


# ---------------------------------------------------------------- what can be wrong


def test_a_scheduler_that_cannot_be_reached(
    here: Section, models: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_client, "CONNECT_S", 0.5)
    for address in ("tcp://127.0.0.1:1", "nonsense://x", "tcp://no.such.host.invalid:8786"):
        with pytest.raises(InputError, match=f"none answers at '{address}'"):
            segment(here, how(address, models[0], overlap_px=96))


def test_a_run_is_stopped_while_it_connects(here: Section, models: list[str]) -> None:
    job = Job()
    job.listen = lambda event: "Connecting" in event.get("message", "") and job.cancel.set()
    with pytest.raises(Cancelled):
        segment(here, how("tcp://10.255.255.1:8786", models[0], overlap_px=96), job)


def test_a_scheduler_without_workers(
    here: Section, models: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_client, "CONNECT_S", 1.0)
    with LocalCluster(n_workers=0, dashboard_address=":0") as empty:
        with pytest.raises(InputError, match=f"{empty.scheduler_address} has no workers"):
            segment(here, how(empty.scheduler_address, models[0], overlap_px=96))


def test_without_distributed(
    here: Section, models: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'napari-olivine\[cluster\]'"):
        segment(here, how("tcp://127.0.0.1:1", models[0], overlap_px=96))


def with_version(found: str) -> Callable[[], None]:
    """What makes a worker believe that it has another version, or none."""

    def patch() -> None:
        from distributed import versions

        there = getattr(versions, "true_version", versions._version_cached)
        versions.true_version = there
        versions._version_cached = lambda name: (
            (found or None) if name == "napari-olivine" else there(name)
        )

    return patch


def blind() -> None:
    """What makes a worker see no file of this machine's sections."""
    from napari_olivine.inference import cluster_task

    cluster_task.can_be_read = lambda file: False


def test_workers_that_cannot_be_used_are_named(
    here: Section, models: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_client, "PROBE_S", 0.3)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as own,
        Client(own, set_as_default=False) as client,
    ):
        address = own.scheduler_address
        first = next(iter(client.nthreads()))
        settings = how(address, models[0], overlap_px=96)
        client.run(with_version(""), workers=[first])
        with pytest.raises(InputError, match=f"1 of 2 .* {first} has no napari-olivine, install"):
            segment(here, settings)
        client.run(with_version("0.0.1"), workers=[first])
        with pytest.raises(InputError, match=f"{first} has napari-olivine 0.0.1, here it is"):
            segment(here, settings)
        client.run(with_version(importlib.metadata.version("napari-olivine")))
        client.run(blind, workers=[first])
        with pytest.raises(InputError, match=f"{first} does not see {here.path}, which must be"):
            segment(here, settings)


def test_a_worker_that_comes_later_is_looked_at_too() -> None:
    run = Run("r", "0.0.1", None, {})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"A worker: it has napari-olivine .*, but 0.0.1 was"):
        predict_piece(run, {})


def test_a_piece_that_fails_tells_where_and_keeps_what_is_finished(
    workers: LocalCluster, models: list[str], tmp_path: Path
) -> None:
    there = stripe(tmp_path / "s")
    file = next((there.path / "images" / "BSE" / "0").glob("c/6/*"))
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    settings = how(workers.scheduler_address, models[2])
    with pytest.raises(SectionError, match=r"Worker .*tcp://.*BSE is damaged.*is kept; run the"):
        segment(there, settings)
    assert there.product("probability") is None
    file.write_bytes(content)
    after: list[Event] = []
    segment(there, settings, Job(listen=after.append))
    assert 0 < len(cells_of(after)) < 7
    assert (6, 0) in cells_of(after)


# ---------------------------------------------------------------- pieces, cards, live views


def test_squares_are_taken_once_and_pieces_repeat_few_windows() -> None:
    order = CellQueue((5, 7), {(i, j) for i in range(5) for j in range(7)} - {(0, 0), (1, 1)})
    squares = []
    while square := order.take_square(2):
        squares.append(square)
    assert squares[0] == [(0, 1), (1, 0)]
    assert sorted(cell for square in squares for cell in square) == [
        (i, j) for i in range(5) for j in range(7) if (i, j) not in {(0, 0), (1, 1)}
    ]
    assert len(squares) == 3 * 4
    order = CellQueue((8, 8), {(i, j) for i in range(8) for j in range(8)}, whole=False)
    assert order.follow({"view": {"rows": [4.2 * CELL, 4.4 * CELL], "columns": [0, CELL]}})
    assert order.view == View((4.2 * CELL, 4.4 * CELL), (0, CELL))
    assert order.take_square(1) == [(4, 0)]
    assert order.take_square(1) == []
    assert not order.follow({"whole": True})
    assert order.take_square(1) == [(0, 0)]


@pytest.mark.parametrize(
    ("blend", "side", "cost"), [("halo", 1, 1.0), ("mean", 4, 2.25), ("mean", 16, 1.27)]
)
def test_windows_that_pieces_repeat(blend: str, side: int, cost: float) -> None:
    """The figures of docs/steps/cluster.md, for windows of 1280 px that overlap by 256."""
    grid = make_grid((48 * CELL, 48 * CELL), 1280, 256, blend)
    inner = [(16 + i, 16 + j) for i in range(side) for j in range(side)]
    windows = {place for cell in inner for place in grid.windows_of(cell)}
    assert len(windows) / len(inner) == pytest.approx(cost, abs=0.006)


def test_each_worker_takes_a_card_of_its_own(client: Client, tmp_path: Path) -> None:
    cards = ["GPU-1", "GPU-2", "GPU-3"]
    taken = client.run(claim_gpu, cards, tmp_path)
    assert sorted(taken.values()) == [0, 1]
    assert client.run(claim_gpu, cards, tmp_path) == taken, "and keeps it"
    assert claim_gpu(cards, tmp_path) == 2
    assert next(iter(client.run(claim_gpu, ["GPU-3"], tmp_path).values())) == 0, "or shares"


def test_cells_in_view_come_first_from_workers_too(
    workers: LocalCluster, here: Section, models: list[str], tmp_path: Path
) -> None:
    there = stripe(tmp_path / "s")
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        if event["event"] == "cells" and len(cells_of(events)) == 2:
            coarse = there.path / "work" / "probability" / "olivine" / "1" / "c"
            seen.append((coarse / "3" / "0").exists())
            job.orders.put({"whole": True})

    seen: list[bool] = []
    job = Job(listen=listen)
    view = {"rows": [3.1 * CELL, 4.9 * CELL], "columns": [0, 60]}
    job.orders.put({"view": view})
    segment(there, how(workers.scheduler_address, models[0], live=True), job)
    order = cells_of(events)
    assert set(order[:2]) == {(3, 0), (4, 0)}
    assert seen == [True], "overviews are kept up"
    assert alike(there, here)


# ---------------------------------------------------------------- the dask array


def test_the_lazy_probability_on_any_scheduler(
    client: Client, here: Section, models: list[str]
) -> None:
    settings = how(model=models[0])
    lazy = probability_dask(here, settings)
    expected = whole(here)
    region = (slice(CELL - 40, CELL + 50), slice(10, 50))
    for scheduler in ("threads", "synchronous", client):
        found = lazy[region].compute(scheduler=scheduler)
        assert np.array_equal(found, expected[region]), scheduler
    level = here.raster("probability", "olivine").levels[2]
    coarse = probability_dask(here, settings, level=2)
    assert coarse.shape == level.shape
    assert np.array_equal(coarse[300:500].compute(scheduler=client), level[300:500])


def test_work_is_other_work_when_the_model_is_another(here: Section, models: list[str]) -> None:
    def work(model: str, **other: object) -> object:
        models = {"probability": choose_models(here, model)}
        return make_plan(here, models, how(model=model, **other), Job()).network_part

    assert work(models[0]) == work(models[0], threshold=0.4, scheduler="tcp://a:1", live=True)
    assert work(models[0]) != work(models[0], overlap_px=96)
    assert work(models[0]) != work(models[1])
    weights = Path(models[1]) / "weights.safetensors"
    before, content = work(models[1]), weights.read_bytes()
    weights.write_bytes(content + b" ")
    assert work(models[1]) != before, "a model that was trained again under the same name"
    weights.write_bytes(content)
