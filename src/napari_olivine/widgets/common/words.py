"""Messages of the command line in the words of the window."""

from __future__ import annotations

import re

from napari_olivine.registry import STEPS
from napari_olivine.settings import Settings
from napari_olivine.widgets.state import VERBS, dock_of

COMMON = {"memory": "Memory", "force": "Repeat even if up to date", "repair": "Repair"}
"""Options that stand outside the settings of a step, and what they are called in the docks."""

PLACES = {"in columns.toml beside the table": "under “Columns of EPMA tables...”"}
"""What is written into a file by hand, and where the window has it."""

_COMMAND = re.compile(r"run '(?:napari-olivine )(\w+)[^']*'")
_OPTION = re.compile(r"--([a-z][a-z-]*[a-z])")


def in_window(text: str, model: type[Settings] | None = None) -> str:
    """Name settings and buttons where a message names options and commands.

    Parameters
    ----------
    text
        A message, e.g. ``"give --pixel-size-um"``.
    model
        Settings that the options belong to, as far as the window shows them.

    Returns
    -------
    str
        The message with the titles of the settings, e.g. ``"give “Pixel size”"``.
    """

    def button(found: re.Match[str]) -> str:
        step = found[1]
        if step not in STEPS:
            return found[0]
        return f"click “{VERBS.get(step, step)}” in the dock {dock_of(step)}"

    def title(found: re.Match[str]) -> str:
        name = found[1].replace("-", "_")
        if model is not None and name in model.model_fields:
            return f"“{model.model_fields[name].title or name}”"
        return f"“{COMMON[name]}”" if name in COMMON else found[0]

    for written, shown in PLACES.items():
        text = text.replace(written, shown)
    return _OPTION.sub(title, _COMMAND.sub(button, text))
