"""What the answers of a person change in the order of the queue."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from napari_olivine.review import (
    fit_misclassification,
    learning_features,
    rate_uncertainty,
    review_outcomes,
)
from napari_olivine.review.learning import LEAST, MEASUREMENTS
from tests.helpers.review_tables import plain_crystals

COUNT = 300


def two_minerals(seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Crystals of which a third is augite: within the olivines' mg#, but never that low."""
    random = np.random.default_rng(seed)
    table = plain_crystals(COUNT, seed)
    augite = random.random(COUNT) < 0.35
    mg = np.where(augite, random.normal(0.80, 0.008, COUNT), random.normal(0.83, 0.008, COUNT))
    for name, shift in (("mg_q05", -0.01), ("mg_q50", 0.0), ("mg_q95", 0.01)):
        table[name] = mg + shift
    table["mean_probability"] = np.clip(random.normal(0.7, 0.15, COUNT) - 0.1 * augite, 0.1, 1)
    return table, pd.Series(augite, table["id"].to_numpy())


def measured_of(table: pd.DataFrame) -> pd.DataFrame:
    return learning_features(table, rate_uncertainty(table))


# ---------------------------------------------------------------------- answers


def test_answers_are_read_off_the_table() -> None:
    before = plain_crystals(9)
    now = before.copy()
    now.loc[0, "verdict"] = "accepted"
    now.loc[1, "verdict"] = "rejected"
    now.loc[2, "corrected"] = True
    now.loc[3, "reviewed_class"] = "patchy"
    now.loc[4, "reviewed_class"] = "normal"  # confirms what the program said
    now.loc[5, ["verdict", "corrected"]] = ["accepted", True]  # right by now, but it was not
    now = now.drop(index=6)  # merged with a neighbour
    now.loc[7, "note"] = "nice one"
    new = before.loc[[8]].assign(id=77, corrected=True)
    found = review_outcomes(before, pd.concat([now, new]))
    wrong = {1: False, 2: True, 3: True, 4: True, 5: False, 6: True, 7: True}
    assert found.to_dict() == wrong


def test_a_class_that_was_set_in_the_table_too_is_still_a_change() -> None:
    before = plain_crystals(3)
    now = before.copy()
    now.loc[1, ["reviewed_class", "zone_class"]] = "patchy"
    assert review_outcomes(before, now).to_dict() == {2: True}


def test_a_table_without_answers() -> None:
    table = plain_crystals(3)
    assert review_outcomes(table, table).empty
    assert review_outcomes(table[:0], table[:0]).empty
    assert review_outcomes(table, table.set_index("id", drop=False)).empty


# ---------------------------------------------------------------------- learning


def test_below_the_least_number_of_answers_the_rules_stand_alone() -> None:
    table, wrong = two_minerals()
    measured = measured_of(table)
    few = pd.concat([wrong[wrong][:50], wrong[~wrong][: LEAST - 1]])
    learned = fit_misclassification(measured, few)
    assert learned.by_rules_alone
    assert learned.auc is None
    assert learned.misclassified(measured).tolist() == measured["doubt"].tolist()
    assert "rules alone" in learned.describe()
    assert fit_misclassification(measured, wrong[:0]).answers == 0


def test_what_the_rules_cannot_know_is_learned() -> None:
    table, wrong = two_minerals()
    measured = measured_of(table)
    told, rest = wrong[:100], wrong[100:]
    learned = fit_misclassification(measured, told)
    found = learned.misclassified(measured)
    by_rules = roc_auc_score(rest, measured.loc[rest.index, "doubt"])
    by_answers = roc_auc_score(rest, found[rest.index])
    assert by_rules < 0.75
    assert by_answers > 0.9
    assert found.between(0, 1).all()
    assert found.index.tolist() == table["id"].tolist()
    assert learned.answers == 100
    assert learned.wrong == told.sum()


def test_the_person_is_told_how_good_it_is() -> None:
    table, wrong = two_minerals()
    measured = measured_of(table)
    told, rest = wrong[:150], wrong[150:]
    learned = fit_misclassification(measured, told)
    assert learned.auc is not None
    assert learned.auc_se is not None
    truth = roc_auc_score(rest, learned.misclassified(measured)[rest.index])
    assert abs(learned.auc - truth) < 4 * learned.auc_se
    assert f"{100 * learned.auc:.0f} +- " in learned.describe()
    assert fit_misclassification(measured, told, validate=False).auc is None


def test_answers_given_at_random_are_told_to_be_guessing() -> None:
    table, wrong = two_minerals()
    measured = measured_of(table)
    found = []
    for seed in range(4):
        random = np.random.default_rng(seed)
        found.append(
            fit_misclassification(
                measured, wrong.sample(frac=1, random_state=random).set_axis(wrong.index)
            )
        )
    assert np.mean([learned.auc for learned in found]) == pytest.approx(0.5, abs=0.07)
    # Of guesses the error is that of Mann and Whitney's test.
    right = COUNT - found[0].wrong
    guess = np.sqrt((COUNT + 1) / (12 * found[0].wrong * right))
    assert found[0].auc_se == pytest.approx(guess, rel=0.05)


def test_a_few_answers_move_the_order_less_than_many() -> None:
    table, wrong = two_minerals()
    measured = measured_of(table)
    few = pd.concat([wrong[wrong][:LEAST], wrong[~wrong][:LEAST]])
    moved = {
        len(told): fit_misclassification(measured, told, validate=False)
        .misclassified(measured)
        .corr(measured["doubt"], method="spearman")
        for told in (few, wrong[:200])
    }
    assert moved[len(few)] > moved[200] + 0.03


def test_the_same_answers_and_seed_give_the_same() -> None:
    table, wrong = two_minerals()
    measured = measured_of(table)
    one, two = (fit_misclassification(measured, wrong[:60], seed=4) for _ in range(2))
    assert one.auc == two.auc
    assert one.misclassified(measured).equals(two.misclassified(measured))


def test_measurements_that_are_missing_or_unknown() -> None:
    table, wrong = two_minerals()
    table = table.drop(columns=["circularity", "mean_probability"])
    table.loc[table.index[::3], "solidity"] = np.nan
    table["coherence"] = np.nan
    measured = measured_of(table)
    assert set(MEASUREMENTS) <= set(measured)
    learned = fit_misclassification(measured, wrong[:100])
    assert learned.misclassified(measured).notna().all()
    # What was never known when learning may be known of a crystal that comes later.
    new = table[:5].assign(id=[901, 902, 903, 904, 905], coherence=0.5, circularity=0.7)
    assert learned.misclassified(measured_of(new)).notna().all()
    assert learned.misclassified(measured[:0]).empty


def test_where_a_crystal_lies_is_not_learned() -> None:
    table, wrong = two_minerals()
    moved = table.assign(x_um=1.0, y_um=np.arange(COUNT), session="2")
    # Far apart all the same, so that none is taken for a piece of its neighbour.
    moved[["row0", "row1"]] += 5_000
    assert measured_of(moved).equals(measured_of(table))
    assert not {"id", "x_um", "y_um", "row0", "session"} & set(measured_of(table))
    assert wrong.any()


def test_answers_on_crystals_that_nobody_measured_do_not_count() -> None:
    table, wrong = two_minerals()
    measured = measured_of(table)
    unknown = pd.Series([True] * 10, range(1000, 1010))
    assert fit_misclassification(measured, pd.concat([wrong[:60], unknown])).answers == 60
