"""Inference: windows, blending, and the step, stopped and gone on with."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings, strategies as st

from napari_olivine.errors import Cancelled, InputError, SectionError
from napari_olivine.inference import SegmentSettings, predictor as predictor_module, segment
from napari_olivine.inference.blending import Blender
from napari_olivine.inference.cell_queue import CellQueue, View
from napari_olivine.inference.windows import CELL, make_axis, make_grid
from napari_olivine.job import Job
from napari_olivine.networks import MEASURES, Appearance, Normalisation, read_card
from napari_olivine.networks.card import write_card
from napari_olivine.section import Section
from napari_olivine.training import TrainSettings, train
from tests.helpers.grains import SIDE, iou, make_grains, trained_grains
from tests.helpers.sections import make_section
from tests.networks.test_networks import a_card

pytestmark = pytest.mark.slow


class Grey(torch.nn.Module):
    """A network whose answer is known: the logit is the normalised grey itself."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images[:, :1]


class Context(torch.nn.Module):
    """A network that looks eight pixels around, with zeros beyond its window."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(images[:, :1], 17, 1, 8)


def put_model(folder: Path, **other: object) -> Path:
    folder.mkdir(parents=True)
    write_card(folder, a_card(**other))
    (folder / "weights.safetensors").write_bytes(b"of no concern here")
    return folder


def use(monkeypatch: pytest.MonkeyPatch, network: torch.nn.Module) -> None:
    monkeypatch.setattr(
        predictor_module, "load_model", lambda folder: (network.eval(), read_card(folder))
    )


PLAIN = Normalisation(align="none", median=110, spread=15, mean=(110.0,), std=(15.0,))


@pytest.fixture
def noise(tmp_path: Path) -> Section:
    random = np.random.default_rng(0)
    image = random.integers(1, 250, (1500, 420)).astype(np.uint8)
    return make_section(tmp_path / "noise", {"BSE": image})


def probability_of(section: Section) -> np.ndarray:
    raster = section.raster("probability", "olivine")
    return raster.read(slice(0, None), slice(0, None))


# ---------------------------------------------------------------- windows


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(1, 700),
    window=st.integers(2, 10).map(lambda k: 32 * k),
    part=st.floats(0, 0.9),
    blend=st.sampled_from(["mean", "cosine", "halo"]),
)
def test_every_pixel_is_covered(length: int, window: int, part: float, blend: str) -> None:
    overlap = int(window * part)
    if overlap >= min(window, -(-(length + 2 * (overlap // 2)) // 32) * 32):
        with pytest.raises(InputError, match="overlap_px"):
            make_axis(length, window, overlap, blend)
        return
    axis = make_axis(length, window, overlap, blend)
    assert axis.window <= window
    assert (axis.total > 0.1).all()
    assert axis.starts[0] == -(overlap // 2)
    assert axis.starts[-1] + axis.window >= length + overlap // 2
    if blend == "mean":
        pixels = np.arange(length)
        count = sum((pixels >= s) & (pixels < s + axis.window) for s in axis.starts)
        assert np.array_equal(axis.total, count)


def test_cosine_weights_of_neighbours_add_up_to_one() -> None:
    axis = make_axis(1000, 256, 64, "cosine")
    assert axis.total[40:900] == pytest.approx(1, abs=1e-6)
    assert axis.weights[0] < 0.01
    assert axis.weights[128] == 1


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(1, 3000),
    window=st.integers(2, 40).map(lambda k: 32 * k),
    part=st.floats(0, 0.7),
    blend=st.sampled_from(["mean", "cosine", "halo"]),
)
@example(length=18, window=64, part=15 / 32, blend="halo")
def test_windows_and_cells_know_each_other(
    length: int, window: int, part: float, blend: str
) -> None:
    axis = make_axis(length, window, int(32 * part), blend)
    for cell in range(axis.cells):
        assert axis.windows_of(cell), "each cell has a window"
        shares = np.zeros(axis.cell(cell).stop - axis.cell(cell).start)
        for k in axis.windows_of(cell):
            assert cell in axis.cells_of(k)
            first, last = axis.support(k)
            pixels = slice(max(first, cell * CELL), min(last, axis.cell(cell).stop))
            shares[pixels.start - cell * CELL : pixels.stop - cell * CELL] += axis.share(k, pixels)
        assert shares == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("blend", ["mean", "cosine", "halo"])
@pytest.mark.parametrize("most", [1, 2, 100])
def test_windows_in_any_order_give_their_weighted_mean(blend: str, most: int) -> None:
    random = np.random.default_rng(0)
    grid = make_grid((1330, 2210), 480, 200, blend)
    values = {
        (i, j): random.integers(0, 256, (1, 480, 480)).astype(np.uint8)
        for i in range(len(grid.rows.starts))
        for j in range(len(grid.columns.starts))
    }
    total, weight = np.zeros((2, 2400, 3300))
    for place, block in values.items():
        top, left = grid.corner(place)
        both = grid.rows.weights[:, None] * grid.columns.weights[None]
        where = (slice(500 + top, 980 + top), slice(500 + left, 980 + left))
        total[where] += block[0] * both
        weight[where] += both
    expected = (total / np.maximum(weight, 1e-9))[500:1830, 500:2710]
    found: dict[tuple[int, int], np.ndarray] = {}
    blender = Blender(grid, 1, lambda cell: cell not in found, most)
    order = list(values)
    rounds = 0
    while len(found) < 6:  # with too little room for unfinished cells, windows are asked for again
        random.shuffle(order)
        missing = {p for cell in grid.cells() if cell not in found for p in blender.missing(cell)}
        for place in sorted(missing) if rounds else order:
            found.update(blender.add(place, values[place]))
        blender.make_room()
        rounds += 1
        assert rounds < 20
    for cell, block in found.items():
        assert np.abs(block[0] - expected[grid.cell(cell)]).max() <= 0.502


def test_cells_in_view_come_first_from_its_middle() -> None:
    order = CellQueue((5, 6), {(i, j) for i in range(5) for j in range(6)}, whole=False)
    assert order.take() is None, "nobody looks"
    order.view = View((1.2 * CELL, 3.8 * CELL), (2.1 * CELL, 4.9 * CELL))
    first = order.take()
    assert first == (2, 3)
    seen = {first}
    while (cell := order.take()) is not None:
        seen.add(cell)
    assert seen == {(i, j) for i in (1, 2, 3) for j in (2, 3, 4)}
    assert order.in_view() == (0, 9)
    order.whole = True
    assert order.take() == (0, 0)
    order.view = View((4.5 * CELL, 9 * CELL), (5 * CELL, 9 * CELL))
    assert order.take() == (4, 5)
    order.view = View((-9.0 * CELL, -3.0 * CELL), (7.0 * CELL, 8.0 * CELL))
    assert order.in_view() == (0, 0)
    rest = []
    while (cell := order.take()) is not None:
        rest.append(cell)
    assert rest == sorted(rest)
    assert len(rest) == 30 - 9 - 2


# ---------------------------------------------------------------- the step


@pytest.mark.parametrize("blend", ["mean", "cosine", "halo"])
@pytest.mark.parametrize(("window", "overlap", "batch"), [(256, 64, 1), (320, 200, 3)])
def test_windows_leave_no_trace_where_no_context_counts(
    noise: Section, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    blend: str, window: int, overlap: int, batch: int,
) -> None:  # fmt: skip
    use(monkeypatch, Grey())
    model = put_model(tmp_path / "model", normalisation=PLAIN)
    how = SegmentSettings(
        model=str(model), window_px=window, overlap_px=overlap, blend=blend, batch=batch
    )
    product = segment(noise, how)
    grey = noise.raster("images", "BSE").read(slice(0, None), slice(0, None)).astype(np.float32)
    expected = np.rint(255 / (1 + np.exp(-(grey - 110) / 15)))
    found = probability_of(noise)
    assert np.abs(found - expected).max() <= 1
    mask = noise.raster("segmentation", "olivine").read(slice(0, None), slice(0, None))
    assert np.array_equal(mask, found >= 0.1 * 255)
    assert product.notes["olivine_percent"] == pytest.approx(100 * mask.mean(), abs=1e-3)
    assert product.name == "segmentation"


def test_what_is_unlike_the_training_is_told_before_the_network_runs(
    noise: Section, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Grey())
    cells = np.random.default_rng(0).normal(0, 0.1, (60, len(MEASURES)))
    learned = Appearance.learn(cells, cells)
    model = put_model(tmp_path / "model", normalisation=PLAIN, appearance=learned)
    events: list[dict] = []
    segment(noise, SegmentSettings(model=str(model)), Job(listen=events.append))
    kinds = [event["event"] for event in events]
    assert kinds.index("compared") < kinds.index("warning") < kinds.index("growing")
    assert noise.product("out_of_distribution").notes["unlike_percent"] == 100
    segment(noise, SegmentSettings(model=str(put_model(tmp_path / "old", normalisation=PLAIN))))
    assert noise.product("out_of_distribution") is None, "of another model nothing is known"


def test_blended_windows_agree_with_one_large_window(
    noise: Section, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Context())
    model = str(put_model(tmp_path / "model", normalisation=PLAIN))
    found = {}
    for name, window, overlap, blend in (
        ("one", 2048, 256, "mean"),
        ("cosine", 256, 96, "cosine"),
        ("mean", 256, 96, "mean"),
    ):
        how = SegmentSettings(model=model, window_px=window, overlap_px=overlap, blend=blend)
        segment(noise, how)
        found[name] = probability_of(noise).astype(int)
    cosine, mean = (np.abs(found[name] - found["one"]) for name in ("cosine", "mean"))
    # Within eight pixels of a window's edge this network is wrong; weights near zero hide it.
    assert cosine.max() <= 6
    assert cosine.mean() < 0.3 * mean.mean()


def test_sessions_that_drift_are_levelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section, _ = make_grains(tmp_path / "s", drift=(0, 5, 12))
    use(monkeypatch, Grey())
    model = str(put_model(tmp_path / "model"))
    segment(section, SegmentSettings(model=model, window_px=256, overlap_px=32))
    levelled = probability_of(section)
    medians = [np.median(levelled[:, SIDE * k : SIDE * (k + 1)]) for k in range(3)]
    assert np.ptp(medians) <= 5  # one grey level is 4 of 255 here
    assert section.product("probability").recipe.inputs.keys() >= {"annotations/sessions"}


def test_stopped_segmentation_ends_where_an_unbroken_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    image = random.integers(1, 250, (2500, 1300)).astype(np.uint8)
    noise = make_section(tmp_path / "noise", {"BSE": image})
    use(monkeypatch, Context())
    how = SegmentSettings(
        model=str(put_model(tmp_path / "m", normalisation=PLAIN)), window_px=512, overlap_px=128
    )
    segment(noise, how)
    whole = probability_of(noise)
    shutil.rmtree(noise.path / "probability")
    job = Job()

    def stop_late(event: dict) -> None:
        if event.get("message") == "Segmenting" and event["done"] >= 0.7 * event["total"]:
            job.cancel.set()

    job.listen = stop_late
    with pytest.raises(Cancelled):
        segment(noise, how, job)
    assert noise.product("probability") is None
    events: list[dict] = []
    again = Job(listen=events.append)
    segment(noise, how, again)
    begun = [e["done"] / e["total"] for e in events if e.get("message") == "Segmenting"]
    assert begun[0] > 0.2  # the first strip is not made again
    assert np.array_equal(probability_of(noise), whole)


def test_another_threshold_does_not_run_the_network_again(
    noise: Section, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Grey())
    model = str(put_model(tmp_path / "model", normalisation=PLAIN))
    first = segment(noise, SegmentSettings(model=model))
    made = noise.require("probability").created, (noise.path / "probability").stat().st_mtime_ns
    monkeypatch.setattr(predictor_module, "load_model", None)
    second = segment(noise, SegmentSettings(model=model, threshold=0.5))
    again = noise.require("probability").created, (noise.path / "probability").stat().st_mtime_ns
    assert again == made
    assert second.notes["olivine_percent"] < first.notes["olivine_percent"]
    mask = noise.raster("segmentation", "olivine").read(slice(0, None), slice(0, None))
    assert np.array_equal(mask, probability_of(noise) >= 0.5 * 255)
    assert noise.state("segmentation") == "fresh"


def test_models_that_do_not_fit_are_refused(noise: Section, tmp_path: Path) -> None:
    with pytest.raises(SectionError, match="no model yet. Run the step 'train' first"):
        segment(noise)
    with pytest.raises(SectionError, match="no model 'x'"):
        segment(noise, SegmentSettings(model="x"))
    fine = put_model(tmp_path / "fine", pixel_size_um=0.5)
    with pytest.raises(InputError, match=r"trained at 0\.5 um a pixel, this section has 1\.5"):
        segment(noise, SegmentSettings(model=str(fine)))
    deep = put_model(tmp_path / "deep", grey_type="uint16")
    with pytest.raises(InputError, match="type uint16"):
        segment(noise, SegmentSettings(model=str(deep)))
    with pytest.raises(InputError, match="no model: it has no card"):
        segment(noise, SegmentSettings(model=str(tmp_path)))
    usual = put_model(tmp_path / "usual", normalisation=PLAIN)
    with pytest.raises(InputError, match="overlap_px"):
        segment(noise, SegmentSettings(model=str(usual), window_px=128, overlap_px=128))
    with pytest.raises(InputError, match="Raise .*memory.* lower .*window_px"):
        segment(noise, SegmentSettings(model=str(usual)), Job(memory_bytes=1 << 20))
    assert noise.product("probability") is None


def test_lazy_probability_computes_what_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_olivine.inference.dask_array import probability_dask

    class Counting(Context):
        seen = 0

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            Counting.seen += images.shape[-1] > 400
            return super().forward(images)

    random = np.random.default_rng(0)
    section = make_section(
        tmp_path / "s", {"BSE": random.integers(1, 250, (2100, 1500)).astype(np.uint8)}
    )
    use(monkeypatch, Counting())
    how = SegmentSettings(
        model=str(put_model(tmp_path / "m", normalisation=PLAIN)), overlap_px=64, engine="float32"
    )
    lazy = probability_dask(section, how)
    assert lazy.shape == section.shape
    assert lazy.dtype == np.uint8
    assert Counting.seen == 0
    part = lazy[150:250, 30:90].compute()
    assert Counting.seen == 1
    segment(section, how)
    assert np.array_equal(part, probability_of(section)[150:250, 30:90])
    coarse = probability_dask(section, how, level=2)[260:400, 100:370].compute()
    assert np.array_equal(
        coarse, section.raster("probability", "olivine").levels[2][260:400, 100:370]
    )


def test_a_trained_model_finds_grains_in_a_session_that_drifted(tmp_path: Path) -> None:
    section, truth, _ = trained_grains(tmp_path / "s")
    segment(section, SegmentSettings(threshold=0.5, window_px=256, overlap_px=64))
    mask = section.raster("segmentation", "olivine").read(slice(0, None), slice(0, None)) == 1
    test = section.sessions()[2].window
    assert iou(mask[test], truth[test]) > 0.75
    probability = section.product("probability")
    by_name = SegmentSettings(model="light", threshold=0.5, window_px=256, overlap_px=64)
    segment(section, by_name)
    assert section.product("probability") == probability  # the same model by its name
    assert probability.notes["model"] == "models/light"
    assert set(probability.recipe.inputs) >= {"images", "models/light", "annotations/sessions"}
    # A newer model is the one that is taken next, and what it replaces is made again.
    train(section, TrainSettings(name="b", epochs=1, steps=2, batch=2, crop_px=32))
    segment(section, SegmentSettings(threshold=0.5, window_px=256, overlap_px=64))
    assert section.product("probability").notes["model"] == "models/b"
