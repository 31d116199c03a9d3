"""The table of crystals: order, filter, and speed at the size of a real section."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt

from napari_olivine.crystals.class_colours import CLASS_COLOURS, crystal_classes
from napari_olivine.crystals.table import COLUMNS
from napari_olivine.errors import InputError
from napari_olivine.widgets.crystals.table_model import CrystalModel
from napari_olivine.widgets.layers.crystal_colours import (
    DIMMED,
    FAINT,
    NEW,
    STEPS,
    UNKNOWN,
    colour_by,
    colour_choices,
    colour_map,
    look_up,
)
from napari_olivine.widgets.layers.crystal_columns import KNOWN, usual_of

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
            "zone_class": np.array(["fe_rich_mantle", "normal", ""])[np.arange(count) % 3],
            "touches_edge": np.arange(count) == 0,
            "session": "1",
            "verdict": np.array(["rejected", "accepted", "", ""])[np.arange(count) % 4],
            "note": np.where(np.arange(count) == 4, "a_crack, 2 px", ""),
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
        ("area_um2 >= 3000 mg<0.7101", [3]),
        ("7", [7]),
        ("session=1 micro", [3, 5, 9, 11]),
        ("touches_edge=yes", [3]),
        ("touches=no pheno", [7, 13]),
        ("verdict=rejected", [3, 11]),
        ("verdict != rejected micro", [5, 9]),
        ("verdict=", [7, 9]),
        ("zone_class=fe_rich_mantle", [3, 9]),
        ("Zone_class=FE_rich_mantle verdict=rejected", [3]),
        ("rejected", [3, 11]),
        ("note~CRACK", [11]),
        ("zone~mantle", [3, 9]),
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
    with pytest.raises(InputError, match="verdict holds words"):
        model.keep("verdict>rejected")
    model.keep("pheno")
    with pytest.raises(InputError, match="there is size_class"):
        model.keep("size_clas_=x")
    assert ids(model) == [7, 13], "what was shown stays"


def test_an_edit_keeps_order_and_filter(model: CrystalModel) -> None:
    model.sort(column(model, "area_um2"), UP)
    model.keep("verdict!=rejected")
    assert ids(model) == [13, 9, 7, 5]
    edited = crystals().query("id != 5").copy()  # merged into another
    edited.loc[edited["id"] == 13, "verdict"] = "rejected"
    edited.loc[edited["id"] == 9, "area_um2"] = 9000.0
    model.set_table(edited)
    assert ids(model) == [7, 9]
    model.keep("")
    assert ids(model) == [13, 11, 7, 3, 9]


def test_filter_that_an_edit_makes_impossible_is_told(model: CrystalModel) -> None:
    model.keep("mg_core>0.7")
    model.set_table(crystals().drop(columns="mg_core"))
    assert model.rowCount() == 6
    assert "No column begins with 'mg_core'" in model.problem
    model.keep("")
    assert not model.problem


def test_every_column_of_the_crystals_has_words() -> None:
    assert set(COLUMNS) <= set(KNOWN)
    titles = [column.title for column in KNOWN.values()]
    assert len(set(titles)) == len(titles), "a person tells columns by their titles"
    table = pd.DataFrame({name: [1.0] for name in COLUMNS}).assign(id=1, surprise=2.5)
    model = CrystalModel()
    model.set_table(table)
    assert set(model.names) == {*COLUMNS, "surprise"}
    for k, name in enumerate(model.names):
        words = model.headerData(k, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
        assert f"{name} in the filter" in words
    assert model.text_at(0, "surprise") == "2.5"


def test_columns_of_the_review_wait_for_one() -> None:
    table = crystals().assign(reviewer="")
    assert "verdict" in usual_of(table)
    assert "verdict" not in usual_of(table.assign(verdict=""))


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
    np.testing.assert_allclose(colours.map(7), normal, atol=1e-6)
    assert colours.map(0)[3] == 0
    assert (colours.map([8, 999]) == 1).all()  # what an edit has just made is seen at once


def lightness(colours: object) -> np.ndarray:
    """CIELAB lightness of #RRGGBB colours, shape (colours,)."""
    from skimage.color import rgb2lab

    rgb = [[int(c[k : k + 2], 16) / 255 for k in (1, 3, 5)] for c in colours]  # type: ignore[attr-defined]
    return np.asarray(rgb2lab(np.array(rgb)[np.newaxis]))[0, :, 0]


