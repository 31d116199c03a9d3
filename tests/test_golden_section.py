"""A section of an earlier version: it opens, is up to date, and every value is the same.

`tests/data/golden_section.zip` was written by the code at the commit that
`tests/data/golden_expected.json` names; `tests/data/make_golden_section.py` tells how.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_olivine.cli import main
from napari_olivine.crystals.edits import CrystalStore
from napari_olivine.section import Section
from tests.helpers.golden import EXPECTED, changes_of, facts_of, state_of_crystals, states_of

DATA = Path(__file__).parent / "data"
GOLDEN = json.loads((DATA / EXPECTED).read_text(encoding="utf-8"))
PRODUCTS = GOLDEN["whole"]["products"]

CALIBRATED = ("calibration", "mg")
"""Made by another method since: a traverse is refined by another search (method 4)."""

MASK_THEN = (
    "--rule", "Ca/Mg < 0.1 and Al/Mg < 0.1 and Mg > 30 and Si/(Mg + Fe) < 0.85",
    "--outlines", "rule", "--book", "none",
)  # fmt: skip
"""What the mask step did before outlines were put where half of a pixel is olivine."""

ANEW = (*CALIBRATED, "mask", "crystals")
"""Products with another method since; crystals in contact are parted by method 3."""

TRAINED_ANEW = "models/"
"""All by the light network, which is another one since; those that are there serve on."""

SERVES_ON = {"mask lost": ("probability", "compare/second", "segmentation", "calibration", "mg")}
"""Not out of date any more: a network is of use when the mask that it learned is gone."""

BSE_ALONE = {"segmentation": ("--evidence", "bse")}
"""What was done before element maps counted beside the network."""

ADDED_SINCE = ("kind",)
"""Columns of crystals that edits may fill now; they are empty in a section of before."""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Source and section in another folder than the one where they were made."""
    folder = tmp_path_factory.mktemp("golden")
    with zipfile.ZipFile(DATA / "golden_section.zip") as members:
        members.extractall(folder)
    return folder


@pytest.fixture
def place(unpacked: Path, tmp_path: Path) -> Path:
    """A copy that a test may change; what the models are is only read."""
    return copy_of(unpacked / "section", tmp_path / "section")


def copy_of(section: Path, place: Path) -> Path:
    def copy(one: str, other: str) -> object:
        if one.endswith("weights.safetensors"):
            return Path(other).hardlink_to(one)
        return shutil.copy2(one, other)

    return Path(shutil.copytree(section, place, copy_function=copy))


def records_of(place: Path) -> dict[str, bytes]:
    """Return the record of each product as it lies on the disk."""
    return {
        file.parent.relative_to(place).as_posix(): file.read_bytes()
        for file in sorted(place.rglob("product.json"))
    }


# ---------------------------------------------------------------------- what is there


@pytest.mark.parametrize("name", ["section", "sites"])
def test_every_value_of_every_product_is_read_as_it_was_written(unpacked: Path, name: str) -> None:
    expected = GOLDEN["whole" if name == "section" else name]
    found = json.loads(json.dumps(facts_of(Section(unpacked / name))))
    assert found["products"].keys() == expected["products"].keys()
    for product, facts in expected["products"].items():
        assert found["products"][product] == facts, product
    assert found["section"] == expected["section"]


def test_there_is_every_kind_of_product() -> None:
    kinds = {name.split("/")[0] for name in PRODUCTS}
    assert kinds == {
        "images", "epma", "levelling", "mask", "models", "probability", "compare", "segmentation",
        "calibration", "mg", "crystals", "corrections",
    }  # fmt: skip
    stale = {name for name, facts in PRODUCTS.items() if facts["state"] != "fresh"}
    assert stale == {"models/early"}


@pytest.mark.parametrize("change", GOLDEN["changed"])
def test_the_same_products_go_out_of_date(place: Path, change: str) -> None:
    expected = GOLDEN["changed"][change] | dict.fromkeys(SERVES_ON.get(change, ()), "fresh")
    assert states_of(changes_of()[change](place)) == expected


