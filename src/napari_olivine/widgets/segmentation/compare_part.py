"""Compare the segmentation with another threshold, another model, or the reference mask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QWidget
from superqt import QLabeledDoubleSlider

from napari_olivine.crystals import OLIVINE, phases_told
from napari_olivine.inference import FULL, stored_threshold
from napari_olivine.section import Raster, image_name
from napari_olivine.widgets.common import (
    combo,
    fill_combo,
    form_layout,
    keep_from_wheel,
    push_button,
    wrapped,
)
from napari_olivine.widgets.layers import (
    COLOURS,
    LAYER_KEY,
    WORDS,
    error_colours,
    error_levels,
    levels_of,
    levels_of_phase,
    placement_properties,
    probability_look,
    pyramid,
)
from napari_olivine.widgets.segmentation.side_by_side import SideBySide
from napari_olivine.widgets.state import OpenSection

NOTHING, THRESHOLD, MASK = "nothing", "another threshold", "the mask: errors"

FLICKER_MS = 600
"""How long each of two results is shown."""

SECOND_COLOUR = "magenta"

OPACITY = 0.4
"""Of a result that lies over the image."""


def draw_as_mask(layer: Any, threshold: float, colour: str) -> None:
    """Draw a probability as a mask, by its contrast limits: no pixel is computed again.

    Parameters
    ----------
    layer
        Image layer of the stored probability.
    threshold
        Probability from which a pixel is the phase.
    colour
        Colormap of the mask.
    """
    # A pixel belongs to the segmentation from the stored value on that is not below.
    step = threshold * FULL
    if layer.colormap.name != colour:
        layer.colormap, layer.opacity = colour, OPACITY
    layer.contrast_limits = (max(step - 1, 0), step)


def draw_as_probability(layer: Any) -> None:
    """Draw a probability as it is."""
    look = probability_look()
    if layer.colormap.name != look["colormap"]:
        layer.colormap, layer.opacity = look["colormap"], look["opacity"]
    layer.contrast_limits = look["contrast_limits"]


def threshold_slider(value: float) -> QLabeledDoubleSlider:
    """Make a slider for a threshold of the probability."""
    slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
    slider.setRange(0.01, 0.99)
    slider.setDecimals(2)
    slider.setValue(value)
    return keep_from_wheel(slider)


class ComparePart(QWidget):
    """Lays a second result over the section, and shows the two alternately.

    Parameters
    ----------
    session
        Open section of the viewer.
    first
        Gives the layer of the first result, `None` if there is none.
    threshold
        Gives the first threshold.
    phase
        Gives the phase of the first result.
    """

    second_changed = Signal()
    """Another second result was chosen."""

    def __init__(
        self,
        session: OpenSection,
        first: Callable[[], Any],
        threshold: Callable[[], float],
        phase: Callable[[], str],
    ) -> None:
        super().__init__()
        self._session, self._first, self._threshold = session, first, threshold
        self._phase = phase
        self._layer: Any = None
        self.what = combo()
        self.what.setToolTip("A second result over the same place")
        self.what.currentTextChanged.connect(self._on_chosen)
        self.second = threshold_slider(0.5)
        self.second.valueChanged.connect(self.draw)
        self.flicker = push_button(
            "Flicker", self._on_flicker, "Show the two by turns", checkable=True
        )
        self.beside = push_button(
            "Side by side",
            self._on_beside,
            "Show the second result to the right, moved as one with the first",
            checkable=True,
        )
        self._side_by_side = SideBySide(session.viewer)
        self.words = wrapped(rich=True)
        self._timer = QTimer(self)
        self._timer.setInterval(FLICKER_MS)
        self._timer.timeout.connect(self.alternate)
        self._form = form_layout(
            ("Beside it", self.what),
            ("Second threshold", self.second),
            ("", self.flicker),
            ("", self.beside),
            parent=self,
        )
        self._form.addRow(self.words)
        self.fill()

    def fill(self) -> None:
        """Offer what the section has."""
        section, phase = self._session.section, self._phase()
        choices = [NOTHING, THRESHOLD]
        if section is not None and section.product("mask") is not None:
            choices += [MASK] if phase in (OLIVINE, *phases_told(section)["mask"]) else []
        if section is not None:
            choices += [
                product.name
                for product in section.products()
                if product.name.startswith("compare/")
                and (product.path / image_name(phase)).exists()
            ]
        now = self.what.currentText()
        fill_combo(self.what, choices, now)
        if self.what.currentText() != now:
            self._on_chosen()
        self._show_rows()

    def close_layer(self) -> None:
        """Take the second result away."""
        self.flicker.setChecked(False)
        self.beside.setChecked(False)
        if self._layer is not None and self._layer in self._session.viewer.layers:
            self._session.viewer.layers.remove(self._layer)
        self._layer = None

    def draw(self, *_: Any) -> None:
        """Draw the second result by its threshold."""
        layer, what = self._layer, self.what.currentText()
        if layer is None or layer not in self._session.viewer.layers:
            return
        if what == THRESHOLD:
            draw_as_mask(layer, self.second.value(), SECOND_COLOUR)
        elif what == MASK:
            for level in levels_of(layer):
                level.least = stored_threshold(self._threshold())
            layer.refresh(extent=False, thumbnail=False)
        elif what.startswith("compare/"):
            draw_as_mask(layer, self._threshold(), SECOND_COLOUR)

    def alternate(self) -> None:
        """Show the other one of the two results."""
        first = self._first()
        if self._layer is None or first is None:
            return
        # Opacity, not visibility: a hidden layer would be read again each time.
        shown = self._layer.opacity > 0
        self._layer.opacity, first.opacity = (0.0, OPACITY) if shown else (OPACITY, 0.0)

    def _on_chosen(self, *_: Any) -> None:
        beside = self.beside.isChecked()
        self.close_layer()
        what, first = self.what.currentText(), self._first()
        self._show_rows()
        if what != NOTHING and first is not None:
            self._layer = self._add(what, first)
            self.draw()
            self.beside.setChecked(beside)
        self.second_changed.emit()

    def _add(self, what: str, first: Any) -> Any:
        section = self._session.require()
        mark = {"section": str(section.path), "product": "second", "name": what, "made": ""}
        common = placement_properties(section) | {"metadata": {LAYER_KEY: mark}}
        viewer: Any = self._session.viewer
        if what == MASK:
            mask, phase = section.raster("mask", OLIVINE).levels, self._phase()
            if phase != OLIVINE:
                mask = levels_of_phase(section, phase)
            errors = error_levels(levels_of(first), mask, self._threshold())
            data, common["multiscale"] = pyramid(errors)
            return viewer.add_labels(
                data, name="Errors", opacity=0.6, colormap=error_colours(), cache=False, **common
            )
        data, common["multiscale"] = pyramid(
            levels_of(first)
            if what == THRESHOLD
            else Raster(section.path / what / image_name(self._phase())).levels
        )
        look = probability_look() | {"visible": True, "cache": False}
        return viewer.add_image(data, name=f"Second: {what}", **(look | common))

    def _on_flicker(self, on: bool) -> None:
        if on:
            self.beside.setChecked(False)
            self._timer.start()
            return
        self._timer.stop()
        first = self._first()
        if first is not None and first.opacity == 0:
            first.opacity = OPACITY
        if self._layer is not None and self._layer.opacity == 0:
            self._layer.opacity = OPACITY

    def _on_beside(self, on: bool) -> None:
        if not on:
            self._side_by_side.hide()
        elif self._layer is not None and self._layer in self._session.viewer.layers:
            self.flicker.setChecked(False)
            self._side_by_side.show(self._layer)
        else:
            self.beside.setChecked(False)

    def _show_rows(self) -> None:
        what = self.what.currentText()
        self._form.setRowVisible(self.second, what == THRESHOLD)
        self._form.setRowVisible(self.flicker, what != NOTHING)
        self._form.setRowVisible(self.beside, what != NOTHING)
        self._form.setRowVisible(self.words, what == MASK)
        self.words.setText(
            "<br>".join(
                f"<span style='color:{COLOURS[k]}'>■</span> {words.format(phase=self._phase())}"
                for k, words in WORDS.items()
            )
        )
