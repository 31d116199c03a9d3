"""A product that a person deletes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.section import Section, lock_of, made_from, remove_product
from napari_olivine.settings import Settings
from tests.helpers.sections import make_section


@pytest.fixture
def section(tmp_path: Path) -> Section:
    section = make_section(tmp_path / "s", {"BSE": np.full((64, 64), 90, np.uint8)})
    for name, inputs in (("models/light", ["images"]), ("segmentation", ["models/light"])):
        with section.draft(name, section.recipe("test", Settings(), inputs), Job()) as draft:
            (draft.path / "weights").write_text("some")
    return section


def test_it_is_gone_and_what_was_made_from_it_is_out_of_date(section: Section) -> None:
    assert made_from(section, "models/light") == ["segmentation"]
    remove_product(section, "models/light")
    assert section.product("models/light") is None
    assert section.state("segmentation") == "stale"
    remove_product(section, "models/light")  # nothing is left to do


def test_what_is_being_made_is_left_alone(section: Section) -> None:
    with (
        lock_of(section.path, "models/light"),
        pytest.raises(SectionError, match="'models/light' of .* is being made now"),
    ):
        remove_product(section, "models/light")
    assert section.state("models/light") == "fresh"
