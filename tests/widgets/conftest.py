"""What the tests in a window share."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from qtpy.QtCore import QSettings

from tests.helpers.patient import patient
from tests.helpers.shared_window import shared_window


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


@pytest.fixture(scope="session")
def frozen_imports() -> None:
    """Leave what was imported out of the collections of garbage behind each window.

    napari looks for forgotten windows three times a test; most of what it would go through are
    modules.
    """
    import napari._qt.qt_main_window
    import napari.viewer  # noqa: F401

    gc.collect()
    gc.freeze()


@pytest.fixture
def make_napari_viewer(frozen_imports: None, make_napari_viewer: Any) -> Any:
    """Make windows as napari does, for one test."""
    return make_napari_viewer


@pytest.fixture(scope="class")
def class_viewer(frozen_imports: None, qapp: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Viewer in a window of 1400 x 900 that all tests of a class share.

    Each test leaves the window so that the others do not notice: by ``take_back_edits``, for one.
    A test for which that is more work than a window of its own takes ``make_napari_viewer``, in
    another class.
    """
    with shared_window(request) as viewer:
        yield viewer


@pytest.fixture(scope="module")
def module_viewer(frozen_imports: None, qapp: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Viewer in a window that all tests of a file share, as those of a class do."""
    with shared_window(request) as viewer:
        yield viewer


@pytest.fixture(scope="class")
def class_qtbot(qapp: Any, request: pytest.FixtureRequest) -> Any:
    """The robot for what a class makes once."""
    from pytestqt.qtbot import QtBot

    return patient(QtBot(request))
