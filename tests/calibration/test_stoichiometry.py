"""mg#, cations and flags of microprobe analyses against published and computed values."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_olivine.calibration import cations, forsterite, mg_number
from napari_olivine.calibration.stoichiometry import MOLAR_MASS, flags, require_oxides, totals
from napari_olivine.errors import InputError


def olivine(fo: float, total: float = 100.0) -> dict[str, float]:
    """Oxides of stoichiometric olivine, wt%."""
    moles = {"SiO2": 1.0, "MgO": 2 * fo, "FeO": 2 * (1 - fo)}
    weights = {oxide: n * MOLAR_MASS[oxide] for oxide, n in moles.items()}
    return {oxide: total * w / sum(weights.values()) for oxide, w in weights.items()}


def test_forsterite_of_a_published_table():
    assert forsterite(48.1396, 11.2012) == pytest.approx(88.454, abs=1e-3)


def test_mg_number_of_the_reference_phases(shared_data: Path):
    phases = json.loads((shared_data / "reference" / "fixtures.json").read_text())["phases"]
    for fo in (100, 95, 90, 85, 80, 70, 60, 50, 0):
        weight = phases[f"Ol Fo{fo}"]["wt_pct"]
        mgo, feo = weight["Mg"] / 24.305 * 40.3044, weight["Fe"] / 55.845 * 71.8464
        assert mg_number(mgo, feo) == pytest.approx(fo / 100, abs=5e-4)


def test_mg_number_is_missing_where_an_oxide_is():
    assert np.isnan(mg_number([40, np.nan, 0, -1], [np.nan, 10, 0, 10])).all()


def test_cations_of_stoichiometric_fo80():
    formula = cations(pd.DataFrame([olivine(0.8)])).iloc[0]
    assert formula["Si"] == pytest.approx(1.0)
    assert formula["Mg"] == pytest.approx(1.6)
    assert formula["Fe"] == pytest.approx(0.4)
    assert formula["sum"] == pytest.approx(3.0)


def test_cations_on_other_oxygens():
    garnet = {"SiO2": 3 * 60.0843, "Al2O3": 101.961, "MgO": 3 * 40.3044}
    formula = cations(pd.DataFrame([garnet]), oxygens=12).iloc[0]
    assert formula[["Si", "Al", "Mg", "sum"]].tolist() == pytest.approx([3, 2, 3, 8])


def test_good_olivine_has_no_flag_and_bad_rows_say_why():
    crack = olivine(0.85, total=79.30)
    pyroxene = {"SiO2": 54.0, "MgO": 28.0, "FeO": 15.0, "CaO": 2.0, "Al2O3": 1.0}
    empty = {"SiO2": 40.0}
    rows = [olivine(0.85), crack, olivine(0.85, total=88.55), pyroxene, empty]
    words = flags(pd.DataFrame(rows))
    assert words[0] == []
    assert words[1] == ["total 79.3 wt%"]
    assert words[2] in (["total 88.5 wt%"], ["total 88.6 wt%"])
    assert {"CaO 2.00 wt%", "Al2O3 1.00 wt%"} <= set(words[3])
    assert any(word.startswith("Si ") for word in words[3])
    assert words[4] == ["no MgO and FeO"]


def test_a_cell_that_says_crack_is_flagged():
    table = pd.DataFrame([olivine(0.85)] * 2).astype(object)
    table["comment"] = ["", "Crack here"]
    assert flags(table) == [[], ["crack"]]


def test_other_minerals_are_not_judged_as_olivine():
    assert flags(pd.DataFrame([{"SiO2": 25.0, "MgO": 7.0, "FeO": 16.0}]), olivine=False) == [[]]


def test_total_is_taken_from_its_column_or_summed():
    table = pd.DataFrame({"MgO": [40.0, 41.0], "FeO": [20.0, 20.0], "Total": [99.5, np.nan]})
    assert totals(table).tolist() == [99.5, 61.0]


def test_a_table_without_mgo_is_told():
    table = pd.DataFrame({"profile": ["p1"], "FeO": [10.0], "SiO2": [40.0]})
    with pytest.raises(InputError, match=r"'p1' has no MgO.*FeO, SiO2"):
        require_oxides(table, ["p1"])
    with pytest.raises(InputError, match="'p2' is placed .* no microprobe analyses"):
        require_oxides(table, ["p2"])
