"""What the tests in a window share."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from qtpy.QtCore import QSettings


@pytest.fixture(autouse=True, scope="session")
def preferences(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Leave the preferences of the person who runs the tests alone."""
    scope, folder = QSettings.Scope.UserScope, str(tmp_path_factory.mktemp("preferences"))
    QSettings.setPath(QSettings.Format.IniFormat, scope, folder)


@pytest.fixture(autouse=True, scope="module")
def no_window_is_left() -> Iterator[None]:
    """Collect what is left of the windows here: in a thread of a later test it would crash Qt."""
    yield
    from qtpy.QtWidgets import QApplication

    QApplication.processEvents()
    gc.collect()


@pytest.fixture
def make_napari_viewer(make_napari_viewer: Any) -> Any:
    """Leave what was imported out of the collections of garbage behind each window.

    napari looks for forgotten windows three times a test; most of what it would go through are
    modules.
    """
    import napari._qt.qt_main_window
    import napari.viewer  # noqa: F401

    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()
    return make_napari_viewer
