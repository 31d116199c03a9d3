"""What can go wrong: errors carry facts, and each door (command line, dock) puts them into words.

A text names a setting of the running step as ``{setting:NAME}``, one of another step as
``{setting:STEP.NAME}``, and a step as ``{step:NAME}``, never as an option or a button: the command
line writes ``--name`` and ``napari-olivine NAME``, a dock the titles that the person sees. A file
that is written by hand, and that a dock writes too, is ``{place:NAME}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

_PLACEHOLDER = re.compile(r"\{(setting|step|place):([a-z_0-9. -]+)\}")

_OWN_SETTING = re.compile(r"\{setting:([a-z_0-9]+)\}")


@dataclass(frozen=True)
class Choice:
    """One of the values among which only a person can decide.

    Parameters
    ----------
    value
        The value, as the setting takes it.
    words
        What speaks for it and what follows from it.
    """

    value: str
    words: str


@dataclass(frozen=True)
class Facts:
    """What a program can know of a message without reading its words; empty where unknown.

    Parameters
    ----------
    setting
        Setting of the running step to change; ``STEP.NAME`` for one of a step of a longer run.
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
    position
        Character of the text of `setting` at which it cannot be read, counted from 0.
    choices
        Values of `setting` among which only a person can decide.
    """

    setting: str = ""
    step: str = ""
    file: str = ""
    sheet: str = ""
    row: int | None = None
    tile: str = ""
    expected: str = ""
    position: int | None = None
    choices: tuple[Choice, ...] = ()

    def known(self) -> dict[str, Any]:
        """Return the facts that are known, as an event names them.

        The step to run first is ``run_step`` there, because ``step`` is the running one.
        """
        known = {name: value for name, value in vars(self).items() if value not in ("", None, ())}
        if self.choices:
            known["choices"] = [asdict(choice) for choice in self.choices]
        return {"run_step" if name == "step" else name: value for name, value in known.items()}


class OlivineError(Exception):
    """Base of every error that a person can mend.

    Parameters
    ----------
    text
        What is wrong, in the user's words.
    remedy
        What to do, a sentence of its own. If there is none and the text names neither the
        `setting` nor the `step` that is given, it says to change or run that one.
    setting, step, file, sheet, row, tile, expected, position, choices
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
        position: int | None = None,
        choices: Sequence[Choice] = (),
    ) -> None:
        self.text = text
        self.remedy = remedy or _default_remedy(text, setting, step)
        self.facts = Facts(
            setting, step, str(file), sheet, row, tile, expected, position, tuple(choices)
        )
        super().__init__(fill(self.template))

    @property
    def template(self) -> str:
        """Text and remedy with their placeholders, for a door to `fill`."""
        return with_remedy(self.text, self.remedy)

    def as_event(self) -> dict[str, Any]:
        """Return text, remedy and the known facts as plain values."""
        return {"text": self.text, "remedy": self.remedy} | self.facts.known()

    @classmethod
    def of_event(cls, event: Mapping[str, Any]) -> OlivineError:
        """Rebuild an error from its event."""
        text = str(event.get("text") or event.get("message", ""))
        facts = {f.name: event[f.name] for f in fields(Facts) if f.name in event}
        facts["step"] = event.get("run_step", "")
        facts["choices"] = tuple(Choice(**choice) for choice in event.get("choices", ()))
        return _rebuild(cls, text, str(event.get("remedy", "")), Facts(**facts))

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


@contextmanager
def settings_of(step: str) -> Iterator[None]:
    """Say which step the settings belong to that an error raised inside names.

    Parameters
    ----------
    step
        Step of a longer run, e.g. ``"mask"``.
    """
    try:
        yield
    except OlivineError as error:
        error.text, error.remedy = with_step(error.text, step), with_step(error.remedy, step)
        if (name := error.facts.setting) and "." not in name:
            error.facts = replace(error.facts, setting=f"{step}.{name}")
        error.args = (fill(error.template),)
        raise


def with_step(template: str, step: str) -> str:
    """Name the step of a text's settings: ``{setting:limits}`` is ``{setting:mask.limits}``."""
    return _OWN_SETTING.sub(rf"{{setting:{step}.\1}}", template)


def with_remedy(text: str, remedy: str) -> str:
    """Put a remedy behind a text, as sentences of one line."""
    stop = "" if not text or not remedy or text[-1] in ".:!?" else "."
    return f"{text}{stop} {remedy}".strip()


def fill(
    template: str,
    setting: Callable[[str], str] = "the setting {!r}".format,
    step: Callable[[str], str] = "the step {!r}".format,
    place: Callable[[str], str] = "in {} beside the table".format,
) -> str:
    """Put names of settings, steps and places into the placeholders of a text.

    Parameters
    ----------
    template
        Text with placeholders such as ``{setting:threshold}`` and ``{step:mask}``.
    setting, step, place
        Give the words by which a door calls a setting, a step or a place to write at.

    Returns
    -------
    str
        The text as a person reads it at that door.
    """
    names = {"setting": setting, "step": step, "place": place}
    return _PLACEHOLDER.sub(lambda found: names[found[1]](found[2]), template)


def first_line(error: BaseException) -> str:
    """Shorten what a library says when it fails to one line."""
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__


def _default_remedy(text: str, setting: str, step: str) -> str:
    if step and f"{{step:{step}}}" not in text:
        return f"Run {{step:{step}}} first."
    if setting and f"{{setting:{setting}}}" not in text:
        return f"Change {{setting:{setting}}}."
    return ""


def _rebuild(kind: type[OlivineError], text: str, remedy: str, facts: Facts) -> OlivineError:
    error = kind(text, remedy=remedy)
    error.facts = facts
    return error
