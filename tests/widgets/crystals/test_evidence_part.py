"""What a crystal under review looks like by itself: pictures made in advance, its profile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from qtpy.QtGui import QImage

from napari_olivine.section import Section
from napari_olivine.widgets.crystals.evidence_part import EvidencePart
from napari_olivine.widgets.crystals.radial_part import curves_of
from tests.helpers.widget_sections import finished_section

pytestmark = pytest.mark.gui


def pixels(label: Any) -> NDArray[np.uint8]:
    image = label.pixmap().toImage().convertToFormat(QImage.Format.Format_RGB888)
    data = image.constBits().asarray(image.sizeInBytes())
    rows = np.frombuffer(data, np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def coloured(label: Any) -> NDArray[np.bool_]:
    """Pixels that are no grey."""
    return np.ptp(pixels(label).astype(int), axis=2) > 20


def test_pictures_and_profile_of_the_crystal_and_of_the_next_ones(qtbot: Any) -> None:
    section = Section(finished_section())
    table = section.table("crystals", "crystals").sort_values("area_px", ascending=False)
    profiles = section.table("crystals", "profiles")
    first, second, *others = table.to_dict("records")[:4]
    part = EvidencePart()
    qtbot.addWidget(part)
    part.set_section(section)
    part.show_crystal(first, profiles, [second, *others])
    assert part.bse.pixmap().isNull()  # the keys do not wait for it
    qtbot.waitUntil(lambda: len(part.made) == 4, timeout=10_000)
    assert part.made == [int(record["id"]) for record in (first, second, *others)]
    side = max(first["row1"] - first["row0"], first["col1"] - first["col0"])
    share = first["area_px"] / (side * 1.25 + 4) ** 2
    assert coloured(part.mg).mean() == pytest.approx(share, rel=0.1)  # the crystal and no more
    assert 0 < coloured(part.bse).mean() < 0.3 * share  # its outline
    curve = part.radial.curves[-1]
    row = profiles[profiles["id"] == first["id"]]
    np.testing.assert_array_equal(curve.y, curves_of(row)[0][0])
    before = pixels(part.mg)
    part.show_crystal(second, profiles)
    assert not np.array_equal(pixels(part.mg), before)  # at once
    part.show_crystal(second, profiles.iloc[:0])
    assert part.radial.curves == []
    part.set_section(None)
    assert part.isHidden() and part.made == []
    part.stop()
