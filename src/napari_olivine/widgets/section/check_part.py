"""The findings of a check of the section."""

from __future__ import annotations

from html import escape
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFrame, QVBoxLayout

from napari_olivine.widgets.common import in_words, push_button, readable, row_layout, wrapped

COLOURS = {"damage": "#ff7a6e", "repaired": "#2fae7b", "note": "#9aa0a6"}
LISTED = 15
"""Findings that are listed; the rest are counted."""


class CheckPart(QFrame):
    """The list of findings, with a button to mend what can be mended; hidden until a check."""

    repair = Signal()
    """The person asks for a repair."""

    def __init__(self) -> None:
        super().__init__()
        self.findings: list[dict[str, Any]] = []
        self.text = wrapped(rich=True, selectable=True)
        self.repair_button = push_button(
            "Repair",
            self.repair.emit,
            "Mend what can be mended; what cannot be is moved to aside/, never deleted",
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 4)
        column.addWidget(self.text)
        column.addLayout(row_layout(self.repair_button, push_button("Close", self.hide)))
        self.hide()

    def begin(self) -> None:
        """Forget the findings of the last check."""
        self.findings = []
        self.hide()

    def add(self, event: dict[str, Any]) -> None:
        """Keep one finding of the running check."""
        self.findings.append(event)

    def end(self) -> None:
        """Show the findings."""
        lines = []
        for one in self.findings[:LISTED]:
            colour = readable(COLOURS.get(str(one.get("state")), COLOURS["note"]), self)
            where = escape(str(one.get("where", "")))
            what, said = (in_words(str(one.get(name, "")), "check") for name in ("text", "remedy"))
            advice = f"; {escape(said)}" if said else ""
            lines.append(
                f"<span style='color:{colour}'>●</span> <b>{where}</b>: {escape(what)}{advice}"
            )
        if len(self.findings) > LISTED:
            lines.append(f"... and {len(self.findings) - LISTED} more")
        harm = [one for one in self.findings if one.get("state") == "damage"]
        if not harm:
            lines.insert(0, "<b>Everything in this section is whole.</b>")
        self.text.setText("<br>".join(lines))
        self.repair_button.setVisible(bool(harm))
        self.show()
