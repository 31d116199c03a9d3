"""The table of crystals: order, filter, and speed at the size of a real section."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt

from napari_olivine.crystals.classes import CLASS_COLOURS, crystal_classes
from napari_olivine.errors import InputError
from napari_olivine.widgets.crystal_colours import colour_map
from napari_olivine.widgets.crystal_model import CrystalModel

UP, DOWN = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder


def crystals(count: int = 6) -> pd.DataFrame:
    ids = np.arange(3, 3 + 2 * count, 2)  # sparse, as after deleting
    sizes = np.array(["microlite", "microphenocryst", "phenocryst"])[np.arange(count) % 3]
    zoning = np.array(["normal", "reversed"])[np.arange(count) // 3 % 2]
    return pd.DataFrame(
        {
            "id": ids,
            "size_class": sizes,
            "zoning_class": pd.Series(np.where(sizes == "phenocryst", zoning, "")),
            "area_um2": np.arange(count, 0, -1) * 1000.0,
            "mg_core": np.where(np.arange(count) == 1, np.nan, 0.7 + np.arange(count) / 100),
            "touches_edge": np.arange(count) == 0,
            "session": "1",
        }
    )


@pytest.fixture
def model() -> CrystalModel:
    model = CrystalModel()
    model.set_table(crystals())
    return model


def ids(model: CrystalModel) -> list[int]:
    return [model.id_at(row) for row in range(model.rowCount())]


def column(model: CrystalModel, name: str) -> int:
    return model.names.index(name)


def test_sorting_by_number(model: CrystalModel) -> None:
    model.sort(column(model, "area_um2"), UP)
    assert ids(model) == [13, 11, 9, 7, 5, 3]
    model.sort(column(model, "area_um2"), DOWN)
    assert ids(model) == [3, 5, 7, 9, 11, 13]


@pytest.mark.parametrize("order", [UP, DOWN])
def test_empty_numbers_come_last_either_way(model: CrystalModel, order: Qt.SortOrder) -> None:
    model.sort(column(model, "mg_core"), order)
    assert ids(model)[-1] == 5


def test_rows_are_found_by_id_not_by_place(model: CrystalModel) -> None:
    model.sort(column(model, "area_um2"), UP)
    for crystal in (3, 5, 13):
        assert model.id_at(model.row_of(crystal)) == crystal
    assert model.row_of(4) == -1


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", [3, 5, 7, 9, 11, 13]),
        ("pheno", [7, 13]),
        ("Phenocryst reversed", [13]),
        ("area>3000", [3, 5, 7]),
        ("area_um2 >= 3000 mg<0.7101", [3, 9][:1]),
        ("7", [7]),
        ("session=1 micro", [3, 5, 9, 11]),
        ("touches_edge=yes", [3]),
        ("touches=no pheno", [7, 13]),
        ("nothing", []),
    ],
)
def test_filter(model: CrystalModel, text: str, kept: list[int]) -> None:
    model.keep(text)
    assert ids(model) == kept


def test_filter_keeps_the_order(model: CrystalModel) -> None:
    model.sort(column(model, "area_um2"), UP)
    model.keep("micro")
    assert ids(model) == [11, 9, 5, 3]


def test_filter_that_means_nothing_is_told(model: CrystalModel) -> None:
    with pytest.raises(InputError, match="No column begins with 'colour'"):
        model.keep("colour>3")
    with pytest.raises(InputError, match="no number"):
        model.keep("area>big")


def test_text_of_cells(model: CrystalModel) -> None:
    def cell(row: int, name: str) -> str:
        return str(model.data(model.index(row, column(model, name))))

    assert cell(0, "area_um2") == "6,000"
    assert cell(1, "mg_core") == ""
    assert cell(0, "touches_edge") == "yes"
    assert cell(1, "touches_edge") == ""


def test_colour_is_the_class_of_the_crystal() -> None:
    table = crystals()
    assert list(crystal_classes(table)) == [
        "microlite", "microphenocryst", "normal", "microlite", "microphenocryst", "reversed",
    ]  # fmt: skip
    colours = colour_map(table)
    from napari.utils.color import ColorValue

    normal = ColorValue(CLASS_COLOURS["normal"])
    np.testing.assert_allclose(colours.color_dict[7], normal, atol=1e-6)
    assert colours.color_dict[0][3] == 0
    assert colours.color_dict[None][3] == 0


def test_twenty_thousand_crystals_stay_quick() -> None:
    model = CrystalModel()
    started = time.process_time()
    model.set_table(crystals(22_000))
    model.sort(column(model, "area_um2"), UP)
    model.keep("phenocryst area>20000")
    assert time.process_time() - started < 2.0
    assert model.rowCount() > 1000


def test_the_most_alike_come_first() -> None:
    model, table = CrystalModel(), crystals(4)
    grid = [f"{kind}_{s:03d}" for kind in ("mg", "se") for s in range(5, 100, 5)]
    values = np.full((3, len(grid)), 0.001)
    values[:, :19] = 0.85 + np.array([[0.0], [0.05], [0.01]])
    profiles = pd.DataFrame(values, columns=grid).assign(id=[3, 5, 7])
    model.set_table(table, profiles)
    model.keep("like=3")
    assert ids(model) == [3, 7, 5], "9 has no profile"
    unlike = [model.data(model.index(row, column(model, "unlike"))) for row in range(3)]
    assert float(unlike[0]) < float(unlike[1]) < float(unlike[2])
    model.keep("like=3 phenocryst")
    assert ids(model) == [7]
    with pytest.raises(InputError, match="Crystal 9 has no radial profile"):
        model.keep("like=9")
    model.keep("")
    assert "unlike" not in model.names
    assert len(ids(model)) == 4
