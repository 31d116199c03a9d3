"""A model on a section: turned windows, several models, failures midway, and what images hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from napari_olivine.errors import InputError, SectionError
from napari_olivine.inference import SegmentSettings, predictor as predictor_module, segment
from napari_olivine.inference.dask_array import probability_dask
from napari_olivine.inference.engines import plain_engine
from napari_olivine.inference.predictor import (
    ORIENTATIONS,
    SAMPLE_PX,
    highest_contrast_window,
    mean_of,
    orient,
    orient_back,
)
from napari_olivine.job import Job
from napari_olivine.networks import network_spec, read_card
from napari_olivine.section import Section, Tiles
from tests.helpers.sections import make_section
from tests.inference.test_step import PLAIN, Grey, probability_of, put_model, use
from tests.networks.test_networks import heard

ALL = ORIENTATIONS["all"]


class Slope(torch.nn.Module):
    """A network that is no mirror image of itself: what it says depends on the left neighbour."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images - 0.7 * images.roll(1, -1)


class Around(torch.nn.Module):
    """A network that sees the same whichever way its window is turned."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(images, 3, 1, 1)


def small(tmp_path: Path, shape: tuple[int, int] = (200, 160), seed: int = 0) -> Section:
    image = np.random.default_rng(seed).integers(1, 250, shape).astype(np.uint8)
    return make_section(tmp_path / "section", {"BSE": image})


def grey_of(section: Section) -> NDArray[np.float32]:
    image = section.raster("images", "BSE").read(slice(0, None), slice(0, None))
    return (image.astype(np.float32) - 110) / 15


def answer(network: torch.nn.Module, grey: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities of 0 to 255, rounded as they are stored."""
    with torch.inference_mode():
        logits = network(torch.from_numpy(np.ascontiguousarray(grey))[None, None])
    return torch.round(255 * torch.sigmoid(logits))[0, 0].double().numpy()


def warnings_of(events: list[dict]) -> list[str]:
    return [event["message"] for event in events if event["event"] == "warning"]


ONE_WINDOW = SegmentSettings(window_px=256, overlap_px=0, engine="float32")
"""A section of at most 256 px, seen whole."""


# ---------------------------------------------------------------- turned windows


@settings(max_examples=50, deadline=None)
@given(
    how=st.sampled_from(ALL),
    leading=st.sampled_from([(), (2,), (3, 2)]),
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
)
def test_a_turned_window_is_turned_back(
    how: tuple[bool, bool, bool], leading: tuple[int, ...], rows: int, columns: int
) -> None:
    images = np.arange(np.prod([*leading, rows, columns])).reshape(*leading, rows, columns)
    turned = orient(images, how)
    assert turned.shape[:-2] == leading
    assert turned.shape[-2:] == ((columns, rows) if how[2] else (rows, columns))
    assert turned.flags.c_contiguous
    assert np.array_equal(orient_back(turned, how), images)


def test_all_turns_are_the_eight_of_a_square_and_flips_the_four_without_turning() -> None:
    square = np.arange(9).reshape(3, 3)
    seen = {orient(square, how).tobytes() for how in ALL}
    assert len(seen) == 8
    quarters = [np.rot90(square, k) for k in range(4)]
    assert seen == {
        np.ascontiguousarray(q).tobytes() for q in [*quarters, *(q.T for q in quarters)]
    }
    flips = {orient(square, how).tobytes() for how in ORIENTATIONS["flips"]}
    by_hand = [square, square[::-1], square[:, ::-1], square[::-1, ::-1]]
    assert flips == {np.ascontiguousarray(q).tobytes() for q in by_hand}
    assert ORIENTATIONS["none"] == [(False, False, False)]


@pytest.mark.parametrize("augment", ["flips", "all"])
def test_the_mean_over_turned_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, augment: str
) -> None:
    section = small(tmp_path, (96, 64))
    use(monkeypatch, Slope())
    model = str(put_model(tmp_path / "m", normalisation=PLAIN))
    how = ONE_WINDOW.model_copy(update={"model": model, "augment": augment, "window_px": 96})
    segment(section, how)
    # The window, 96 x 64 px, is the section itself.
    each = [
        orient_back(answer(Slope(), orient(grey_of(section), t)), t) for t in ORIENTATIONS[augment]
    ]
    assert np.ptp(each, axis=0).max() > 100, "this network is no mirror image of itself"
    assert np.array_equal(probability_of(section), np.rint(np.mean(each, axis=0)))


