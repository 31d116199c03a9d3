"""Outlines and crystals of a session, strip by strip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_olivine.comparison import CompareSettings
from napari_olivine.comparison.evaluation import measure_outlines
from napari_olivine.comparison.reference import Reference
from napari_olivine.job import Job
from napari_olivine.scoring import BoundaryCounts
from napari_olivine.section import Session, create_raster
from tests.helpers.grains import put_mask
from tests.helpers.sections import make_section


@pytest.mark.parametrize("memory", [4 << 30, 1])
def test_strips_give_what_the_whole_gives(tmp_path: Path, memory: int) -> None:
    """A column of discs, one of them over the seam of two strips, found one pixel smaller."""
    shape = (1100, 90)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    away = np.min([np.hypot(rows - at, columns - 40) for at in (60, 500, 1024)], axis=0)
    truth, found = away <= 20, away <= 19
    truth[1085:, :10] = True  # touches the edge
    section = make_section(tmp_path / "section", {"BSE": np.full(shape, 100, np.uint8)})
    put_mask(section, truth.astype(np.uint8))
    session = Session(session="2", row0=0, row1=1100, col0=0, col1=90, role="val")
    section.annotate("sessions", pd.DataFrame([session.model_dump()]))
    stored = create_raster(tmp_path / "olivine", shape, "uint8", 1.5, reduction="mean")
    stored.write(0, 0, np.where(found, 200, 40).astype(np.uint8))
    reference = Reference(section, None, CompareSettings())
    low, high = measure_outlines(
        stored, session, reference, [0.1, 0.5], CompareSettings(), Job(memory_bytes=memory)
    )
    whole = BoundaryCounts()
    whole.add(truth, found, (slice(None), slice(None)))
    assert (high.boundary_shared, high.boundary_either) == (whole.shared, whole.either)
    assert sum(size.true for size in high.sizes) == sum(size.found for size in high.sizes) == 3
    assert (high.regions, high.false_regions) == (3, 0)
    assert low.regions == 1  # all of it is olivine at 0.1
    assert sum(size.found for size in low.sizes) == 0
