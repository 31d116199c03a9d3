"""Errors and messages in the words of the window: a setting is a field, a step is a button."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape

from napari_olivine.errors import OlivineError, fill
from napari_olivine.registry import STEPS

LINK = "#7ab8ff"
"""Colour of a link on napari's dark ground."""

Problem = OlivineError | str
"""What went wrong, with the placeholders of `errors.fill`."""

MICROMETRES = re.compile(r"(\d ?|\bper |\bin )um(2|)\b")
"""A micrometre as the command line writes it, behind a number."""
SQUARE = {"2": "²"}

COMMON = {
    "memory": "Memory",
    "force": "Repeat even if up to date",
    "seed": "Seed",
    "device": "Device",
}
"""Settings of every step, and what they are called in the docks."""

PLACES = {"columns.toml": "under “Columns of EPMA tables...”"}
"""Files that are written by hand, and where the window writes them."""


def title_of_setting(setting: str, step: str = "") -> str:
    """Title of the field of a setting.

    Parameters
    ----------
    setting
        Name of the setting, or ``"STEP.NAME"`` for one of another step.
    step
        Step that the setting belongs to where its name does not say so.
    """
    step, name = _place(setting, step)
    fields = STEPS[step].settings.model_fields if step in STEPS else {}
    return (fields[name].title if name in fields else COMMON.get(name)) or name


def in_words(problem: Problem, step: str = "", places: Mapping[str, str] = PLACES) -> str:
    """Put a problem into the words of the window.

    Parameters
    ----------
    problem
        Error or message.
    step
        The step that it comes from, whose settings it names.
    places
        Where the window writes a file that could also be written by hand.

    Returns
    -------
    str
        Plain text, e.g. ``"Give “Pixel size”."``.
    """
    return fill(
        _template(problem),
        lambda setting: f"“{title_of_setting(setting, step)}”",
        lambda name: _step(name, lambda title: f"“{title}”"),
        lambda file: places.get(file, f"in {file}"),
    )


def with_links(problem: Problem, step: str = "", colour: str = LINK) -> str:
    """Put a problem into the words of the window, with links to the fields and buttons it names.

    Parameters
    ----------
    problem
        Error or message.
    step
        The step that it comes from, whose settings it names.
    colour
        Colour of the connections.

    Returns
    -------
    str
        Rich text whose links are ``setting:STEP.NAME`` and ``step:NAME``.
    """

    def link(target: str, title: str) -> str:
        return f"<a style='color:{colour}' href='{target}'>“{escape(title)}”</a>"

    def setting_link(setting: str) -> str:
        place = ".".join(_place(setting, step))
        return link(f"setting:{place}", title_of_setting(setting, step))

    def step_link(name: str) -> str:
        return _step(name, lambda title: link(f"step:{name}", title))

    text = escape(_template(problem), quote=False)
    text = fill(text, setting_link, step_link, lambda file: PLACES.get(file, f"in {file}"))
    return text.replace("\n", "<br>")


def _template(problem: Problem) -> str:
    text = problem if isinstance(problem, str) else problem.template
    return MICROMETRES.sub(lambda found: f"{found[1]}µm{SQUARE.get(found[2], '')}", text)


def _place(setting: str, step: str) -> tuple[str, str]:
    """Split a setting into its step and its name."""
    owner, _, name = setting.rpartition(".")
    return owner or step, name


def _step(name: str, mark: Callable[[str], str]) -> str:
    """Name a step by its button or its dock; only what no dock can do by its command.

    Parameters
    ----------
    name
        Name of the step.
    mark
        Marks the title that leads there.
    """
    step = STEPS.get(name)
    if step is None or not step.dock:
        return f"'napari-olivine {name}' at the command line"
    return f"{mark(step.verb)} in the dock {step.dock}" if step.verb else f"the dock {step.dock}"
