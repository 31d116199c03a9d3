"""Which part of the section is seen with a crystal."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_olivine.widgets.crystals.focus import LARGEST_PIXEL, centre_on


@pytest.mark.parametrize(
    ("side_px", "zoom", "expected"),
    [
        (5, 1.0, LARGEST_PIXEL / 0.5),  # a few pixels are seen with their surroundings
        (5, 50.0, 50.0),  # who is nearer already stays there
        (100, 1.0, 120 / 50),  # at least 120 px of the screen
        (2000, 1.0, 400 / 1000),  # and at most 400
        (300, 1.0, 1.0),
    ],
)
def test_a_crystal_is_seen_whole_and_not_alone(side_px: int, zoom: float, expected: float) -> None:
    camera = SimpleNamespace(center=(0, 0, 0), zoom=zoom)
    session = SimpleNamespace(
        viewer=SimpleNamespace(scene=SimpleNamespace(camera=camera)),
        require=lambda: SimpleNamespace(pixel_size_um=0.5),
    )
    record = {"row0": 7, "row1": 7 + side_px, "col0": 3, "col1": 4, "y_um": 8.0, "x_um": 9.0}
    centre_on(session, record)
    assert camera.center == (0.0, 8.0, 9.0)
    assert camera.zoom == pytest.approx(expected)
