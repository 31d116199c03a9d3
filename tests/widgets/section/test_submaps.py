"""Maps of a part of the section as a person sees them before the import."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from napari_olivine.section import SubmapPlace
from napari_olivine.widgets.section.import_part import _fields_in_words
from napari_olivine.widgets.section.tile_map import FIELD_COLOUR, TileMap, with_fields

pytestmark = pytest.mark.gui


def source(*places: SubmapPlace | None) -> Any:
    """Return a section of 200 x 400 px with a field of 10 x 20 px at each place."""
    fields = [
        SimpleNamespace(
            name=f"site {number}",
            maps={"Mg": None, "Ca": None},
            shape=(10, 20),
            pixel_size_um=8.0,
            place=place,
            how="stage" if place else "unknown",
        )
        for number, place in enumerate(places, 1)
    ]
    return SimpleNamespace(submaps=fields, shape=(200, 400))


def test_a_field_is_outlined_where_it_lies(qtbot: Any) -> None:
    middle = SubmapPlace.of(8.0, 0.0, np.array([99.5, 199.5]), (10, 20))
    tiles = with_fields(None, source(middle, None))
    assert tiles is not None
    corners = tiles.fields["site 1"]
    np.testing.assert_allclose(corners, [[0.3, 0.3], [0.3, 0.7], [0.7, 0.7], [0.7, 0.3]], atol=0.01)
    shown = TileMap()
    qtbot.addWidget(shown)
    shown.resize(300, 200)
    shown.show_tiles(tiles)
    shown.show()
    qtbot.waitExposed(shown)
    image = shown.grab().toImage()
    outline = [
        (x, y)
        for x in range(image.width())
        for y in range(image.height())
        if _near(image.pixelColor(x, y).name(), FIELD_COLOUR)
    ]
    assert len(outline) > 20
    _, top, width, height = shown._frame()
    low, high = np.min(outline, axis=0), np.max(outline, axis=0)
    np.testing.assert_allclose(low, [1 + 0.3 * width, top + 0.3 * height], atol=2.5)
    np.testing.assert_allclose(high, [1 + 0.7 * width, top + 0.7 * height], atol=2.5)


def test_fields_that_are_still_to_be_found_are_told() -> None:
    known = SubmapPlace.of(8.0, 0.0, np.array([99.5, 199.5]), (10, 20))
    told = _fields_in_words(source(known, None).submaps)
    assert told[0] == "Part site 1: Mg, Ca, 20 x 10 px of 8 µm, about where the stage says"
    assert told[1].endswith("to be found on the BSE image")
    assert with_fields(None, source(None)) is None


def test_many_fields_are_counted() -> None:
    told = _fields_in_words(source(*[None] * 20).submaps)
    assert len(told) == 7
    assert told[-1] == "... and 14 more parts"


def _near(colour: str, other: str) -> bool:
    """Tell whether two colours are alike: lines are smoothed."""
    one, two = ([int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in (colour, other))
    return max(abs(a - b) for a, b in zip(one, two, strict=True)) < 40
