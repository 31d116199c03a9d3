"""Places of tiles by the stage: axes that run either way, errors, absurd positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.base.image import Image
from napari_olivine.readers.mosaic import Layout, arrange_tiles, layout_of_stage
from napari_olivine.readers.settings import ImportSettings
from tests.helpers.mosaics import MARGIN, PIXEL_UM, TILE, cut_tile, image_of, section_of_grains

GRID = (3, 4)
PLACES = list(product(range(GRID[0]), range(GRID[1])))
ZERO_UM = np.array([12_345.6, -7_890.1])


def tiles_on_stage(
    overlap: int,
    *,
    swapped: bool = False,
    mirrored: tuple[bool, bool] = (False, False),
    error_px: float = 0.0,
    grid: tuple[int, int] = GRID,
    seed: int = 0,
) -> dict[str, Image]:
    """Cut a section into tiles t00, t01, ... with stage positions of their centres."""
    rng = np.random.default_rng(seed)
    step = np.array(TILE) - overlap
    grey = section_of_grains(*(n * side + 2 * MARGIN for n, side in zip(grid, TILE, strict=True)))
    images = {}
    for number, cell in enumerate(product(range(grid[0]), range(grid[1]))):
        by_stage = MARGIN + np.array(cell) * step
        place = by_stage + rng.uniform(-error_px, error_px, 2)
        signs = np.where(mirrored, -1, 1)
        away = (by_stage + (np.array(TILE) - 1) / 2) * signs * PIXEL_UM
        stage = (away if swapped else away[::-1]) + ZERO_UM
        pixels = cut_tile(grey, place, rng, offset=rng.uniform(-3, 3))
        images[f"t{number:02d}"] = image_of(pixels, f"t{number:02d}", (stage[0], stage[1]))
    return images


def cells_of(layout: Layout) -> dict[str, tuple[int, int]]:
    table = layout.tiles.table
    return dict(zip(layout.names, zip(table["grid_row"], table["grid_col"]), strict=True))  # noqa: B905


WANTED = {f"t{number:02d}": place for number, place in enumerate(PLACES)}


@pytest.mark.parametrize("overlap", [0, 16])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("mirrored", list(product([False, True], repeat=2)))
def test_the_axes_are_found_by_what_fits_across_the_seams(overlap, swapped, mirrored) -> None:
    images = tiles_on_stage(overlap, swapped=swapped, mirrored=mirrored)
    layout = arrange_tiles(images, ImportSettings())
    assert layout.how == "stage"
    assert layout.sure, layout.remarks
    assert cells_of(layout) == WANTED
    assert layout.mirrored == mirrored
    assert ("turned by 90 degrees" in layout.words) == swapped
    assert ("side by side" in layout.words) == (overlap == 0)
    assert layout.shape == (
        3 * TILE[0] - 2 * overlap,
        4 * TILE[1] - 3 * overlap,
    )
    assert not layout.gaps
    assert not layout.doubled
    # The stage's frame is kept: the centre of each tile is where its stage position is.
    assert layout.stage is not None
    table = layout.tiles.table
    centres = layout.positions + (np.array(TILE) - 1) / 2
    stage_um = table[["stage_x_um", "stage_y_um"]].to_numpy()
    np.testing.assert_allclose(layout.stage.stage_to_pixel(stage_um), centres, atol=1e-6)


def test_a_stage_error_does_not_hide_the_axes() -> None:
    images = tiles_on_stage(20, mirrored=(True, True), error_px=8)
    layout = arrange_tiles(images, ImportSettings())
    assert layout.sure
    assert layout.mirrored == (True, True)
    assert cells_of(layout) == WANTED


def test_the_person_may_say_which_axes_are_mirrored() -> None:
    images = tiles_on_stage(16, mirrored=(True, False))
    layout = arrange_tiles(images, ImportSettings(mirror="x"))
    assert layout.mirrored == (False, True)
    assert cells_of(layout)["t00"] == (2, 3)
    assert layout.sure


def test_blank_tiles_leave_the_axes_a_guess_that_is_told() -> None:
    rng = np.random.default_rng(0)
    images = {
        name: image_of(rng.normal(20, 2.5, TILE).astype(np.uint8), name, image.acquisition.stage_um)
        for name, image in tiles_on_stage(16).items()
    }
    layout = arrange_tiles(images, ImportSettings())
    assert not layout.sure
    assert layout.mirrored == (True, False)
    assert "set the mirrored axes" in layout.remarks[-1]


@given(st.permutations(list(WANTED)))
def test_the_order_in_which_tiles_are_given_means_nothing(order: Sequence[str]) -> None:
    stage = {
        name: (cell[1] * 164 * PIXEL_UM, cell[0] * 104 * PIXEL_UM) for name, cell in WANTED.items()
    }
    first, other = (
        layout_of_stage(
            names,
            np.array([stage[name] for name in names]),
            PIXEL_UM,
            TILE,
            read_tile=blank,
            job=Job(),
            mirror="none",
        )
        for names in (list(WANTED), list(order))
    )
    assert first.tiles.table.equals(other.tiles.table)
    assert cells_of(first) == WANTED


def blank(tile: int) -> NDArray[np.uint8]:
    return np.zeros(TILE, np.uint8)


def by_stage(stage_um: NDArray[np.float64], names: list[str] | None = None) -> Layout:
    names = names or [f"t{number:02d}" for number in range(len(stage_um))]
    return layout_of_stage(
        names, stage_um, PIXEL_UM, TILE, read_tile=blank, job=Job(), mirror="none"
    )


def regular(grid: tuple[int, int] = GRID, overlap: int = 16) -> NDArray[np.float64]:
    places = np.array(list(product(range(grid[0]), range(grid[1]))), float)
    return (places * (np.array(TILE) - overlap) * PIXEL_UM)[:, ::-1]


def test_gaps_and_doubled_tiles_are_known() -> None:
    stage_um = regular()
    kept = [n for n in range(12) if n not in (0, 6)]
    again = stage_um[5] + [0.5, 1.0]
    layout = by_stage(np.vstack([stage_um[kept], again]), [f"t{n:02d}" for n in kept] + ["t05 (1)"])
    assert layout.gaps == [(0, 0), (1, 2)]
    assert layout.doubled == ["t05 (1)"]
    assert "t05 (1) claims the place of t05 (row 2, column 2 of tiles)" in layout.remarks[0]
    assert "t05 (1)" not in layout.names


def test_a_step_that_is_a_little_off_is_taken_to_touch_and_that_is_told() -> None:
    layout = by_stage(regular(overlap=0) * 1.013)
    assert layout.shape == (3 * TILE[0], 4 * TILE[1])
    assert "taken to touch" in layout.remarks[0]


def test_tiles_that_stand_apart_keep_their_distance() -> None:
    layout = by_stage(regular(overlap=-40))
    assert layout.shape == (3 * 120 + 2 * 40, 4 * 180 + 3 * 40)
    assert "with gaps between them" in layout.words


def test_tiles_in_no_grid_lie_where_the_stage_says() -> None:
    rng = np.random.default_rng(3)
    stage_um = regular((5, 5)) + rng.uniform(-28, 28, (25, 2))
    layout = by_stage(stage_um)
    assert "in no regular grid" in layout.words
    expected = stage_um[:, ::-1] / PIXEL_UM
    found = dict(zip(layout.names, layout.positions, strict=True))
    away = np.array([found[name] - expected[int(name[1:])] for name in found])
    assert np.ptp(away, axis=0).max() < 1e-6
    assert len(layout.tiles) + len(layout.doubled) == 25


@pytest.mark.parametrize(("grid"), [(1, 1), (1, 6), (7, 1)])
def test_one_row_one_column_one_tile(grid) -> None:
    layout = by_stage(regular(grid))
    assert layout.grid == grid
    assert not layout.gaps


@pytest.mark.parametrize("grid", [(1, 5), (5, 1)])
def test_the_axis_that_matters_is_found_in_one_row_or_column(grid) -> None:
    images = tiles_on_stage(16, mirrored=(True, True), grid=grid)
    layout = arrange_tiles(images, ImportSettings())
    assert layout.sure
    assert layout.names == sorted(images)
    assert layout.grid == grid


@pytest.mark.parametrize("absurd", [1e9, -1e9, 1e300])
def test_a_position_that_cannot_be_is_named(absurd) -> None:
    stage_um = regular()
    stage_um[7, 0] = absurd
    with pytest.raises(InputError) as error:
        by_stage(stage_um)
    lines = str(error.value).splitlines()
    assert "cannot be right" in lines[0]
    assert len(lines) == 2
    assert "t07 would lie" in lines[1]


def test_missing_positions_are_named_or_the_names_are_used() -> None:
    stage_um = regular()
    stage_um[3] = np.nan
    stage_um[4, 1] = np.inf
    with pytest.raises(InputError) as error:
        by_stage(stage_um)
    assert [line.split()[0] for line in str(error.value).splitlines()[1:]] == ["t03", "t04"]
    named = {}
    for number, image in enumerate(tiles_on_stage(16).values()):
        stage = None if number == 5 else image.acquisition.stage_um
        told = replace(image.acquisition, stage_um=stage)
        named[f"r{number // 4}_c{number % 4}"] = replace(image, acquisition=told)
    layout = arrange_tiles(named, ImportSettings())
    assert layout.how == "names"
    assert "1 of 12 tiles have no stage position (e.g. r1_c1)" in layout.remarks[0]


def test_a_stage_that_was_not_moved_says_nothing() -> None:
    images = {
        f"r{number // 4}_c{number % 4}": replace(
            image, acquisition=replace(image.acquisition, stage_um=(5.0, 5.0))
        )
        for number, image in enumerate(tiles_on_stage(16).values())
    }
    assert arrange_tiles(images, ImportSettings()).how == "names"


@given(
    st.lists(
        st.tuples(*[st.floats(allow_nan=True, allow_infinity=True, width=64)] * 2),
        min_size=1,
        max_size=15,
    )
)
def test_any_positions_give_a_section_of_sensible_size_or_a_clear_error(positions) -> None:
    try:
        layout = by_stage(np.array(positions, float))
    except InputError as error:
        assert "t0" in str(error) or "t1" in str(error)
        return
    assert np.prod([float(side) for side in layout.shape]) <= 40 * len(positions) * np.prod(TILE)
    assert len(layout.tiles) + len(layout.doubled) == len(positions)


UPRIGHT = {sides: tiles_on_stage(16, mirrored=sides) for sides in [(True, False), (False, True)]}


def turned(images: dict[str, Image], stage_deg: float, recorded_deg: float) -> dict[str, Image]:
    """Turn the frame of the stage; the instrument records an angle."""
    angle = np.deg2rad(stage_deg)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    changed = {}
    for name, image in images.items():
        x, y = np.array(image.acquisition.stage_um) @ matrix
        taken = replace(image.acquisition, stage_um=(x, y), rotation_deg=recorded_deg)
        changed[name] = replace(image, acquisition=taken)
    return changed


@settings(max_examples=30, deadline=None)
@given(
    angle=st.floats(-180, 180),
    sense=st.sampled_from([1, -1]),
    mirrored=st.sampled_from(sorted(UPRIGHT)),
)
def test_a_recorded_scan_rotation_is_undone_at_any_angle(angle, sense, mirrored) -> None:
    """Makers count it clockwise or anticlockwise; the images are those of the upright grid."""
    layout = arrange_tiles(turned(UPRIGHT[mirrored], angle, sense * angle), ImportSettings())
    assert layout.sure
    assert cells_of(layout) == WANTED
    step = np.array(TILE) - 16
    wanted = np.array([WANTED[name] for name in layout.names]) * step
    # A turn below 0.05 degrees is none: it moves the farthest tile by less than half a pixel.
    np.testing.assert_allclose(layout.positions, wanted, atol=0.5)
    assert layout.stage is not None
    table = layout.tiles.table
    centres = layout.positions + (np.array(TILE) - 1) / 2
    stage_um = table[["stage_x_um", "stage_y_um"]].to_numpy()
    np.testing.assert_allclose(layout.stage.stage_to_pixel(stage_um), centres, atol=1e-6)


def test_a_stage_that_steps_along_the_turned_scan_is_not_turned() -> None:
    layout = arrange_tiles(turned(UPRIGHT[True, False], 0, 30), ImportSettings())
    assert cells_of(layout) == WANTED
    assert "degrees" not in layout.words


def test_a_row_of_tiles_far_across_the_turned_stage_is_no_wrong_position() -> None:
    images = turned(tiles_on_stage(16, grid=(1, 12)), 45, 45)
    assert arrange_tiles(images, ImportSettings()).grid in {(1, 12), (12, 1)}


def test_tiles_of_several_rotations_are_told() -> None:
    images = UPRIGHT[True, False] | turned(
        {"t00": UPRIGHT[True, False]["t00"]}, stage_deg=0, recorded_deg=30
    )
    layout = arrange_tiles(images, ImportSettings())
    assert "several rotations (30 degrees: 1 tiles, 0 degrees: 11 tiles)" in layout.remarks[-1]
