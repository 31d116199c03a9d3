"""The Review dock: the doubtful crystals one after the other, answered by one key each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QInputDialog, QPushButton
from typing_extensions import override

from napari_olivine.crystals import ZONE_TITLES
from napari_olivine.crystals.edits import (
    Change,
    Classify,
    CrystalEdit,
    Edit,
    Judge,
    Merge,
    Note,
    Split,
    give_kind,
    take_over_journal,
)
from napari_olivine.errors import OlivineError
from napari_olivine.history import HistoryStep
from napari_olivine.review import Review
from napari_olivine.widgets.common import Background
from napari_olivine.widgets.crystals import (
    SHAPE,
    EvidencePart,
    centre_on,
    crystal_at,
    picker,
    show_outline,
)
from napari_olivine.widgets.dock_base import Dock
from napari_olivine.widgets.docks.editors import require_no_other_editor
from napari_olivine.widgets.docks.teaching import TEACHING_STEP, Teaching
from napari_olivine.widgets.editing import WindowUndo
from napari_olivine.widgets.review import (
    BUTTONS,
    HISTORY,
    SIZES,
    BrushTool,
    LineTool,
    MarkerTool,
    ReviewKeys,
    ReviewPanel,
    Tool,
)

LEARN_EVERY = 5
"""Answers after which the order is learned anew."""

FLUSH_MS = 1500
"""Pause after an edit after which the table is written: the journal has it already."""

TELL_MS = 250
"""Pause after an edit after which table and colours follow: the next crystal comes up first."""

ON_SCREEN = (220, 420)
"""Sides of a crystal under review, px of the screen: its outline and its surroundings are seen."""

PREPARED = 4
"""Crystals whose pictures are made in advance."""

UNREADABLE = "The crystals cannot be read: find them again, or check the section."

TOOL_KEYS = {"Return", "Enter", "Escape"}

DRAWING = "Finish what you draw (Enter), or leave it (Esc), first."
"""Why no edit is taken back meanwhile."""


class ReviewDock(Dock):
    """Looks at the most doubtful crystals first; every answer is on disk at once."""

    explanation = (
        "The most doubtful crystals come first. Each answer is one key, is written to disk at "
        "once, and can be taken back."
    )

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.review: Review | None = None
        self.crystal = 0
        self.tool: Tool | None = None
        self._merging = False
        self._answers = 0
        actions = self._actions()
        self.evidence = EvidencePart()
        self.panel = ReviewPanel(actions, self.evidence)
        self.body.addWidget(self.panel, 1)
        self.panel.sizes.currentTextChanged.connect(self._restrict)
        self.panel.start_button.clicked.connect(self.toggle)
        self.panel.history.wanted.connect(self.go_to)
        self.teaching = Teaching(self.session, self.panel, self.connections, self.flush)
        self._background = Background()
        self._background.done.connect(self._on_background)
        self._flush = self._later(FLUSH_MS, self.flush)
        self._tell = self._later(TELL_MS, self._tell_others)
        viewer, session = self.session.viewer, self.session
        self.keys = ReviewKeys(viewer.window._qt_window, actions)
        on_press = picker(self.pick)
        viewer.mouse_drag_callbacks.append(on_press)
        self.connections.on_close(lambda: viewer.mouse_drag_callbacks.remove(on_press))
        self.connections.on_close(self.keys.remove)
        self.connections.on_close(self.stop)
        self.connections.on_close(self.evidence.stop)
        self.connections.on_close(self._forget_edits)
        undo = WindowUndo.of(session)
        for key in HISTORY:
            undo.follow(self.panel.buttons[key], self.connections, redo="Shift" in key)
        self.connections.connect(session.history.moved, self._on_history)
        self.connections.connect(session.selection_changed, self._on_selected)
        self.connections.connect(session.section_opened, lambda _section: self.stop())
        self.connections.connect(session.product_changed, self._on_product_changed)
        self.connections.connect(session.jobs.started, lambda _step: self.flush())
        self._show()

    @override
    def button_of(self, step: str) -> QPushButton | None:
        return self.panel.teach_button if step == TEACHING_STEP else None

    # ------------------------------------------------------------------ making

    def _actions(self) -> dict[str, Callable[[], None]]:
        actions: dict[str, Callable[[], None]] = {
            "A": lambda: self.judge("accepted"), "R": lambda: self.judge("rejected"),
            "Space": self.next, "Backspace": self.previous,
            "M": self.merge, "S": lambda: self.take(LineTool), "K": lambda: self.take(MarkerTool),
            "P": self.pieces, "D": lambda: self.take(BrushTool),
            "N": self.note, "T": self.kind, "C": lambda: self.take(BrushTool, new=True),
            "Return": self.finish_tool, "Enter": self.finish_tool, "Escape": self.leave_tool,
        }  # fmt: skip
        for place, name in enumerate(ZONE_TITLES):
            actions[str(place + 1)] = self._classifier(name)
        return actions

    def _classifier(self, name: str) -> Callable[[], None]:
        return lambda: self.classify(name)

    def _later(self, pause_ms: int, action: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(pause_ms)
        timer.timeout.connect(action)
        return timer

    # ------------------------------------------------------------------ beginning and ending

    def toggle(self) -> None:
        """Begin, or stop."""
        if self.review is not None:
            self.stop()
        else:
            self.start()

    def start(self) -> None:
        """Open the crystals for edits; the first doubtful one comes up as soon as they are."""
        self.panel.error.tell("")
        try:
            section = self.session.require()
            section.require("crystals", stale_ok=True)
            require_no_other_editor(self.session, "Review")
        except OlivineError as error:
            self.panel.error.tell(error)
            return
        self.panel.start_button.setEnabled(False)
        self.panel.title.setText("Opening the crystals...")
        self._background.want([("open", lambda: _opened(section))])

    def stop(self) -> None:
        """Write the table and let others edit."""
        self.leave_tool()
        self._background.want([])
        self._tell_others()
        review, self.review = self.review, None
        self.crystal = 0
        self.evidence.set_section(None)
        if review is not None:
            self.session.editor = ""
            review.close()
            self.session.noted("crystals")
        self._show()

    def _forget_edits(self) -> None:
        if not self.session.editor:
            self.session.history.forget("crystal")

    def flush(self) -> None:
        """Write the table, so that other programs see the edits."""
        if self.review is None or not self.review.store.writable:
            return
        try:
            self.review.store.flush()
            self.session.noted("crystals")
        except (OSError, OlivineError) as error:
            self.panel.error.tell(f"The table could not be written: {error}. The edits are safe.")

    def _on_background(self, name: Any, result: Any) -> None:
        if name == "open":
            self.panel.start_button.setEnabled(True)
            if isinstance(result, Review) and result.section is self.session.section:
                self._begin(result)
            elif isinstance(result, Review):
                result.close()  # another section was opened meanwhile
            else:
                self.panel.title.setText("")
                self.panel.error.tell(result or UNREADABLE)
        elif self.review is not None and name == ("learn", id(self.review)) and result:
            self.review.rank(*result)
            self._show()

    def _begin(self, review: Review) -> None:
        self.review = review
        self.session.editor = "Review"
        self.evidence.set_section(review.section)
        self._answers = 0
        store = review.store
        if store.writable:
            take_over_journal(self.session.history, review, store.journal)
        else:
            self.session.history.forget("crystal")
            self.panel.error.tell(
                f"These crystals are being edited elsewhere ({store.held_by}): here they can only "
                "be looked at."
            )
        aside = store.aside()
        if aside:
            self.panel.error.tell(
                f"{len(aside)} edits could not be carried out on these crystals and are set aside: "
                "see Edits."
            )
            self.panel.history.set_expanded(True)
        self._tell_others()
        self._restrict()
        self._learn()
        self.next()

    # ------------------------------------------------------------------ going on

    def next(self) -> None:
        """Show the next crystal of the queue."""
        if self.review is None:
            return
        found = self.review.queue.next(self.crystal or None)
        if found is None:
            self.crystal = 0
            self._show()
            return
        self.go_to(found)

    def previous(self) -> None:
        """Show the crystal that was looked at before."""
        if self.review is None:
            return
        found = self.review.queue.previous(self.crystal or None)
        if found is not None:
            self.go_to(found)

    def go_to(self, crystal: int) -> None:
        """Show a crystal in the middle of the view."""
        if self.review is None or crystal not in self.review.table.index:
            return
        self.crystal = crystal
        self.session.look_at_crystals("crystals")  # what is reviewed is olivine
        self.session.select(crystal)
        centre_on(self.session, self._record(), ON_SCREEN)
        self._show()

    def pick(self, y_um: float, x_um: float) -> None:
        """Select the crystal at a place of the section."""
        section = self.session.section
        if self.review is None or section is None or self.session.crystals != "crystals":
            return
        try:
            crystal = crystal_at(section, y_um, x_um)
        except OlivineError as error:
            self.panel.error.tell(error)
            return
        if crystal:
            self.session.select(crystal)

    def _on_selected(self, crystal: int) -> None:
        if self.review is None or not crystal or crystal not in self.review.table.index:
            return
        if self.session.crystals != "crystals":  # the number of another phase's crystal
            return
        if self._merging and crystal != self.crystal:
            self._merging = False
            self.panel.hint.tell("")
            self.do(Merge(crystals=(self.crystal, crystal)))
            return
        self.crystal = crystal
        self._show()

    # ------------------------------------------------------------------ answering

    def judge(self, verdict: str) -> None:
        """Accept or reject the crystal."""
        if self._ready():
            self.do(Judge(crystals=(self.crystal,), verdict=verdict), answer=True)

    def classify(self, name: str) -> None:
        """Set the class of the radial profile."""
        if self._ready():
            self.do(Classify(crystals=(self.crystal,), zone_class=name), answer=True)

    def note(self) -> None:
        """Ask for a remark."""
        if not self._ready():
            return
        before = str(self._record()["note"])
        text, given = QInputDialog.getText(
            self, "Note", f"A remark on crystal {self.crystal}", text=before
        )
        if given and text != before:
            self.do(Note(crystals=(self.crystal,), text=text))

    def kind(self) -> None:
        """Ask for the name of the crystal's kind, one that is known or another."""
        if not self._ready():
            return
        assert self.review is not None
        before, known = str(self._record()["kind"]), set(self.review.table["kind"])
        names = ["", *sorted(known - {""})]
        text, given = QInputDialog.getItem(
            self, "Kind", f"What crystal {self.crystal} is; empty: nothing", names,
            names.index(before),
        )  # fmt: skip
        if given and text != before:
            try:
                edit = give_kind((self.crystal,), text)
            except OlivineError as error:
                self.panel.error.tell(error)
                return
            self.do(edit)

    def merge(self) -> None:
        """Wait for the neighbour that is the same crystal."""
        if self._ready():
            self.leave_tool()
            self._merging = True
            self.panel.hint.tell("Click the neighbour that belongs to this crystal. Esc: leave it.")
            self._enable()

    def pieces(self) -> None:
        """Make each loose piece a crystal of its own."""
        if self._ready():
            self.do(Split(crystals=(self.crystal,)))

    def take(self, kind: type[Tool], *, new: bool = False) -> None:
        """Take a tool to draw with."""
        if not self._ready(new=new):
            return
        self.leave_tool()
        try:
            self.tool = kind(self.session, None if new else self._record(), self._drawn)
        except OlivineError as error:
            self.panel.error.tell(error)
            return
        self.session.history.pause(DRAWING)
        self.panel.hint.tell(self.tool.hint)
        self._enable()

    def finish_tool(self) -> None:
        """Carry out what was drawn."""
        if self.tool is not None:
            try:
                self.tool.finish()
            except OlivineError as error:
                self.panel.error.tell(error)

    def leave_tool(self) -> None:
        """Put the tool down; nothing changes."""
        self._merging = False
        self.panel.hint.tell("")
        tool, self.tool = self.tool, None
        if tool is not None:
            tool.put_down()
            self.session.history.pause("")
        self._enable()

    def _drawn(self, edit: Edit) -> None:
        self.leave_tool()
        self.do(edit)

    def do(self, edit: Edit, *, answer: bool = False) -> bool:
        """Carry out an edit; tell whether it went well."""
        assert self.review is not None
        self.panel.error.tell("")
        command = CrystalEdit(self.review, edit)
        try:
            self.session.history.do(command)
        except OlivineError as error:
            self.panel.error.tell(error)
            return False
        self._answers += 1
        self._changed(command.change)
        if self._answers % LEARN_EVERY == 0:
            self._learn()
        if answer and self.panel.go_on.isChecked():
            self.next()
        else:
            self.go_to(int(command.target.name))
        return True

    def _on_history(self, step: HistoryStep) -> None:
        """Show the crystal whose edit was taken back or done again."""
        command = step.command
        if self.review is None:
            return
        if isinstance(command, CrystalEdit):
            self.panel.error.tell("")
            self._changed(command.change)
            if command.target.name:
                self.go_to(int(command.target.name))
        if not self._merging:
            self.panel.hint.tell(step.describe())

    def _changed(self, change: Change | None) -> None:
        assert self.review is not None
        self._flush.start()
        if change is not None:
            if change.patch is not None:
                self.session.redraw("crystals", "crystals")
            self._tell.start()
        if self.crystal not in self.review.table.index:
            self.crystal = 0
        self._show()

    def _tell_others(self) -> None:
        """Show what was edited in the other docks and in the colours."""
        self._tell.stop()
        if self.review is not None:
            table = self.review.table.assign(doubt=self.review.ranking)
            self.session.edited(table, self.review.store.profiles)

    def _ready(self, *, new: bool = False) -> bool:
        if self.review is None:
            self.panel.error.tell("Press Start first.")
            return False
        if not self.review.store.writable:
            self.panel.error.tell(
                f"These crystals are being edited elsewhere ({self.review.store.held_by})."
            )
            return False
        return new or self.crystal > 0

    # ------------------------------------------------------------------ order

    def _restrict(self, _text: str = "") -> None:
        if self.review is not None:
            self.review.restrict(sizes=SIZES[self.panel.sizes.currentText()])
            self._show()

    def _learn(self) -> None:
        review = self.review
        if review is not None:
            table = review.table
            self._background.want([(("learn", id(review)), lambda: review.learn(table))])

    # ------------------------------------------------------------------ showing

    def _record(self) -> dict[str, Any]:
        assert self.review is not None
        record = self.review.table.loc[self.crystal]
        return {str(name): value for name, value in record.items()}

    def _show(self) -> None:
        review = self.review
        record = self._record() if review is not None and self.crystal else None
        show_outline(self.session, record)
        self.panel.show_review(review, record)
        self._show_evidence(record)
        self._enable()

    def _show_evidence(self, record: dict[str, Any] | None) -> None:
        review = self.review
        if review is None or record is None:
            self.evidence.show_crystal(None, None)
            return
        next_ones = review.queue.coming(self.crystal, PREPARED)
        coming = review.table.loc[next_ones, list(SHAPE)].to_dict("records")
        self.evidence.show_crystal(record, review.store.profiles, coming)

    def _enable(self) -> None:
        review = self.review
        busy = self.tool is not None or self._merging
        keys: set[str] = set()
        if review is not None:
            keys |= {"Space", "Backspace"}
        if review is not None and review.store.writable:
            keys |= {key for key, _, _ in BUTTONS} | {str(k + 1) for k in range(len(ZONE_TITLES))}
        if busy:
            keys = TOOL_KEYS
        self.keys.enable(keys)
        self.panel.enable(keys)

    def _on_product_changed(self, product: str) -> None:
        if product in ("images", "mg") and self.review is not None:
            self.evidence.set_section(self.review.section)
            self._show()
        if product == "crystals" and self.review is not None:
            self.stop()
            self.start()


def _opened(section: Any) -> Review | OlivineError:
    try:
        return Review(section)
    except OlivineError as error:
        return error