def test_turning_changes_nothing_for_a_network_that_is_its_own_mirror_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = small(tmp_path)
    use(monkeypatch, Around())
    model = str(put_model(tmp_path / "m", normalisation=PLAIN))
    found = []
    for augment in ("none", "flips", "all"):
        how = SegmentSettings(model=model, window_px=96, overlap_px=32, augment=augment)
        segment(section, how)
        found.append(probability_of(section).astype(int))
        recipe = section.product("probability").recipe
        assert recipe.settings["augment"] == augment
    assert np.abs(found[1] - found[0]).max() <= 1
    assert np.abs(found[2] - found[0]).max() <= 1


# ---------------------------------------------------------------- several models


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 255), min_size=1, max_size=9))
def test_means_are_rounded_once(values: list[int]) -> None:
    promises: list[Callable] = [lambda v=v: np.full((1, 1, 2, 3), v, np.uint8) for v in values]
    found = mean_of(promises)()
    assert found.dtype == np.uint8
    assert (found == np.rint(np.mean(values))).all()


def three_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[str], list[torch.nn.Module]]:
    """Models whose networks differ by an offset, told apart by their folders."""

    class Offset(torch.nn.Module):
        def __init__(self, by: float) -> None:
            super().__init__()
            self.by = by

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images + self.by

    networks = {name: Offset(by).eval() for name, by in (("a", -1), ("b", 0.5), ("c", 2))}
    names = [str(put_model(tmp_path / name, normalisation=PLAIN)) for name in networks]
    monkeypatch.setattr(
        predictor_module, "load_model", lambda folder: (networks[folder.name], read_card(folder))
    )
    return names, list(networks.values())


def test_several_models_are_averaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = small(tmp_path)
    names, networks = three_models(tmp_path, monkeypatch)
    segment(section, ONE_WINDOW.model_copy(update={"model": ",".join(names)}))
    expected = np.mean([answer(network, grey_of(section)) for network in networks], axis=0)
    assert np.array_equal(probability_of(section), np.rint(expected))
    notes = section.product("probability").notes
    assert notes["model"] == ", ".join(names)
    assert notes["engine"] == "float32 + float32 + float32"


def test_a_model_beside_another_over_one_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = small(tmp_path)
    (a, b, c), networks = three_models(tmp_path, monkeypatch)
    reads: list[tuple] = []
    from napari_olivine.inference import local_runner

    plainly = local_runner.read_window
    monkeypatch.setattr(local_runner, "read_window", lambda *w: reads.append(w) or plainly(*w))
    how = ONE_WINDOW.model_copy(update={"model": a, "compare": f"{b}, {c}"})
    job, events = heard()
    segment(section, how, job)
    assert len(reads) == 1
    first, *others = (answer(network, grey_of(section)) for network in networks)
    assert np.array_equal(probability_of(section), first)
    beside = section.raster("compare/b+c", "olivine").read(slice(0, None), slice(0, None))
    assert np.array_equal(beside, np.rint(np.mean(others, axis=0)))
    assert (
        section.product("compare/b+c").notes["histogram"]
        == np.bincount(beside.ravel(), minlength=256).tolist()
    )
    told = [set(event["histograms"]) for event in events if event["event"] == "cells"]
    assert told == [{"probability", "compare/b+c"}]
    # The first is up to date then; only another comparison is made.
    made = section.product("probability").created
    segment(section, how.model_copy(update={"compare": b}))
    assert section.product("probability").created == made
    alone = section.raster("compare/b", "olivine").read(slice(0, None), slice(0, None))
    assert np.array_equal(alone, others[0])


