"""Diffusion coefficients and oxygen fugacities against published and independent values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from napari_olivine.diffusion import LAWS, direction_factor, log_fo2_bar
from napari_olivine.diffusion.law import random_factors

LAW = LAWS["dohmen-chakraborty"]
ALONG_001 = (90.0, 90.0, 0.0)


@pytest.mark.parametrize(
    ("celsius", "bar", "log_fo2", "fo", "angles", "expected"),
    [
        (1200, 420, -7.87, 0.82, ALONG_001, 3.8112e-16),
        (1200, 420, -7.87, 0.88, ALONG_001, 2.5180e-16),
        (1050, 420, -7.87, 0.82, ALONG_001, 5.9147e-17),
        (1050, 7500, -7.87, 0.88, ALONG_001, 2.4905e-17),
        (1050, 7500, -9.00, 0.88, ALONG_001, 1.6142e-17),
        (1200, 420, -7.87, 0.82, (70.0, 152.0, 108.0), 9.3343e-17),
    ],
)
def test_law_with_erratum(
    celsius: float,
    bar: float,
    log_fo2: float,
    fo: float,
    angles: tuple[float, float, float],
    expected: float,
) -> None:
    """Values of two independent implementations; that in Pa instead of bar differs 6.8 times."""
    ln_d = LAW.ln_d001(fo, celsius + 273.15, bar * 1e5, log_fo2)
    assert np.exp(ln_d) * direction_factor(angles) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("celsius", "fo", "expected"),
    [
        (1100, 0.90, 4.767e-17), (1100, 0.80, 9.511e-17), (1180, 0.90, 1.844e-16),
        (1180, 0.80, 3.679e-16), (1200, 0.90, 2.527e-16), (1200, 0.80, 5.042e-16),
    ],
)  # fmt: skip
def test_law_at_the_buffer(celsius: float, fo: float, expected: float) -> None:
    kelvin = celsius + 273.15
    found = np.exp(LAW.ln_d001(fo, kelvin, 1e5, log_fo2_bar("NNO", kelvin, 1e5)))
    assert found == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("buffer", "pascal", "expected"),
    [("NNO", 1e5, -7.563), ("QFM", 1e5, -8.301), ("QFM", 420e5, -8.270)],
)
def test_buffers_at_1200_degrees(buffer: str, pascal: float, expected: float) -> None:
    assert log_fo2_bar(buffer, 1473.15, pascal) == pytest.approx(expected, abs=2e-3)  # type: ignore[arg-type]


def test_other_nickel_buffer_differs_by_what_is_known() -> None:
    both = [log_fo2_bar(name, 1473.15, 1e5) for name in ("NNO", "NNO-1993")]  # type: ignore[arg-type]
    assert abs(both[0] - both[1]) == pytest.approx(0.17, abs=0.01)


@given(st.floats(973, 1573), st.floats(0.6, 0.95), st.floats(-14, -5))
def test_slope_is_that_of_the_composition(kelvin: float, fo: float, log_fo2: float) -> None:
    for law in LAWS.values():
        rise = law.ln_d001(fo - 0.01, kelvin, 1e5, log_fo2) - law.ln_d001(fo, kelvin, 1e5, log_fo2)
        assert rise == pytest.approx(0.01 * law.slope, rel=1e-6)


def test_refit_is_about_twice_as_fast() -> None:
    """Seen at 1150-1230 degrees, 350 MPa and NNO: the law must be told with every time."""
    for celsius in (1150, 1190, 1230):
        kelvin = celsius + 273.15
        oxygen = log_fo2_bar("NNO", kelvin, 350e6)
        values = [law.ln_d001(0.85, kelvin, 350e6, oxygen) for law in LAWS.values()]
        assert 1.6 < np.exp(values[1] - values[0]) < 2.2


def test_directions() -> None:
    assert direction_factor((0.0, 90.0, 90.0)) == pytest.approx(1 / 6)
    assert direction_factor(ALONG_001) == pytest.approx(1)
    drawn = random_factors(100_000, np.random.default_rng(0))
    assert drawn.min() >= 1 / 6 and drawn.max() <= 1
    assert drawn.mean() == pytest.approx(1 / 3 + 2 / 3 / 6, abs=0.003)
