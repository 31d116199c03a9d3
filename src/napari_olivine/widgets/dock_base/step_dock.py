"""What every dock of a step has: its form, Run and Cancel, progress, and what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from napari_olivine.errors import OlivineError
from napari_olivine.registry import PRODUCTS, STEPS
from napari_olivine.settings import Settings
from napari_olivine.widgets.common import (
    Collapsible,
    NumberBox,
    Problem,
    SettingsForm,
    combo,
    memory_box,
    memory_budget,
    readable,
    single_shot,
    wrapped,
)
from napari_olivine.widgets.dock_base.close_guard import guard_window
from napari_olivine.widgets.dock_base.dock import Dock
from napari_olivine.widgets.dock_base.opening import open_dock, point_out
from napari_olivine.widgets.dock_base.run_bar import RunBar
from napari_olivine.widgets.dock_base.work_note import WorkNote
from napari_olivine.widgets.state import dock_of, state_of, title_of, verb_of

DOT = {"missing": ("○", "#9aa0a6"), "fresh": ("●", "#2fae7b"), "stale": ("●", "#e69f00")}
"""Sign and colour of a product's state."""

DEVICES = ("auto", "cpu", "cuda", "mps")


class StepDock(Dock):
    """Dock of one step; a subclass adds what is its own to :attr:`body`.

    Parameters
    ----------
    napari_viewer
        Viewer that the dock belongs to.
    """

    step = ""
    """Command of the step."""
    also: tuple[str, ...] = ()
    """Commands of further steps that the dock starts and follows."""
    products: tuple[str, ...] | None = None
    """Products whose state the dock shows; those of the step if not given."""
    hidden: tuple[str, ...] = ()
    """Settings that the dock shows in its own way."""
    fills = False
    """Whether a part of the body takes all the room that is left."""
    settings_open = True
    """Whether the form is unfolded at first."""
    with_device = False
    """Whether the step uses a network, for which there may be a graphics card."""
    with_seed = False
    """Whether the step draws random numbers."""
    stopped_text = "Cancelled; run it again to go on where it stopped."
    """What is said after a person has stopped the step."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._warnings: list[str] = []
        self._succeeded = False
        self.state = wrapped("")
        self.state.setTextFormat(Qt.TextFormat.RichText)
        self.build()
        self._add_form()
        self.body.addStretch(0 if self.fills else 1)
        self.waiting = wrapped()
        self.outer.addWidget(self.state)
        self.outer.addWidget(self.waiting)
        self._add_run_bar(self.outer)
        self._connect()
        WorkNote.of(self.session)  # from now on the status bar shows what works
        self.show_state()
        self._join_running_step()

    # ------------------------------------------------------------------ for subclasses

    def build(self) -> None:
        """Add to :attr:`body` what only this dock has."""

    def choices(self) -> dict[str, Sequence[str]]:
        """Return what to choose from, for settings that are names."""
        return {}

    def settings(self) -> Settings:
        """Return the settings for the next run."""
        return self.form.values()

    def options(self) -> list[str]:
        """Return further options of the command line."""
        options = ["--force"] if self.force.isChecked() else []
        if self.with_device:
            options += ["--device", self.device.currentText()]
        if self.with_seed:
            options += ["--seed", str(self.seed.value)]
        return options + memory_budget().options()

    def arguments(self) -> list[str]:
        """Return what follows the command: the section."""
        return [str(self.session.require().path)]

    def on_section_opened(self) -> None:
        """Show the section that was just opened."""

    def on_product_changed(self, product: str) -> None:
        """Show a product that changed."""

    def on_event(self, event: dict[str, Any]) -> None:
        """Show numbers that the running step reports."""

    def on_theme(self) -> None:
        """Draw again what has colours of its own: the theme changed."""
        self.show_state()

    def on_finished(self) -> None:
        """Do what is to be done after the step ended well and its layers are shown."""

    # ------------------------------------------------------------------ running

    def run(self) -> None:
        """Start the step with the settings on the form."""
        self.hide_error()
        try:
            settings, arguments = self.settings(), self.arguments()
        except OlivineError as error:
            self.show_error(error)
            return
        self.start(self.step, arguments, settings, self.options())

    def start(
        self, step: str, arguments: list[str], settings: Settings, options: Sequence[str] = ()
    ) -> None:
        """Start a step in the background.

        Parameters
        ----------
        step
            Name of the command.
        arguments
            What follows it.
        settings
            Settings of the step.
        options
            Further options of the command line.
        """
        self._warnings = []
        guard_window(self.session)
        self.session.jobs.start(step, arguments, settings.model_dump(mode="json"), options)

    def cancel(self) -> None:
        """Stop the step."""
        self.run_bar.say("Stopping...")
        self.cancel_button.setEnabled(False)
        self.session.jobs.cancel()

    def show_error(self, problem: Problem, step: str = "") -> None:
        """Show what went wrong until the next run or until it is closed.

        Parameters
        ----------
        problem
            Error or message.
        step
            The step that it comes from; that of the dock if not given.
        """
        self.run_bar.show_error(problem, step or self.step)

    def hide_error(self) -> None:
        """Take away the last error."""
        self.run_bar.hide_error()

    def show_state(self) -> None:
        """Show how the step's products stand."""
        running = self.session.jobs.running
        mine = running and self._mine()
        self.run_button.setEnabled(not running)
        other = dock_of(self.session.jobs.step)
        busy = f"{other} is at work" if running and not mine else ""
        self.run_button.setToolTip(busy or "Start the step; it works in the background")
        self.cancel_button.setEnabled(mine)
        self.waiting.setText(f"{busy}: wait for it to end, or cancel it there." if busy else "")
        self.waiting.setVisible(bool(busy))
        section = self.session.section
        if section is None:
            self.state.setText("No section is open.")
            return
        try:
            lines = []
            for product in self._shown_products():
                state = state_of(section, product)
                sign, colour = DOT[state.state]
                lines.append(
                    f"<span style='color:{readable(colour, self)}'>{sign}</span> "
                    f"<b>{title_of(product, section)}</b>: {state.text}"
                )
            self.state.setText("<br>".join(lines))
        except OlivineError as error:
            self.show_error(error)

    @override
    def button_of(self, step: str) -> QPushButton | None:
        return self.run_button

    @override
    def field_of(self, setting: str, step: str) -> QWidget | None:
        """Return a field of the form, or the part of the dock that has the setting's name."""
        if step != self.step:
            return None
        editor = self.form.editors.get(setting) or getattr(self, setting, None)
        field = getattr(editor, "native", editor)
        return field if isinstance(field, QWidget) else None

    def follow(self, link: str) -> None:
        """Lead to the field or button that a message names."""
        kind, _, target = link.partition(":")
        step, _, setting = target.rpartition(".")
        if kind == "step":
            open_dock(self.session.viewer, dock_of(target), target)
        elif field := self.field_of(setting, step):
            point_out(self, field)
        elif dock_of(step) != step:
            open_dock(self.session.viewer, dock_of(step), step, setting)

    # ------------------------------------------------------------------ making

    def _add_form(self) -> None:
        self.form = SettingsForm(
            STEPS[self.step].settings,
            hidden=self.hidden,
            choices=self.choices(),
            step=self.step,
        )
        if self.with_device:
            self.device = combo(DEVICES)
            self.device.setToolTip("Where the network runs; auto takes a graphics card if usable")
            self.form.add("Device", self.device)
        if self.with_seed:
            self.seed = NumberBox(int, 0, low=0)
            self.seed.native.setToolTip("Same seed, same result on the same machine")
            self.form.add("Seed", self.seed.native)
        self.memory = memory_box(self.connections)
        self.form.add("Memory", self.memory.native)
        self.force = QCheckBox("Repeat even if up to date")
        reset = QPushButton("Defaults")
        reset.setToolTip("Set every setting back to its default")
        reset.clicked.connect(self.form.reset)
        below = QHBoxLayout()
        below.addWidget(self.force, 1)
        below.addWidget(reset)
        self.settings_part = Collapsible("Settings", expanded=self.settings_open)
        self.settings_part.inside.addWidget(self.form)
        self.settings_part.inside.addLayout(below)
        self.body.addWidget(self.settings_part)

    def _add_run_bar(self, outer: QVBoxLayout) -> None:
        self.run_bar = RunBar(verb_of(self.step))
        self.run_bar.followed.connect(self.follow)
        self.run_button, self.cancel_button = self.run_bar.run_button, self.run_bar.cancel_button
        self.run_button.clicked.connect(self.run)
        self.cancel_button.clicked.connect(self.cancel)
        outer.addWidget(self.run_bar)

    def _connect(self) -> None:
        jobs, session = self.session.jobs, self.session
        for signal, slot in (
            (jobs.started, self._on_started),
            (jobs.progress, self._on_progress),
            (jobs.message, self._on_message),
            (jobs.warning, self._on_warning),
            (jobs.reported, self._on_event),
            (jobs.finished, self._on_finished),
            (jobs.failed, self._on_failed),
            (jobs.cancelled, self._on_cancelled),
            (jobs.ended, self._on_ended),
            (session.section_opened, self._on_section_opened),
            (session.product_changed, self._on_product_changed),
            (session.annotations_changed, self._on_annotations_changed),
            (session.viewer.events.theme, self._on_theme),
        ):
            self.connections.connect(signal, slot)

    # ------------------------------------------------------------------ listening

    def _join_running_step(self) -> None:
        """Show a step of this dock that runs already: the dock was closed meanwhile."""
        jobs = self.session.jobs
        if not (jobs.running and self._mine()):
            return
        self.run_bar.begin(jobs.began)
        for event in jobs.events:
            self.on_event(event)
        for warning in jobs.warnings:
            self._on_warning(warning)
        if jobs.newest_progress is not None:
            self._on_progress(*jobs.newest_progress)

    def _mine(self) -> bool:
        return self.session.jobs.step in (self.step, *self.also)

    def _own_products(self) -> set[str]:
        """Return the products of the steps that the dock starts."""
        steps = [STEPS[step] for step in (self.step, *self.also) if step in STEPS]
        return {product for step in steps for product in step.products}

    def _shown_products(self) -> tuple[str, ...]:
        if self.products is not None:
            return self.products
        section = self.session.section
        return tuple(
            name
            for name in STEPS[self.step].products
            if not PRODUCTS[name].several
            and (not PRODUCTS[name].aside or (section and section.state(name) != "missing"))
        )

    def _on_started(self, _step: str) -> None:
        self.show_state()
        if self._mine():
            self.run_bar.begin()

    def _on_progress(self, done: float, total: float, message: str) -> None:
        if not self._mine():
            return
        self.run_bar.progress(done, total)
        if message and self.cancel_button.isEnabled():
            self.run_bar.say(message)

    def _on_message(self, message: str) -> None:
        if self._mine():
            self.run_bar.say(message)

    def _on_warning(self, warning: OlivineError) -> None:
        if self._mine():
            self._warnings.append(f"Warning: {warning.template}")
            self.show_error("\n".join(self._warnings[:6]), self.session.jobs.step)

    def _on_event(self, event: dict[str, Any]) -> None:
        if self._mine():
            self.on_event(event)

    def _on_finished(self, _step: str) -> None:
        if self._mine():
            self.run_bar.end(f"Finished in {self.run_bar.seconds():.0f} s.")
            self._succeeded = True

    def _on_ended(self) -> None:
        """Follow the session, which has looked at the folder by now."""
        self.show_state()
        if self._succeeded:
            self._succeeded = False
            self.on_finished()

    def _on_failed(self, step: str, why: OlivineError) -> None:
        if self._mine():
            self.run_bar.end("Stopped by an error.")
            self.show_error("\n".join([why.template, *self._warnings[:5]]), step)

    def _on_cancelled(self, _step: str) -> None:
        if self._mine():
            self.run_bar.end(self.stopped_text)

    def _on_section_opened(self, _section: Any) -> None:
        self.hide_error()
        self.run_bar.say("")
        self.on_section_opened()
        self.show_state()

    def _on_product_changed(self, product: str) -> None:
        if product.partition("/")[0] not in self._own_products():
            self.hide_error()  # its cause may be gone
        self.on_product_changed(product)
        self.show_state()

    def _on_theme(self, _event: Any) -> None:
        # napari changes the palette after it has said so.
        single_shot(self, 0, self.on_theme).start()

    def _on_annotations_changed(self, _name: str) -> None:
        self.hide_error()
        self.show_state()