@pytest.mark.parametrize("classes", [["olivine", "pyroxene", "other"], ["other", "olivine"]])
def test_a_model_of_several_minerals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classes: list[str]
) -> None:
    class Minerals(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.cat([images * k for k in (1, -1, 0.3)[: len(classes)]], 1)

    section = small(tmp_path)
    use(monkeypatch, Minerals())
    model = str(put_model(tmp_path / "m", normalisation=PLAIN, classes=classes))
    product = segment(
        section, SegmentSettings(model=model, window_px=96, overlap_px=32, threshold=0.4)
    )
    logits = np.stack([grey_of(section) * k for k in (1, -1, 0.3)[: len(classes)]]).astype(float)
    expected = np.exp(logits) / np.exp(logits).sum(0)
    for name, probability in zip(classes, expected, strict=True):
        found = section.raster("probability", name).read(slice(0, None), slice(0, None))
        assert np.abs(found - 255 * probability).max() <= 0.51 + 1  # and of the blending
        how = SegmentSettings(model=model, window_px=96, overlap_px=32)
        assert np.array_equal(probability_dask(section, how, mineral=name).compute(), found)
    with pytest.raises(InputError, match="but no 'quartz'"):
        probability_dask(section, how, mineral="quartz")
    notes = section.product("probability").notes
    assert notes["classes"] == classes
    olivine = section.raster("probability", "olivine").read(slice(0, None), slice(0, None))
    assert notes["histogram"] == np.bincount(olivine.ravel(), minlength=256).tolist()
    mask = section.raster("segmentation", "olivine").read(slice(0, None), slice(0, None))
    assert np.array_equal(mask, olivine >= 0.4 * 255)
    assert product.notes["olivine_percent"] == pytest.approx(100 * mask.mean(), abs=1e-3)


def test_models_of_other_minerals_are_not_averaged(tmp_path: Path) -> None:
    section = small(tmp_path)
    one = put_model(tmp_path / "one")
    other = put_model(tmp_path / "other", classes=["olivine", "pyroxene"])
    with pytest.raises(InputError, match=r"different classes.*pyroxene"):
        segment(section, SegmentSettings(model=f"{one},{other}"))
    none = put_model(tmp_path / "none", classes=["garnet"])
    with pytest.raises(InputError, match="knows garnet, but no olivine"):
        segment(section, SegmentSettings(model=str(none)))


# ---------------------------------------------------------------- failures midway


class Dying:
    """A fast engine that works for some windows and then never again."""

    name = "openvino"

    def __init__(self, network: torch.nn.Module, windows: int, error: Exception) -> None:
        self.plain = plain_engine(network, Job())
        self.left, self.error = windows, error
        self.at_once = False

    def start(self, images: NDArray[np.float32]) -> Callable:
        self.left -= 1

        def fail() -> None:
            raise self.error

        if self.left < 0 and self.at_once:
            fail()
        return fail if self.left < 0 else self.plain.start(images)


def dies(
    monkeypatch: pytest.MonkeyPatch, network: torch.nn.Module, windows: int, at_once: bool = False
) -> None:
    """Let the engine of a model fail after some windows, the first time."""
    choose = predictor_module.choose_engine

    def first(
        net: torch.nn.Module, sample: object, shape: object, wanted: str, job: Job, **how: object
    ) -> object:
        if wanted == "float32":
            return choose(net, sample, shape, wanted, job, **how)
        engine = Dying(net, windows, RuntimeError("unspecified launch failure\nlong story"))
        engine.at_once = at_once
        return engine

    use(monkeypatch, network)
    monkeypatch.setattr(predictor_module, "choose_engine", first)


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("augment", ["none", "flips"])
def test_an_engine_that_fails_midway_gives_way_to_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool, augment: str
) -> None:
    section = small(tmp_path, (300, 300))
    dies(monkeypatch, Around(), 5, at_once)
    model = str(put_model(tmp_path / "m", normalisation=PLAIN))
    how = SegmentSettings(model=model, window_px=96, overlap_px=32, augment=augment, batch=2)
    job, events = heard()
    segment(section, how, job)
    assert warnings_of(events) == [
        "Engine openvino failed midway (unspecified launch failure); going on with float32 on the "
        "processor."
    ]
    assert section.product("probability").notes["engine"] == "float32"
    found = probability_of(section)
    use(monkeypatch, Around())
    segment(section, how.model_copy(update={"engine": "float32"}), Job(force=True))
    assert np.array_equal(found, probability_of(section))


def test_all_windows_under_way_are_made_again_when_a_card_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_olivine.inference.models import choose_models
    from napari_olivine.inference.predictor import make_predictor
    from napari_olivine.networks.normalisation import read_window

    section = small(tmp_path)
    dies(monkeypatch, Grey(), 1)
    models = choose_models(section, str(put_model(tmp_path / "m", normalisation=PLAIN)))
    job, events = heard()
    predictor = make_predictor(section, models, (1, 64, 64), SegmentSettings(), job)
    assert predictor.engines == ["openvino"]
    image = section.raster("images", "BSE")
    under_way = [predictor.start([read_window(image, 64, k, 64, 64)]) for k in (0, 30, 60, 90)]
    for k, wait in zip((0, 30, 60, 90), under_way, strict=True):
        expected = answer(Grey(), grey_of(section)[64:128, k : k + 64])
        assert np.array_equal(wait()[0, 0], expected)
    assert len(warnings_of(events)) == 1
    assert predictor.engines == ["float32"]


