"""Real tables of four laboratories: each is read, or refused with the reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_olivine.calibration.stoichiometry import mg_number
from napari_olivine.errors import InputError
from napari_olivine.readers.epma import read_profile, read_profiles, suggest


def test_chloritoid_spots_of_a_jeol(shared_data):
    """30 points of one line, X and Y of the stage in mm without saying so."""
    table, problems = read_profile(shared_data / "chloritoid" / "ctd2_mass%.xlsx")
    assert problems == []
    assert set(table["profile"]) == {"ctd2_mass%"}
    assert len(table) == 30
    assert table["MgO"][0] == 7.45
    assert table["Total"][1] == pytest.approx(88.8955)
    assert table["stage_x_um"][0] == pytest.approx(-36131.2)
    steps = np.diff(table["distance_um"])
    np.testing.assert_allclose(steps, 41.9, atol=0.15)
    assert table["comment"][29] == "20MR01-02 ctd 1 Line 031 Line 030"


def test_chloritoid_standards_of_xmaptools(shared_data):
    """The line of the spreadsheet again, and one point elsewhere."""
    table, _ = read_profile(shared_data / "chloritoid" / "Standards.txt")
    assert table["profile"].value_counts().to_dict() == {"Standards": 30, "Standards spots": 1}
    spreadsheet, _ = read_profile(shared_data / "chloritoid" / "ctd2_mass%.xlsx")
    np.testing.assert_allclose(table["MgO"][:30], spreadsheet["MgO"])
    np.testing.assert_allclose(table["distance_um"][:30], spreadsheet["distance_um"])


def test_iceland_three_lines_in_one_table(shared_data):
    """The distance is called z, Al2O3 is written with a zero; Fo is the author's own."""
    file = shared_data / "iceland" / "profiles.csv"
    table, problems = read_profile(file)
    assert table["profile"].value_counts().to_dict() == {
        "CHRG10_5C_ol_lines2 (ol23)": 30, "STAP01_13G(B)_ol18_profile": 19,
        "CHRG10_5A_line_ol3": 15,
    }  # fmt: skip
    assert {"Al2O3", "P2O5", "NiO"} <= set(table)
    own = pd.read_csv(file).set_index("SiO2")["Fo"]
    mg = mg_number(table["MgO"], table["FeO"])
    np.testing.assert_allclose(100 * mg, own.loc[table["SiO2"]], atol=0.05)
    assert any("'z (\u03bcm)' is taken for the distance" in told for told in problems)


def _lines(file):
    return file.read_text(encoding="utf-8-sig").splitlines()[1:]


@pytest.mark.parametrize(("crystal", "count"), [("Ol1A", 30), ("Ol2B", 23), ("Ol4A", 33)])
def test_kilauea_profiles(shared_data, crystal, count):
    """The author's XFo is the mg# of the oxides that are read."""
    file = shared_data / "diffusion" / f"k1820-{crystal}" / f"{crystal}_XFo_filt_err.csv"
    table, problems = read_profile(file)
    assert problems == []
    assert len(table) == count
    given = [float(row.split(",")[15]) for row in _lines(file)]
    np.testing.assert_allclose(mg_number(table["MgO"], table["FeO"]), given, atol=2e-4)
    assert (table["distance_um"].diff().dropna() > 0).all()


def test_standards_without_places_are_refused(shared_data):
    file = shared_data / "semarkona" / "other" / "standard-element-concentrations.xlsx"
    with pytest.raises(InputError) as error:
        read_profile(file)
    assert "does not say where its points lie" in str(error.value)
    mapping = suggest(file)
    assert (mapping.header_row, mapping.column_of("MgO").column) == (4, 32)


@pytest.mark.parametrize(
    "name",
    [
        "diffusion/k1820-Ol1A/Ol1A_angles.csv", "diffusion/k1820-Ol1A/Ol1A_modpar_lu.csv",
        "diffusion/k1820-Ol4A/Ol4A_pyMN_timestats.csv", "chloritoid/Classification.txt",
        "chloritoid/Mg.txt", "iceland/microprobe_setup_details.txt", "peridotite/03_criteria.csv",
        "section-main/truth/crystals.csv", "oxford-csv/Mg K series.csv",
    ],
)  # fmt: skip
def test_what_is_no_table_of_analyses_is_refused(shared_data, name):
    file = shared_data / name
    with pytest.raises(InputError) as error:
        read_profile(file)
    assert f"{file.name} has no column MgO and no column FeO" in str(error.value)


def test_the_standard_section_reads_as_before(shared_data):
    analyses, files, problems = read_profiles(shared_data / "section-main" / "epma")
    assert problems == []
    assert len(files) == analyses["profile"].nunique() == 12
    assert list(analyses) == [
        "profile", "point", "distance_um", "SiO2", "FeO", "MnO", "MgO", "CaO", "Total", "x_um",
        "y_um",
    ]  # fmt: skip
