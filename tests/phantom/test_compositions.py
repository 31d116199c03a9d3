"""Compositions, mean atomic numbers and X-ray yields of the phantom's phases."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_olivine.phantom.compositions import (
    CLINOPYROXENE,
    ELEMENTS,
    ENDS,
    GLASS,
    ORTHOPYROXENE,
    OXIDE,
    PHASES,
    PLAGIOCLASE,
    VESICLE,
    atomic_number_table,
    counts_table,
    olivine_atomic_number,
    olivine_counts,
)


@pytest.mark.parametrize(
    ("fo", "number"), [(100, 10.580), (90, 11.704), (85, 12.231), (80, 12.737), (70, 13.687)]
)
def test_olivine_mean_atomic_number(fo: int, number: float) -> None:
    assert olivine_atomic_number(np.array(fo / 100)) == pytest.approx(number, abs=0.002)


def test_every_composition_adds_up_to_about_100() -> None:
    for ends in ENDS.values():
        for end in ends:
            assert sum(end.wt_pct.values()) == pytest.approx(100, abs=1.5), end.source


def test_groundmass_phases_overlap_olivine_greys() -> None:
    numbers = atomic_number_table()
    fo95, fo65 = olivine_atomic_number(np.array([0.95, 0.65]))
    for phase in (GLASS, PLAGIOCLASE, CLINOPYROXENE, ORTHOPYROXENE):
        assert fo95 < numbers[phase].min() and numbers[phase].max() < fo65, phase
    assert numbers[OXIDE].min() > fo65 + 2
    assert numbers[VESICLE].max() == pytest.approx(7.08, abs=0.01)


def test_tables_run_from_one_end_to_the_other() -> None:
    table = counts_table("Ca")
    first, second = ENDS[PLAGIOCLASE]
    assert table.shape == (len(PHASES), 256)
    assert table[PLAGIOCLASE, 0] == pytest.approx(first.counts("Ca"))
    assert table[PLAGIOCLASE, 255] == pytest.approx(second.counts("Ca"))
    assert (np.diff(table[PLAGIOCLASE]) > 0).all()


def test_olivine_counts_decide_the_papers_rule() -> None:
    mg = np.array([0.72, 0.85, 0.93])
    assert olivine_counts("Mg", np.array(0.85)) == pytest.approx(100)
    assert (np.diff(olivine_counts("Mg", mg)) > 0).all()
    assert (olivine_counts("Ca", mg) < 0.02 * olivine_counts("Mg", mg)).all()
    assert (olivine_counts("Al", mg) == 0).all()


def test_published_yields_are_kept(shared_data: Path) -> None:
    phases = json.loads((shared_data / "reference" / "fixtures.json").read_text())["phases"]
    for name, end in (
        ("Cpx augite mg#68", ENDS[CLINOPYROXENE][1]),
        ("Plag An60", ENDS[PLAGIOCLASE][0]),
        ("Plag An80", ENDS[PLAGIOCLASE][1]),
        ("Ti-magnetite", ENDS[OXIDE][0]),
        ("Cr-spinel", ENDS[OXIDE][1]),
    ):
        published = phases[name]
        assert end.mean_atomic_number == pytest.approx(published["Z_mass"], abs=0.005)
        for element in ELEMENTS:
            counts = published["rel_counts_MgFo85_100"].get(element, 0.0)
            assert end.counts(element) == pytest.approx(counts, rel=0.04, abs=0.02), (name, element)
    for fo in (100, 95, 92, 90, 88, 85, 80, 75, 70, 60, 50):
        published = phases[f"Ol Fo{fo}"]
        mg = np.array(fo / 100)
        assert olivine_atomic_number(mg) == pytest.approx(published["Z_mass"], abs=0.002)
        for element in ("Mg", "Fe", "Si"):
            counts = published["rel_counts_MgFo85_100"].get(element, 0.0)
            assert olivine_counts(element, mg) == pytest.approx(counts, abs=0.01)