@pytest.mark.parametrize("error", [RuntimeError("can't allocate memory: 8 bytes"), MemoryError()])
def test_out_of_memory_keeps_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    class Hungry(torch.nn.Module):
        left = 5

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            if images.shape[-1] != SAMPLE_PX:
                Hungry.left -= 1
            if Hungry.left < 0:
                raise error
            return images

    section = small(tmp_path, (3100, 500))
    use(monkeypatch, Hungry())
    model = str(put_model(tmp_path / "m", normalisation=PLAIN))
    how = SegmentSettings(model=model, window_px=640, overlap_px=64, engine="float32")
    with pytest.raises(InputError, match=r"failed on a window \(.*Lower .*window_px.*is kept"):
        segment(section, how)
    assert section.product("probability") is None
    Hungry.left = 100
    job, events = heard()
    segment(section, how, job)
    begun = [e["done"] / e["total"] for e in events if e.get("message") == "Segmenting"]
    assert begun[0] > 0.4
    assert Hungry.left >= 97  # of six windows, at most three again
    assert np.array_equal(probability_of(section), answer(Grey(), grey_of(section)))


# ---------------------------------------------------------------- images


def test_pixels_of_a_float_image_that_hold_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    image = random.normal(110, 15, (150, 160)).astype(np.float32)
    image[40:60, 30:50] = np.nan
    image[0, :] = np.inf
    image[:, 0] = -np.inf
    section = make_section(tmp_path / "section", {"BSE": image})
    use(monkeypatch, Around())
    for align in ("none", "session"):
        card = {"normalisation": PLAIN.model_copy(update={"align": align}), "grey_type": "float32"}
        model = str(put_model(tmp_path / align, **card))
        job, events = heard()
        segment(section, ONE_WINDOW.model_copy(update={"model": model, "engine": "auto"}), job)
        assert not warnings_of(events)
        found = probability_of(section)
        assert (np.abs(found[41:59, 31:49].astype(int) - 128) <= 3).all()  # of the median's grey
        assert found[2:, 2:].std() > 10
        assert 90 < found[0].mean() < 165


def test_a_section_whose_every_pixel_holds_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = make_section(tmp_path / "s", {"BSE": np.full((70, 80), np.nan, np.float32)})
    use(monkeypatch, Grey())
    card = {"normalisation": PLAIN, "grey_type": "float32"}
    segment(section, SegmentSettings(model=str(put_model(tmp_path / "m", **card))))
    assert (probability_of(section) == 128).all()


