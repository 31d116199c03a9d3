"""Registered overlaps: tiles cut at known places come back to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_olivine.errors import Cancelled
from napari_olivine.job import Job
from napari_olivine.readers.mosaic import arrange_tiles, register, share_strips
from napari_olivine.readers.mosaic.correlate import find_shift, whiten
from napari_olivine.readers.mosaic.grey_relation import grey_line
from napari_olivine.readers.mosaic.layout import Layout, StageFrame, in_a_grid, lay_out
from napari_olivine.readers.mosaic.registration import OVERLAP_COLUMNS, RegisteredTiles
from napari_olivine.readers.mosaic.solve_positions import solve_places
from napari_olivine.readers.settings import ImportSettings
from tests.helpers.mosaics import MARGIN, PIXEL_UM, cut_tile, image_of, section_of_grains

TILE = (200, 300)
GRID = (4, 4)


@dataclass
class Known:
    """Tiles with their true places (px), gains and offsets."""

    layout: Layout
    truth: NDArray[np.float64]
    gains: NDArray[np.float64]
    offsets: NDArray[np.float64]
    blank: NDArray[np.bool_]
    tiles: list[NDArray[np.uint8]]

    def read(self, tile: int) -> NDArray[np.uint8]:
        return self.tiles[tile]


def cut_section(
    *,
    overlap: float = 0.1,
    error_px: float = 15.0,
    blank: tuple[int, ...] = (),
    grid: tuple[int, int] = GRID,
    turn: float = 0.0,
    seed: int = 0,
) -> Known:
    """Cut a section into tiles that lie up to `error_px` beside their stage positions.

    `turn` is the angle (radian) by which the stage is turned against the image.
    """
    rng = np.random.default_rng(seed)
    cells = np.argwhere(np.ones(grid, bool))
    stage = in_a_grid(cells, TILE, (TILE[0] * overlap, TILE[1] * overlap))
    turned = stage @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    truth = turned - turned.min(axis=0) + MARGIN + rng.uniform(-error_px, error_px, stage.shape)
    truth -= min(truth.min() - 5, 0)
    far = np.ceil(truth.max(axis=0)).astype(int) + TILE + MARGIN
    grey = section_of_grains(int(far[0]), int(far[1]), seed)
    gains = rng.uniform(0.95, 1.05, len(cells))
    offsets = rng.uniform(-5, 5, len(cells))
    empty = np.isin(np.arange(len(cells)), blank)
    tiles = [
        np.clip(rng.normal(22, 2.5, TILE), 0, 255).astype(np.uint8)
        if empty[k]
        else cut_tile(grey, truth[k], rng, gain=gains[k], offset=offsets[k], tile=TILE)
        for k in range(len(cells))
    ]
    frame = StageFrame(np.array([[0, 1], [1, 0]]) / PIXEL_UM, (np.array(TILE) - 1) / 2)
    layout = lay_out(
        "stage",
        "Cut.",
        [f"{row}_{column}" for row, column in cells],
        stage,
        cells,
        TILE,
        stage_um=stage[:, ::-1] * PIXEL_UM,
        stage=frame,
    )
    return Known(layout, truth, gains, offsets, empty, tiles)


def away_px(found: RegisteredTiles, known: Known) -> NDArray[np.float64]:
    """Distance of each tile from its true place, up to one shift of all that have texture."""
    away = found.layout.positions - known.truth
    away -= away[~known.blank].mean(axis=0)
    return np.hypot(*away.T)


@pytest.mark.parametrize(("overlap", "error_px"), [(0.1, 0), (0.1, 10), (0.2, 15), (0.3, 25)])
def test_tiles_come_back_to_their_places(overlap, error_px) -> None:
    known = cut_section(overlap=overlap, error_px=error_px)
    found = register(known.layout, known.read, Job())
    assert np.sqrt((away_px(found, known) ** 2).mean()) < 0.15
    assert found.layout.how == "registered"
    assert found.trusted.all()
    # Nearest whole pixels for the image, exact places in the table.
    table = found.layout.tiles.table
    assert (table[["row0", "col0"]].to_numpy() == np.rint(found.layout.positions)).all()
    assert found.layout.positions.min() == 0


def test_overlaps_tell_shift_and_grey() -> None:
    known = cut_section(overlap=0.2, error_px=8)
    table = register(known.layout, known.read, Job()).overlaps
    assert tuple(table) == OVERLAP_COLUMNS
    a, b = table["tile_a"].to_numpy(), table["tile_b"].to_numpy()
    assert len(table) == 24
    assert table["used"].all()
    shift = table[["drow", "dcol"]].to_numpy() - (known.truth[b] - known.truth[a])
    assert np.sqrt((shift**2).sum(axis=1).mean()) < 0.15
    assert (table["peak"] > 0.5).all()
    gain = known.gains[b] / known.gains[a]
    offset = known.offsets[b] - gain * known.offsets[a]
    sigmas = (table["gain"] - gain) / table["gain_error"]
    assert np.sqrt((sigmas**2).mean()) < 2
    assert np.abs(table["gain"] - gain).max() < 0.02
    assert np.abs(table["offset"] - offset).max() < 2.5
    fitted = table["gain"] * table["level_a"] + table["offset"]
    np.testing.assert_allclose(fitted, table["level_b"], atol=1e-6)


def test_blank_tiles_follow_their_neighbours_and_are_told() -> None:
    blank = (0, 1, 4, 5, 10)
    known = cut_section(overlap=0.2, error_px=6, blank=blank)
    found = register(known.layout, known.read, Job())
    away = away_px(found, known)
    assert np.sqrt((away[~known.blank] ** 2).mean()) < 0.15
    assert not found.trusted[list(blank)].any()
    # Nothing can be known of a blank tile but its stage position, which errs by up to 6 px a side.
    assert away[list(blank)].max() < 3 * 6
    assert any("5 of 16 tiles share nothing recognisable" in told for told in found.layout.remarks)
    table = found.overlaps
    in_blank = known.blank[table["tile_a"]] & known.blank[table["tile_b"]]
    assert table.loc[in_blank, "gain"].isna().all()
    assert table.loc[in_blank, "offset"].abs().max() < 1.0, "both show the same blank epoxy"


def test_islands_stay_where_the_stage_puts_them_and_are_told() -> None:
    known = cut_section(overlap=0.2, error_px=5, grid=(3, 5), blank=(2, 7, 12))
    found = register(known.layout, known.read, Job())
    told = [remark for remark in found.layout.remarks if "hang together" in remark]
    assert len(told) == 1
    assert told[0].startswith("6 tiles (")
    island = [3, 4, 8, 9, 13, 14] if "0_3" in told[0] else [0, 1, 5, 6, 10, 11]
    away = found.layout.positions - known.truth
    inside = away[island] - away[island].mean(axis=0)
    assert np.sqrt((inside**2).sum(axis=1).mean()) < 0.15
    others = [k for k in range(15) if k not in island and not known.blank[k]]
    assert np.abs(away[island].mean(axis=0) - away[others].mean(axis=0)).max() < 2 * 5


def test_a_stage_that_is_turned_against_the_image_is_found() -> None:
    turn = np.deg2rad(1.5)
    known = cut_section(overlap=0.2, error_px=2, grid=(5, 5), turn=turn)
    found = register(known.layout, known.read, Job())
    assert np.sqrt((away_px(found, known) ** 2).mean()) < 0.15
    assert found.jitter_px < 3
    frame = found.layout.stage
    assert frame is not None
    across, along = frame.matrix[:, 0] * PIXEL_UM  # rows and columns per step of stage x
    assert np.rad2deg(np.arctan2(across, along)) == pytest.approx(-1.5, abs=0.2)
    table = found.layout.tiles.table
    centres = found.layout.positions + (np.array(TILE) - 1) / 2
    by_stage = frame.stage_to_pixel(table[["stage_x_um", "stage_y_um"]].to_numpy())
    assert np.abs(by_stage - centres).max() < 6


@pytest.mark.parametrize("seed", range(8))
def test_wrong_shifts_are_cast_out(seed) -> None:
    rng = np.random.default_rng(seed)
    numbers = np.arange(64).reshape(8, 8)
    truth = np.argwhere(numbers >= 0) * 100.0 + rng.normal(0, 5, (64, 2))
    beside = np.stack([numbers[:, :-1].ravel(), numbers[:, 1:].ravel()], axis=1)
    below = np.stack([numbers[:-1].ravel(), numbers[1:].ravel()], axis=1)
    pairs = np.vstack([beside, below])
    shifts = truth[pairs[:, 1]] - truth[pairs[:, 0]] + rng.normal(0, 0.05, (len(pairs), 2))
    wrong = rng.random(len(pairs)) < 0.1
    away = rng.uniform(8, 40, (len(pairs), 2)) * rng.choice([-1, 1], (len(pairs), 2))
    shifts[wrong] += away[wrong]
    errors, measured = np.full(len(pairs), 0.05), np.ones(len(pairs), bool)
    found = solve_places(np.argwhere(numbers >= 0) * 100.0, pairs, shifts, errors, measured)
    off = found.positions - truth
    off = np.hypot(*(off - np.median(off, axis=0)).T)
    # A tile of which most shifts are wrong cannot be told; there is hardly one among 64.
    assert (off < 0.3).sum() >= 62
    assert (found.trusted & wrong).sum() <= 1
    assert found.trusted[~wrong].mean() > 0.97


def test_a_mosaic_of_nothing_stays_as_it_was() -> None:
    known = cut_section(blank=tuple(range(16)))
    found = register(known.layout, known.read, Job())
    np.testing.assert_allclose(found.layout.positions, known.layout.positions, atol=1e-6)
    assert not found.overlaps["used"].any()
    assert not found.trusted.any()


@pytest.mark.parametrize("value", [0, 255])
def test_constant_and_left_out_tiles_do_no_harm(value) -> None:
    known = cut_section(overlap=0.2, error_px=5)
    known.tiles[5] = np.full(TILE, value, np.uint8)
    found = register(known.layout, lambda tile: None if tile == 10 else known.read(tile), Job())
    known.blank[[5, 10]] = True
    assert np.isfinite(found.layout.positions).all()
    assert np.sqrt((away_px(found, known)[~known.blank] ** 2).mean()) < 0.15


@pytest.mark.parametrize("grid", [(1, 1), (1, 3), (3, 1), (1, 2)])
def test_one_tile_one_row_one_column(grid) -> None:
    known = cut_section(overlap=0.2, error_px=8, grid=grid)
    found = register(known.layout, known.read, Job())
    assert np.sqrt((away_px(found, known) ** 2).mean()) < 0.2
    assert len(found.overlaps) == grid[0] * grid[1] - 1


def test_little_memory_gives_the_same() -> None:
    known = cut_section(overlap=0.1, error_px=5)
    reads: list[int] = []

    def read(tile: int) -> NDArray[np.uint8]:
        reads.append(tile)
        return known.read(tile)

    wide = register(known.layout, read, Job())
    assert sorted(reads) == list(range(16)), "each tile is read once"
    narrow = register(known.layout, known.read, Job(memory_bytes=1 << 20))
    assert wide.layout.tiles.table.equals(narrow.layout.tiles.table)


def test_it_stops_within_a_second() -> None:
    known = cut_section()
    job = Job()
    reads: list[int] = []

    def read(tile: int) -> NDArray[np.uint8]:
        reads.append(tile)
        if len(reads) == 5:
            job.cancel.set()
        return known.read(tile % 16)

    with pytest.raises(Cancelled):
        register(lay_out_many(known), read, job)
    assert len(reads) - 5 < 50, "tiles that take 20 ms each"


def lay_out_many(known: Known) -> Layout:
    cells = np.argwhere(np.ones((30, 30), bool))
    names = [f"{row}_{column}" for row, column in cells]
    return lay_out("stage", "", names, in_a_grid(cells, TILE, (20, 30)), cells, TILE)


def test_named_tiles_that_overlap_are_known_to_share_strips() -> None:
    known = cut_section(overlap=0.1, error_px=5)
    images = {
        name: image_of(tile, name)
        for name, tile in zip(known.layout.names, known.tiles, strict=True)
    }
    layout = arrange_tiles(images, ImportSettings())
    assert layout.how == "names"
    assert share_strips(layout)
    found = register(layout, known.read, Job())
    assert np.sqrt((away_px(found, known) ** 2).mean()) < 0.15
    assert not share_strips(arrange_tiles(images, ImportSettings(tile_overlap_px=0)))


@pytest.mark.parametrize("shift", [(3.3, 170.6), (-7.5, 181.25), (160.0, -4.75)])
def test_a_pair_is_shifted_by_a_fraction_of_a_pixel(shift) -> None:
    rng = np.random.default_rng(5)
    grey = section_of_grains(500, 700, 5)
    first = np.array([40.0, 40.0])
    a = whiten(cut_tile(grey, first, rng, tile=TILE))
    b = whiten(cut_tile(grey, first + shift, rng, gain=1.2, offset=-15, tile=TILE))
    found = find_shift(a, b, (round(shift[0] / 20) * 20.0, round(shift[1] / 20) * 20.0), 30)
    assert found is not None
    assert np.hypot(found.drow - shift[0], found.dcol - shift[1]) < 0.1


def test_a_grey_line_is_not_flattened_by_noise_and_leaves_cracks_out() -> None:
    rng = np.random.default_rng(6)
    grey = section_of_grains(200, 120, 6).astype(float)
    a = grey + rng.normal(0, 8, grey.shape)
    b = 0.9 * grey + 12 + rng.normal(0, 8, grey.shape)
    b[50:60] -= 60  # charging
    line = grey_line(a, b, 255.0)
    assert line.gain == pytest.approx(0.9, abs=4 * line.gain_error)
    assert line.gain_error < 0.02
    assert line.offset == pytest.approx(12, abs=4 * line.offset_error)
    blank = grey_line(rng.normal(20, 2, (60, 60)), rng.normal(23, 2, (60, 60)), 255.0)
    assert np.isnan(blank.gain)
    assert blank.offset == pytest.approx(3, abs=4 * blank.offset_error)
