"""The Train dock: a network learns the mask; its losses are drawn while it does."""

from __future__ import annotations

import json
import re
from html import escape
from itertools import count
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QVBoxLayout
from typing_extensions import override

from napari_olivine.errors import InputError, OlivineError
from napari_olivine.networks import LearnedSection, ModelCard, read_card
from napari_olivine.settings import Settings
from napari_olivine.widgets.common import (
    Axis,
    Curve,
    Plot,
    combo,
    fill_combo,
    form_layout,
    heading,
    push_button,
    wrapped,
)
from napari_olivine.widgets.dock_base import Question, StepDock
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
            Axis("Steps", whole=True),
            Axis("Loss"),
            Axis("Validation IoU", limits=(0.0, 1.0), colour=IOU_COLOUR),
        )
        self.losses.empty_text = "The losses of the training appear here."
        self.shown = wrapped("", rich=True)
        self.shown.hide()
        self.models = combo()
        self.models.currentTextChanged.connect(self.show_model)
        self.card = wrapped("No model yet.", rich=True)
        self.train_on = push_button(
            "Train on",
            self.go_on,
            "Go on from this model for as long as the settings say. The result is a model of its "
            "own, with the next free name; this one stays",
        )
        self.question = Question()
        self.body.addWidget(self.losses)
        self.body.addWidget(self.shown)
        self.body.addWidget(heading("Models of this section"))
        self.body.addLayout(form_layout(("Model", self.models)))
        self.body.addWidget(self.card)
        self.body.addWidget(self.train_on)
        self._epochs: list[dict[str, Any]] = []
        self._losses: list[dict[str, Any]] = []
        self.fill()

    def fill(self, choose: str = "") -> None:
        """Show the models of the open section."""
        chosen = choose or self.models.currentText()
        fill_combo(self.models, model_names(self.session.section), chosen)
        self.show_model(self.models.currentText())

    def show_model(self, name: str) -> None:
        """Show the card and the losses of a model."""
        section = self.session.section
        self._show_train_on()
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
            f"<b>{card.title}</b><br>Start: {card.weights_from}<br>{learned_from(card)}<br>"
            f"Best epoch {card.best_epoch}: {scores_of(card)}<br>"
            f"{target_of(card)}<br>"
            f"Model {state_of(section, f'models/{name}').text}"
        )
        if not (self.session.jobs.running and self.session.jobs.step == self.step):
            self._epochs = _rows_of(folder / "history.csv")
            self._losses = _rows_of(folder / "losses.csv")
            self._draw()

    @override
    def run(self) -> None:
        """Train from the start; asks first where a model would be replaced."""
        try:
            settings = self.form.values()
        except OlivineError as error:
            self.show_error(error)
            return
        name = settings.name or settings.network
        if name not in model_names(self.session.section):
            self._begin(settings)
            return
        new = free_name(self.session.section, name)
        self.question.ask(
            f"There is a model {name} already. Train it further as {new} (it stays), train a new "
            f"one from the start as {new}, or train from the start and replace {name}?",
            {
                "Train on": lambda: self.go_on(name),
                f"New {new}": lambda: self._begin(settings.model_copy(update={"name": new})),
                "Replace": lambda: self._begin(settings),
            },
        )

    def go_on(self, name: str = "") -> None:
        """Go on from a model of the section, by a training with the settings of the form.

        Parameters
        ----------
        name
            Name of the model; the one that is shown if empty.
        """
        name = name or self.models.currentText()
        try:
            folder = self.session.require().path / "models" / name
            changes = {
                "network": (card := read_card(folder)).network,
                "target": "phases" if card.phases else "olivine",
                "weights": str(folder),
                "name": free_name(self.session.section, name),
            }
            self._begin(self.form.values().model_copy(update=changes))
        except OlivineError as error:
            self.show_error(error)

    def _begin(self, settings: Settings) -> None:
        self.hide_error()
        self._epochs, self._losses = [], []
        self._draw()
        self._show_phases([])
        self.start(self.step, self.arguments(), settings, self.options())

    @override
    def _add_run_bar(self, outer: QVBoxLayout) -> None:
        outer.addWidget(self.question)
        super()._add_run_bar(outer)

    @override
    def show_state(self) -> None:
        super().show_state()
        if self.session.jobs.running:
            self.question.close_question()
        self._show_train_on()

    def _show_train_on(self) -> None:
        free = not self.session.jobs.running
        self.train_on.setEnabled(free and bool(self.models.currentText()))

    @override
    def on_event(self, event: dict[str, Any]) -> None:
        if event["event"] == "shown":
            self._show_phases(event["rows"])
            return
        if event["event"] == "curve":  # what a training that was stopped had reached
            self._losses, self._epochs = event["losses"], event["epochs"]
        elif event["event"] == "loss":
            self._losses.append(event)
        elif event["event"] == "epoch":
            self._epochs.append(event)
        else:
            return
        self._draw()

    def _show_phases(self, rows: list[dict[str, Any]]) -> None:
        """Show what the sessions of the training that has begun show; nothing if that is empty."""
        lines = [("<b>Pieces, mm2</b>", "<b>training</b>", "<b>validation</b>")]
        for row in rows:
            cells = [
                f"{n:,}, {area:.2g}" for n, area in zip(row["pieces"], row["mm2"], strict=True)
            ]
            lines.append((escape(row["name"]), *cells))
        table = "".join(f"<tr><td>{'</td><td>'.join(cells)}</td></tr>" for cells in lines)
        self.shown.setText(f"<table width='100%'>{table}</table>")
        self.shown.setVisible(bool(rows))

    @override
    def on_finished(self) -> None:
        self.fill()

    @override
    def on_section_opened(self) -> None:
        self.question.close_question()
        self._epochs, self._losses = [], []
        self._draw()
        self._show_phases([])
        self.fill()

    @override
    def on_product_changed(self, product: str) -> None:
        if product.startswith("models/"):
            self.fill(product.removeprefix("models/"))

    def _draw(self) -> None:
        """Draw the training loss by steps, and the validations as points."""
        # A model of an earlier version has a training loss by epochs alone.
        by_steps = {"train_loss": self._losses or self._epochs}
        curves = []
        for name, words, colour, side in SHOWN:
            rows = [row for row in by_steps.get(name, self._epochs) if row.get(name) is not None]
            steps, values = [row["step"] for row in rows], [row[name] for row in rows]
            curve = Curve(words, steps, values, colour, side, marked=name not in by_steps)
            curves += [curve] if rows else []
        self.losses.show_curves(curves)


