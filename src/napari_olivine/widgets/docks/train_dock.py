"""The Train dock: a network learns the mask; its losses are drawn while it does."""

from __future__ import annotations

import json
from typing import Any

from typing_extensions import override

from napari_olivine.errors import InputError, OlivineError
from napari_olivine.networks import ModelCard, read_card
from napari_olivine.widgets.common import (
    Axis,
    Curve,
    Plot,
    combo,
    fill_combo,
    form_layout,
    heading,
    wrapped,
)
from napari_olivine.widgets.dock_base import StepDock
from napari_olivine.widgets.state import state_of

TRAIN_COLOUR, VALIDATION_COLOUR, IOU_COLOUR = "#56B4E9", "#E69F00", "#2fae7b"


class TrainDock(StepDock):
    """Train a network, watch its losses, and read the models of the section."""

    step = "train"
    products = ("mask",)  # what it learns from; the models have a place of their own
    with_device = True
    with_seed = True
    explanation = "A network learns to find in the BSE image what the phase mask shows."

    @override
    def build(self) -> None:
        self.losses = Plot(
            Axis("Epoch", whole=True),
            Axis("Loss"),
            Axis("Validation IoU", limits=(0.0, 1.0), colour=IOU_COLOUR),
        )
        self.losses.empty_text = "The losses of the training appear here."
        self.models = combo()
        self.models.currentTextChanged.connect(self.show_model)
        self.card = wrapped("No model yet.", rich=True)
        self.body.addWidget(self.losses)
        self.body.addWidget(heading("Models of this section"))
        self.body.addLayout(form_layout(("Model", self.models)))
        self.body.addWidget(self.card)
        self._epochs: list[dict[str, Any]] = []
        self.fill()

    def fill(self, choose: str = "") -> None:
        """Show the models of the open section."""
        chosen = choose or self.models.currentText()
        fill_combo(self.models, model_names(self.session.section), chosen)
        self.show_model(self.models.currentText())

    def show_model(self, name: str) -> None:
        """Show the card and the losses of a model."""
        section = self.session.section
        if not name or section is None:
            self.card.setText("No model yet.")
            return
        folder = section.path / "models" / name
        try:
            card = read_card(folder)
        except InputError as error:
            self.show_error(error)
            return
        self.card.setText(
            f"<b>{card.title}</b><br>Start: {card.weights_from}<br>Learned from session "
            f"{', '.join(card.training_sessions)}, validated on "
            f"{', '.join(card.validation_sessions)}<br>"
            f"Best epoch {card.best_epoch}: {scores_of(card)}<br>"
            f"Model {state_of(section, f'models/{name}').text}"
        )
        if not (self.session.jobs.running and self.session.jobs.step == self.step):
            self._epochs = _history(folder)
            self._draw()

    @override
    def run(self) -> None:
        self._epochs = []
        super().run()

    @override
    def on_event(self, event: dict[str, Any]) -> None:
        if event["event"] == "epoch":
            self._epochs.append(event)
            self._draw()

    @override
    def on_finished(self) -> None:
        self.fill()

    @override
    def on_section_opened(self) -> None:
        self.losses.show_curves([])
        self.fill()

    @override
    def on_product_changed(self, product: str) -> None:
        if product.startswith("models/"):
            self.fill(product.removeprefix("models/"))

    def _draw(self) -> None:
        epochs = [row["epoch"] for row in self._epochs]
        curves = [
            Curve(words, epochs, [row[name] for row in self._epochs], colour, side)
            for name, words, colour, side in SHOWN
            if self._epochs and name in self._epochs[0]
        ]
        self.losses.show_curves(curves if epochs else [])


SHOWN: tuple[Any, ...] = (
    ("train_loss", "training", TRAIN_COLOUR, "left"),
    ("val_loss", "validation", VALIDATION_COLOUR, "left"),
    ("val_iou", "IoU", IOU_COLOUR, "right"),
)
"""Numbers of an epoch that are drawn: name, words, colour, axis."""


def scores_of(card: ModelCard) -> str:
    """Scores on the validation sessions, in words."""
    thresholds = {"iou_0.1": "0.1", "iou_0.5": "0.5", "iou_best": f"{card.best_threshold:.2f}"}
    parts = [f"{card.scores[k]:.3f} at {v}" for k, v in thresholds.items() if k in card.scores]
    return f"IoU {', '.join(parts)}" if parts else "no scores"


def model_names(section: Any) -> list[str]:
    """Names of the models of a section, none if it is `None`."""
    if section is None:
        return []
    try:
        names = [product.name for product in section.products()]
    except OlivineError:
        return []
    return [name.removeprefix("models/") for name in names if name.startswith("models/")]


def _history(folder: Any) -> list[dict[str, Any]]:
    """Read the losses of a finished training, empty if they are not kept."""
    import pandas as pd

    try:
        table = pd.read_csv(folder / "history.csv")
    except (OSError, ValueError):
        return []
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    return rows
