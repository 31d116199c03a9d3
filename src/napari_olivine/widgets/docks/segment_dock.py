"""The Segment dock: a trained network over the view first, then over the whole section."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtWidgets import QCheckBox, QWidget
from superqt.utils import signals_blocked
from typing_extensions import override

from napari_olivine.crystals import OLIVINE, CrystalsSettings
from napari_olivine.errors import OlivineError
from napari_olivine.inference import (
    OUT_OF_DISTRIBUTION,
    PUBLISHED_THRESHOLD,
    SegmentSettings,
    find_model,
    threshold_of,
)
from napari_olivine.networks import read_card
from napari_olivine.section import image_name
from napari_olivine.settings import Settings
from napari_olivine.widgets.common import (
    Collapsible,
    Problem,
    combo,
    fill_combo,
    form_layout,
    push_button,
    readable,
    reserve_lines,
    single_shot,
    wrapped,
)
from napari_olivine.widgets.crystals import ColourBar
from napari_olivine.widgets.dock_base import RemainingTime, StepDock, clock
from napari_olivine.widgets.layers import LAYER_KEY, Scale, levels_of, ramp
from napari_olivine.widgets.segmentation import (
    ComparePart,
    LiveSegmentation,
    TrainingPart,
    crystals_in,
    draw_as_mask,
    draw_as_probability,
    share_of,
    threshold_slider,
)
from napari_olivine.widgets.state import Viewport
from napari_olivine.widgets.training import model_names, scores_of

OTHERS = "others"
"""Phases other than olivine, which share one threshold."""

OTHER_THRESHOLD: float = SegmentSettings.model_fields["phase_threshold"].default

POOR = 0.7
"""IoU at the default threshold below which the dock warns that the model is poor."""

POOR_COLOUR = "#e69f00"

COUNT_MS = 150
"""Pause after a change of threshold or view before crystals are counted."""


class SegmentDock(StepDock):
    """Lay a model over the section, see olivine where one looks, and finish the rest."""

    step = "segment"
    hidden = ("threshold", "phase_threshold", "live", "scheduler")
    with_device = True
    settings_open = False
    explanation = (
        "A trained network gives each pixel its probability of being olivine, or another phase: "
        "first where you look, then everywhere. Where element maps lie, their counts decide on "
        "olivine with it."
    )

    @override
    def build(self) -> None:
        self._shown: Any = None
        self._slider_kind, self._growing = OLIVINE, 0
        self.viewport = Viewport(self.session.viewer)
        self.live = LiveSegmentation(self.session, self.viewport)
        self.look = push_button(
            "Look: predict what is in view",
            self._on_look,
            "Lay the model over the section; what is finished is kept, and never made twice",
        )
        self.look.setCheckable(True)  # show_state sets it too: only a click starts or stops
        self.body.addWidget(self.look)
        self.progress_text = reserve_lines(wrapped(), 2)
        self.body.addWidget(self.progress_text)
        self.phase = combo()
        self.phase.setToolTip("Phase whose probability is shown and whose threshold is set")
        self.phase.currentTextChanged.connect(self._on_phase)
        field = SegmentSettings.model_fields["threshold"]
        self.threshold = threshold_slider(PUBLISHED_THRESHOLD)
        self.threshold.setToolTip(field.description or "")
        self.threshold.valueChanged.connect(self._on_threshold_moved)
        self.preview = QCheckBox("Preview on the probability")
        self.preview.setToolTip("Show where the probability reaches the threshold")
        self.preview.toggled.connect(self._on_threshold)
        self.colours = ColourBar()
        self.colours.setToolTip("Colours of the probability on the image")
        keeps_place = self.colours.sizePolicy()
        keeps_place.setRetainSizeWhenHidden(True)
        self.colours.setSizePolicy(keeps_place)
        self.colours.show_scale(Scale(0.0, 1.0, False, ramp("probability"), 0), "{:g}")
        self.preview.toggled.connect(lambda on: self.colours.setVisible(not on))
        self.numbers = reserve_lines(wrapped(), 2)
        self.rows = form_layout(
            ("Phase", self.phase), ("Probability", self.colours), ("Threshold", self.threshold),
            ("", self.preview), ("", self.numbers),
        )  # fmt: skip
        self.body.addLayout(self.rows)
        self._thresholds = {OLIVINE: PUBLISHED_THRESHOLD, OTHERS: OTHER_THRESHOLD}
        self.compare = ComparePart(
            self.session, self.shown_layer, self.threshold.value, self.shown_phase
        )
        self.compare.second_changed.connect(self._show_threshold)
        part = Collapsible("Compare", expanded=False)
        part.inside.addWidget(self.compare)
        self.body.addWidget(part)
        self.about = wrapped(rich=True)
        self.body.addWidget(self.about)
        self.training = TrainingPart(self.session)
        self.body.addWidget(self.training)
        self._crystals = ""
        self._threshold_is_set = False
        self._finished: dict[str, Any] = {}
        self._fill_phases()
        self._read_histogram()
        self._remaining_time = RemainingTime()
        self._count_later = single_shot(self, COUNT_MS, self._count)

    @override
    def _connect(self) -> None:
        super()._connect()
        self.connections.connect(self.live.changed, self._on_live)
        self.connections.connect(self.live.failed, self._on_live_failed)
        self.connections.connect(self.live.warned, self.show_error)
        self.connections.connect(self.viewport.moved, self._on_view)
        self.connections.on_close(self._close_live)

    @override
    def _add_form(self) -> None:
        super()._add_form()
        self.form.changed.connect(self._show_model)
        self._fill_models()

    @override
    def choices(self) -> dict[str, Sequence[str]]:
        return {"model": [], "compare": []}

    @override
    def settings(self) -> Settings:
        self._thresholds[self._kind()] = self.threshold.value()
        own = {
            "threshold": round(self._thresholds[OLIVINE], 2),
            "phase_threshold": round(self._thresholds[OTHERS], 2),
        }
        return SegmentSettings(**self.form.values().model_dump() | own)

    @property
    def phase_threshold(self) -> QWidget:
        """The slider, which sets the threshold of the phase that is shown."""
        return self.threshold

    @override
    def run(self) -> None:
        if self.live.running:
            self._remaining_time.begin()
            self.live.finish_section()
        else:
            super().run()

    @override
    def cancel(self) -> None:
        if self.live.running:
            self.live.stop()
        if self.session.jobs.running:
            super().cancel()

    @override
    def show_state(self) -> None:
        super().show_state()
        if not hasattr(self, "live"):
            return
        if self.live.running:
            self.run_button.setEnabled(not self.live.whole)
            self.cancel_button.setEnabled(True)
        busy = self.session.jobs.running and self.session.jobs.step == self.step
        self.look.setEnabled(not busy)
        self.look.setChecked(self.live.running)

    @override
    def on_section_opened(self) -> None:
        self.live.leave(self.session.section)
        self._threshold_is_set = False
        self.preview.setChecked(False)
        self.compare.close_layer()
        self._fill_phases()
        self.compare.fill()
        self._fill_models()
        self._read_histogram()
        self._show_threshold()

    @override
    def on_product_changed(self, product: str) -> None:
        if product.startswith("models/"):
            self._fill_models()
        if product == OUT_OF_DISTRIBUTION:
            self._show_model()
        if product == "mask" or product.startswith("compare/"):
            self.compare.fill()
        if product == "probability":
            self._fill_phases()
            self._read_histogram()
            self._show_threshold()
        layer = self.shown_layer()
        if layer is not None and not layer.visible:  # another result is shown now
            with signals_blocked(self.preview):
                self.preview.setChecked(False)

    def shown_layer(self) -> Any:
        """Return the layer of the probability: the one that grows, or the finished one."""
        partial = self.live.partial_layers.get("probability")
        if partial is not None:
            return partial.layer if partial.phase == self.shown_phase() else None
        return self.session.layer("probability", image_name(self.shown_phase()))

    # ------------------------------------------------------------------ phases

    def shown_phase(self) -> str:
        """Return the phase whose probability is shown."""
        return self.phase.currentText() or OLIVINE

    def _kind(self) -> str:
        """Tell whose threshold the slider shows: that of olivine, or that of all others."""
        return OLIVINE if self.shown_phase() == OLIVINE else OTHERS

    def _fill_phases(self) -> None:
        """Offer the phases of the probability, the growing one or the finished one."""
        section = self.session.section
        partial = self.live.partial_layers.get("probability")
        product = None if section is None else section.product("probability")
        phases = [OLIVINE]
        if partial is not None:
            phases = partial.phases()
        elif product is not None:
            others = product.notes.get("histograms", {})
            phases = [OLIVINE, *(name for name in others if name != OLIVINE)]
        now = self.shown_phase()
        fill_combo(self.phase, phases, now)
        self.rows.setRowVisible(self.phase, len(phases) > 1)
        if self.shown_phase() != now:
            self._on_phase()

    def _on_phase(self, *_: Any) -> None:
        """Show the probability of another phase in the place of the last one."""
        before: Any = self._shown
        seen = before is not None and before in self.session.viewer.layers and before.visible
        self._thresholds[self._slider_kind] = self.threshold.value()
        self._slider_kind = self._kind()
        with signals_blocked(self.threshold):
            self.threshold.setValue(self._thresholds[self._slider_kind])
        self.live.show_phase(self.shown_phase())
        layer: Any = self.shown_layer()
        if before is not None and before is not layer and before in self.session.viewer.layers:
            draw_as_probability(before)
            before.visible = False
        if layer is not None and seen:
            layer.visible = True
        self.compare.close_layer()
        self.compare.fill()
        self._show_threshold()

    # ------------------------------------------------------------------ looking

    def _on_look(self, on: bool) -> None:
        if not on:
            self.live.stop()
            return
        self.hide_error()
        self.compare.what.setCurrentIndex(0)
        try:
            options = [option for option in self.options() if option != "--force"]
            self.live.start(self.settings(), options)
        except OlivineError as error:
            self.show_error(error)
        self.show_state()

    def _on_live(self) -> None:
        if len(self.live.partial_layers) != self._growing:
            self._growing = len(self.live.partial_layers)
            self._fill_phases()
        self._show_progress()
        self.show_state()
        self._show_threshold()

    def _show_progress(self) -> None:
        live = self.live
        if live.message:
            text = live.message
        elif live.total:
            there, wanted = live.in_view()
            text = f"{live.done} of {live.total} tiles; in view {there} of {wanted}"
            left = self._remaining_time.left(live.done, live.total) if live.whole else None
            text += f"; {clock(left)} left" if left is not None else ""
        else:
            text = ""
        self.progress_text.setText(text)

    def _on_live_failed(self, why: Problem) -> None:
        self.show_error(why)
        self.show_state()

    def _close_live(self) -> None:
        self.compare.close_layer()
        self.live.leave(None)
        self.viewport.close()

    def _on_view(self) -> None:
        if self.live.total:
            self._show_progress()
        self._count_later.start()

    # ------------------------------------------------------------------ model and threshold

    def _fill_models(self) -> None:
        names = model_names(self.session.section)
        for field in ("model", "compare"):
            self.form.set_choices(field, names)
        self._show_model()

    def _show_model(self) -> None:
        section = self.session.section
        names = model_names(section)
        if section is None or not names:
            self.about.setText("No model yet: train one first (dock Train).")
            self.training.show_for(None)  # a model of another section went over this one
            return
        name = self.form.editors["model"].value
        try:
            product, folder = find_model(section, name)
            card = read_card(folder)
        except OlivineError as error:
            self.show_error(error)
            return
        words = name or f"{folder.name}, the newest of this section"
        text = f"<b>{words}</b>: {card.title}<br>On its validation sessions {scores_of(card)}"
        if card.scores.get("iou_0.1", 1.0) < POOR:
            colour = readable(POOR_COLOUR, self)
            text += (
                f"<br><span style='color:{colour}'>Much that is not olivine is taken for it at a "
                f"threshold of {PUBLISHED_THRESHOLD:g}: train longer. Better: "
                f"{card.best_threshold:.2f}.</span>"
            )
        self.about.setText(text)
        self.training.show_for(product or str(folder))
        if not self._threshold_is_set:
            self._thresholds[OLIVINE] = threshold_of(card)
            if self._kind() == OLIVINE:
                with signals_blocked(self.threshold):
                    self.threshold.setValue(self._thresholds[OLIVINE])
            self._show_threshold()

    def _on_threshold_moved(self, *_: Any) -> None:
        if self._kind() == OLIVINE:
            self._threshold_is_set = True  # from now on it is the person's
        self._on_threshold()

    def _on_threshold(self, *_: Any) -> None:
        """Show the mask of the threshold: the person moved it, or asked for it."""
        layer: Any = self.shown_layer()
        if layer is not None and self.preview.isChecked() and not layer.visible:
            self.session.show_alone(layer.metadata[LAYER_KEY]["product"])
            layer.visible = True
        self._show_threshold()

    def _show_threshold(self, *_: Any) -> None:
        """Draw the probability as a mask or as it is, and show the numbers of the threshold."""
        layer: Any = self.shown_layer()
        self._shown = layer
        if layer is not None:
            if self.preview.isChecked():
                draw_as_mask(layer, self.threshold.value(), "green")
            else:
                draw_as_probability(layer)
        self.compare.draw()
        self._show_numbers()
        self._count_later.start()

    def _histogram(self) -> Any:
        if "probability" in self.live.partial_layers:  # which counts olivine alone while it grows
            mine = self._kind() == OLIVINE
            return self.live.histograms.get("probability") if mine else None
        return self._finished.get(self.shown_phase())

    def _read_histogram(self) -> None:
        section = self.session.section
        product = None if section is None else section.product("probability")
        self._finished = {}
        if product is not None:
            self._finished = {OLIVINE: product.notes.get("histogram")}
            self._finished |= product.notes.get("histograms", {})

    def _show_numbers(self) -> None:
        histogram = self._histogram()
        share = (
            math.nan if histogram is None else share_of(np.array(histogram), self.threshold.value())
        )
        if math.isnan(share):
            self.numbers.setText(self._crystals.removeprefix("; "))
            return
        of = (
            "of what is finished" if "probability" in self.live.partial_layers else "of the section"
        )
        name = self.shown_phase().capitalize()
        self.numbers.setText(f"{name}: {100 * share:.1f} % {of}{self._crystals}")

    def _count(self) -> None:
        """Count the crystals on the screen, at the zoom that is looked at."""
        section, layer = self.session.section, self.shown_layer()
        window = None if section is None else self.viewport.window(section)
        self._crystals = ""
        if section is not None and layer is not None and window is not None:
            levels = levels_of(layer)
            level = int(
                np.clip(math.log2(max(1.0, self.viewport.pixels(section))), 0, len(levels) - 1)
            )
            rows, columns = (slice(s.start >> level, -(-s.stop >> level)) for s in window)
            least = CrystalsSettings().min_area_um2 / (section.pixel_size_um * 2**level) ** 2
            count = crystals_in(
                np.asarray(levels[level][rows, columns]), self.threshold.value(), max(least, 2)
            )
            coarse = f", at 1:{2**level}" if level else ""
            self._crystals = f"; {count} crystals in view{coarse}"
        self._show_numbers()
