from .make import make_phantom as make_phantom
from .settings import PhantomSettings as PhantomSettings, RockName as RockName
