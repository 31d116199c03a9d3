"""The Phase masks dock: a rule over element maps makes the reference mask."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QLineEdit, QPushButton
from typing_extensions import override

from napari_olivine.errors import InputError
from napari_olivine.masks import NAMED_RULES, MaskSettings
from napari_olivine.settings import Settings
from napari_olivine.widgets.layers import KEY
from napari_olivine.widgets.parts import combo, wrapped
from napari_olivine.widgets.step_dock import StepDock

OWN = "own conditions"
COMPOSITE = ("Fe", "Mg", "Ca")
"""Maps that the composite shows as red, green and blue."""


class MasksDock(StepDock):
    """Choose a rule, look at the element maps, make the mask."""

    step = "mask"
    products = ("mask",)
    hidden = ("rule",)
    explanation = (
        "Olivine by its chemistry: a rule over the element maps gives the mask to learn from."
    )

    @override
    def build(self) -> None:
        self.rule = combo([*NAMED_RULES, OWN])
        self.rule.setToolTip(MaskSettings.model_fields["rule"].description or "")
        self.rule.currentTextChanged.connect(self._show_rule)
        self.own = QLineEdit()
        self.own.setPlaceholderText("Ca/Mg < 0.1 and Mg > 30")
        self.own.setToolTip(
            "Conditions on counts joined by 'and': sums and ratios of signals, < or > a number"
        )
        self.conditions = wrapped("")
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Rule", self.rule)
        form.addRow("", self.own)
        self.body.addLayout(form)
        self.body.addWidget(self.conditions)
        self.composite = QPushButton("Show elements together")
        self.composite.setCheckable(True)
        self.composite.setToolTip("Fe red, Mg green, Ca blue: olivine is green to yellow")
        self.composite.toggled.connect(self.show_composite)
        row = QHBoxLayout()
        row.addWidget(self.composite)
        self.body.addLayout(row)
        self.legend = wrapped("")
        self.body.addWidget(self.legend)
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

    def show_composite(self, on: bool) -> None:
        """Show the element maps as one coloured image, or the BSE image again."""
        there = set()
        for layer in self.session.viewer.layers:
            mark: Any = layer.metadata.get(KEY)
            if mark and mark["product"] == "images":
                name = mark["name"]
                layer.visible = name in COMPOSITE if on else name == "BSE"
                there.add(name)
        shown = [name for name in COMPOSITE if name in there]
        colours = dict(zip(COMPOSITE, ("red", "green", "blue"), strict=True))
        text = ", ".join(f"{name} {colours[name]}" for name in shown)
        self.legend.setText(f"{text}: olivine is green to yellow." if on and text else "")

    @override
    def on_section_opened(self) -> None:
        self.composite.setChecked(False)

    def _show_rule(self, rule: str) -> None:
        self.own.setVisible(rule == OWN)
        self.conditions.setText(NAMED_RULES.get(rule, ""))
        self.conditions.setVisible(rule in NAMED_RULES)

    @override
    def on_finished(self) -> None:
        product = self.session.require().product("mask")
        if product is not None and "phase_percent" in product.notes:
            self.run_bar.say(f"{product.notes['phase_percent']:g} % of the section is the phase.")