@pytest.mark.parametrize(
    ("shape", "busy"),
    [
        ((1, 1), None),
        ((7, 3), None),
        ((100, 2000), (0, 1600)),
        ((3000, 2500), (2100, 300)),
        ((1300, 4500), (800, 3000)),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_busiest_place_is_found(
    tmp_path: Path, shape: tuple[int, int], busy: tuple[int, int] | None, dtype: type
) -> None:
    random = np.random.default_rng(0)
    image = np.full(shape, 100, dtype)
    if busy:
        place = (slice(busy[0], busy[0] + 300), slice(busy[1], busy[1] + 300))
        image[place] += random.integers(0, 2, image[place].shape).repeat(1, 0).astype(dtype) * 80
        # A gap between tiles and a hole are no contrast.
        image[:, 700:1500] = np.nan if dtype == np.float32 else 0
    section = make_section(tmp_path / "section", {"BSE": image})
    row, column = highest_contrast_window(section.raster("images", "BSE"))
    if busy is None:
        assert (row, column) == (0, 0)
    else:
        assert row < busy[0] + 300
        assert row + SAMPLE_PX > busy[0]
        assert column < busy[1] + 300
        assert column + SAMPLE_PX > busy[1]


def test_a_flat_section_is_segmented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = make_section(tmp_path / "section", {"BSE": np.full((3, 900), 110, np.uint8)})
    use(monkeypatch, Grey())
    segment(section, SegmentSettings(model=str(put_model(tmp_path / "m", normalisation=PLAIN))))
    assert probability_of(section).shape == (3, 900)
    assert (probability_of(section) == 128).all()


def test_nothing_is_predicted_between_the_tiles_of_a_mosaic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.random.default_rng(0).integers(1, 250, (2100, 1500)).astype(np.uint8)
    tiles = Tiles.of_grid((7, 3), (300, 500))
    # One tile is missing in the middle, and seven where they leave a whole cell empty.
    table = tiles.table[~tiles.table.tile.isin([7, 10, 13, 16, 19, 11, 14, 17, 20])]
    for _, gap in tiles.table.drop(table.index).iterrows():
        image[gap.row0 : gap.row1, gap.col0 : gap.col1] = 0
    section = make_section(tmp_path / "section", {"BSE": image})
    Tiles(table.reset_index(drop=True)).write(section.path / "images")

    seen = []

    class Watching(Grey):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            seen.append(images.shape)
            return super().forward(images) + 9  # what is black would be olivine

    use(monkeypatch, Watching())
    model = str(put_model(tmp_path / "m", normalisation=PLAIN))
    product = segment(section, SegmentSettings(model=model, window_px=512, overlap_px=0))
    found = probability_of(section)
    inside = Tiles(table).covers(slice(0, 2100), slice(0, 1500))
    assert not found[~inside].any()
    expected = np.rint(255 / (1 + np.exp(-9 - grey_of(section).astype(float))))
    assert np.abs(found - expected)[inside].max() <= 1
    histogram = section.product("probability").notes["histogram"]
    assert histogram == np.bincount(found[inside], minlength=256).tolist()
    assert sum(histogram) == inside.sum()
    assert product.notes["olivine_percent"] == pytest.approx(
        100 * (found[inside] >= 25.5).mean(), abs=1e-3
    )
    # The cell of rows 1024-2047, columns 1024-1499 has no tile: its windows are not computed.
    assert not inside[1200:2048, 1024:].any()


def test_a_section_that_changes_while_it_is_segmented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = small(tmp_path, (300, 200))
    use(monkeypatch, Grey())
    model = str(
        put_model(tmp_path / "m", normalisation=PLAIN.model_copy(update={"align": "session"}))
    )
    how = SegmentSettings(model=model, window_px=96, overlap_px=32)
    changed = []

    def divide(event: dict) -> None:
        if event.get("message") == "Segmenting" and not changed:
            halves = [
                {"session": str(k), "row0": 150 * k, "row1": 150 * (k + 1), "col0": 0, "col1": 200}
                | {"role": "train"}
                for k in range(2)
            ]
            section.annotate("sessions", pd.DataFrame(halves))
            changed.append(event)

    with pytest.raises(SectionError, match=r"annotations/sessions of .* changed while it was segm"):
        segment(section, how, Job(listen=divide))
    assert changed
    assert section.product("probability") is None
    segment(section, how)
    assert section.state("probability") == "fresh"


# ---------------------------------------------------------------- memory


def test_windows_that_do_not_fit_in_the_memory_become_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = small(tmp_path, (700, 600))
    use(monkeypatch, Grey())
    model = str(put_model(tmp_path / "m", normalisation=PLAIN))
    per_pixel = network_spec("light").window_bytes
    for memory, asked, batch, window, warned in (
        (per_pixel * 700**2, 672, None, 672, False),
        (per_pixel * 600**2, 672, None, 576, True),
        (per_pixel * 600**2, 672, 2, 320, True),
        (per_pixel * 400**2, 672, None, 320, True),
        (per_pixel * 400**2, None, None, 320, False),
        (per_pixel * 400**2, 384, None, 384, False),
    ):
        job, events = heard()
        job.memory_bytes = memory
        how = SegmentSettings(model=model, window_px=asked, overlap_px=64, batch=batch)
        segment(section, how, job)
        assert section.product("probability").notes["window_px"] == window
        told = f"A window of {asked} px does not fit in the memory; taking {window} px."
        assert warnings_of(events) == ([told] if warned else [])
        assert np.array_equal(probability_of(section), answer(Grey(), grey_of(section)))
    with pytest.raises(InputError, match=r"needs 0\.\d GB. Raise .*memory.* lower .*window_px"):
        segment(section, SegmentSettings(model=model), Job(memory_bytes=per_pixel * 300**2))