SHOWN: tuple[Any, ...] = (
    ("train_loss", "training", TRAIN_COLOUR, "left"),
    ("val_loss", "validation", VALIDATION_COLOUR, "left"),
    ("val_iou", "IoU", IOU_COLOUR, "right"),
)
"""Numbers of a training that are drawn: name, words, colour, axis."""


MODES_SHOWN = 3
"""Phases by which a rock is told."""


def free_name(section: Any, name: str) -> str:
    """Return the first of ``NAME-2``, ``NAME-3``, ... that no model of the section has."""
    stem = re.sub(r"-\d+$", "", name)
    taken = model_names(section)
    return next(new for k in count(2) if (new := f"{stem}-{k}") not in taken)


def scores_of(card: ModelCard) -> str:
    """Scores on the validation sessions, in words."""
    thresholds = {"iou_0.1": "0.1", "iou_0.5": "0.5", "iou_best": f"{card.best_threshold:.2f}"}
    parts = [f"{card.scores[k]:.3f} at {v}" for k, v in thresholds.items() if k in card.scores]
    return f"IoU {', '.join(parts)}" if parts else "no scores"


def learned_from(card: ModelCard) -> str:
    """Tell which sessions of which sections a model learned from, and how good it is in each."""
    if len(card.sections) < 2:
        return (
            f"Learned from session {', '.join(card.training_sessions)}, validated on "
            f"{', '.join(card.validation_sessions)}"
        )
    worst = min(card.sections, key=lambda one: one.scores["iou_best"])
    rows = [f"Learned from {len(card.sections)} sections:"]
    for one in card.sections:
        sessions = (
            f"session {', '.join(one.training_sessions)}, validated on "
            f"{', '.join(one.validation_sessions)}"
        )
        mark = ", the worst" if one is worst else ""
        iou = f"IoU {one.scores['iou_best']:.3f} at {card.best_threshold:.2f}{mark}"
        rock = f" ({escape(rock_of(one))})" if one.modes else ""
        rows.append(f"\N{BULLET} {escape(one.name)}{rock}: {escape(sessions)}, {iou}")
    return "<br>".join(rows)


def rock_of(section: LearnedSection) -> str:
    """Tell what rock a section is by the commonest phases of its mask."""
    common = sorted(section.modes.items(), key=lambda mode: -mode[1])[:MODES_SHOWN]
    return ", ".join(f"{name} {percent:.0f} %" for name, percent in common)


def target_of(card: ModelCard) -> str:
    """Tell in words what a model tells apart, and what it takes for olivine in validation."""
    others = len(card.phases) - 1
    target = f"Olivine among {others} other phases" if card.phases else "Olivine or not"
    taken = [f"{escape(name)} {100 * share:.0f} %" for name, share in card.taken.items()]
    return f"{target}; taken for olivine at 0.1: {', '.join(taken)}" if taken else target


def model_names(section: Any) -> list[str]:
    """Names of the models of a section, none if it is `None`."""
    if section is None:
        return []
    try:
        names = [product.name for product in section.products()]
    except OlivineError:
        return []
    return [name.removeprefix("models/") for name in names if name.startswith("models/")]


def _rows_of(file: Path) -> list[dict[str, Any]]:
    """Read a table of a finished training, empty if it is not there."""
    import pandas as pd

    try:
        table = pd.read_csv(file)
    except (OSError, ValueError):
        return []
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    return rows
