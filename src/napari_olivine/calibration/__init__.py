"""Calibration: microprobe profiles and BSE grey -> mg# with its error, and the mg# map."""

from napari_olivine.calibration.metrics import Scores, scores
from napari_olivine.calibration.regression import Calibration, fit_calibration
from napari_olivine.calibration.settings import CalibrateSettings
from napari_olivine.calibration.step import calibrate, read_calibration
from napari_olivine.calibration.stoichiometry import cations, forsterite, mg_number
from napari_olivine.calibration.traverse import line_positions

__all__ = [
    "CalibrateSettings",
    "Calibration",
    "Scores",
    "calibrate",
    "cations",
    "fit_calibration",
    "forsterite",
    "line_positions",
    "mg_number",
    "read_calibration",
    "scores",
]
