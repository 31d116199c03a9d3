"""Pixels of a view on two axes: where limits stand, and brushing both ways."""

from __future__ import annotations

import numpy as np
import pytest

from napari_olivine.errors import InputError
from napari_olivine.masks import (
    AxisValue,
    MaskSettings,
    RulePreview,
    RuleViewer,
    Scatter,
    Span,
    parse_rule,
    scatter_of,
)
from napari_olivine.masks.scatter import MOST_MARKED, MOST_POINTS, limit_lines
from napari_olivine.section import Section
from tests.helpers.widget_sections import imported_section

UNITS = dict.fromkeys(("BSE", "Mg", "Fe", "Ca", "Al", "Si"), "counts")
RULE = "Ca/Mg < 0.1 and Al/Mg < 0.2 and Mg > 20"


@pytest.fixture(scope="module")
def preview() -> RulePreview:
    viewer = RuleViewer(Section(imported_section()))
    return viewer.view(MaskSettings(rule=RULE), (slice(100, 500), slice(60, 660)), ["Fe"])


def scatter(preview: RulePreview, x: str, y: str) -> Scatter:
    return scatter_of(preview, AxisValue.parse(x, UNITS), AxisValue.parse(y, UNITS))


def test_the_points_are_a_sample_of_the_view(preview: RulePreview) -> None:
    found = scatter(preview, "Ca/Mg", "Al/Mg")
    assert len(found.points) == MOST_POINTS < preview.taken.size
    assert len(np.unique(found.points)) == MOST_POINTS
    assert found.taken.mean() == pytest.approx(preview.taken.mean(), abs=0.01)
    places = found.places(found.points)
    assert places.shape == (MOST_POINTS, 2)
    assert places.min() >= 0 and places.max() <= 1


def test_limits_part_what_the_rule_takes_from_the_rest(preview: RulePreview) -> None:
    found = scatter(preview, "Ca/Mg", "Al/Mg")
    assert [(line.text, line.a, line.b, line.c) for line in found.lines] == [
        ("Ca/Mg < 0.1", 1, 0, 0.1),
        ("Al/Mg < 0.2", 0, 1, 0.2),
    ]
    low = np.array([-np.inf, -np.inf])
    corner = np.array([low, [0.1, low[1]], [0.1, 0.2], [low[0], 0.2]], np.float32)
    inside = found.inside(corner)
    held = preview.held[0] & preview.held[1]
    assert (inside != held).mean() < 0.01, "means against significances, along the outlines"
    assert found.x_span.log and found.x_span.low < 0.1 < found.x_span.high


@pytest.mark.parametrize(
    ("rule", "x", "y", "line"),
    [
        ("Ca/Mg < 0.1", "Mg", "Ca", (-0.1, 1, 0)),
        ("Mg > 2*Fe + 3", "Fe", "Mg", (-2, 1, 3)),
        ("Mg > 30", "Mg", "Fe", (1, 0, 30)),
        ("Si/(Mg + Fe) < 0.8", "Si/(Fe + Mg)", "Mg", (1, 0, 0.8)),
        ("Si/(Mg + Fe) < 0.8", "Si", "Mg", None),
        ("Mg > 30", "2*Mg", "Fe", (0.5, 0, 30)),
    ],
)
def test_a_limit_is_a_line_where_the_axes_can_show_it(
    rule: str, x: str, y: str, line: tuple[float, float, float] | None
) -> None:
    axes = AxisValue.parse(x, UNITS), AxisValue.parse(y, UNITS)
    found = limit_lines(parse_rule(rule), *axes)
    if line is None:
        assert not found
    else:
        assert [(one.a, one.b, one.c) for one in found] == [pytest.approx(line)]


def test_brushing_goes_both_ways(preview: RulePreview) -> None:
    """The pixels of a region, outlined on the plot, hold the region."""
    found = scatter(preview, "Mg", "Fe")
    points = found.of_region(slice(150, 170), slice(100, 130))
    rows, columns = np.divmod(points, preview.taken.shape[1])
    assert len(points) == 20 * 30
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (50, 69, 40, 69)
    places = found.places(points)
    (x0, y0), (x1, y1) = places.min(axis=0), places.max(axis=0)
    x, y = found.x_span.value(np.array([x0, x1])), found.y_span.value(np.array([y0, y1]))
    outline = np.array([[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]], np.float32)
    assert found.inside(outline).ravel()[points].all()
    assert not found.inside(outline).all()
    assert len(found.of_region(slice(0, 9999), slice(0, 9999))) == MOST_MARKED
    assert not len(found.of_region(slice(600, 700), slice(0, 10)))


@pytest.mark.parametrize("span", [Span(0, 50, log=False), Span(0.01, 20, log=True)])
def test_the_end_of_an_axis_stands_for_what_lies_beyond(span: Span) -> None:
    shares = np.linspace(0.01, 0.99, 9).astype(np.float32)
    assert span.share(span.value(shares)) == pytest.approx(shares, abs=1e-5)
    assert list(span.value(np.array([0, 1], np.float32))) == [-np.inf, np.inf]
    assert list(span.share(np.array([-np.inf, -1, 1e9, np.inf], np.float32))) == [0, 0, 1, 1]


@pytest.mark.parametrize("text", ["", "Ca/", "Ca/Mg < 3", "Ni/Mg", "3"])
def test_an_axis_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        AxisValue.parse(text, UNITS)