class TestColours:
    def test_numbers_get_lighter_evenly(self) -> None:
        table = crystals(200).assign(mg_core=np.linspace(0.7, 0.9, 200), verdict="")
        found = colour_by(table, "mg_core")
        light = lightness(found.colours)
        assert (np.diff(light) >= -1e-6).all()
        assert len(set(found.colours)) == STEPS
        steps = np.diff(lightness(found.scale.colours))
        assert steps.max() < 2 * np.median(steps)

    def test_outliers_leave_colours_to_the_rest(self) -> None:
        values = np.r_[np.linspace(0.7, 0.9, 198), -5.0, 40.0]
        found = colour_by(crystals(200).assign(mg_core=values, verdict=""), "mg_core")
        assert (found.scale.low, found.scale.high) == pytest.approx((0.703, 0.897), abs=0.002)
        assert len(set(found.colours[:198])) > 0.9 * STEPS
        assert found.colours[198] == found.colours[0]
        assert found.colours[199] == found.colours[197]

    def test_unknown_is_grey_and_counted(self) -> None:
        found = colour_by(crystals(), "mg_core")
        assert found.scale.unknown == 1
        assert [k for k, c in enumerate(found.colours) if c.startswith(UNKNOWN)] == [1]

    def test_no_value_at_all(self) -> None:
        found = colour_by(crystals().assign(mg_core=np.nan), "mg_core")
        assert found.scale.unknown == 6
        assert colour_by(crystals().assign(mg_core=0.8), "mg_core").scale.unknown == 0

    def test_areas_by_their_logarithm(self) -> None:
        table = crystals(301).assign(area_um2=np.geomspace(10, 100_000, 301))
        found = colour_by(table, "area_um2")
        ends = [found.colours[0][:7], found.colours[150][:7], found.colours[-1][:7]]
        low, middle, high = lightness(ends)
        assert middle == pytest.approx((low + high) / 2, abs=5)

    def test_differences_on_both_sides_of_nothing(self) -> None:
        table = crystals(101).assign(mg_difference=np.linspace(-0.02, 0.10, 101))
        found = colour_by(table, "mg_difference")
        assert found.scale.low == pytest.approx(-found.scale.high)
        nothing = found.colours[np.abs(table["mg_difference"]).argmin()][:7]
        assert lightness([nothing])[0] > 95, "the lightest colour is where there is no difference"
        red, _, blue = (int(found.colours[-1][k : k + 2], 16) for k in (1, 3, 5))
        assert red > 180 > 60 > blue, "normal zoning is orange, as in the classes"

    def test_angles_close(self) -> None:
        table = crystals(180).assign(long_axis_angle_deg=np.arange(180.0) + 0.5)
        first, last = (colour_by(table, "long_axis_angle_deg").colours[k][:7] for k in (0, -1))
        assert abs(np.diff(lightness([first, last]))[0]) < 4

    def test_words_have_colours_of_their_own(self) -> None:
        found = colour_by(crystals(12), "zone_class")
        assert {(words, count) for words, _, count in found.legend} == {
            ("mantle rich in Fe", 3), ("normal zoning", 3), ("no profile", 3),
            ("faint: do not count", 3),
        }  # fmt: skip
        named = {colour for words, colour, _ in found.legend if not words.startswith("faint")}
        assert len(named) == 3

    def test_many_words_share_one_colour(self) -> None:
        names = [f"{chr(97 + min(k, 12))}" for k in range(60)]
        found = colour_by(crystals(60).assign(session=names), "session")
        assert sum(count for _, _, count in found.legend) == 60
        assert [words for words, _, _ in found.legend[-2:]] == ["others", "faint: do not count"]
        assert len(found.legend) == 8, "a category of which all are faint has no line"

    def test_rejected_is_faint_in_every_colouring(self) -> None:
        table = crystals(8)
        for name in colour_choices(table):
            colours = colour_by(table, name).colours
            faint = [k for k, colour in enumerate(colours) if len(colour) == 9]
            assert faint == [0, 4]
            assert colours[0].endswith(FAINT)
        assert colour_map(table).map(3)[3] == pytest.approx(int(FAINT, 16) / 255, abs=1e-3)

    def test_a_filter_dims_what_it_leaves_out(self) -> None:
        table = crystals(8)
        ids, colouring = table["id"].to_numpy(), colour_by(table, "zone_class")
        shown = np.arange(8) % 3 == 0
        every, some = look_up(ids, colouring).map(ids), look_up(ids, colouring, shown).map(ids)
        np.testing.assert_array_equal(some[:, :3], every[:, :3])
        np.testing.assert_array_equal(some[shown], every[shown])
        assert np.unique(some[~shown, 3]) == pytest.approx(int(DIMMED, 16) / 255, abs=1e-3)
        np.testing.assert_array_equal(look_up(ids, colouring, shown | True).map(ids), every)

    @pytest.mark.parametrize("selected", [0, 11])
    def test_napari_draws_the_colours_of_its_own_look_up(self, selected: int) -> None:
        from napari.layers import Labels
        from napari.utils.colormaps import DirectLabelColormap

        table = crystals(40)
        ids, colouring = table["id"].to_numpy(), colour_by(table, "mg_core")
        ours = look_up(ids, colouring)
        colours = dict(zip(ids.tolist(), colouring.colours, strict=True))
        theirs = DirectLabelColormap(color_dict={None: NEW, 0: "transparent", **colours})
        pixels = np.r_[0, ids, 900, 1000].astype(np.uint32)[:, np.newaxis]
        drawn = []
        for look in (ours, theirs):
            layer = Labels(pixels, colormap=look)
            layer.selected_label, layer.show_selected_label = selected, bool(selected)
            shades = look._values_mapping_to_minimum_values_set()[1]
            texture = layer._slice.image.view
            drawn += [np.array([shades[k] for k in texture.ravel()]), look.map(pixels)[:, 0]]
            assert texture.dtype == np.uint8
            assert selected or np.allclose(
                layer.get_color(11), drawn[1][ids.tolist().index(11) + 1]
            )
        for one in drawn[1:]:
            np.testing.assert_allclose(one, drawn[0], atol=1e-6)

    def test_choices(self) -> None:
        choices = colour_choices(crystals())
        assert choices[0] == "class"
        assert not {"id", "note"} & set(choices)
        assert colour_choices(pd.DataFrame({"id": [1]})) == []


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

    def test_a_kind_has_one_colour_whoever_named_it_and_none_of_these_its_own(self) -> None:
        given = ["augite", "", "", "olivine"]
        recognised = ["augite", "none of these", "olivine", ""]
        table = crystals(4).assign(kind=given, recognised_kind=recognised, verdict="")
        by_person, by_classifier = (
            colour_by(table, name).colours.tolist() for name in ("kind", "recognised_kind")
        )
        assert by_person[0] == by_classifier[0]
        assert by_person[3] == by_classifier[2]
        assert len({by_person[0], by_person[1], *by_classifier[1:3]}) == 4
        legend = colour_by(table, "recognised_kind").legend
        assert [words for words, _, _ in legend] == [
            "augite", "olivine", "none of these", "not recognised",
        ]  # fmt: skip
