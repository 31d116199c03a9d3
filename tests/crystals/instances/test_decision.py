"""What merging and splitting share: tables of decisions, and the weight of evidence."""

from __future__ import annotations

import numpy as np
import pytest

from napari_olivine.crystals.instances.decision import clip_log_odds, decide, own_rims_log_odds
from napari_olivine.crystals.instances.merging import Gap
from napari_olivine.crystals.instances.splitting import Cut

COMPOSITION = [
    "mg_difference", "mg_difference_se", "grey_difference", "grey_difference_se",
    "own_outlines", "own_outlines_se", "probability",
]  # fmt: skip


def test_columns_on_disk_keep_their_order() -> None:
    assert Gap.columns() == [
        "a", "b", "row", "col", "gap_um", "gap_spread_um", "contact_um", "contact_share",
        "darkness", "solidity_gain", "hull_excess", *COMPOSITION, "joined",
    ]  # fmt: skip
    assert Cut.columns() == [
        "a", "b", "row0", "col0", "row1", "col1", "neck_um", "neck_ratio", "notch", "notch_deep",
        "notch_darkness", "solidity_small", "solidity_large", "solidity_gain", *COMPOSITION, "kept",
    ]  # fmt: skip
    for kind, flag in ((Gap, "joined"), (Cut, "kept")):
        empty = kind.table([])
        assert empty.columns.tolist() == kind.columns() and empty[flag].dtype == bool


def test_a_threshold_of_one_is_never_reached() -> None:
    assert decide(0.5, 0.5) and not decide(0.49, 0.5)
    assert not decide(1.0, 1.0)


def test_own_rims_speak_for_two_crystals_and_shared_zoning_for_one() -> None:
    shared, unclear, own = (own_rims_log_odds(share, 0.1, 0.2) for share in (0, 0.5, 1))
    assert shared < 0 < own and shared == pytest.approx(-own) and unclear == 0
    assert own_rims_log_odds(1, 1.0, 0.2) < own  # less sure
    assert own_rims_log_odds(3, 0.1, 0.2) < own  # neither holds
    assert clip_log_odds(own_rims_log_odds(np.nan, np.nan, 0.2), -4, 4) == 0
