"""Small sections made by hand for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.section import Section, SectionRecord, create_raster
from napari_olivine.settings import Settings


def make_section(folder: Path, images: dict[str, NDArray[np.generic]]) -> Section:
    """Store images as the import step would, with one training session over everything."""
    shape = next(iter(images.values())).shape
    record = SectionRecord(name="test", pixel_size_um=1.5, shape=shape, signals=list(images))
    section = Section.create(folder, record)
    recipe = section.recipe("import", Settings(), [], extra={"source": "made by a test"})
    with section.draft("images", recipe, Job()) as draft:
        for name, image in images.items():
            out = create_raster(draft.path / name, shape, image.dtype, 1.5, reduction="mean")
            out.write(0, 0, image)
            out.build_pyramid(Job())
    whole = {"session": "1", "row0": 0, "row1": shape[0], "col0": 0, "col1": shape[1]}
    section.annotate("sessions", pd.DataFrame([whole | {"role": "train"}]))
    return section
