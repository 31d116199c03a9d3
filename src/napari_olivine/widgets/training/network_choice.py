"""The choice of a network by what it is good for, with a line about the chosen one."""

from __future__ import annotations

from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_olivine.networks import network_spec, networks_by_purpose
from napari_olivine.widgets.common import SettingsForm, insert_headings, row_layout, wrapped


def names_in_groups() -> dict[str, list[str]]:
    """Names of the networks by what they are good for."""
    return {title: [spec.name for spec in specs] for title, specs in networks_by_purpose().items()}


def names_in_order() -> list[str]:
    """Names of the networks, group by group."""
    return [name for names in names_in_groups().values() for name in names]


class NetworkChoice(QWidget):
    """The field ``network`` of a form, in groups.

    Parameters
    ----------
    form
        Form of the settings of a training, from which the field is taken. Its choices are
        `names_in_order`.
    """

    def __init__(self, form: SettingsForm) -> None:
        super().__init__()
        self._editor = form.editors["network"]
        label, box = form.take("network")
        insert_headings(self._editor.native, names_in_groups())
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
