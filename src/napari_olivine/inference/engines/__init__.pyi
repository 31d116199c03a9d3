from .engine import (
    Engine as Engine,
    EngineError as EngineError,
    EngineName as EngineName,
    FloatImage as FloatImage,
    Promise as Promise,
)
from .select import (
    Agreement as Agreement,
    choose_engine as choose_engine,
    measure_agreement as measure_agreement,
    plain_engine as plain_engine,
)
