from .drawn_outlines import polygons_of as polygons_of
from .metrics import FitScores as FitScores, fit_scores as fit_scores
from .phase import SOURCES as SOURCES, phase_source as phase_source
from .regression import Calibration as Calibration, fit_calibration as fit_calibration
from .settings import CalibrateSettings as CalibrateSettings
from .step import calibrate as calibrate, read_calibration as read_calibration
from .stoichiometry import cations as cations, forsterite as forsterite, mg_number as mg_number
from .traverse import line_positions as line_positions
