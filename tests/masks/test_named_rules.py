"""Named rules for maps in counts and in wt%; maps of oxides stand in for elements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.masks import (
    WEIGHT,
    AxisValue,
    MaskSettings,
    RuleViewer,
    make_mask,
    phase_of,
    rule_for,
)
from napari_olivine.masks.named_rules import ELEMENT_IN_OXIDE
from napari_olivine.readers import ImportSettings, import_section
from napari_olivine.section import Section

ELEMENTS = ("Mg", "Fe", "Si", "Ca", "Al")
IN_WEIGHT = dict.fromkeys(ELEMENTS, WEIGHT)
MOLAR = {"Mg": 24.305, "Fe": 55.845, "Si": 28.086, "Ca": 40.078, "Al": 26.982, "O": 15.999}


def weight(**atoms: float) -> dict[str, float]:
    """Weight per cent of the elements of a formula."""
    total = sum(MOLAR[element] * count for element, count in atoms.items())
    return {one: 100 * MOLAR[one] * atoms.get(one, 0) / total for one in ELEMENTS}


def is_olivine(percent: dict[str, float]) -> bool:
    maps = {one: np.float32([[value]]) for one, value in percent.items()}
    return bool(rule_for("olivine", IN_WEIGHT).applies(maps)[0, 0])


@given(fo=st.floats(0.25, 1.0))
def test_olivine_of_any_composition_is_olivine_in_weight_per_cent(fo) -> None:
    assert is_olivine(weight(Mg=2 * fo, Fe=2 - 2 * fo, Si=1, O=4))


@given(mg=st.floats(0.0, 1.0), ca=st.floats(0.0, 0.5))
def test_pyroxene_is_not(mg, ca) -> None:
    both = 2 - 2 * ca
    assert not is_olivine(weight(Ca=2 * ca, Mg=both * mg, Fe=both * (1 - mg), Si=2, O=6))


@pytest.mark.parametrize(
    "percent",
    [
        weight(Fe=3, O=4), weight(Mg=1, Al=2, O=4), weight(Fe=1), weight(Ca=1, Al=2, Si=2, O=8),
        weight(Mg=3, Si=4, O=12), weight(Ca=1, Mg=1, O=3), dict.fromkeys(ELEMENTS, -0.5),
    ],
)  # fmt: skip
def test_oxides_feldspar_talc_and_noise_are_not(percent) -> None:
    assert not is_olivine(percent)


def test_the_published_rule_is_refused_for_weight_per_cent_and_the_other_named() -> None:
    with pytest.raises(InputError, match="one for counts; these maps are in wt%. Choose 'olivine'"):
        rule_for("olivine-paper", IN_WEIGHT)


def test_maps_of_several_units_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="mixes maps of several units: Al in wt%.*Si in counts"):
        rule_for("olivine", IN_WEIGHT | {"Si": "counts"})


@pytest.mark.parametrize(("element", "oxides"), ELEMENT_IN_OXIDE.items())
def test_an_oxide_holds_its_element(element, oxides) -> None:
    for oxide, _ in oxides:
        rule = rule_for(f"{element} > 10", {oxide: WEIGHT})
        assert rule.signals == [oxide]
        assert 0 < rule.conditions[0].numerator.weights[0][1] < 1


def test_a_rule_over_elements_reads_maps_of_oxides() -> None:
    oxides = {"MgO": 49.4, "FeO": 9.8, "SiO2": 40.8, "CaO": 0.1, "Al2O3": 0.0}  # Fo90
    rule = rule_for("olivine", dict.fromkeys(oxides, WEIGHT))
    maps = {name: np.float32([[value]]) for name, value in oxides.items()}
    assert rule.signals == sorted(oxides)
    assert rule.applies(maps)[0, 0]


@settings(max_examples=20, deadline=None)
@given(noise=st.floats(0.0, 2.0), seed=st.integers(0, 99))
def test_noise_below_zero_does_no_harm(noise, seed) -> None:
    """After its background is taken off, a map of wt% holds negative numbers; 2 wt% is much."""
    random = np.random.default_rng(seed)
    truth = np.zeros((60, 60), bool)
    truth[15:45, 15:45] = True
    olivine, glass = (
        weight(Mg=1.8, Fe=0.2, Si=1, O=4),
        {"Mg": 4, "Fe": 8, "Si": 24, "Ca": 7, "Al": 8},
    )
    maps = {
        one: (
            np.where(truth, olivine[one], glass[one]) + random.normal(0, noise, truth.shape)
        ).astype(np.float32)
        for one in ELEMENTS
    }
    found = phase_of(rule_for("olivine", IN_WEIGHT), maps, 2.0)
    assert found[20:40, 20:40].all()
    assert not found[:10].any()


def weight_maps(folder: Path, name: str) -> Path:
    """Olivine in a field of nothing, with noise of 0.3 wt%."""
    random = np.random.default_rng(0)
    olivine = weight(Mg=1.8, Fe=0.2, Si=1, O=4)
    for element in ELEMENTS:
        values = random.normal(0, 0.3, (40, 50))
        values[10:30, 10:30] += olivine[element]
        file = folder / name.format(element)
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savetxt(file, values, fmt="%.4f", delimiter=",")
    return folder


@pytest.mark.parametrize("name", ["{} Wt%.csv", "mass%/{}.csv", "{}_wt_pct.csv"])
def test_maps_in_weight_per_cent_are_known_by_their_names(tmp_path: Path, name: str) -> None:
    said: list[dict[str, Any]] = []
    job = Job(listen=said.append)
    source = weight_maps(tmp_path / "maps", name)
    section = import_section(source, tmp_path / "s", ImportSettings(pixel_size_um=1), job)
    assert {section.unit_of(element) for element in ELEMENTS} == {WEIGHT}
    assert section.raster("images", "Mg").read(slice(None), slice(None)).min() < 0
    make_mask(section, job=job)
    found = section.raster("mask", "olivine").read(slice(None), slice(None)) == 1
    assert found[11:29, 11:29].all()
    assert not found[:8].any()
    words = [str(event.get("message")) for event in said]
    assert any("Mg in wt%" in one for one in words)
    assert any(one.startswith("The maps are in wt%: the rule is") for one in words)
    with pytest.raises(InputError, match="one for counts"):
        make_mask(section, MaskSettings(rule="olivine-paper"))


def test_a_view_of_maps_in_weight_per_cent_tells_weight_per_cent(tmp_path: Path) -> None:
    source = weight_maps(tmp_path / "maps", "{} Wt%.csv")
    section = import_section(source, tmp_path / "s", ImportSettings(pixel_size_um=1))
    found = RuleViewer(section).view(MaskSettings(), (slice(5, 40), slice(0, 50)))
    assert found.taken[7:23, 12:28].all() and not found.taken[:3].any()
    reading = found.reading(20, 20)
    assert reading is not None and reading.taken
    assert reading.levels["Mg"] == pytest.approx(weight(Mg=1.8, Fe=0.2, Si=1, O=4)["Mg"], abs=0.5)
    values = {verdict.text: verdict.value for verdict in reading.verdicts}
    assert values["Mg > 6"] == pytest.approx(reading.levels["Mg"], rel=1e-4)
    assert AxisValue.parse("Mg/Si", {"MgO": WEIGHT, "SiO2": WEIGHT}).signals == ["MgO", "SiO2"]


def test_negative_numbers_without_a_unit_are_asked_for(tmp_path: Path) -> None:
    source = weight_maps(tmp_path / "maps", "{}.csv")
    with pytest.raises(InputError, match=r"negative numbers .*say so in the name of the file"):
        import_section(source, tmp_path / "s", ImportSettings(pixel_size_um=1))


def test_counts_are_counts(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    np.savetxt(tmp_path / "maps" / "Mg.csv", np.ones((40, 50)), fmt="%d", delimiter=",")
    section = import_section(tmp_path / "maps", tmp_path / "s", ImportSettings(pixel_size_um=1))
    assert Section(section.path).unit_of("Mg") == "counts"
