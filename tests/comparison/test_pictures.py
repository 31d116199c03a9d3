"""Pictures: where they are taken, and what their colours mean."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np

from napari_olivine.comparison import CompareSettings
from napari_olivine.comparison.pictures import COLOURS, choose_places, take_pictures
from napari_olivine.comparison.reference import Reference
from napari_olivine.job import Job
from napari_olivine.section import create_raster
from tests.helpers.grains import make_grains


def test_colours_tell_what_is_found_missed_and_false(tmp_path: Path) -> None:
    section, truth = make_grains(tmp_path / "section")
    reference = Reference(section, None, CompareSettings())
    test = [one for one in reference.sessions if one.role == "test"]
    ((_, window),) = choose_places(reference, test, Job())
    assert window == test[0].window  # a session smaller than a picture is shown whole
    found = np.zeros_like(truth)
    found[:, 500:] = True  # the right of the session is all olivine, its left has none
    stored = create_raster(tmp_path / "olivine", truth.shape, "uint8", 1.5, reduction="mean")
    stored.write(0, 0, np.where(found, 255, 0).astype(np.uint8))
    (picture,) = take_pictures(section, stored, reference, test, 0.5, Job())
    shown = cv2.imdecode(np.frombuffer(base64.b64decode(picture.jpeg), np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (192, 192, 3)
    red, green, blue = (shown[..., k].astype(float) for k in (2, 1, 0))
    olivine, of_right = truth[window], found[window]
    assert COLOURS["false"][0] > COLOURS["false"][2]
    assert (red - blue)[~olivine & of_right].mean() > 60
    assert (blue - red)[olivine & ~of_right].mean() > 60
    assert (green - blue)[olivine & of_right].mean() > 15
    assert abs((red - blue)[~olivine & ~of_right]).mean() < 10  # grey as it is
