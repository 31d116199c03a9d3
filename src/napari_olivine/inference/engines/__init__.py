"""Engines: one network, run in the fastest way that a machine has."""

from napari_olivine.inference.engines.engine import Engine, EngineError, EngineName
from napari_olivine.inference.engines.select import (
    Agreement,
    agree,
    choose_engine,
    plain_engine,
)

__all__ = [
    "Agreement",
    "Engine",
    "EngineError",
    "EngineName",
    "agree",
    "choose_engine",
    "plain_engine",
]
