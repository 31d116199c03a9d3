"""What can go wrong: errors carry facts, and each door (command line, dock) puts them into words.

A text names a setting as ``{setting:NAME}`` and a step as ``{step:NAME}``, never as an option or
a button: the command line writes ``--name`` and ``napari-olivine NAME``, a dock the titles that the
person sees.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

_PLACEHOLDER = re.compile(r"\{(setting|step):([a-z_0-9]+)\}")


@dataclass(frozen=True)
class Facts:
    """What a program can know of a message without reading its words; empty where unknown.

    Parameters
    ----------
    setting
        Setting of the running step to change.
    step
        Step to run first.
    file
        File that the message is about.
    sheet
        Sheet of that file.
    row
        Row of that file or sheet, counted from 1 as a spreadsheet does.
    tile
        Name of the tile.
    expected
        What was expected instead.
    """

    setting: str = ""
    step: str = ""
    file: str = ""
    sheet: str = ""
    row: int | None = None
    tile: str = ""
    expected: str = ""

    def known(self) -> dict[str, Any]:
        """Return the facts that are known, by name."""
        return {name: value for name, value in vars(self).items() if value not in ("", None)}


class OlivineError(Exception):
    """Base of every error that a person can mend.

    Parameters
    ----------
    text
        What is wrong, in the user's words.
    remedy
        What to do, a sentence of its own. If empty and a `setting` or `step` is given, a door
        says "give that setting" or "run that step".
    setting, step, file, sheet, row, tile, expected
        See `Facts`.
    """

    def __init__(
        self,
        text: str = "",
        *,
        remedy: str = "",
        setting: str = "",
        step: str = "",
        file: Path | str = "",
        sheet: str = "",
        row: int | None = None,
        tile: str = "",
        expected: str = "",
    ) -> None:
        self.text = text
        self.remedy = remedy or default_remedy(setting, step)
        self.facts = Facts(setting, step, str(file), sheet, row, tile, expected)
        super().__init__(fill(self.template))

    @property
    def template(self) -> str:
        """Text and remedy with their placeholders, for a door to `fill`."""
        return f"{self.text} {self.remedy}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the facts when the error comes from another process."""
        return _rebuild, (type(self), self.text, self.remedy, self.facts)


class InputError(OlivineError):
    """A file, table or setting that was handed in cannot be used as it is."""


class SectionError(OlivineError):
    """The section on disk is missing something, is in use, or is of another version."""


class EditError(OlivineError):
    """A person's edit that cannot be carried out; nothing has changed."""


class Cancelled(Exception):
    """The person asked to stop; what was finished stays."""


@contextmanager
def about(file: Path | str = "", sheet: str = "") -> Iterator[None]:
    """Add the file and the sheet to an error that is raised inside and does not name its own.

    Parameters
    ----------
    file, sheet
        See `Facts`.
    """
    try:
        yield
    except OlivineError as error:
        known = error.facts
        error.facts = replace(known, file=known.file or str(file), sheet=known.sheet or sheet)
        raise


def default_remedy(setting: str, step: str) -> str:
    """Say what to do about a setting or a step, where nothing more is known."""
    if step:
        return f"Run {{step:{step}}} first."
    return f"Change {{setting:{setting}}}." if setting else ""


def fill(
    template: str,
    setting: Callable[[str], str] = "the setting {!r}".format,
    step: Callable[[str], str] = "the step {!r}".format,
) -> str:
    """Put names of settings and steps into the placeholders of a text.

    Parameters
    ----------
    template
        Text with placeholders such as ``{setting:threshold}`` and ``{step:mask}``.
    setting, step
        What a door calls a setting and a step of that name.
    """
    names = {"setting": setting, "step": step}
    return _PLACEHOLDER.sub(lambda found: names[found[1]](found[2]), template)


def first_line(error: BaseException) -> str:
    """Shorten what a library says when it fails to one line."""
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__


def _rebuild(kind: type[OlivineError], text: str, remedy: str, facts: Facts) -> OlivineError:
    error = kind(text, remedy=remedy)
    error.facts = facts
    return error
