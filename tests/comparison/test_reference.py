"""What networks are scored against, pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_olivine.comparison import CompareSettings
from napari_olivine.comparison.pixel_counts import NO_LABEL
from napari_olivine.comparison.reference import Reference
from napari_olivine.section import Section
from tests.helpers.phases import SHAPE, codes, section_of_phases

EVERYTHING = slice(0, SHAPE[0]), slice(0, SHAPE[1])


@pytest.fixture
def section(tmp_path: Path) -> Section:
    """A section whose left half is for validation, but for an area of it that is learned from."""
    section = section_of_phases(tmp_path / "section")
    rows, half = SHAPE[0], SHAPE[1] // 2
    table = pd.DataFrame(
        [
            {"session": "left", "row0": 0, "row1": rows, "col0": 0, "col1": half, "role": "val"},
            {"session": "area", "row0": 0, "row1": 50, "col0": 0, "col1": 50, "role": "train"},
        ]
    )
    section.annotate("sessions", table.assign(within=["", "left"]))
    return section


def test_the_mask_tells_every_phase_where_a_session_counts(section: Section) -> None:
    reference = Reference(section, None, CompareSettings())
    assert reference.names == ["unclassified", "olivine", "plagioclase", "glass/groundmass"]
    (session,) = reference.sessions
    found = reference.classes(session, *EVERYTHING)
    expected = codes()  # the same numbers, as the codes of this mask are without a gap
    expected[:50, :50] = NO_LABEL  # learned from
    expected[:, SHAPE[1] // 2 :] = NO_LABEL  # no session
    np.testing.assert_array_equal(found, expected)


def test_a_truth_has_its_own_codes(section: Section, tmp_path: Path) -> None:
    truth = tmp_path / "truth"
    truth.mkdir()
    told = np.array([3, 9, 2, 4], np.uint8)[np.minimum(codes(), 3)]  # olivine is 9 there
    for name, image in (("phase", told), ("mg", told.astype(np.uint16)), ("crystals", told)):
        tifffile.imwrite(truth / f"{name}.tif", image)
    (truth / "crystals.csv").write_text("id,kind\n2,none\n3,none\n4,none\n9,none\n")
    (truth / "phases.csv").write_text("code,name\n2,plagioclase\n9,olivine\n")
    reference = Reference(section, truth, CompareSettings())
    assert reference.names == ["other", "olivine", "plagioclase"]
    found = reference.classes(reference.sessions[0], slice(50, 120), slice(0, 80))
    of_mask = codes()[50:, :80]
    np.testing.assert_array_equal(found, np.where(of_mask == 3, 0, of_mask))
    before = reference.fingerprint()
    (truth / "phases.csv").write_text("code,name\n9,olivine\n")
    assert Reference(section, truth, CompareSettings()).fingerprint() != before
