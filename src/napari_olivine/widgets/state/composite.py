"""A composite of three element maps in red, green and blue, added up on the screen."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, ClassVar
from weakref import WeakKeyDictionary, ref

from psygnal import Signal
from qtpy.QtWidgets import QHBoxLayout, QWidget
from superqt.utils import signals_blocked

from napari_olivine.section import Section, write_atomically
from napari_olivine.widgets.common import Connections, combo, fill_combo, push_button
from napari_olivine.widgets.layers import CHANNELS, LAYER_KEY, LEVELLED, colour_ramp, layer_name
from napari_olivine.widgets.state.open_section import OpenSection

USUAL = ("Fe", "Mg", "Ca")
"""Default elements in red, green and blue: olivine is green to yellow."""

VIEW = "annotations/view.json"
"""File of a section that remembers the composite."""

NOTHING = "-"


class Composite:
    """Shows up to three element maps together, without BSE; can be switched off again.

    The maps stay layers of their own, lazy at any size, each with its contrast sliders. There is
    one for each viewer: get it by `of`.

    Parameters
    ----------
    session
        Open section of the viewer.
    """

    changed = Signal()
    """It was switched on or off, or shows other elements."""

    _composites: ClassVar[WeakKeyDictionary[OpenSection, Composite]] = WeakKeyDictionary()

    @classmethod
    def of(cls, session: OpenSection) -> Composite:
        """Return the composite of an open section."""
        if session not in cls._composites:
            cls._composites[session] = cls(session)
        return cls._composites[session]

    def __init__(self, session: OpenSection) -> None:
        self._ref = ref(session)
        self._before: dict[str, tuple[bool, Any]] | None = None
        self.elements: tuple[str, ...] = ()
        session.section_opened.connect(self._on_section_opened)
        session.product_changed.connect(self._on_product_changed)
        session.result_comes.connect(self._on_result)
        if session.section is not None:
            self.elements = remembered(session.section)

    @property
    def _session(self) -> OpenSection:
        session = self._ref()
        if session is None:
            raise RuntimeError("the viewer was closed")
        return session

    @property
    def on(self) -> bool:
        """Whether it is shown."""
        return self._before is not None

    def choices(self) -> list[str]:
        """Return the elements that have a map."""
        section = self._session.section
        return [] if section is None else [n for n in section.record.signals if n != "BSE"]

    def choose(self, elements: tuple[str, ...]) -> None:
        """Set what is red, green and blue; an empty name leaves a colour out."""
        if elements == self.elements:
            return
        self.elements = elements
        if self._session.section is not None:
            _remember(self._session.section, elements)
        if self.on:
            self._restore()
            self._show()
        self.changed.emit()

    def switch(self, on: bool) -> None:
        """Show the composite, or what was shown before it."""
        if on == self.on or self._session.section is None:
            return
        if on:
            self._show()
        else:
            self._restore()
        self.changed.emit()

    def _show(self) -> None:
        self._session.deferred.finish()
        images = self._images()
        self._before = {name: (layer.visible, layer.colormap) for name, layer in images.items()}
        for name, layer in images.items():
            layer.visible = name in self.elements
        for name, colour in zip(self.elements, CHANNELS.values(), strict=False):
            if name in images:
                images[name].colormap = colour_ramp(colour)

    def _restore(self) -> None:
        before, self._before = self._before or {}, None
        for name, layer in self._images().items():
            if name in before:
                layer.visible, layer.colormap = before[name]

    def _images(self) -> dict[str, Any]:
        marks = [(layer.metadata.get(LAYER_KEY), layer) for layer in self._session.viewer.layers]
        return {
            layer_name(mark["product"], mark["name"]): layer
            for mark, layer in marks
            if mark and mark["product"] in ("images", LEVELLED[0])
        }

    def _on_section_opened(self, section: Section) -> None:
        self._before = None
        self.elements = remembered(section)
        self.changed.emit()

    def _on_result(self) -> None:
        self.switch(False)

    def _on_product_changed(self, product: str) -> None:
        if product == "images" and self._session.section is not None:
            self._on_section_opened(self._session.section)


def remembered(section: Section) -> tuple[str, ...]:
    """Return the elements that are stored with the section, or the default ones."""
    there = [name for name in section.record.signals if name != "BSE"]
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        names = tuple(json.loads((section.path / VIEW).read_text())["composite"])
        if len(names) == len(CHANNELS) and all(name in ("", *there) for name in names):
            return names
    return usual(there)


def usual(there: list[str]) -> tuple[str, ...]:
    """Choose red, green and blue from the elements of a section."""
    rest = [name for name in there if name not in USUAL]
    chosen = []
    for name in USUAL:
        chosen.append(name if name in there else rest.pop(0) if rest else "")
    return tuple(chosen)


def _remember(section: Section, elements: tuple[str, ...]) -> None:
    with suppress(OSError):  # a section that can only be read is looked at all the same
        (section.path / "annotations").mkdir(exist_ok=True)
        write_atomically(section.path / VIEW, json.dumps({"composite": elements}) + "\n")


class CompositeBar(QWidget):
    """A button for the composite, and boxes for red, green and blue.

    Parameters
    ----------
    composite
        Composite of the viewer.
    connections
        Connections of the dock.
    """

    def __init__(self, composite: Composite, connections: Connections) -> None:
        super().__init__()
        self._composite = composite
        self._filling = False
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.button = push_button(
            "Composite",
            composite.switch,
            "Show three element maps together in red, green and blue; with Fe, Mg and Ca olivine "
            "is green to yellow. Click again for what was shown before",
            checkable=True,
        )
        row.addWidget(self.button)
        self.boxes = {}
        for channel, colour in CHANNELS.items():
            box = self.boxes[channel] = combo()
            box.setToolTip(f"Element shown in {channel}")
            box.setStyleSheet(f"QComboBox {{ border-bottom: 3px solid {colour}; }}")
            box.setMinimumContentsLength(1)
            box.setMinimumWidth(50)
            box.textActivated.connect(self._choose)
            row.addWidget(box, 1)
        connections.connect(composite.changed, self.fill)
        self.fill()

    def fill(self) -> None:
        """Show the elements and the state of the composite."""
        choices = self._composite.choices()
        self.setVisible(bool(choices))
        elements = self._composite.elements
        for box, name in zip(self.boxes.values(), elements, strict=False):
            fill_combo(box, [NOTHING, *choices], name or NOTHING)
        with signals_blocked(self.button):
            self.button.setChecked(self._composite.on)

    def _choose(self, _text: str) -> None:
        names = [box.currentText() for box in self.boxes.values()]
        self._composite.choose(tuple("" if name == NOTHING else name for name in names))
