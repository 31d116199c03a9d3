"""The Segment dock: a trained network over the whole section."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QFormLayout
from superqt import QLabeledDoubleSlider
from typing_extensions import override

from napari_olivine.errors import OlivineError
from napari_olivine.inference import SegmentSettings
from napari_olivine.inference.segment import find_model
from napari_olivine.networks import read_card
from napari_olivine.settings import Settings
from napari_olivine.widgets.parts import wrapped
from napari_olivine.widgets.step_dock import StepDock
from napari_olivine.widgets.train_dock import model_names, scores_of

FULL = 255
"""Probability 1 as it is stored."""

POOR = 0.7
"""IoU at the default threshold below which the person is told that the model knows too little."""


class SegmentDock(StepDock):
    """Run a model over the section: probability, and olivine where it is high enough."""

    step = "segment"
    products = ("probability", "segmentation")
    hidden = ("threshold",)
    with_device = True
    explanation = (
        "A trained network gives each pixel of the section its probability of being olivine."
    )

    @override
    def build(self) -> None:
        field = SegmentSettings.model_fields["threshold"]
        self.threshold = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.threshold.setRange(0.01, 0.99)
        self.threshold.setDecimals(2)
        self.threshold.setValue(field.default)
        self.threshold.setToolTip(field.description or "")
        self.threshold.valueChanged.connect(self._show_preview)
        self.preview = QCheckBox("Preview on the probability")
        self.preview.setToolTip("Show where the probability reaches the threshold")
        self.preview.toggled.connect(self._show_preview)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Threshold", self.threshold)
        form.addRow("", self.preview)
        self.body.addLayout(form)
        self.about = wrapped("")
        self.about.setTextFormat(Qt.TextFormat.RichText)
        self.body.addWidget(self.about)

    @override
    def _add_form(self) -> None:
        super()._add_form()
        self.form.changed.connect(self._show_model)
        self._fill_models()

    @override
    def choices(self) -> dict[str, Sequence[str]]:
        return {"model": []}

    @override
    def settings(self) -> Settings:
        threshold = round(self.threshold.value(), 2)
        return SegmentSettings(**self.form.values().model_dump() | {"threshold": threshold})

    @override
    def on_section_opened(self) -> None:
        self.preview.setChecked(False)
        self._fill_models()

    @override
    def on_product_changed(self, product: str) -> None:
        if product.startswith("models/"):
            self._fill_models()
        if product == "probability":
            self._show_preview()

    @override
    def on_finished(self) -> None:
        layer = self.session.layer("probability", "olivine")
        if layer is not None and not self.preview.isChecked():
            layer.visible = False

    def _fill_models(self) -> None:
        names = model_names(self.session.section)
        self.form.set_choices("model", names)
        self._show_model()

    def _show_model(self) -> None:
        section = self.session.section
        names = model_names(section)
        if section is None or not names:
            self.about.setText("No model yet: train one first (dock Train).")
            return
        name = self.form.editors["model"].value
        try:
            _, folder = find_model(section, name)
            card = read_card(folder)
        except OlivineError as error:
            self.show_error(str(error))
            return
        words = name or f"{folder.name}, the newest of this section"
        text = f"<b>{words}</b>: {card.title}<br>On its validation sessions {scores_of(card)}"
        if card.scores.get("iou_0.1", 1.0) < POOR:
            text += (
                "<br><span style='color:#e69f00'>Much that is not olivine is taken for it at a "
                f"threshold of 0.1: train longer, or try {card.best_threshold:.2f}.</span>"
            )
        self.about.setText(text)

    def _show_preview(self, *_: Any) -> None:
        """Draw the probability as yes or no, or as it is."""
        layer: Any = self.session.layer("probability", "olivine")
        if layer is None:
            return
        preview = self.preview.isChecked()
        layer.colormap, layer.opacity = ("green", 0.4) if preview else ("magma", 0.6)
        if preview:
            # A pixel belongs to the segmentation from the stored value on that is not below.
            step = self.threshold.value() * FULL
            layer.contrast_limits = (max(step - 1, 0), step)
            layer.visible = True
        else:
            layer.contrast_limits = (0, FULL)
