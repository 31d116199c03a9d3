"""Seams and histograms: what ties sessions where no element map tells the materials."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.levelling.histogram_peaks import (
    Peak,
    find_mode,
    find_peaks,
    histogram_tie_points,
)
from napari_olivine.levelling.histograms import TileGreys
from napari_olivine.levelling.sampling import ClippingLimits
from napari_olivine.levelling.scales import Priors, solve_session_scales
from napari_olivine.levelling.seams import Seam, border_tie_points
from napari_olivine.levelling.tie_points import TiePoints

PRIORS = Priors(0.05, 30.0, 1.0)
GREYS = np.array([60.0, 95.0, 120.0, 160.0, 205.0])
NOTHING = TiePoints.of_rows([])


def flat(tile: NDArray[np.int64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.zeros(tile.size)


def seams(gain: float, offset: float, noise: float, number: int = 12, seed: int = 0) -> list[Seam]:
    """Seams between the tiles of two sessions: grains of 24 px that go on beyond the border."""
    random = np.random.default_rng(seed)
    found = []
    for pair in range(number):
        rock = np.repeat(random.choice(GREYS, 12), 24)
        one = rock + random.normal(0, noise, rock.size)
        other = gain * (rock + random.normal(0, noise, rock.size)) + offset
        found.append(Seam(2 * pair, 2 * pair + 1, True, one.astype("f4"), other.astype("f4")))
    return found


def tied(seen: TiePoints) -> tuple[NDArray[np.float64], ...]:
    sessions = int(seen.session.max()) + 1
    gain, offset, covariance = solve_session_scales(seen, sessions, 120.0, PRIORS, Job()).relative(
        0
    )
    return gain, offset, np.sqrt(covariance[:, 0, 0])


@pytest.mark.parametrize("gain", [0.92, 1.0, 1.08])
@pytest.mark.parametrize("noise", [3.0, 20.0])
def test_two_noisy_sides_of_a_border_give_the_ratio_of_gains(gain: float, noise: float):
    """Noise on both sides would flatten a regression of one on the other."""
    session = np.tile([0, 1], 12)
    pairs = seams(gain, 7.0, noise)
    found, offset, error = tied(
        border_tie_points(pairs, flat, session, 1.0, ClippingLimits(), Job())
    )
    assert found[1] == pytest.approx(gain, abs=max(0.004, 4 * error[1]))
    assert found[1] * 120 + offset[1] == pytest.approx(gain * 120 + 7, abs=1.5)
    assert error[1] < 0.03
    if noise > 10:
        x = np.concatenate([seam.grey_before for seam in pairs])
        y = np.concatenate([seam.grey_after for seam in pairs])
        assert np.polyfit(x, y, 1)[0] < 0.9 * gain


def test_contrast_that_was_set_anew_is_not_pulled_back():
    """A gain of 0.7 is six times what is likely beforehand; the rock at the border is sure."""
    session = np.tile([0, 1], 12)
    found, _, error = tied(
        border_tie_points(seams(0.7, 30.0, 3.0), flat, session, 1.0, ClippingLimits(), Job())
    )
    assert found[1] == pytest.approx(0.7, abs=0.004)
    assert error[1] < 0.01


def test_rock_that_does_not_go_on_beyond_the_border_does_not_flatten_the_gain():
    """A quarter of the pieces shows another grain on the other side, as a stage error makes it."""
    random = np.random.default_rng(1)
    moved = []
    for seam in seams(1.06, -4.0, 3.0, number=16):
        other = seam.grey_after.copy()
        for start in random.choice(12, 3, replace=False) * 24:
            other[start : start + 24] = 1.06 * random.choice(GREYS) - 4 + random.normal(0, 3, 24)
        moved.append(Seam(seam.before, seam.after, True, seam.grey_before, other))
    found, offset, _ = tied(
        border_tie_points(moved, flat, np.tile([0, 1], 16), 1.0, ClippingLimits(), Job())
    )
    assert found[1] == pytest.approx(1.06, abs=0.01)
    assert found[1] * 120 + offset[1] == pytest.approx(1.06 * 120 - 4, abs=0.7)


def test_a_blank_border_gives_the_level_alone():
    random = np.random.default_rng(0)
    blank = [
        Seam(2 * k, 2 * k + 1, True, random.normal(20, 1, 64), random.normal(26, 1, 64))
        for k in range(8)
    ]
    session = np.tile([0, 1], 8)
    seen = border_tie_points(blank, flat, session, 1.0, ClippingLimits(), Job())
    gain, offset, covariance = solve_session_scales(seen, 2, 20.0, PRIORS, Job()).relative(0)
    assert gain[1] * 20 + offset[1] == pytest.approx(26, abs=0.8)
    assert np.sqrt(covariance[1, 0, 0]) > 0.8 * PRIORS.gain
    assert len(border_tie_points(blank[:2], flat, session, 1.0, ClippingLimits(), Job())) == 0, (
        "too little border"
    )
    nothing = [Seam(k, k + 1, True, np.full(64, np.nan), np.full(64, np.nan)) for k in range(8)]
    assert len(border_tie_points(nothing, flat, session, 1.0, ClippingLimits(), Job())) == 0


def tiles_of(
    modes: list[tuple[float, float]],
    scales: list[tuple[float, float]],
    *,
    tiles: int = 12,
    spots: int = 4000,
    spread: dict[float, float] | None = None,
    without: tuple[tuple[int, float], ...] = (),
    seed: int = 0,
) -> TileGreys:
    """Histograms of sessions that show modes of (grey, share), each tile with a level of its own.

    Parameters
    ----------
    spread
        How far the mode of this grey differs from tile to tile.
    without
        Sessions that do not show the mode of this grey.
    """
    random = np.random.default_rng(seed)
    grey, tile = [], []
    for session, (gain, offset) in enumerate(scales):
        for number in range(tiles):
            own = random.normal(0, 0.5)
            for mode, share in modes:
                if (session, mode) in without:
                    continue
                count = round(share * spots)
                at = mode + random.normal(0, (spread or {}).get(mode, 0.0))
                grey.append(gain * (at + random.normal(0, 0.6, count)) + offset + own)
                tile.append(np.full(count, session * tiles + number))
    session_of_tile = np.repeat(np.arange(len(scales)), tiles)
    return TileGreys.of_spots(np.concatenate(grey), np.concatenate(tile), session_of_tile, 1.0)


def seen_in(tiles: TileGreys, limits: ClippingLimits | None = None) -> TiePoints:
    sessions = int(tiles.session.max()) + 1
    limits = limits or ClippingLimits()
    return histogram_tie_points(tiles, NOTHING, sessions, 120.0, PRIORS, 1.0, limits, Job())


@pytest.mark.parametrize("share", [0.02, 0.004])
@pytest.mark.parametrize(("gain", "offset"), [(0.93, 6.0), (1.06, -11.0)])
def test_a_small_distinct_mode_far_from_the_middle_gives_the_gain(
    share: float, gain: float, offset: float
):
    """Epoxy and an oxide of some thousandths each, beside a groundmass of most of the area."""
    modes = [(25.0, share), (112.0, 0.2), (118.0, 0.7), (220.0, share)]
    found, zero, error = tied(seen_in(tiles_of(modes, [(1.0, 0.0), (gain, offset)])))
    assert found[1] == pytest.approx(gain, rel=0.003)
    assert error[1] < 0.005
    for grey in (25, 118, 220):
        assert found[1] * grey + zero[1] == pytest.approx(gain * grey + offset, abs=0.7)


def test_small_modes_are_found_though_the_border_misleads():
    """The seams say 1.09 +- 0.03; the groundmass is as wide as the scale is unsure."""
    modes = [(35.0, 0.002), (112.0, 0.2), (118.0, 0.7), (235.0, 0.002)]
    spread = {112.0: 1.0, 118.0: 1.0}
    tiles = tiles_of(modes, [(1.0, 0.0), (1.0, 0.0)], spread=spread)
    rows = [(0, 0, -1, 90.0, 0.1), (1, 0, -1, 87.3, 0.9), (0, 1, -1, 150.0, 0.1)]
    misled = TiePoints.of_rows([*rows, (1, 1, -1, 152.7, 0.9)])
    assert tied(misled)[0][1] == pytest.approx(1.09, abs=0.02)
    seen = histogram_tie_points(tiles, misled, 2, 118.0, PRIORS, 1.0, ClippingLimits(), Job())
    found, zero, error = tied(TiePoints.joined([seen, misled]))
    assert found[1] == pytest.approx(1.0, abs=max(0.003, 2 * error[1]))
    assert error[1] < 0.004
    assert found[1] * 118 + zero[1] == pytest.approx(118, abs=1.0)


def test_a_mode_of_one_session_alone_does_no_harm():
    modes = [(25.0, 0.02), (105.0, 0.2), (118.0, 0.6), (220.0, 0.02)]
    scales = [(1.0, 0.0), (1.05, -8.0)]
    whole = tied(seen_in(tiles_of(modes, scales)))
    lacking = tied(seen_in(tiles_of(modes, scales, without=((1, 25.0),))))
    assert whole[0][1] == pytest.approx(1.05, rel=0.003)
    assert lacking[0][1] == pytest.approx(1.05, rel=0.004)
    assert lacking[2][1] > whole[2][1], "and is missed"


def test_a_clipped_mode_does_not_count():
    """At black a mode keeps only the spots that noise has raised: it seems brighter than it is."""
    modes = [(4.0, 0.05), (105.0, 0.2), (118.0, 0.6), (220.0, 0.02)]
    tiles = tiles_of(modes, [(1.0, 0.0), (1.0, 0.0)])
    raised = tiles.number.copy()
    dark = tiles.centre < 10
    second = tiles.session == 1
    raised[np.ix_(second, dark)] = np.roll(tiles.number[np.ix_(second, dark)], 8, axis=1)
    tiles = TileGreys(raised, tiles.centre, tiles.tile, tiles.session)
    fooled = tied(seen_in(tiles))
    aware = tied(seen_in(tiles, ClippingLimits(0.0, 255.0, 2.5)))
    assert fooled[0][1] < 0.99
    assert aware[0][1] == pytest.approx(1.0, abs=0.004)


def test_a_mineral_whose_crystals_differ_counts_little():
    """Olivine at 140 differs by 5 grey from tile to tile, and by 6 from session to session."""
    steady = [(25.0, 0.02), (105.0, 0.2), (118.0, 0.6)]
    one = tiles_of([*steady, (140.0, 0.1)], [(1.0, 0.0)], spread={140.0: 5.0})
    other = tiles_of([*steady, (146.0, 0.1)], [(1.0, 0.0)], spread={146.0: 5.0}, seed=5)
    count = min(one.centre.size, other.centre.size)
    assert abs(one.centre[0] - other.centre[0]) < 1
    shifted = np.stack([np.interp(one.centre[:count], other.centre, row) for row in other.number])
    both = TileGreys(
        np.concatenate([one.number[:, :count], shifted]),
        one.centre[:count],
        np.arange(24),
        np.repeat([0, 1], 12),
    )
    gain, offset, _ = tied(seen_in(both))
    assert gain[1] == pytest.approx(1.0, abs=0.006)
    assert gain[1] * 118 + offset[1] == pytest.approx(118, abs=0.7)


def test_histograms_match_though_one_session_has_more_of_a_mineral():
    random = np.random.default_rng(0)
    session_of_tile = np.repeat([0, 1], 16)
    grey, tile = [], []
    for number, session in enumerate(session_of_tile):
        share = [0.1, 0.5, 0.2, 0.2] if session == 0 else [0.1, 0.35, 0.15, 0.4]
        mineral = random.choice([60.0, 110.0, 135.0, 180.0], 2000, p=share)
        value = mineral + random.normal(0, 3, 2000)
        grey.append(value * (1.04 if session else 1) - (6 if session else 0))
        tile.append(np.full(2000, number))
    tiles = TileGreys.of_spots(np.concatenate(grey), np.concatenate(tile), session_of_tile, 1.0)
    gain, offset, error = tied(seen_in(tiles))
    assert gain[1] == pytest.approx(1.04, abs=0.005)
    for one in (60, 110, 135, 180):
        assert gain[1] * one + offset[1] == pytest.approx(1.04 * one - 6, abs=0.6)
    assert 0.002 < error[1] < 0.01


def test_the_unit_of_the_grey_does_not_matter():
    modes, scales = [(25.0, 0.02), (105.0, 0.2), (118.0, 0.6)], [(1.0, 0.0), (1.04, -5.0)]
    tiles = tiles_of(modes, scales)
    big = TileGreys(tiles.number, tiles.centre * 200, tiles.tile, tiles.session)
    wide = Priors(0.05, 6000.0, 200.0)
    seen = histogram_tie_points(big, NOTHING, 2, 24_000.0, wide, 200.0, ClippingLimits(), Job())
    found = solve_session_scales(seen, 2, 24_000.0, wide, Job()).relative(0)
    one = tied(seen_in(tiles))
    assert found[0][1] == pytest.approx(one[0][1], abs=1e-4)
    assert found[1][1] / 200 == pytest.approx(one[1][1], abs=0.02)


def test_a_session_without_a_common_histogram_is_not_tied():
    random = np.random.default_rng(0)
    mixed = random.choice([60.0, 110.0, 135.0, 180.0], 20_000) + random.normal(0, 3, 20_000)
    blank = random.normal(20, 1.5, 20_000)
    tile = np.repeat(np.arange(20), 2000)
    session = np.repeat([0, 1], 10)
    tiles = TileGreys.of_spots(np.concatenate([mixed, blank]), tile, session, 1.0)
    assert len(seen_in(tiles).shared()) == 0


def test_peaks_are_distinct_hills():
    centre = np.arange(0, 200, 0.25)

    def hill(at: float, wide: float, high: float) -> NDArray[np.float64]:
        return high * np.exp(-0.5 * ((centre - at) / wide) ** 2)

    shoulder = hill(100, 3, 1.0) + hill(106, 2, 0.2)
    found = find_peaks(np.sqrt(shoulder + hill(30, 0.6, 0.003)), centre, 1.0)
    assert [round(peak.at) for peak in found] == [30, 100]
    assert found[0].window < 1
    assert found[1].window == pytest.approx(3, abs=0.5)


def test_a_mode_is_found_with_its_error_beside_a_larger_one():
    random = np.random.default_rng(2)
    centre = np.arange(0, 200, 0.25) + 0.125
    off, said = [], []
    for _ in range(200):
        grey = np.concatenate([random.normal(101.3, 1.0, 300), random.normal(112, 2.0, 4000)])
        number = np.histogram(grey, np.arange(0, 200.25, 0.25))[0].astype(float)
        seen = find_mode(number, centre, Peak(102.0, 1.0), 1.0)
        assert seen is not None
        off.append(seen[0] - 101.3)
        said.append(seen[1])
    assert abs(np.mean(off)) < 0.02
    # Spots are counted as a fifth: the error said is that of correlated ones, with its floor.
    assert np.std(off) < np.mean(said) < 4 * np.std(off)
    assert find_mode(number, centre, Peak(60.0, 1.0), 1.0) is None
