"""Places of tiles by their names: what is read, what is left out, what is said to be a guess."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.readers.base.image import Image
from napari_olivine.readers.mosaic import arrange_tiles, read_names
from napari_olivine.readers.mosaic.filename_grid import ORDERS, Names
from napari_olivine.readers.settings import ImportSettings
from tests.helpers.mosaics import MARGIN, TILE, cut_tile, image_of, section_of_grains

GRID = (4, 6)
PLACES = list(product(range(GRID[0]), range(GRID[1])))


def first_places(found: Names) -> list[tuple[int, ...]]:
    """Row and column of each matched name by the most usual reading."""
    return [tuple(cell) for cell in found.readings[0].cells().tolist()]


@pytest.mark.parametrize(
    "pattern",
    [
        "r{row:02d}_c{col:02d}",
        "Tile_r{row1}-c{col1}",
        "tiles/x{col}_y{row}",
        "X{col:03d}Y{row:03d}",
        "row {row} col {col}",
        "Tile_{row1:03d}-{col1:03d}",
        "{row}-{col}-0",
        "tile-{row}-{col}",
        "BSE 15kV 500x_{row:03d}_{col:03d}",
        "20240512_143015_{row}_{col}",
        "2024-05-12 14-30-15/{row}_{col}",
        "KLV-7_x{stage_x}_y{stage_y}",
        "{number:04d}_r{row}_c{col}",
        "{number:04d}_{row}_{col}",
        "Field_{number:06d}",
        "Image ({number1})",
        "2024-05-12_tile_{number}",
        "run{session}_{number:04d}",
        "session{session}/Image_{number:04d}",
    ],
)
def test_patterns_of_instruments(pattern: str) -> None:
    names = [
        pattern.format(
            row=row, col=col, row1=row + 1, col1=col + 1, number=row * 6 + col,
            number1=row * 6 + col + 1, stage_x=1200 * col, stage_y=400 + 800 * row,
            session=1 + row // 2,
        )
        for row, col in PLACES
    ]  # fmt: skip
    found = read_names(names)
    assert found is not None
    assert found.matched == list(range(len(names)))
    assert first_places(found) == PLACES
    assert found.sure == ("r{row" in pattern.lower() or "row {row}" in pattern)


@pytest.mark.parametrize(
    "names",
    [
        ["BSE"],
        ["BSE", "Mg"],
        ["overview 500x", "detail 1000x", "other 20x"],
        ["image_500x", "image_1000x", "image_2000x"],
        ["2024-05-12 14-03-15", "2024-05-12 14-03-44", "2024-05-12 14-04-13"],
        ["scan_17", "scan_91834", "scan_5521"],
        ["a1f09c77", "b2c3d4e5", "99aa01bc"],
    ],
)
def test_other_numbers_are_no_places(names: list[str]) -> None:
    assert read_names(names) is None


def test_holes_stay_holes_and_copies_claim_the_same_place() -> None:
    there = [place for place in PLACES if place not in ((0, 0), (2, 3))]
    names = [f"t_{row}_{col}" for row, col in there]
    found = read_names([*names, "t_1_1 (1)", "t_1_2 - Copy"])
    assert found is not None
    assert found.matched == list(range(len(there) + 2))
    assert first_places(found) == [*there, (1, 1), (1, 2)]


def numbered(order: str, rows: int, columns: int) -> dict[tuple[int, int], int]:
    """Return the number of each place, by the plain definition of the order."""
    lines = rows if order.startswith("rows") else columns
    length = columns if order.startswith("rows") else rows
    numbers = {}
    for line in range(lines):
        for step in range(length):
            at = length - 1 - step if order.endswith("serpentine") and line % 2 else step
            place = (line, at) if order.startswith("rows") else (at, line)
            numbers[place] = line * length + step
    return numbers


@given(
    order=st.sampled_from(ORDERS),
    rows=st.integers(1, 7),
    columns=st.integers(1, 7),
    first=st.integers(0, 2000),
    random=st.randoms(use_true_random=False),
)
def test_running_numbers_in_a_known_order(order, rows, columns, first, random) -> None:
    if rows * columns < 2:
        return
    number = numbered(order, rows, columns)
    places = list(number)
    random.shuffle(places)
    names = [f"Field_{first + number[place]:06d}" for place in places]
    found = read_names(names, order=order, columns=columns)
    assert found is not None
    assert found.sure
    assert first_places(found) == places


@given(st.lists(st.text(max_size=30), max_size=30))
def test_any_names_are_read_or_not(names: list[str]) -> None:
    found = read_names(names)
    if found is not None:
        places = first_places(found)
        assert len(found.matched) == len(places)
        assert all(min(place) >= 0 for place in places)


@given(st.lists(st.tuples(st.integers(0, 10**40), st.integers(0, 10**18)), min_size=2, max_size=20))
def test_absurd_numbers_do_no_harm(pairs: list[tuple[int, int]]) -> None:
    found = read_names([f"t_{one}_{other}" for one, other in pairs])
    if found is not None:
        assert all(min(place) >= 0 for place in first_places(found))


def tiles_named(
    name: Callable[[int, int], str], overlap: int, grid: tuple[int, int] = GRID
) -> dict[str, Image]:
    """Cut a section into tiles without stage positions."""
    step = (TILE[0] - overlap, TILE[1] - overlap)
    size = [side * count + 2 * MARGIN for side, count in zip(TILE, grid, strict=True)]
    grey = section_of_grains(size[0], size[1])
    rng = np.random.default_rng(1)
    images = {}
    for row, col in product(range(grid[0]), range(grid[1])):
        place = np.array([MARGIN + row * step[0], MARGIN + col * step[1]], float)
        gain, offset = rng.uniform(0.97, 1.03), rng.uniform(-3, 3)
        tile = cut_tile(grey, place, rng, gain=gain, offset=offset)
        images[name(row, col)] = image_of(tile, name(row, col))
    return images


@pytest.mark.parametrize("overlap", [0, 18])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("backwards", [(False, False), (True, False), (False, True)])
def test_the_order_is_found_by_what_fits_across_the_seams(overlap, order, backwards) -> None:
    number = numbered(order, *GRID)

    def name(row: int, col: int) -> str:
        up, left = backwards
        return f"Field_{number[3 - row if up else row, 5 - col if left else col]:06d}"

    layout = arrange_tiles(tiles_named(name, overlap), ImportSettings())
    assert layout.how == "names"
    assert layout.sure, layout.words
    found = layout.tiles.table
    places = zip(found["grid_row"], found["grid_col"], strict=True)
    assert dict(zip(layout.names, places, strict=True)) == {name(r, c): (r, c) for r, c in PLACES}
    assert layout.shape == tuple(
        n * side - (n - 1) * overlap for n, side in zip(GRID, TILE, strict=True)
    )
    assert ("turning" in layout.words) == order.endswith("serpentine")


@pytest.mark.parametrize("overlap", [0, 18])
def test_two_numbers_are_told_apart_by_the_images(overlap) -> None:
    layout = arrange_tiles(tiles_named(lambda row, col: f"{col}-{row}", overlap), ImportSettings())
    assert layout.sure
    assert "column and row by the two numbers" in layout.words
    assert layout.grid == GRID


def test_blank_tiles_leave_the_order_a_guess_that_is_told() -> None:
    rng = np.random.default_rng(0)
    images = {
        f"Field_{number:03d}": image_of(rng.normal(20, 2.5, TILE).astype(np.uint8))
        for number in range(12)
    }
    layout = arrange_tiles(images, ImportSettings())
    assert not layout.sure
    assert any("is a guess" in remark for remark in layout.remarks)
    wished = ImportSettings(tile_columns=3, tile_order="rows serpentine")
    layout = arrange_tiles(images, wished)
    assert layout.sure
    assert layout.grid == (4, 3)
    assert layout.names[3:6] == ["Field_005", "Field_004", "Field_003"]


def test_names_without_places_are_refused_with_advice() -> None:
    tile = image_of(np.ones(TILE, np.uint8))
    with pytest.raises(InputError, match=r"names like alpha and beta hold no row and column"):
        arrange_tiles({"alpha": tile, "beta": tile}, ImportSettings())


def test_a_single_tile_is_a_mosaic() -> None:
    layout = arrange_tiles({"alpha": image_of(np.ones(TILE, np.uint8))}, ImportSettings())
    assert layout.shape == TILE
    assert layout.grid == (1, 1)
