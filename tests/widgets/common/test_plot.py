"""The plot: ticks, ranges, and what is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QPalette

from napari_olivine.widgets.common import readable
from napari_olivine.widgets.common.plot import Axis, Curve, Plot, _unbroken, round_ticks

pytestmark = pytest.mark.gui


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 10, ["0", "2", "4", "6", "8", "10"]),
        (0.71, 0.93, ["0.75", "0.80", "0.85", "0.90"]),
        (-1, 1, ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
        (0, 2300, ["0", "500", "1000", "1500", "2000"]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, texts: list[str]) -> None:
    assert [text for _, text in round_ticks(low, high)] == texts


def test_epochs_are_whole_numbers() -> None:
    assert [text for _, text in round_ticks(1, 2, whole=True)] == ["1", "2"]
    assert [text for _, text in round_ticks(1, 100, whole=True)] == ["20", "40", "60", "80", "100"]


def test_line_is_broken_where_a_value_is_missing() -> None:
    good = np.array([True, True, False, True, False, False, True])
    assert _unbroken(good) == [slice(0, 2), slice(3, 4), slice(6, 7)]


@pytest.fixture
def plot(qtbot: Any) -> Plot:
    plot = Plot(Axis("x"), Axis("grey", reverse=True), Axis("mg#"))
    qtbot.addWidget(plot)
    plot.setPalette(QPalette(QColor("#26292f")))  # of the dark theme, for which colours are chosen
    plot.resize(360, 240)
    return plot


def colours_by_row(plot: Plot, colour: str) -> np.ndarray:
    """Rows of the picture, from the top, in which a colour is drawn to the right of x = 100."""
    image, wanted = plot.grab().toImage(), QColor(colour)
    rows = [
        y
        for y in range(image.height())
        if any(image.pixelColor(x, y) == wanted for x in range(100, image.width() - 60))
    ]
    return np.array(rows)


def test_reversed_axis_points_down(plot: Plot) -> None:
    x = np.linspace(0, 1, 50)
    low = Curve("", x, np.full(50, 10.0), "#ff0000", points=True)
    high = Curve("", x, np.full(50, 90.0), "#00ff00", points=True)
    plot.show_curves([low, high])
    assert colours_by_row(plot, "#ff0000").max() < colours_by_row(plot, "#00ff00").min()
    plot.sides["left"].reverse = False
    plot.show_curves([low, high])
    assert colours_by_row(plot, "#ff0000").min() > colours_by_row(plot, "#00ff00").max()


def test_range_follows_the_curves_of_its_side(plot: Plot) -> None:
    plot.show_curves(
        [Curve("g", [0, 200], [100, 180], "#fff"), Curve("m", [0, 9], [0.7, 0.9], "#fff", "right")]
    )
    assert plot.below.range == (0, 200)
    low, high = plot.sides["right"].range
    assert 0.6 < low < 0.7 < 0.9 < high < 1.0


@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [1.0], [5.0, 5.0], [0.0, np.nan, 2.0]])
def test_odd_values_are_drawn_without_a_fuss(plot: Plot, values: list[float]) -> None:
    x = np.arange(len(values))
    plot.show_curves(
        [Curve("a", x, values, "#ff0000"), Curve("b", x, values, "#0f0", "right", True)]
    )
    assert not plot.grab().isNull()


def test_pale_colours_are_darkened_on_a_light_theme_only(plot: Plot) -> None:
    pale, strong = "#e69f00", "#0000ff"
    assert readable(pale, plot) == pale
    plot.setPalette(QPalette(QColor("#eeeeee")))
    assert QColor(readable(pale, plot)).lightness() < QColor(pale).lightness()
    assert readable(strong, plot) == strong


def test_a_point_is_clicked_and_an_axis_without_values_is_not_drawn(qtbot: Any, plot: Plot) -> None:
    x, y = np.array([0.0, 1.0, 2.0]), np.array([0.8, 0.9, 0.7])
    plot.show_curves([Curve("", x, y, "#ff0000", "right", points=True, keys=["a", "b", "c"])])
    plot.grab()
    picked: list[str] = []
    plot.picked.connect(picked.append)
    place = plot.place_of("b")
    for dx in (3, 30):  # on the point, and far from every point
        at = (place + QPointF(dx, 0)).toPoint()
        qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=at)
    assert picked == ["b"]
    assert plot._area.left() == pytest.approx(10), "no numbers of grey at the left"
