"""The choice of a network by what it is good for, with a line about the chosen one."""

from __future__ import annotations

from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_olivine.networks import network_spec, networks_by_purpose
from napari_olivine.widgets.common import SettingsForm, make_headings, row_layout, wrapped


def networks_and_headings() -> list[str]:
    """List what the box shows: above the networks of each kind what they are good for."""
    return [
        text
        for title, specs in networks_by_purpose().items()
        for text in (title, *(spec.name for spec in specs))
    ]


class NetworkChoice(QWidget):
    """The field ``network`` of a form, in groups.

    Parameters
    ----------
    form
        Form of the settings of a training, from which the field is taken. Its choices are
        `networks_and_headings`.
    """

    def __init__(self, form: SettingsForm) -> None:
        super().__init__()
        self._editor = form.editors["network"]
        label, box = form.take("network")
        make_headings(self._editor.native, list(networks_by_purpose()))
        self.about: QLabel = wrapped()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row_layout(label, box, wide=box))
        column.addWidget(self.about)
        self._editor.changed.connect(self.show_chosen)
        self.show_chosen()

    def show_chosen(self, *_: object) -> None:
        """Tell what the chosen network is, and what it starts from."""
        spec = network_spec(self._editor.value)
        self.about.setText(f"{spec.in_words[0].upper()}{spec.in_words[1:]}")
