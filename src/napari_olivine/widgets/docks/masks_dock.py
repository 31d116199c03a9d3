"""The Phase masks dock: a rule over element maps makes the reference mask."""

from __future__ import annotations

from qtpy.QtWidgets import QLineEdit
from typing_extensions import override

from napari_olivine.errors import InputError
from napari_olivine.masks import COUNTS, NAMED, MaskSettings
from napari_olivine.settings import Settings
from napari_olivine.widgets.common import combo, form_layout, wrapped
from napari_olivine.widgets.dock_base import StepDock
from napari_olivine.widgets.layers import CHANNELS
from napari_olivine.widgets.state import USUAL, Composite, CompositeBar

OWN = "own conditions"


class MasksDock(StepDock):
    """Choose a rule, look at the element maps, make the mask."""

    step = "mask"
    hidden = ("rule",)
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
            "Conditions on counts joined by 'and': sums and ratios of signals, < or > a number"
        )
        self.conditions = wrapped()
        self.body.addLayout(form_layout(("Rule", self.rule), ("", self.own)))
        self.body.addWidget(self.conditions)
        self.composite = CompositeBar(Composite.of(self.session), self.connections)
        self.body.addWidget(self.composite)
        self.connections.connect(Composite.of(self.session).changed, self.show_legend)
        self.legend = wrapped()
        self.body.addWidget(self.legend)
        self.show_legend()
        self._show_rule(self.rule.currentText())

    @override
    def settings(self) -> Settings:
        rule = self.rule.currentText()
        if rule == OWN:
            rule = self.own.text().strip()
            if not rule:
                raise InputError(
                    "Write the conditions of your rule, e.g. 'Ca/Mg < 0.1 and Mg > 30'."
                )
        return MaskSettings(**self.form.values().model_dump() | {"rule": rule})

    def show_legend(self) -> None:
        """Tell which element has which colour in the composite."""
        composite = Composite.of(self.session)
        named = zip(composite.elements, CHANNELS, strict=False)
        text = ", ".join(f"{name} {channel}" for name, channel in named if name)
        if composite.elements == USUAL:
            text += ": olivine is green to yellow"
        self.legend.setText(f"{text}." if composite.on else "")

    def _show_rule(self, rule: str) -> None:
        section = self.session.section
        units = {section.unit_of(one) for one in section.record.signals} if section else {COUNTS}
        forms = NAMED.get(rule, {})
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

    @override
    def on_section_opened(self) -> None:
        self._show_rule(self.rule.currentText())

    @override
    def on_finished(self) -> None:
        product = self.session.require().product("mask")
        if product is not None and "phase_percent" in product.notes:
            self.run_bar.say(f"{product.notes['phase_percent']:g} % of the section is the phase.")