def test_nothing_is_made_that_is_there(
    unpacked: Path, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same command has the same recipe, and so finds its product up to date."""
    before = records_of(place)
    # A network that is trained now would learn from them, as those that are there did not.
    corrections = (place / "corrections").rename(tmp_path / "corrections")
    for product, words in GOLDEN["commands"].items():
        if product in ANEW or product.startswith(TRAINED_ANEW):
            continue
        if product == "corrections":
            corrections.rename(place / "corrections")
        capsys.readouterr()
        told = [str(place) if word == "SECTION" else word for word in words]
        assert main([*told, *BSE_ALONE.get(product, ())]) == 0
        assert f"{product} is up to date." in capsys.readouterr().out
    assert records_of(place) == before
    assert main(["import", str(unpacked / "source"), str(place)]) == 0
    after = records_of(place)  # tables are read by method 2 since, with a report
    assert {name for name in after if after[name] != before[name]} == {"epma"}


def test_nothing_is_wrong_with_it(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = records_of(place)
    assert main(["check", str(place)]) == 0
    assert main(["status", str(place)]) == 0
    told = capsys.readouterr().out
    assert [line.split()[0] for line in told.splitlines() if " stale " in line] == ["models/early"]
    assert records_of(place) == before


# ---------------------------------------------------------------------- edits of crystals


def test_edits_are_taken_back_and_done_again_alike(place: Path) -> None:
    expected = GOLDEN["edits"]
    store = CrystalStore(Section(place))
    assert edited(store) == expected["as_left"]
    store.redo()
    assert edited(store) == expected["done_again"]
    while store.journal.active():
        store.undo()
    assert edited(store) == expected["none"]
    for _ in expected["as_left"]["active"]:
        store.redo()
    assert edited(store) == expected["as_left"]
    store.redo()
    store.close()
    again = CrystalStore(Section(place))
    assert edited(again) == expected["done_again"]
    again.close()


def test_edits_are_carried_out_again_on_crystals_found_anew(place: Path) -> None:
    expected = GOLDEN["found_again"]
    assert main(["crystals", str(place), "--force"]) == 0
    store = CrystalStore(Section(place))
    found = edited(store)
    assert found["levels"] == expected["levels"]
    assert found["active"] == expected["active"]
    assert [aside.entry.n for aside in store.aside()] == expected["aside"]
    store.close()


# ---------------------------------------------------------------------- steps done again


def test_every_step_gives_the_same_again(unpacked: Path, place: Path, tmp_path: Path) -> None:
    """All but the training: its weights depend on the version of torch and on the processor."""
    assert main(["import", str(unpacked / "source"), str(tmp_path / "imported")]) == 0
    imported = Section(tmp_path / "imported")
    for product in ("images", "epma"):
        assert_same(imported, Section(unpacked / "section"), product)
    repeated = [name for name in GOLDEN["commands"] if not name.startswith("models/")]
    for product in (name for name in repeated if name not in ANEW):
        words = GOLDEN["commands"][product]
        told = [str(place) if word == "SECTION" else word for word in words]
        alone = BSE_ALONE.get(product, ())
        assert main([*told, *alone, "--force", "--device", "cpu"]) == 0
    section = Section(place)
    for product, facts in PRODUCTS.items():
        assert section.state(product) == facts["state"]
        assert section.fingerprint(product) == facts["fingerprint"]
        assert_same(section, Section(unpacked / "section"), product)
    old = section.raster("mg", "mg").read(slice(0, None), slice(0, None))
    assert main(["calibrate", str(place)]) == 0  # by the method of today, though it is fresh
    new = section.raster("mg", "mg").read(slice(0, None), slice(0, None))
    np.testing.assert_array_equal(np.isfinite(new), np.isfinite(old))
    assert np.nanpercentile(np.abs(new - old), 95) < 0.01
    assert main(["mask", str(place), *MASK_THEN]) == 0
    assert_same(section, Section(unpacked / "section"), "mask")


def assert_same(one: Section, other: Section, product: str) -> None:
    """Compare images and tables; the last digits of a sum depend on the processor."""
    facts = PRODUCTS[product]
    for name in facts["images"]:
        images = one.raster(product, name), other.raster(product, name)
        assert images[0].level_shapes == images[1].level_shapes
        for level, (rows, columns) in enumerate(images[0].level_shapes):
            window = slice(0, rows), slice(0, columns)
            values = [image.read(*window, level).astype(np.float64) for image in images]
            steps = 1 if product.split("/")[0] in ("probability", "compare") else 0
            np.testing.assert_allclose(*values, rtol=1e-5, atol=steps, err_msg=product)
    for name in facts["tables"]:
        tables = [section.table(product, name) for section in (one, other)]
        pd.testing.assert_frame_equal(*tables, rtol=1e-5, atol=1e-6, check_index_type=False)


def edited(store: CrystalStore) -> Any:
    """Return the state of the crystals without the columns that came since it was kept."""
    assert (store.table[list(ADDED_SINCE)] == "").all(axis=None)
    return plain(state_of_crystals(store, without=ADDED_SINCE))


def plain(facts: Any) -> Any:
    """Return facts as JSON keeps them."""
    return json.loads(json.dumps(facts))
