"""Engines: one network, run in the fastest way that a machine has."""

from napari_olivine.inference.engines.choosing import (
    Agreement,
    agree,
    choose_engine,
    plain_engine,
)
from napari_olivine.inference.engines.engine import Engine, EngineError, EngineName

__all__ = [
    "Agreement",
    "Engine",
    "EngineError",
    "EngineName",
    "agree",
    "choose_engine",
    "plain_engine",
]
