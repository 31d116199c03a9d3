"""The Phase masks dock: a rule over element maps makes the reference mask."""

from __future__ import annotations

from html import escape

from qtpy.QtWidgets import QLineEdit
from typing_extensions import override

from napari_olivine.errors import InputError
from napari_olivine.masks import COUNTS, NAMED, NAMED_PICKED, MaskSettings, Rule, rule_for
from napari_olivine.settings import Settings
from napari_olivine.widgets.common import combo, form_layout, wrapped
from napari_olivine.widgets.dock_base import StepDock
from napari_olivine.widgets.layers import CHANNELS
from napari_olivine.widgets.masks import CorrectPart, PickedPart
from napari_olivine.widgets.state import USUAL, Composite, CompositeBar

OWN = "own conditions"


class MasksDock(StepDock):
    """Choose a rule, look at the element maps, pick an olivine, make the mask."""

    step = "mask"
    hidden = ("rule", "reference")
    explanation = (
        "Olivine by its chemistry: a rule over the element maps gives the mask to learn from."
    )

    @override
    def build(self) -> None:
        self.rule = combo([*NAMED, OWN])
        self.rule.setToolTip(MaskSettings.model_fields["rule"].description or "")
        self.rule.currentTextChanged.connect(self._show_rule)
        self.own = QLineEdit()
        self._from_rule = ""
        self.own.setPlaceholderText("Ca/Mg < 0.1 and Mg > 30")
        self.own.setToolTip(
            "Comparisons joined by 'and', 'or', 'not' and parentheses: sums and ratios of signals, "
            "< or > a number, or relative to a picked mineral ('Mg > 0.5 ref', 'Si/Mg within 15 % "
            "of ref') or to the section ('Si < 0.15 p99')"
        )
        self.conditions = wrapped()
        self.body.addLayout(form_layout(("Rule", self.rule), ("", self.own)))
        self.body.addWidget(self.conditions)
        self.reference = PickedPart(self.session, self.connections, self._rule_here)
        self.reference.changed.connect(lambda: self._show_rule(self.rule.currentText()))
        self.own.textChanged.connect(lambda _text: self.reference.show_rule())
        self.body.addWidget(self.reference)
        self.composite = CompositeBar(Composite.of(self.session), self.connections)
        self.body.addWidget(self.composite)
        self.connections.connect(Composite.of(self.session).changed, self.show_legend)
        self.legend = wrapped()
        self.body.addWidget(self.legend)
        self.modes = wrapped()
        self.body.addWidget(self.modes)
        self.correct = CorrectPart(self.session, self.connections)
        self.connections.connect(self.correct.model.changed, self._show_modes)
        self.body.addWidget(self.correct)
        self.show_legend()
        self._show_modes()
        self._show_rule(self.rule.currentText())

    @override
    def run(self) -> None:
        self.reference.rest()
        super().run()

    @override
    def settings(self) -> Settings:
        rule = {"rule": self._rule_text(), "reference": self.reference.texts()}
        return MaskSettings(**self.form.values().model_dump() | rule)

    def _rule_text(self) -> str:
        rule = self.rule.currentText()
        if rule == OWN:
            rule = self.own.text().strip()
            if not rule:
                raise InputError(
                    "Write the conditions of your rule, e.g. 'Ca/Mg < 0.1 and Mg > 30'."
                )
        return rule

    def _rule_here(self) -> tuple[Rule, bool]:
        """Return the rule for the maps of the section, and whether it is one for olivine."""
        text = self._rule_text()
        return rule_for(text, self._units(), picked=True), text in NAMED

    def _units(self) -> dict[str, str]:
        section = self.session.section
        if section is None:
            return {}
        return {signal: section.unit_of(signal) for signal in section.record.signals}

    def show_legend(self) -> None:
        """Tell which element has which colour in the composite."""
        composite = Composite.of(self.session)
        named = zip(composite.elements, CHANNELS, strict=False)
        text = ", ".join(f"{name} {channel}" for name, channel in named if name)
        if composite.elements == USUAL:
            text += ": olivine is green to yellow"
        self.legend.setText(f"{text}." if composite.on else "")

    def _show_rule(self, rule: str) -> None:
        units = set(self._units().values()) or {COUNTS}
        forms = NAMED.get(rule, {})
        if forms and self.reference.texts():
            forms = forms | {COUNTS: NAMED_PICKED[rule]}
        # Electron images count as counts, so a section of maps in wt% has both.
        unit = next((one for one in forms if one in units and one != COUNTS), COUNTS)
        conditions = forms.get(unit, "")
        if conditions:
            untouched = self.own.text() in ("", self._from_rule)
            self._from_rule = conditions
            if untouched:  # own conditions begin with those of the rule
                self.own.setText(conditions)
                self.own.setCursorPosition(0)
        self.own.setVisible(rule == OWN)
        self.conditions.setText(conditions)
        self.conditions.setVisible(rule in NAMED)
        self.reference.show_rule()

    @override
    def on_section_opened(self) -> None:
        self.reference.read()
        self._show_modes()

    @override
    def on_front(self, front: bool) -> None:
        if not front:  # clicks are not for picking any more
            self.reference.rest()
            self.correct.rest()

    def _show_modes(self) -> None:
        """List the minerals of the mask with their modal percentages, in their colours."""
        section = self.session.section
        product = section.product("mask") if section is not None else None
        modes = product.notes.get("modes", []) if product is not None else []
        rows = []
        for mode in sorted(modes, key=lambda mode: -mode["percent"]):
            error = "" if mode["error"] is None else f"± {mode['error']:.2g}"
            rows.append(
                f"<tr><td><span style='color:{mode['colour']}'>■</span> {escape(mode['name'])}</td>"
                f"<td align='right'>&nbsp;{mode['percent']:.2f}</td><td>&nbsp;{error} %</td></tr>"
            )
        self.modes.setText(f"<table>{''.join(rows)}</table>" if rows else "")
        self.modes.setVisible(bool(rows))

    @override
    def on_finished(self) -> None:
        self._show_modes()
        product = self.session.require().product("mask")
        if product is not None and "phase_percent" in product.notes:
            self.run_bar.say(f"{product.notes['phase_percent']:g} % of the section is the phase.")
