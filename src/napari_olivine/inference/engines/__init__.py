"""Engines: one network, run in the fastest way that a machine has."""

from napari_olivine.inference.engines.choosing import (
    Agreement,
    agree,
    choose_engine,
    first_line,
    plain_engine,
)
from napari_olivine.inference.engines.engine import FULL, Engine, EngineError, EngineName

__all__ = [
    "FULL",
    "Agreement",
    "Engine",
    "EngineError",
    "EngineName",
    "agree",
    "choose_engine",
    "first_line",
    "plain_engine",
]
