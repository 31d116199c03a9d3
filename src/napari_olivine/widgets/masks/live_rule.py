"""Follows the rule of the dock and the view of the window, and works out what the rule takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_olivine.errors import Cancelled, OlivineError
from napari_olivine.job import Job
from napari_olivine.masks import (
    AxisValue,
    MaskSettings,
    RulePreview,
    RuleViewer,
    Scatter,
    scatter_of,
)
from napari_olivine.widgets.common import Background, Connections, single_shot
from napari_olivine.widgets.state import OpenSection, Viewport

SLOW_MS = 400
"""Time after which it is said that the maps are still being read."""


Found = tuple[RulePreview, Scatter | None]


class LiveRule(QObject):
    """Applies the rule to the part of the section in view, while anybody follows it.

    It works in a background thread, on the newest request. A request for another view stops the
    reading for the one before it. Its `preview` and `scatter` are the newest ones, `None` where the
    rule cannot be applied; there is a scatter once somebody has set its `axes`.

    Parameters
    ----------
    session
        Open section of the viewer.
    connections
        Connections of the dock.
    settings
        Returns the settings of the dock; raises where they cannot be used.
    """

    changed = Signal()
    """There is another preview, or none any more."""
    failed = Signal(object)
    """Why the rule cannot be applied here."""
    slow = Signal()
    """The maps are still being read."""

    def __init__(
        self,
        session: OpenSection,
        connections: Connections,
        settings: Callable[[], MaskSettings],
    ) -> None:
        super().__init__()
        self._session, self._settings = session, settings
        self.preview: RulePreview | None = None
        self.scatter: Scatter | None = None
        self.axes: tuple[AxisValue, AxisValue] | None = None
        self._followers: set[str] = set()
        self._viewer: RuleViewer | None = None
        self._number = self._oldest = 0
        self._window: Any = None
        self._job = Job()
        self.viewport = Viewport(session.viewer)
        self._background = Background()
        self._background.done.connect(self._on_done)
        self._slow = single_shot(self, SLOW_MS, self.slow.emit)
        for signal, slot in (
            (self.viewport.moved, self.refresh),
            (session.section_opened, self._on_section),
            (session.product_changed, self._on_product),
        ):
            connections.connect(signal, slot)
        connections.on_close(self.viewport.close)
        connections.on_close(self._slow.stop)
        connections.on_close(self._job_stop)
        connections.on_close(self._background.stop)

    def follow(self, who: str, on: bool) -> None:
        """Begin or end to follow on behalf of a part of the dock."""
        (self._followers.add if on else self._followers.discard)(who)
        if on:
            self.refresh()
        elif not self._followers:
            self._drop()
            self._viewer = None  # with the maps that it keeps

    @property
    def following(self) -> bool:
        """Whether anybody follows."""
        return bool(self._followers)

    def refresh(self) -> None:
        """Work it out anew: the rule, the settings or the view changed."""
        section = self._session.section
        if not self._followers or section is None:
            return
        try:
            settings = self._settings()
        except OlivineError:
            return  # the field of the rule tells it when the person stops typing
        window = self.viewport.window(section)
        if window is None:
            self._drop()
            return
        if window != self._window:
            self._job_stop()
            self._window, self._job = window, Job()
        if self._viewer is None:
            self._viewer = RuleViewer(section)
        self._number += 1
        viewer, job, axes = self._viewer, self._job, self.axes
        more = [signal for axis in axes or () for signal in axis.signals]

        def view() -> Found | OlivineError | None:
            try:
                preview = viewer.view(settings, window, more, job)
                return preview, None if axes is None else scatter_of(preview, *axes)
            except Cancelled:
                return None
            except OlivineError as error:
                return error

        self._background.want([(self._number, view)])
        self._slow.start()

    def refuse(self) -> None:
        """Show nothing: the rule cannot be read."""
        self._drop()

    def _on_done(self, number: Any, found: Found | OlivineError | None) -> None:
        if number == self._number:
            self._slow.stop()
        if number < self._oldest or not self._followers:
            return
        if found is None:
            if number == self._number:  # the maps are being replaced: they are read again then
                self._drop()
            return
        if isinstance(found, OlivineError):
            self.preview = self.scatter = None
            self.changed.emit()
            self.failed.emit(found)
        else:
            self.preview, self.scatter = found
            self.changed.emit()

    def _drop(self) -> None:
        self._oldest = self._number + 1
        self._background.want([])
        self._slow.stop()
        self.preview = self.scatter = None
        self.changed.emit()

    def _job_stop(self) -> None:
        self._job.cancel.set()

    def _on_section(self, _section: Any) -> None:
        self._job_stop()
        self._viewer = self._window = None
        self._drop()
        self.refresh()

    def _on_product(self, product: str) -> None:
        if product == "images":
            self._on_section(None)
