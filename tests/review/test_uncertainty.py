"""Which crystals are doubted, and what is said of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from napari_olivine.review import CRITERIA, rate_uncertainty
from tests.helpers.review_tables import plain_crystals

ONE = 29
"""Row of the phenocryst that is made odd."""


def recognised(**values: object) -> pd.DataFrame:
    """Plain crystals, one of which was recognised as something."""
    table = plain_crystals().assign(recognised_kind="", recognised_probability=0.0, kind="")
    for name, value in values.items():
        table.loc[ONE, name] = value
    return table


def with_one(**values: object) -> pd.DataFrame:
    table = plain_crystals()
    for name, value in values.items():
        table[name] = table[name].astype(type(value))
        table.loc[ONE, name] = value
    return table


def decisions(made: str, a: int, b: int, probability: float, done: bool) -> pd.DataFrame:
    return pd.DataFrame({"a": [a], "b": [b], "probability": [probability], made: [done]})


def test_crystals_recognised_as_another_mineral_are_doubted() -> None:
    usual = rate_uncertainty(plain_crystals())["doubt"]
    row = plain_crystals().index.get_loc(ONE)
    for kind, doubted in (("Pyroxenes", True), ("dust", True), ("skeletal", False), ("", False),
                          ("melt inclusion bearing", False)):  # fmt: skip
        table = recognised(recognised_kind=kind, recognised_probability=0.9)
        found = rate_uncertainty(table)
        assert (found["doubt"][row] > usual[row] + 0.5) == doubted, kind
        assert (f"recognised as {kind} (90%)" in found["because"][row]) == doubted
        others = np.arange(len(usual)) != row
        np.testing.assert_array_equal(found["doubt"][others], usual[others])
    given = recognised(recognised_kind="pyroxene", recognised_probability=0.9, kind="skeletal")
    assert rate_uncertainty(given)["doubt"][row] == usual[row], "a person knows better"


def test_a_kind_whose_crystals_a_person_rejects_is_doubted() -> None:
    table = recognised(recognised_kind="dendrite", recognised_probability=1.0)
    row = table.index.get_loc(ONE)
    others = table.index[table.index != ONE][:3]
    table["kind"], table["verdict"] = "", ""
    table.loc[others, "kind"] = "dendrite"
    plain = rate_uncertainty(table)["doubt"][row]
    table.loc[others[:2], "verdict"], table.loc[others[2], "verdict"] = "rejected", "accepted"
    assert rate_uncertainty(table)["doubt"][row] > plain + 0.5


def test_plain_olivines_are_not_doubted() -> None:
    found = rate_uncertainty(plain_crystals())
    assert found["id"].tolist() == plain_crystals()["id"].tolist()
    assert (found["doubt"] < 0.15).all()
    assert (found["because"] == "nothing unusual").all()


@pytest.mark.parametrize(
    ("odd", "ground", "words"),
    [
        ({"mean_probability": 0.24}, "doubt_probability", "mean probability of olivine only 0.24"),
        ({"boundary_contrast": 0.5}, "doubt_boundary", "hardly stands out in BSE"),
        (
            {"boundary_contrast": -2.0, "boundary_grey_step": -5.0},
            "doubt_boundary",
            "darker than its surroundings in BSE (-5.0 grey)",
        ),
        ({"boundary_probability_step": 0.1}, "doubt_boundary", "probability fades out"),
        ({"solidity": 0.6}, "doubt_shape", "solidity 0.60"),
        ({"circularity": 0.3}, "doubt_shape", "circularity 0.30"),
        ({"aspect_ratio": 5.0}, "doubt_shape", "aspect ratio 5.0"),
        ({"hole_fraction": 0.2}, "doubt_shape", "holes for its size (20%)"),
        ({"p_patchy": 1.0, "zone_class": "patchy"}, "doubt_composition", "another mineral"),
        ({"patchiness": 0.02, "coherence": 0.05}, "doubt_composition", "not concentric"),
        ({"mg_q05": 0.93, "mg_q50": 0.94, "mg_q95": 0.95}, "doubt_composition", "lies above"),
        ({"mg_q05": 0.48, "mg_q50": 0.5, "mg_q95": 0.52}, "doubt_composition", "lies below"),
        ({"mg_q05": np.nan, "mg_q50": np.nan, "mg_q95": np.nan}, "doubt_composition", "no calib"),
        (
            {"zone_probability": 0.5, "zone_second": "mg_rich_mantle"},
            "doubt_class",
            "zoning uncertain (normal 0.50, or mg rich mantle)",
        ),
        ({"centre_outer": 0.0101}, "doubt_class", "near the threshold of zoning"),
        ({"mantle_excess": 0.0149}, "doubt_class", "a mantle of 0.015 of mg#"),
        ({"edge_contact": 0.4}, "doubt_class", "40% of its outline is cut"),
        ({"area_px": 22}, "doubt_size", "only 22 pixels"),
    ],
)
def test_one_odd_feature_is_doubted_on_its_ground_and_named(
    odd: dict[str, object], ground: str, words: str
) -> None:
    usual, found = rate_uncertainty(plain_crystals()), rate_uncertainty(with_one(**odd))
    assert found["doubt"].idxmax() == ONE
    assert words in found["because"][ONE]
    more = found.loc[ONE, CRITERIA].astype(float) - usual.loc[ONE, CRITERIA].astype(float)
    assert more.idxmax() == ground
    assert more[ground] > 0.04
    assert more.drop(ground).abs().max() < 0.03


def test_a_size_near_the_limit_of_two_classes_is_a_slight_doubt() -> None:
    table = with_one(area_um2=10_010.0)
    found = rate_uncertainty(table)
    assert 0.03 < found["doubt_class"][ONE] < 0.1
    assert (found["doubt_class"].drop(ONE) == 0).all()


def test_at_most_three_features_are_named_the_strongest_first() -> None:
    found = rate_uncertainty(
        with_one(
            mean_probability=0.1, boundary_contrast=0.0, boundary_probability_step=0.0,
            p_patchy=1.0, solidity=0.5, circularity=0.2,
        )
    )  # fmt: skip
    said = found["because"][ONE].split("; ")
    assert len(said) == 3
    assert said[0].startswith("mean probability")
    assert "not concentric" in said[1]


@given(st.integers(0, 59), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_a_lower_probability_never_lowers_the_doubt(row: int, low: float, high: float) -> None:
    low, high = sorted((low, high))
    table = plain_crystals()
    # The mean of the composition follows what is sure; without mg# nothing else may move.
    table = table.drop(columns=["mg_q05", "mg_q50", "mg_q95"])
    table.loc[row, "mean_probability"] = low
    less_sure = rate_uncertainty(table)["doubt"][row]
    table.loc[row, "mean_probability"] = high
    assert less_sure >= rate_uncertainty(table)["doubt"][row]


def test_grounds_add_up_as_independent_ones() -> None:
    found = rate_uncertainty(with_one(mean_probability=0.3, solidity=0.7, boundary_contrast=1.0))
    grounds = found[CRITERIA].to_numpy()
    assert ((grounds >= 0) & (grounds <= 1)).all()
    assert found["doubt"].to_numpy() == pytest.approx(1 - np.prod(1 - grounds, axis=1))


def test_the_order_of_the_rows_does_not_matter() -> None:
    table = with_one(solidity=0.6, mg_q50=0.95)
    some = table.sample(frac=1, random_state=1)
    cuts = decisions("kept", 3, 8, 0.6, True)
    straight = rate_uncertainty(table, cuts).set_index("id")
    turned = rate_uncertainty(some, cuts).set_index("id")
    assert turned.index.tolist() == some["id"].tolist()
    pd.testing.assert_frame_equal(turned.loc[straight.index], straight)


# ---------------------------------------------------------------------- what is missing


@pytest.mark.parametrize(
    "missing",
    [
        ["mean_probability", "boundary_probability_step"],
        ["mg_q05", "mg_q50", "mg_q95", "p_patchy", "coherence", "patchiness", "zone_probability"],
        ["size_class"],
        ["row0", "row1", "col0", "col1"],
    ],
)
def test_what_was_not_measured_speaks_neither_way(missing: list[str]) -> None:
    table = with_one(solidity=0.6)
    without = rate_uncertainty(table.drop(columns=missing))
    assert without["doubt"].idxmax() == ONE
    assert (without["doubt"].drop(ONE) < 0.15).all()
    if "size_class" not in missing:
        table[missing] = np.nan
        pd.testing.assert_frame_equal(rate_uncertainty(table), without)


def test_a_table_of_nothing_but_ids_and_an_empty_table() -> None:
    bare = rate_uncertainty(pd.DataFrame({"id": [4, 7]}))
    assert bare["doubt"].tolist() == [0, 0]
    empty = rate_uncertainty(plain_crystals()[:0], decisions("kept", 1, 2, 0.5, True))
    assert list(empty) == ["id", "doubt", "because", *CRITERIA]
    assert len(empty) == 0


def test_crystals_without_mg_tell_nothing_where_most_have_none() -> None:
    table = plain_crystals()
    none = table["id"] > 6
    table.loc[none, ["mg_q05", "mg_q50", "mg_q95"]] = np.nan
    assert rate_uncertainty(table)["doubt_composition"].max() < 0.05


def test_a_crystal_too_small_for_its_own_noise_is_judged_by_that_of_the_others() -> None:
    table = with_one(boundary_contrast=np.nan, boundary_grey_step=0.5)
    assert "by 0.2 times the noise" in rate_uncertainty(table)["because"][ONE]
    plain = with_one(boundary_contrast=np.nan)
    assert rate_uncertainty(plain)["doubt_boundary"][ONE] == 0


# ---------------------------------------------------------------------- petrology


def test_microlites_may_be_richer_in_iron_than_the_rims_but_not_in_magnesium() -> None:
    table = plain_crystals()
    small = table["size_class"] == "microlite"
    for shift, doubted in ((-0.06, False), (0.12, True)):
        moved = table.copy()
        for name in ("mg_q05", "mg_q50", "mg_q95"):
            moved.loc[small, name] += shift
        found = rate_uncertainty(moved)["doubt_composition"]
        assert (found[small].median() > 0.1) == doubted
        assert found[~small].max() < 0.05


def test_shape_is_compared_within_the_size_class() -> None:
    table = plain_crystals()
    small = table["size_class"] == "microlite"
    table.loc[small, "circularity"] -= 0.3
    assert rate_uncertainty(table)["doubt_shape"].max() < 0.05
    phenocryst = int(np.flatnonzero(table["size_class"] == "phenocryst")[0])
    table.loc[phenocryst, "circularity"] -= 0.3
    assert rate_uncertainty(table)["doubt_shape"].idxmax() == phenocryst


def test_pieces_of_one_crystal_are_told_by_their_boxes_and_composition() -> None:
    table = plain_crystals()
    inside, host = 1, 2  # a microphenocryst in the box of a phenocryst
    box = ["row0", "row1", "col0", "col1"]
    table.loc[inside, box] = [2010, 2073, 20, 83]
    table.loc[host, box] = [2000, 2200, 0, 200]
    for name in ("mg_q05", "mg_q50", "mg_q95"):
        table.loc[inside, name] = table.loc[host, name]
    found = rate_uncertainty(table)
    assert found["because"][inside] == "perhaps one crystal with its neighbour 3"
    assert found["because"][host] == "perhaps one crystal with its neighbour 2"
    assert (found["doubt_pieces"].drop([inside, host]) == 0).all()
    for name in ("mg_q05", "mg_q50", "mg_q95"):
        table.loc[inside, name] = table.loc[host, name] - 0.05
    assert (rate_uncertainty(table)["doubt_pieces"] == 0).all()


# ---------------------------------------------------------------------- decisions, opinions


@pytest.mark.parametrize(
    ("made", "a", "b", "done", "words"),
    [
        ("kept", 3, 9, True, "a cut from its neighbour is uncertain (probability 0.55)"),
        ("kept", 3, 3, False, "a cut through it was left, but is uncertain (probability 0.55)"),
        ("joined", 3, 3, True, "a crack that it was joined over is uncertain (probability 0.55)"),
        ("joined", 3, 9, False, "a crack to its neighbour was left, but is uncertain"),
    ],
)
def test_a_decision_near_one_half_is_a_doubt_of_both_sides(
    made: str, a: int, b: int, done: bool, words: str
) -> None:
    table, name = plain_crystals(), {"kept": "cuts", "joined": "gaps"}[made]
    found = rate_uncertainty(table, **{name: decisions(made, a, b, 0.55, done)}).set_index("id")
    for crystal in {a, b}:
        assert words in found["because"][crystal]
        assert found["doubt_disagreement"][crystal] == pytest.approx(0.45)
    assert (found["doubt_disagreement"].drop([a, b]) == 0).all()
    sure = rate_uncertainty(table, **{name: decisions(made, a, b, 0.999, done)})
    assert sure["doubt_disagreement"].max() < 0.01


def test_the_least_sure_of_several_decisions_counts() -> None:
    cuts = pd.concat(
        decisions("kept", 5, other, probability, True)
        for other, probability in ((6, 0.99), (7, 0.6), (8, 0.9))
    )
    found = rate_uncertainty(plain_crystals(), cuts).set_index("id")
    assert found["doubt_disagreement"][5] == pytest.approx(0.5 * 0.8)
    assert found["doubt_disagreement"][8] == pytest.approx(0.5 * 0.2)


def test_a_second_opinion_that_differs() -> None:
    table = plain_crystals()
    opinion = pd.Series({30: 0.12, 31: 1.0, 32: np.nan})
    found = rate_uncertainty(table, second_opinion=opinion).set_index("id")
    assert "the second opinion takes only 12% of it for olivine" in found["because"][30]
    assert found["doubt_disagreement"].drop(30).max() == 0
    stored = table.assign(agreement=table["id"].map(opinion))
    pd.testing.assert_frame_equal(rate_uncertainty(stored).set_index("id"), found)
