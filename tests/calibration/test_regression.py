"""The calibration law: recovery of planted laws, honest errors, refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from napari_olivine.calibration import Calibration, fit_calibration
from napari_olivine.errors import InputError


def planted(
    gains: list[float],
    offsets: list[float],
    *,
    noise: float = 0.0,
    curve: float = 0.0,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Grey, mg#, session and profile of points that follow one law in drifting sessions."""
    random = np.random.default_rng(seed)
    grey, mg, session, profile = [], [], [], []
    for place, (gain, offset) in enumerate(zip(gains, offsets, strict=True)):
        for crystal in range(2):
            composition = random.uniform(0.72, 0.92, 60)
            true_grey = (1.164 - composition) / 0.0024
            grey.append(gain * true_grey + offset + random.normal(0, noise, 60))
            mg.append(composition)
            session.append(np.full(60, place))
            profile.append(np.full(60, f"{place}-{crystal}"))
    return tuple(np.concatenate(part) for part in (grey, mg, session, profile))  # type: ignore[return-value]


def test_a_planted_line_is_recovered_exactly():
    grey, mg, session, profile = planted([1.0], [0.0])
    for terms in ("pooled", "offset", "gain+offset"):
        law = fit_calibration(grey, mg, session, profile, ["1"], session_terms=terms)
        predicted, sigma = law.predict(grey, session)
        assert np.abs(predicted - mg).max() < 1e-6
        assert law.slope([140.0], [0]) == pytest.approx(-0.0024, rel=1e-6)
        assert sigma.max() < 1e-4


def test_a_planted_parabola_needs_degree_two():
    grey = np.linspace(80, 200, 100)
    mg = 0.98 + 2e-4 * grey - 9e-6 * grey**2
    args = (grey, mg, np.zeros(100), np.full(100, "p"), ["1"])
    two = fit_calibration(*args, degree=2, session_terms="pooled")
    assert np.abs(two.predict(grey, np.zeros(100))[0] - mg).max() < 1e-6
    one = fit_calibration(*args, degree=1, session_terms="pooled")
    assert np.abs(one.predict(grey, np.zeros(100))[0] - mg).max() > 3e-3


@settings(max_examples=25, deadline=None)
@given(
    gain=st.floats(0.965, 1.035),
    offset=st.floats(-8, 8),
    seed=st.integers(0, 1000),
)
def test_gain_and_offset_of_a_session_are_recovered_within_their_errors(
    gain: float, offset: float, seed: int
):
    grey, mg, session, profile = planted([1.0, gain], [0.0, offset], noise=1.0, seed=seed)
    law = fit_calibration(grey, mg, session, profile, ["1", "2"])
    true_grey = np.array([110.0, 140.0, 170.0])
    truth = 1.164 - 0.0024 * true_grey
    for place, (g, o) in enumerate([(1.0, 0.0), (gain, offset)]):
        predicted, sigma = law.predict(g * true_grey + o, np.full(3, place))
        # Six standard errors and the bias of regressing on noisy grey, 1/400 of the spread.
        assert (np.abs(predicted - truth) < 6 * sigma + 5e-4).all()
        assert sigma.max() < 2e-3


def test_pooling_drifting_sessions_costs_what_the_drift_is():
    grey, mg, session, profile = planted([1.0, 1.03], [0.0, 6.0], noise=0.5)
    pooled = fit_calibration(grey, mg, session, profile, ["1", "2"], session_terms="pooled")
    own = fit_calibration(grey, mg, session, profile, ["1", "2"])
    rms = [np.sqrt(np.mean((law.predict(grey, session)[0] - mg) ** 2)) for law in (pooled, own)]
    assert rms[0] > 0.01
    assert rms[1] < 0.002


def test_a_session_without_points_gets_the_common_law_with_a_wide_error():
    grey, mg, session, profile = planted([1.0, 1.0], [0.0, 0.0], noise=0.5)
    law = fit_calibration(grey, mg, session, profile, ["1", "2", "3"], offset_prior_grey=8)
    known, narrow = law.predict([140.0], [0])
    unknown, wide = law.predict([140.0], [2])
    assert unknown == pytest.approx(known, abs=1e-3)
    assert wide[0] > 10 * narrow[0]
    # Its own offset, and the common law of which two such sessions are known.
    assert wide[0] == pytest.approx(8 * 0.0024 * np.sqrt(1 + 1 / 2), rel=0.05)


def test_points_that_do_not_fit_are_weighted_down():
    grey, mg, session, profile = planted([1.0], [0.0], noise=0.3)
    grey[:6] = 60.0
    law = fit_calibration(grey, mg, session, profile, ["1"])
    plain = fit_calibration(grey, mg, session, profile, ["1"], robust=False)
    errors = [np.abs(f.predict(grey, session)[0] - mg)[6:].mean() for f in (law, plain)]
    assert errors[0] < 1.5e-3 < errors[1]


def test_errors_say_what_the_profiles_share():
    random = np.random.default_rng(3)
    grey, mg, session, profile = planted([1.0] * 4, [0.0] * 4, noise=0.3)
    for name in np.unique(profile):
        grey[profile == name] += random.normal(0, 2.0)
    law = fit_calibration(grey, mg, session, profile, list("1234"), session_terms="pooled")
    assert law.profile_sd == pytest.approx(2.0 * 0.0024, rel=0.6)
    assert law.residual_sd < 1.5e-3


@pytest.mark.parametrize("degree", [1, 2])
def test_the_fast_map_law_is_the_same_law(degree: int):
    grey, mg, session, profile = planted([1.0, 1.02], [0.0, 3.0], noise=0.5)
    law = fit_calibration(grey, mg, session, profile, ["1", "2"], degree=degree)
    image = np.linspace(90, 200, 60, dtype=np.float32).reshape(3, 20)
    places = np.array([-1, 0, 1])[:, None].repeat(20, axis=1)
    assert np.allclose(law.mg(image, places), law.predict(image, places)[0], atol=1e-5)


def test_a_law_survives_json():
    grey, mg, session, profile = planted([1.0, 1.02], [0.0, 3.0], noise=0.5)
    law = fit_calibration(grey, mg, session, profile, ["1", "2"])
    again = Calibration.from_dict(json.loads(json.dumps(law.as_dict())))
    for one, two in zip(law.predict(grey, session), again.predict(grey, session), strict=True):
        assert np.array_equal(one, two)
    assert law.as_dict()["sessions"]["2"]["points"] == 120


def test_noise_of_the_grey_widens_the_error():
    grey, mg, session, profile = planted([1.0], [0.0])
    law = fit_calibration(grey, mg, session, profile, ["1"])
    _, sigma = law.predict([140.0], [0], noise_grey=3.0)
    assert sigma[0] == pytest.approx(3 * 0.0024, rel=0.01)


def test_too_few_points_and_no_spread_are_refused():
    with pytest.raises(InputError, match="Only 2 usable points"):
        fit_calibration([1.0, 2.0, np.nan], [0.8, 0.9, 0.8], [0] * 3, ["a"] * 3, ["1"])
    with pytest.raises(InputError, match="have the same grey"):
        fit_calibration([120.0] * 5, [0.8, 0.81, 0.82, 0.83, 0.84], [0] * 5, ["a"] * 5, ["1"])
