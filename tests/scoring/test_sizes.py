"""Sizes of crystals against the truth, and how well outlines agree."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from napari_olivine.scoring.boundaries import BoundaryCounts
from napari_olivine.scoring.sizes import RegionOverlaps, score_sizes

RADII = [3, 5, 8, 20, 60]
"""28, 79, 201, 1,257 and 11,310 um2."""


def discs(shrunk_px: int = 0) -> np.ndarray:
    """Labels of discs side by side, each smaller by some pixels all around."""
    labels = np.zeros((200, 140 * len(RADII)), np.int64)
    rows, columns = np.ogrid[: labels.shape[0], : labels.shape[1]]
    for place, radius in enumerate(RADII):
        away = np.hypot(rows - 100, columns - 70 - 140 * place)
        labels[away <= max(radius - shrunk_px, 0)] = place + 1
    return labels


def regions_of(
    truth: np.ndarray, mask: np.ndarray, strip: int, *, connected: bool = False
) -> RegionOverlaps:
    regions = RegionOverlaps(connected=connected)
    for row in range(0, len(truth), strip):
        part = slice(row, row + strip)
        studied = np.ones(truth[part].shape, bool)
        regions.add(truth[part], mask[part], studied, row, last=row + strip >= len(truth))
    return regions


def test_true_crystals_can_be_connected_regions_too() -> None:
    truth, mask = discs(), discs(shrunk_px=1) > 0
    truth[:30, :3] = 9  # touches the edge
    by_id = regions_of(truth, mask, 37)
    by_region = regions_of((truth > 0).astype(np.int64), mask, 37, connected=True)
    one, other = (score_sizes(*regions.joined(), 1.0, 0.5) for regions in (by_id, by_region))
    assert one == other
    assert sum(size.true for size in one.classes) == len(RADII)


@pytest.mark.parametrize("strip", [200, 37])
def test_a_mask_that_is_too_small_is_seen_by_size_class(strip: int) -> None:
    truth = discs()
    mask = discs(shrunk_px=1) > 0
    mask[10:16, 10:16] = True  # touches no crystal
    mask[10:12, 60:62] = True  # below the smallest size
    scores = score_sizes(*regions_of(truth, mask, strip).joined(), 1.0, 0.4)
    assert [one.true for one in scores.classes] == [1, 1, 1, 0, 1, 1]
    assert [one.found for one in scores.classes] == [1, 1, 1, 0, 1, 1]
    for one, radius in zip([c for c in scores.classes if c.true], RADII, strict=True):
        true, found = (np.count_nonzero(discs(px) == RADII.index(radius) + 1) for px in (0, 1))
        assert one.area_ratio == pytest.approx(found / true)
    assert (scores.labels, scores.false_labels) == (5 + 1 - 1, 1)  # the smallest label is 13 px


def test_crystals_cut_by_the_edge_do_not_count() -> None:
    truth = discs()[100:]
    scores = score_sizes(*regions_of(truth, truth > 0, 50).joined(), 1.0, 0.5)
    assert sum(one.true for one in scores.classes) == 0


def test_boundary_iou_by_strips_is_that_of_the_whole() -> None:
    truth, predicted = discs() > 0, np.roll(discs(), 1, axis=1) > 0

    def band(mask: np.ndarray) -> np.ndarray:
        away = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_C, 3)
        return mask & (away <= 2)

    whole = (band(truth) & band(predicted)).sum() / (band(truth) | band(predicted)).sum()
    counts = BoundaryCounts()
    for row in range(0, 200, 40):
        wide = slice(max(row - 2, 0), row + 42)
        inner = (slice(row - wide.start, row - wide.start + 40), slice(None))
        counts.add(truth[wide], predicted[wide], inner)
    assert counts.iou == pytest.approx(whole)
    assert BoundaryCounts().iou is None
