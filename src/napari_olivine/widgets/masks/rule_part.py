"""The part of the Phase masks dock where the rule is chosen or written."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QWidget
from superqt.utils import signals_blocked

from napari_olivine.errors import InputError
from napari_olivine.masks import NAMED, MaskSettings
from napari_olivine.widgets.common import (
    Message,
    column_layout,
    combo,
    in_words,
    readable,
    row_layout,
    single_shot,
)
from napari_olivine.widgets.masks.rule_edit import RuleEdit

OWN = "own conditions"

PAUSE_MS = 400
"""Pause in typing after which a rule that cannot be read is told: half a rule is none yet."""


class RulePart(QWidget):
    """A named rule, or conditions of one's own.

    The field shows the conditions of a named rule. To change them is to write a rule of one's own.

    Parameters
    ----------
    signals
        Returns the signals of the section.
    forms
        Returns the conditions of a named rule for the maps of the section.
    check
        Reads a rule; raises `InputError` where it cannot be used.
    """

    changed = Signal()
    """Another rule was chosen or written; it may not be readable yet."""
    refused = Signal()
    """The rule cannot be used, and the person has stopped typing."""

    def __init__(
        self,
        signals: Callable[[], Sequence[str]],
        forms: Callable[[str], str],
        check: Callable[[str], object],
    ) -> None:
        super().__init__()
        self._forms, self._check = forms, check
        self._own: str | None = None
        self.error: InputError | None = None
        self.rule = combo([*NAMED, OWN])
        self.rule.setToolTip(MaskSettings.model_fields["rule"].description or "")
        self.edit = RuleEdit(signals)
        self.edit.setPlaceholderText("Ca/Mg < 0.1 and Mg > 30")
        self.edit.setToolTip(
            "Comparisons joined by 'and', 'or', 'not' and parentheses: sums and ratios of signals, "
            "< or > a number, or relative to a picked mineral ('Mg > 0.5 ref', 'Si/Mg within 15 % "
            "of ref') or to the section ('Si < 0.15 p99'). Ctrl-Space lists all words"
        )
        self.problem = Message()
        row = row_layout(QLabel("Rule"), self.rule, wide=self.rule)
        column_layout(self, row, self.edit, self.problem)
        self._pause = single_shot(self, PAUSE_MS, self._refuse)
        self.rule.currentTextChanged.connect(self._on_chosen)
        self.edit.edited.connect(self._on_edited)
        self.show_forms()

    def text(self) -> str:
        """Return the rule as the setting has it.

        Raises
        ------
        InputError
            If nothing is written.
        """
        if self.rule.currentText() != OWN:
            return str(self.rule.currentText())
        if not self.edit.text().strip():
            raise InputError("Write the conditions of your rule, e.g. 'Ca/Mg < 0.1 and Mg > 30'.")
        return self.edit.text().strip()

    def show_forms(self) -> None:
        """Show the conditions of a named rule anew, and whether the rule can be used."""
        if self.rule.currentText() != OWN:
            self.edit.setText(self._forms(self.rule.currentText()))
        self.check()

    def check(self) -> None:
        """Tell what is wrong with the rule, at once if it is no longer what it was."""
        try:
            self._check(self.text())
            self.error = None
        except InputError as error:
            self.error = error
        if self.error is None:
            self._pause.stop()
            self._show_problem()
        else:
            self._pause.start()

    def stop(self) -> None:
        """Tell nothing any more."""
        self._pause.stop()

    def _on_chosen(self, rule: str) -> None:
        if rule == OWN and self._own is not None:
            self.edit.setText(self._own)
        self.show_forms()
        self.changed.emit()

    def _on_edited(self) -> None:
        if self.rule.currentText() != OWN:
            with signals_blocked(self.rule):
                self.rule.setCurrentText(OWN)
        self._own = self.edit.text()
        self.check()
        self.changed.emit()

    def _refuse(self) -> None:
        self._show_problem()
        self.refused.emit()

    def _show_problem(self) -> None:
        error = self.error
        self.edit.mark(None)
        if error is not None and error.facts.position is not None:
            blank = len(self.edit.text()) - len(self.edit.text().lstrip())
            self.edit.mark(error.facts.position + blank)
        self.problem.setStyleSheet(f"color: {readable('#e69f00', self)}")
        self.problem.tell("" if error is None else error.text)
        self.problem.setToolTip("" if error is None else in_words(error, "mask"))
