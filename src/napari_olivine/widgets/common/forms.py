"""A form made from the settings model of a step."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from magicgui.widgets import CheckBox, ComboBox, FileEdit, LineEdit
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QWidget

from napari_olivine.settings import Settings
from napari_olivine.widgets.common.controls import narrow
from napari_olivine.widgets.common.folder_list import FolderList
from napari_olivine.widgets.common.number_box import NumberBox
from napari_olivine.widgets.common.phrases import in_words


class SettingsForm(QWidget):
    """The fields of a settings model, each with its title, unit, bounds and explanation.

    Parameters
    ----------
    model
        Class of the settings.
    hidden
        Names of fields that the dock shows in another way; they keep their default.
    choices
        For fields of text: what to choose from, by the field's name.
    step
        Step that the settings belong to.
    """

    changed = Signal()

    def __init__(
        self,
        model: type[Settings],
        hidden: Sequence[str] = (),
        choices: Mapping[str, Sequence[str]] | None = None,
        step: str = "",
    ) -> None:
        super().__init__()
        self.model = model
        self.editors: dict[str, Any] = {}
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(4)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for name, field in model.model_fields.items():
            if name in hidden:
                continue
            editor = _editor(name, field, (choices or {}).get(name))
            editor.changed.connect(lambda *_: self.changed.emit())
            self.editors[name] = editor
            if isinstance(editor.native, QComboBox):
                narrow(editor.native)
            label = QLabel(field.title or name)
            help_text = f"<p>{in_words(field.description or '', step)}</p>"
            label.setToolTip(help_text)
            editor.native.setToolTip(help_text)
            layout.addRow(label, editor.native)

    def values(self) -> Settings:
        """Return the settings on the form.

        Raises
        ------
        InputError
            If a setting is invalid, or settings contradict each other.
        """
        return self.model(**{name: _value(editor) for name, editor in self.editors.items()})

    def set_values(self, settings: Settings) -> None:
        """Show the given settings."""
        for name, editor in self.editors.items():
            _set_value(editor, getattr(settings, name))

    def set_choices(self, name: str, choices: Sequence[str], value: str | None = None) -> None:
        """Replace the choices of a field; an empty text stays the default choice.

        Parameters
        ----------
        name
            Name of the field.
        choices
            New choices.
        value
            Current choice; the one from before if not given.
        """
        editor = self.editors[name]
        options = _with_words(["", *choices])
        now = editor.value
        editor.choices = options
        editor.value = value if value is not None else now if now in choices else ""

    def add(self, title: str, editor: QWidget) -> None:
        """Add a row that is no field of the settings."""
        label = QLabel(title)
        label.setToolTip(editor.toolTip())
        self.layout().addRow(label, editor)

    def take(self, name: str) -> tuple[QLabel, QWidget]:
        """Take a field out of the form's column, to show it elsewhere; its value still counts.

        Parameters
        ----------
        name
            Name of the field.

        Returns
        -------
        label, editor
            What the field's row consists of.
        """
        layout: Any = self.layout()
        row = layout.takeRow(self.editors[name].native)
        return row.labelItem.widget(), row.fieldItem.widget()

    def reset(self) -> None:
        """Go back to the defaults."""
        self.set_values(self.model())


def _editor(name: str, field: Any, choices: Sequence[str] | None) -> Any:
    kind, optional = _plain_type(field.annotation)
    default = field.default
    if choices is not None or get_origin(kind) is Literal:
        options = list(choices if choices is not None else get_args(kind))
        if default not in options:
            options.insert(0, default)
        editor: Any = ComboBox(name=name, choices=_with_words(options), value=default)
    elif kind is bool and optional:
        editor = ComboBox(name=name, choices=_with_words([None, True, False]), value=default)
    elif kind is bool:
        editor = CheckBox(name=name, value=bool(default), label="")
        editor.native.setText("")  # its title stands beside it
    elif kind in (int, float):
        editor = NumberBox(kind, default, optional=optional, **_limits(field))
    elif get_origin(kind) is tuple and get_args(kind)[0] is Path:
        editor = FolderList(field.title or name, default)
    elif kind is Path:
        editor = FileEdit(name=name, nullable=True, value=default)
    else:
        editor = LineEdit(name=name, value=_text(default))
    editor.field_kind, editor.field_optional = kind, optional
    return editor


def _with_words(options: Sequence[Any]) -> list[tuple[str, Any]]:
    """Give each choice a text; ``None`` and booleans have none of their own."""
    return [(_word(option), option) for option in options]


def _word(option: Any) -> str:
    if isinstance(option, bool):
        return "yes" if option else "no"
    return "auto" if option in ("", None) else str(option)


def _plain_type(annotation: Any) -> tuple[Any, bool]:
    """Type of a field without its ``None``, and whether it may be ``None``."""
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return kinds[0], len(kinds) < len(get_args(annotation))
    return annotation, False


def _limits(field: Any) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for bound in field.metadata:
        for name, limit in (("ge", "low"), ("gt", "low"), ("le", "high"), ("lt", "high")):
            if getattr(bound, name, None) is not None:
                limits[limit] = getattr(bound, name)
    extra = field.json_schema_extra
    return limits | {"unit": extra.get("unit", "") if isinstance(extra, dict) else ""}


def _value(editor: Any) -> Any:
    value = editor.value
    if editor.field_kind is Path:
        return None if value is None or str(value) in ("", ".") else value
    if isinstance(editor, LineEdit):
        kind: Any = editor.field_kind
        origin: Any = get_origin(kind) or kind
        if origin in (list, tuple):
            item = (get_args(editor.field_kind) or (str,))[0]
            parts = [part.strip() for part in value.split(",") if part.strip()]
            if item in (int, float):
                # A part that is no number is left for the model to refuse by name.
                parts = [_number(part) for part in parts]
            return origin(parts)
        if origin is dict:
            return _table(value)
        if editor.field_optional and not value.strip():
            return None
    return value


def _set_value(editor: Any, value: Any) -> None:
    editor.value = _text(value) if isinstance(editor, LineEdit) else value


def _table(text: str) -> Any:
    """Read a table as it stands in a settings file; anything else is left for the model to name."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


def _number(part: str) -> float | str:
    try:
        return float(part)
    except ValueError:
        return part


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(str(part) for part in value)
    if isinstance(value, dict):
        return json.dumps(value) if value else ""
    return str(value)
