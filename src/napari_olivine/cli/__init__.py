"""The command line."""

from napari_olivine.cli.main import main

__all__ = ["main"]
