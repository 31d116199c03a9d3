"""The catalogue of crystals that are no olivine."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import tifffile

from napari_olivine.catalogue import ExportSettings, export_catalogue
from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.errors import SectionError
from napari_olivine.section import Section
from tests.helpers.phases import codes, put_network_phases, section_of_phases


@pytest.fixture
def section(tmp_path: Path) -> Section:
    return section_of_phases(tmp_path / "s")


def exported(section: Section, phase: str, **other: object) -> tuple[Path, str]:
    folder = section.path.parent / "catalogue"
    export_catalogue(section, folder, ExportSettings(phase=phase, **other))
    return folder, " ".join((folder / "methods.txt").read_text().split("RECORDS")[0].split())


def test_a_phase_of_the_rule_book(section: Section) -> None:
    find_crystals(section, CrystalsSettings(phase="plagioclase"))
    folder, methods = exported(section, "plagioclase", rasters=True)
    assert "plagioclase was told from the element maps" in methods
    assert "(Al/Si > 0.45)" in methods
    assert "Crystals of plagioclase are the connected regions of the reference mask" in methods
    for word in ("olivine were", "mg#", "zoned"):
        assert word not in methods
    files = {file.name for file in folder.iterdir()}
    assert {"crystals.tif", "phases.tif"} <= files
    assert not files & {"mask.tif", "probability.tif", "mg.tif", "profiles.csv"}
    assert "mg#" not in (folder / "README.txt").read_text()
    table = pd.read_csv(folder / "crystals.csv")
    assert len(table) == 3
    assert not [name for name in table if name.startswith("mg_")]


def test_a_phase_of_the_network(section: Section) -> None:
    put_network_phases(section)
    find_crystals(section, CrystalsSettings(phase="plagioclase"))
    folder, methods = exported(section, "plagioclase", rasters=True)
    assert "Crystals of plagioclase are the connected regions of the segmentation" in methods
    assert "rule book" not in methods
    seen = codes() == 2
    seen[50:60, 80:90] = False
    assert ((tifffile.imread(folder / "mask.tif") == 1) == seen).all()
    assert ((tifffile.imread(folder / "probability.tif") == 230) == seen).all()


def test_a_phase_without_crystals(section: Section) -> None:
    find_crystals(section, CrystalsSettings(phase="plagioclase"))
    for phase in ("olivine", "garnet"):
        with pytest.raises(SectionError, match=f"no crystals of {phase}, but of plagioclase"):
            exported(section, phase)
