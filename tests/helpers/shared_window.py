"""A window of napari that the tests of a class share: most of a window's time is opening it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from napari.utils import _testsupport
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtTest import QTest

from napari_olivine.widgets.state.open_section import OpenSection

_napari_fixture = contextmanager(_testsupport.make_napari_viewer.__wrapped__)
_clean_application = contextmanager(_testsupport.mock_app_model.__wrapped__)


@contextmanager
def shared_window(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Open a window as napari's fixture does for one test, and close it with the same checks.

    Parameters
    ----------
    request
        Of a fixture whose scope is that of the window.

    Yields
    ------
    napari.Viewer
        The viewer; steps that run in it are stopped at the end.
    """
    failed = request.session.testsfailed
    with (
        pytest.MonkeyPatch.context() as patch,
        _clean_application() as application,
        _napari_fixture(QtBot(request), request, application, patch) as make,
    ):
        viewer = make(show=True)
        viewer.window.resize(1400, 900)
        yield viewer
        OpenSection.of(viewer).jobs.stop_now()
        del viewer  # or napari finds a window that is not collected
        # What napari asks a test: after a failure a traceback may keep the window.
        request.node.rep_call = SimpleNamespace(failed=request.session.testsfailed > failed)


def open_once(viewer: Any, path: Path) -> None:
    """Open a section in a shared window unless it is open."""
    session = OpenSection.of(viewer)
    if session.section is None or session.section.path != path:
        session.open(path)


def take_back_edits(viewer: Any) -> None:
    """Leave the open section of a shared window as it was before the edits of a test."""
    history = OpenSection.of(viewer).history
    while history.can_undo:
        history.undo()
    history.clear()


def close_docks(viewer: Any, but: Any = None) -> None:
    """Close all docks of steps, or all but one."""
    for widget in [*viewer.window.dock_widgets.values()]:
        if widget is not but:
            viewer.window.remove_dock_widget(widget)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # or they are found still


def settle(viewer: Any) -> None:
    """Wait until the docks of a window leave its canvas as large as it is."""
    canvas, before = viewer.window._qt_viewer.canvas.native, None
    while before != canvas.geometry():
        before = canvas.geometry()
        QTest.qWait(50)
