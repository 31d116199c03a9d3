from .engine import (
    Engine as Engine,
    EngineError as EngineError,
    EngineName as EngineName,
    FloatImage as FloatImage,
    Promise as Promise,
)
from .select import (
    Agreement as Agreement,
    agree as agree,
    choose_engine as choose_engine,
    plain_engine as plain_engine,
)
