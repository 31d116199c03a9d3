from .buffers import log_fo2_bar as log_fo2_bar
from .doubts import doubts_of as doubts_of
from .fit import Fit as Fit, fit_profile as fit_profile
from .law import LAWS as LAWS, direction_factor as direction_factor
from .problem import Model as Model
from .profile import FoProfile as FoProfile, read_profile as read_profile
from .settings import DiffuseSettings as DiffuseSettings
from .solver import spread as spread
from .step import diffuse as diffuse
from .times import Times as Times, sample_times as sample_times
