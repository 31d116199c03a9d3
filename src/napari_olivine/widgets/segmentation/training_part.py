"""How much of the section is unlike what its network learned from, and a tick that shows where."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from napari_olivine.inference import OUT_OF_DISTRIBUTION, difference_in_words, is_far
from napari_olivine.widgets.common import readable, wrapped
from napari_olivine.widgets.layers import LAYER_KEY
from napari_olivine.widgets.state import OpenSection

FAR_COLOUR = "#e69f00"


class TrainingPart(QWidget):
    """The comparison of a section with a training, hidden where there is none.

    Parameters
    ----------
    session
        The open section.
    """

    def __init__(self, session: OpenSection) -> None:
        super().__init__()
        self._session = session
        self.words = wrapped(rich=True)
        self.where = QCheckBox("Show where")
        self.where.setToolTip(
            "Bright where grey and texture are unlike those of the training: there the "
            "probability may be wrong"
        )
        self.where.toggled.connect(self._on_where)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.words)
        layout.addWidget(self.where)
        self.hide()

    def show_for(self, model: str | None) -> None:
        """Show the comparison if it is of a model.

        Parameters
        ----------
        model
            Name of the product, or folder outside the section; `None` for any.
        """
        section = self._session.section
        product = None if section is None else section.product(OUT_OF_DISTRIBUTION)
        told = product is not None and model in (None, *product.recipe.settings["models"])
        self.setVisible(told and bool(product.notes["measured_cells"]))
        if not told:
            return
        words = f"{difference_in_words(product.notes)}."
        if is_far(product.notes):
            colour = readable(FAR_COLOUR, self)
            words = (
                f"<span style='color:{colour}'>{words} The probability may be wrong there: train "
                "with a part of this section.</span>"
            )
        self.words.setText(words)
        layer = self._layer()
        if layer is not None:
            layer.events.visible.connect(self._follow)  # ticked elsewhere; connected once
        self._follow()

    def _follow(self, _event: Any = None) -> None:
        layer = self._layer()
        with signals_blocked(self.where):
            self.where.setChecked(layer is not None and layer.visible)

    def _on_where(self, on: bool) -> None:
        layer = self._layer()
        if layer is not None:
            layer.visible = on

    def _layer(self) -> Any:
        for layer in self._session.viewer.layers:
            mark = layer.metadata.get(LAYER_KEY)
            if mark and mark["product"] == OUT_OF_DISTRIBUTION:
                return layer
        return None
