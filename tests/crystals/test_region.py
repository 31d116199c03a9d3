"""Crystals of a section of which a part is studied."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_olivine.catalogue import export_catalogue
from napari_olivine.crystals import counted, find_crystals
from napari_olivine.crystals.edits import CrystalStore, Merge, Split
from napari_olivine.review import Review
from napari_olivine.review.sheet import write_sheet
from napari_olivine.section import Section
from tests.crystals.test_step import PIXEL_UM, make_section, put

PLACES = {"inside": (100, 100), "cut": (100, 195), "mostly out": (300, 215), "out": (300, 400)}
"""Centres (row, column) of discs of 40 px; the region ends at column 200."""


@pytest.fixture
def section(tmp_path: Path) -> Section:
    rows, columns = np.mgrid[:400, :500]
    olivine = np.zeros(rows.shape, bool)
    for row, column in PLACES.values():
        olivine |= np.hypot(rows - row, columns - column) <= 40
    section = make_section(tmp_path / "section", olivine, np.full(rows.shape, 0.8))
    put(section, "mask", "olivine", olivine.astype(np.uint8))
    return section


def region(last_column: float, use: str = "keep") -> pd.DataFrame:
    """All that lies to the left of a column."""
    x, y = (last_column - 0.5) * PIXEL_UM, 450 * PIXEL_UM
    corners = {"x_um": [-9.0, x, x, -9.0], "y_um": [-9.0, -9.0, y, y]}
    return pd.DataFrame({"region": "rock", "use": use, "ring": 0} | corners)


def states(section: Section) -> dict[str, str]:
    return {product.name: section.state(product.name) for product in section.products()}


def by_name(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the table by the names of the discs."""
    found = {}
    for name, (row, column) in PLACES.items():
        away = np.hypot(table["y_um"] / PIXEL_UM - row, table["x_um"] / PIXEL_UM - column)
        found[name] = table.loc[away.idxmin()]
    return pd.DataFrame(found).T


def test_crystals_outside_stay_in_the_table_and_count_nowhere(
    section: Section, tmp_path: Path
) -> None:
    section.annotate("regions", region(200))
    product = find_crystals(section)
    table = section.table("crystals", "crystals")
    found = by_name(table)
    share = found["region_share"].astype(float)
    assert share["inside"] == 1
    assert 0.5 < share["cut"] < 0.6
    assert 0.2 < share["mostly out"] < 0.3
    assert share["out"] == 0
    assert found["touches_edge"].tolist() == [False, True, True, False]
    assert found["area_px"].nunique() == 1, "what is cut is measured whole"
    kept = found.loc[["inside", "cut"], "id"].tolist()
    assert sorted(counted(table)["id"]) == sorted(kept)
    assert (product.notes["crystals"], product.notes["outside_region"]) == (2, 2)
    assert product.notes["area_mm2"] == pytest.approx(400 * 200 * PIXEL_UM**2 / 1e6)

    review = Review(section, write=False)
    assert sorted(review.queue.ids) == sorted(kept)
    assert write_sheet(review, tmp_path / "sheet.csv") == 2
    review.close()
    folder = export_catalogue(section, tmp_path / "catalogue")
    assert sorted(pd.read_csv(folder / "crystals.csv")["id"]) == sorted(kept)
    outside = pd.read_csv(folder / "outside.csv")
    assert sorted(outside["id"]) == sorted(found.loc[["mostly out", "out"], "id"])
    assert not (folder / "rejected.csv").exists()
    words = " ".join((folder / "methods.txt").read_text().split())
    assert "A region of 0.32 mm2 of 0.8 mm2 was studied; 2 crystals" in words


def test_another_region_makes_the_crystals_anew_and_nothing_else(section: Section) -> None:
    find_crystals(section)
    before = section.fingerprint("crystals")
    assert "region_share" not in section.table("crystals", "crystals")
    section.annotate("regions", region(200))
    assert {name for name, state in states(section).items() if state != "fresh"} == {"crystals"}
    find_crystals(section)
    assert set(states(section).values()) == {"fresh"}
    section.annotate("regions", region(450, "leave_out"))
    assert section.state("crystals") == "stale"
    find_crystals(section)
    assert counted(section.table("crystals", "crystals")).empty
    section.annotate("regions", region(200).iloc[:0])
    assert section.state("crystals") == "stale"
    find_crystals(section)
    assert section.fingerprint("crystals") == before


def test_edits_measure_within_the_region_of_these_crystals(section: Section) -> None:
    section.annotate("regions", region(200))
    find_crystals(section)
    section.annotate("regions", region(450))  # not yet that of the crystals
    store = CrystalStore(section)
    found = by_name(store.table)
    one, other = (int(found.at[name, "id"]) for name in ("inside", "out"))
    store.do(Merge(crystals=(one, other)))
    merged = store.table.loc[max(one, other) if one not in store.table.index else one]
    assert merged["region_share"] == pytest.approx(0.5, abs=1e-3)
    store.undo()
    cut = int(found.at["mostly out", "id"])
    store.do(Split(crystals=(cut,), lines=(((255.0, 199.5), (345.0, 199.5)),)))
    shares = store.table.loc[store.table["reviewer"] != "", "region_share"]
    assert sorted(shares.round()) == [0, 1]
    store.close()
    assert "region_share" in section.table("crystals", "crystals")
