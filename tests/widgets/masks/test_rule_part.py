"""A rule is typed: words are completed, errors marked, and what it takes is seen at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt

from napari_olivine.masks import NAMED, OLIVINE, MaskSettings
from tests.helpers.shared_window import open_once, settle
from tests.helpers.widget_sections import active_window, imported_section
from tests.widgets.docks.test_docks import dock

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def path() -> Path:
    return imported_section()


@pytest.fixture(scope="module")
def viewer(module_viewer: Any, path: Path) -> Any:
    open_once(module_viewer, path)
    settle(module_viewer)
    return module_viewer


@pytest.fixture
def widget(viewer: Any) -> Any:
    return dock(viewer, "Phase masks")


def type_rule(qtbot: Any, widget: Any, text: str) -> None:
    """Type a rule in the place of the one that is there."""
    widget.own.setFocus()
    qtbot.keyClick(widget.own, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(widget.own, text)


class TestRule:
    def test_a_named_rule_is_changed_where_it_stands(self, qtbot: Any, widget: Any) -> None:
        assert widget.own.text() == OLIVINE
        assert widget.settings() == MaskSettings()
        widget.own.setFocus()
        qtbot.keyClick(widget.own, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
        qtbot.keyClicks(widget.own, " and Mg > 10")
        assert widget.rule.currentText() == "own conditions"
        assert widget.settings().rule == f"{OLIVINE} and Mg > 10"
        widget.rule.setCurrentText("olivine-paper")
        assert widget.own.text() == next(iter(NAMED["olivine-paper"].values()))
        widget.rule.setCurrentText("own conditions")
        assert widget.own.text().endswith(" and Mg > 10"), "what was typed is kept"

    def test_words_are_completed_by_keys(self, qtbot: Any, viewer: Any, widget: Any) -> None:
        active_window(qtbot, viewer)
        type_rule(qtbot, widget, "c")
        assert widget.own.offered == ["Ca"]
        qtbot.keyClick(widget.own._popup, Qt.Key.Key_Return)
        qtbot.keyClicks(widget.own, "/m")
        assert widget.own.offered == ["Mg"]
        qtbot.keyClick(widget.own._popup, Qt.Key.Key_Tab)
        qtbot.keyClicks(widget.own, " < 0.1 a")
        assert widget.own.offered == ["and", "Al"]
        qtbot.keyClick(widget.own._popup, Qt.Key.Key_Escape)
        assert widget.own.offered == []
        qtbot.keyClick(widget.own, Qt.Key.Key_Return)
        assert widget.own.text() == "Ca/Mg < 0.1 a", "no new line"
        type_rule(qtbot, widget, "olivine-p")
        assert widget.own.offered == ["olivine-paper"]
        qtbot.keyClick(widget.own._popup, Qt.Key.Key_Return)
        assert widget.settings().rule == "olivine-paper"

    def test_an_error_is_told_and_its_character_marked(self, qtbot: Any, widget: Any) -> None:
        part = widget.rule_part
        type_rule(qtbot, widget, "Ca/Mg < 0.1 an ")
        assert not part.problem.isVisible(), "while the person types nothing is told"
        qtbot.waitUntil(part.problem.isVisible)
        assert "at character 13" in part.problem.text()
        assert widget.own.marked == 12
        type_rule(qtbot, widget, " Ni/Mg > 2")
        qtbot.waitUntil(lambda: "needs Ni" in part.problem.text())
        assert "has only BSE, Mg" in part.problem.text()
        assert widget.own.marked == 1
        type_rule(qtbot, widget, "Mg > 0.5 ref")
        qtbot.waitUntil(lambda: "none is picked" in part.problem.text())
        type_rule(qtbot, widget, "Mg > 20")
        assert not part.problem.isVisible()
        assert widget.own.marked is None
