"""Rule books: every mineral of a section, its mode, and books that cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.masks import MaskSettings, make_mask, patches
from napari_olivine.masks.phase_codes import IGNORE
from napari_olivine.masks.rule_book import read_rule_book
from napari_olivine.phantom.compositions import PHASES, counts_table, olivine_counts
from napari_olivine.section import Section
from tests.helpers.sections import make_section

NAMES = {"vesicle": "void"}
DRAWN = {name: code for name, code in PHASES.items() if name not in ("serpentine", "resin")}
"""Phases that the standard book tells; resin is the same to it as a vesicle."""

ELEMENTS = ("Mg", "Fe", "Ca", "Al", "Si")
WHOLE = slice(None), slice(None)


def counts_of(element: str) -> np.ndarray:
    """Counts of each phase of the phantom in the middle of its range; olivine is Fo80."""
    counts = counts_table(element)[:, 128].copy()
    counts[PHASES["olivine"]] = olivine_counts(element, np.array([0.8]))[0]
    return counts


def striped_section(folder: Path, dwell: float = 1.0) -> tuple[Section, np.ndarray]:
    """Every phase of the phantom as a stripe of 60 px, side by side, twice."""
    rng = np.random.default_rng(0)
    order = [*DRAWN.values()]
    order += order[::2] + order[1::2]
    truth = np.repeat(order, 60) * np.ones((220, 1), int)
    images = {"BSE": np.full(truth.shape, 100, np.uint8)}
    for element in ELEMENTS:
        images[element] = rng.poisson(dwell * counts_of(element)[truth] + 0.8).astype(np.uint16)
    return make_section(folder, images), truth


@pytest.mark.parametrize("dwell", [0.5, 2.0])
def test_the_standard_book_tells_every_mineral(tmp_path: Path, dwell: float) -> None:
    section, truth = striped_section(tmp_path / "s", dwell)
    product = make_mask(section)
    labels = section.raster("mask", "phases").read(*WHOLE)
    certainty = section.raster("mask", "certainty").read(*WHOLE)
    modes = pd.DataFrame(product.notes["modes"]).set_index("name")
    assert modes["percent"].sum() == pytest.approx(100, abs=0.01)
    for name, code in DRAWN.items():
        phase = modes.loc[NAMES.get(name, name)]
        found = labels == phase["code"]
        assert found[truth == code].mean() > 0.97, name
        assert phase["percent"] == pytest.approx(100 * (truth == code).mean(), abs=0.5)
        assert phase["percent"] == pytest.approx(100 * found.mean(), abs=0.01)
    assert np.array_equal(
        section.raster("mask", "olivine").read(*WHOLE) == 1, labels == modes.loc["olivine", "code"]
    )
    within = np.flatnonzero(np.arange(truth.shape[1]) % 60 == 30)
    assert (certainty[:, within] > 90).mean() > 0.97


def test_a_book_of_ones_own(tmp_path: Path) -> None:
    section, truth = striped_section(tmp_path / "s")
    book = tmp_path / "book.yaml"
    book.write_text(
        "name: mine\nphases:\n"
        "- {name: feldspar, colour: '#0000ff', counts: Al/Si > 0.45 and not Mg > 20}\n"
        "- {name: titanite, counts: Ti/Si > 0.2}\n"
    )
    product = make_mask(section, MaskSettings(book=str(book)))
    modes = pd.DataFrame(product.notes["modes"]).set_index("name")
    assert [*modes.index] == ["unclassified", "olivine", "feldspar"], "there is no map of Ti"
    assert modes.loc["feldspar", "colour"] == "#0000ff"
    found = section.raster("mask", "phases").read(*WHOLE) == modes.loc["feldspar", "code"]
    assert found[truth == PHASES["plagioclase"]].mean() > 0.97
    book.write_text("name: mine\nphases: [{name: anything, counts: Si > 0.3 p99}]\n")
    product = make_mask(section, MaskSettings(book=str(book)))
    assert "anything" in product.notes["rules"], "another text in the same file is another book"


def test_phases_stay_unknown_where_nothing_was_measured(tmp_path: Path) -> None:
    section, truth = striped_section(tmp_path / "a")
    images = {s: section.raster("images", s).read(*WHOLE) for s in section.record.signals}
    for element in ELEMENTS:
        images[element][:110, :210] = 0
    other = make_section(tmp_path / "b", images)
    record = other.record.model_copy(update={"tile_shape": (110, 210)})
    (other.path / "section.json").write_text(record.model_dump_json())
    section = Section(other.path)
    product = make_mask(section)
    labels = section.raster("mask", "phases").read(*WHOLE)
    assert (labels[:110, :210] == IGNORE).all()
    assert (labels[110:] != IGNORE).all()
    modes = {mode["name"]: mode["percent"] for mode in product.notes["modes"]}
    measured = labels != IGNORE
    void = truth[measured] == PHASES["vesicle"]
    assert modes["void"] == pytest.approx(100 * void.mean(), abs=0.5)


def test_without_a_book_there_is_only_the_mask(tmp_path: Path) -> None:
    section, _ = striped_section(tmp_path / "s")
    product = make_mask(section, MaskSettings(book="none"))
    assert "modes" not in product.notes
    assert not (section.path / "mask" / "phases").exists()


def test_blocks_give_the_same_phases_as_one_piece_and_as_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section, _ = striped_section(tmp_path / "s")
    found = []
    for memory, threads in ((1, 2), (1 << 30, 2), (1 << 30, 1)):
        monkeypatch.setattr(patches, "THREADS", threads)
        make_mask(section, MaskSettings(), Job(memory_bytes=memory, force=True))
        images = [section.raster("mask", name).read(*WHOLE) for name in ("phases", "certainty")]
        found.append(np.array(images))
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[1], found[2])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a\nphases: [", "is no rule book"),
        ("name: a\nphases: []", "phases"),
        ("name: a\nphases: [{name: x}]", "has neither 'counts' nor 'wt%'"),
        ("name: a\nphases: [{name: x, counts: Mg >}]", "phase x: The rule cannot be read"),
        ("name: a\nphases: [{name: x, counts: Mg > 1, colour: red}]", "phases.0.colour"),
        ("name: a\nphases: [{name: x, counts: Mg > 1}, {name: x, counts: Mg > 2}]", "x twice"),
        ("- just\n- a list", "is no rule book"),
    ],
)
def test_a_book_that_cannot_be_read_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "book.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match="book.yaml") as caught:
        read_rule_book(str(file))
    assert said in str(caught.value)
    with pytest.raises(InputError, match="no_such"):
        read_rule_book("no_such.yaml")
