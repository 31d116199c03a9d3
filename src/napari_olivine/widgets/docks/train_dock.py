"""The Train dock: a network learns the mask, and a person watches how well it does."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QVBoxLayout
from typing_extensions import override

from napari_olivine.errors import InputError, OlivineError
from napari_olivine.networks import WINDOWS, ModelCard, read_card
from napari_olivine.section import made_from, remove_product
from napari_olivine.settings import Settings
from napari_olivine.widgets.common import (
    Axis,
    Collapsible,
    Message,
    Plot,
    push_button,
    row_layout,
    wrapped,
)
from napari_olivine.widgets.dock_base import Question, StepDock
from napari_olivine.widgets.state import state_of, title_of
from napari_olivine.widgets.training import (
    IOU_COLOUR,
    ModelTable,
    NetworkChoice,
    Rows,
    WindowsPart,
    card_in_words,
    curves_of_models,
    curves_of_training,
    ious_in_words,
    model_names,
    networks_and_headings,
    paused_trainings,
    pieces_in_words,
    rows_of,
    rows_of_models,
)


class TrainDock(StepDock):
    """Train a network, watch it, and compare the models of the section."""

    step = "train"
    products = ("mask",)  # what it learns from; the models have a place of their own
    with_device = True
    with_seed = True
    settings_open = False
    explanation = "A network learns to find in the BSE image what the phase mask shows."
    stopped_text = (
        "Paused: Train goes on where it stopped, with the same settings (a random forest begins "
        "anew)."
    )

    @override
    def build(self) -> None:
        self.losses = Plot(
            Axis("Steps", whole=True),
            Axis("Loss", floor=0.0),
            Axis("Validation IoU", limits=(0.0, 1.0), colour=IOU_COLOUR),
        )
        self.losses.empty_text = "The losses of the training appear here."
        self.phases = wrapped("", rich=True)
        self.phases.hide()
        self.shown = wrapped("", rich=True)
        self.shown_part = Collapsible("What the sessions show", expanded=False)
        self.shown_part.inside.addWidget(self.shown)
        self.windows = WindowsPart(self.session)
        self.connections.on_close(self.windows.stop)
        self.models = ModelTable()
        self.models.chosen.connect(self._on_chosen)
        self.paused = Message()
        self.card = wrapped("No model yet.", rich=True)
        self.train_on = push_button(
            "Train on",
            self.go_on,
            "Go on from this model for as long as the settings say. The result is a model of its "
            "own, with the next free name; this one stays",
        )
        self.delete = push_button(
            "Delete...", self._ask_to_delete, "Delete this model; asks whether you mean it"
        )
        self.question = Question()
        models = Collapsible("Models of this section", expanded=True)
        models.inside.addWidget(self.models)
        models.inside.addWidget(self.paused)
        models.inside.addWidget(self.card)
        models.inside.addLayout(row_layout(self.train_on, self.delete, wide=self.train_on))
        for part in (self.losses, self.phases, self.windows, self.shown_part, models):
            self.body.addWidget(part)
        self._rows = Rows()
        self._colours: dict[str, str] = {}
        self._beside: dict[str, Rows] = {}
        self.fill()

    @override
    def choices(self) -> dict[str, Any]:
        return {"network": networks_and_headings()}

    @override
    def _add_form(self) -> None:
        super()._add_form()
        self.network = NetworkChoice(self.form)
        self.body.insertWidget(1, self.network)

    # ------------------------------------------------------------------ models

    def fill(self, choose: str = "") -> None:
        """Show the models of the open section.

        Parameters
        ----------
        choose
            Name of the model to select; if empty, those of before stay selected.
        """
        self.models.show_models(rows_of_models(self.session.section), choose)
        self.show_model(self.models.current)

    def show_model(self, name: str) -> None:
        """Show the card of a model; its curves and windows too, unless a training runs."""
        section = self.session.section
        self._show_buttons()
        self._read_selected()
        card, folder = self._card_of(name), Path()
        if card is not None and section is not None:
            folder = section.path / "models" / name
            self.card.setText(card_in_words(card, state_of(section, f"models/{name}").text))
        else:
            self.card.setText("No model yet." if not name else "")
        if self._trains:
            self._draw()
            return
        self._rows = rows_of(folder) if card is not None else Rows()
        self._colours = {one.name: one.colour for one in card.phases} if card is not None else {}
        self._show_pieces([])
        self.windows.show_file(folder / WINDOWS if card is not None else None, name)
        self._draw()

    def _card_of(self, name: str) -> ModelCard | None:
        if not name or self.session.section is None:
            return None
        try:
            return read_card(self.session.section.path / "models" / name)
        except InputError as error:
            self.show_error(error)
            return None

    def _read_selected(self) -> None:
        """Read what the trainings of the selected models have told."""
        section = self.session.section
        if section is not None:
            folder = section.path / "models"
            self._beside = {name: rows_of(folder / name) for name in self.models.selected}

    def _on_chosen(self) -> None:
        self.show_model(self.models.current)

    def _ask_to_delete(self) -> None:
        name, section = self.models.current, self.session.require()
        product = f"models/{name}"
        text = f"Delete the model {name}? It cannot be brought back."
        if made := made_from(section, product):
            titles = ", ".join(title_of(one, section) for one in made)
            text += (
                f" {titles} of this section came from it: what is there stays, but is out of date, "
                "and cannot be made again without it."
            )
        self.question.ask(text, {"Delete": lambda: self._delete(product)})

    def _delete(self, product: str) -> None:
        try:
            remove_product(self.session.require(), product)
        except OlivineError as error:
            self.show_error(error)
        self.session.refresh()

    # ------------------------------------------------------------------ running

    @property
    def _trains(self) -> bool:
        """Whether a training runs, whose curves and windows are shown."""
        return self.session.jobs.running and self.session.jobs.step == self.step

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
        name = name or self.models.current
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
        self.models.clear_selection()  # what is selected from now on is drawn beside it
        self._forget()
        self.start(self.step, self.arguments(), settings, self.options())

    def _forget(self) -> None:
        """Show nothing of an earlier training."""
        self._rows, self._colours, self._beside = Rows(), {}, {}
        self._show_pieces([])
        self.windows.show_file(None)
        self._draw()

    @override
    def _add_run_bar(self, outer: QVBoxLayout) -> None:
        outer.addWidget(self.question)
        super()._add_run_bar(outer)
        self.cancel_button.setText("Pause")
        self.cancel_button.setToolTip(
            "Stop here; Train goes on at this step with the same settings"
        )

    @override
    def show_state(self) -> None:
        super().show_state()
        if self.session.jobs.running:
            self.question.close_question()
        self._show_buttons()
        self._show_paused()

    def _show_paused(self) -> None:
        """Tell which trainings were stopped before their end."""
        names = [] if self._trains else paused_trainings(self.session.section)
        text = (
            f"Paused: {', '.join(names)}. With the same settings, mask and "
            "sessions, Train goes on there."
        )
        self.paused.tell(text if names else "")

    def _show_buttons(self) -> None:
        there = bool(self.models.current)
        self.train_on.setEnabled(there and not self.session.jobs.running)
        self.delete.setEnabled(there)

    @override
    def on_event(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "windows":
            self.windows.show_file(Path(event["file"]))
            return
        if kind == "shown":
            self._colours = {row["name"]: row["colour"] for row in event["rows"]}
            self._show_pieces(event["rows"])
        elif kind == "curve":  # what a training that was stopped had reached
            self._rows = Rows(event["epochs"], event["losses"])
        elif kind == "loss":
            self._rows.losses.append(event)
        elif kind == "epoch":
            self._rows.epochs.append(event)
        else:
            return
        self._draw()

    @override
    def on_finished(self) -> None:
        self.fill()

    @override
    def on_section_opened(self) -> None:
        self.question.close_question()
        self._forget()
        self.fill()

    @override
    def on_product_changed(self, product: str) -> None:
        if product.startswith("models/"):
            self.fill(product.removeprefix("models/"))

    def _draw(self) -> None:
        """Draw the running training or the chosen model, or the selected ones beside each other."""
        curves = curves_of_training(self._rows, self._colours)
        if self._trains:
            curves += curves_of_models(self._beside)
        elif len(self._beside) > 1:
            curves = curves_of_models(self._beside)
        self.losses.show_curves(curves)
        told = ious_in_words(self._rows.ious(), self._rows.best_ious(), self._colours)
        self.phases.setText(told)
        self.phases.setVisible(bool(told))

    def _show_pieces(self, rows: list[dict[str, Any]]) -> None:
        """Show what the sessions of the training that has begun show; nothing if that is empty."""
        self.shown.setText(pieces_in_words(rows))
        self.shown_part.setVisible(bool(rows))


def free_name(section: Any, name: str) -> str:
    """Return the first of ``NAME-2``, ``NAME-3``, ... that no model of the section has."""
    stem = re.sub(r"-\d+$", "", name)
    taken = model_names(section)
    return next(new for k in count(2) if (new := f"{stem}-{k}") not in taken)
