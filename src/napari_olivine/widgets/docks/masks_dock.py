"""The Phase masks dock: a rule over element maps makes the reference mask."""

from __future__ import annotations

from html import escape

from typing_extensions import override

from napari_olivine.masks import (
    COUNTS,
    NAMED,
    NAMED_PICKED,
    MaskSettings,
    Rule,
    relative_to,
    rule_for,
    rule_on_maps,
)
from napari_olivine.widgets.common import wrapped
from napari_olivine.widgets.dock_base import StepDock
from napari_olivine.widgets.layers import CHANNELS
from napari_olivine.widgets.masks import (
    CorrectPart,
    LiveRule,
    PickedPart,
    PreviewPart,
    RulePart,
    ScatterPart,
)
from napari_olivine.widgets.state import USUAL, Composite, CompositeBar


class MasksDock(StepDock):
    """Choose a rule, look at the element maps, pick an olivine, make the mask."""

    step = "mask"
    hidden = ("rule", "reference")
    explanation = (
        "Olivine by its chemistry: a rule over the element maps gives the mask to learn from."
    )

    @override
    def build(self) -> None:
        self.reference = PickedPart(self.session, self.connections, self._rule_here)
        self.rule_part = RulePart(lambda: [*self._units()], self._forms, self._check)
        self.rule, self.own = self.rule_part.rule, self.rule_part.edit
        self.connections.on_close(self.rule_part.stop)
        self.reference.changed.connect(self.rule_part.show_forms)
        self.rule_part.changed.connect(self.reference.show_rule)
        self.live = LiveRule(self.session, self.connections, self._settings_in_view)
        self.preview = PreviewPart(self.session, self.connections, self.live)
        self.rule_part.changed.connect(self.live.refresh)
        self.rule_part.refused.connect(self.live.refuse)
        self.reference.changed.connect(self.live.refresh)
        self.body.addWidget(self.rule_part)
        self.body.addWidget(self.preview)
        self.body.addWidget(self.reference)
        self.composite = CompositeBar(Composite.of(self.session), self.connections)
        self.body.addWidget(self.composite)
        self.connections.connect(Composite.of(self.session).changed, self.show_legend)
        self.legend = wrapped()
        self.body.addWidget(self.legend)
        self.modes = wrapped()
        self.body.addWidget(self.modes)
        self.scatter = ScatterPart(
            self.session, self.connections, self.live, self._units, self._rule_here
        )
        self.body.addWidget(self.scatter)
        self.correct = CorrectPart(self.session, self.connections)
        self.connections.connect(self.correct.model.changed, self._show_modes)
        self.body.addWidget(self.correct)
        self.show_legend()
        self._show_modes()

    @override
    def _add_form(self) -> None:
        super()._add_form()
        self.form.changed.connect(self.live.refresh)

    @override
    def run(self) -> None:
        self.reference.rest()
        super().run()

    @override
    def settings(self) -> MaskSettings:
        rule = {"rule": self.rule_part.text(), "reference": self.reference.texts()}
        return MaskSettings(**self.form.values().model_dump() | rule)

    def _settings_in_view(self) -> MaskSettings:
        """Return the settings; raises while the rule cannot be used."""
        if self.rule_part.error is not None:
            raise self.rule_part.error
        return self.settings()

    def _rule_here(self) -> tuple[Rule, bool]:
        """Return the rule for the maps of the section, and whether it is one for olivine."""
        text = self.rule_part.text()
        return rule_for(text, self._units(), picked=True), text in NAMED

    def _check(self, text: str) -> None:
        """Read a rule for the maps of the section and what is picked on them."""
        units, picked = self._units(), bool(self.reference.texts())
        rule = (
            rule_on_maps(text, units, "the section", picked=picked)
            if units
            else rule_for(text, units, picked=picked)
        )
        if rule.relative and not picked:
            relative_to([], rule)

    def _forms(self, rule: str) -> str:
        """Return the conditions of a named rule for the maps of the section."""
        units = set(self._units().values()) or {COUNTS}
        forms = NAMED[rule]
        if self.reference.texts():
            forms = forms | {COUNTS: NAMED_PICKED[rule]}
        # Electron images count as counts, so a section of maps in wt% has both.
        unit = next((one for one in forms if one in units and one != COUNTS), COUNTS)
        return forms.get(unit, "")

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

    @override
    def on_section_opened(self) -> None:
        self.reference.read()
        self.rule_part.show_forms()
        self._show_modes()

    @override
    def on_front(self, front: bool) -> None:
        self.preview.set_front(front)
        self.scatter.set_front(front)
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
