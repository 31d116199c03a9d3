"""The names of the command line: a setting is an option, a step is a command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import get_origin

from napari_olivine.errors import fill, with_remedy
from napari_olivine.job import Event
from napari_olivine.registry import STEPS, Step, chain

COMMON = ("memory", "seed", "device", "force")
"""Options that every command has."""


@dataclass(frozen=True)
class Wording:
    """Puts the names of the command line into the templates of one command.

    Parameters
    ----------
    step
        The running step.
    section
        Its section, to be named in commands; `None` writes ``SECTION``.
    """

    step: Step
    section: Path | None = None

    def of(self, template: str) -> str:
        """Fill a template: ``{setting:batch}`` is ``--batch``."""
        return fill(template, self._option, self._command)

    def of_event(self, event: Event) -> Event:
        """Fill the templates of an event (`Job.say`, `Job.warn`, errors, findings)."""
        if "text" not in event:
            return event
        text, remedy = str(event["text"]), str(event.get("remedy", ""))
        if event["event"] == "finding":
            return event | {"what": self.of(text), "advice": self.of(remedy)}
        return event | {"message": self.of(with_remedy(text, remedy))}

    def _option(self, name: str) -> str:
        step, _, setting = name.rpartition(".")
        owner = STEPS.get(step, self.step)
        options = {one.name for one in owner.arguments if one.option}
        if setting not in options.union(COMMON, owner.settings.model_fields):
            return f"the setting {setting!r}"
        inside = setting not in COMMON and owner in steps_inside(self.step)
        return flag_of(f"{owner.name}.{setting}" if inside else setting)

    def _command(self, name: str) -> str:
        words = ["napari-olivine", name]
        for argument in STEPS[name].arguments if name in STEPS else ():
            if argument.required and not argument.option:
                path = self.section if argument.name == "section" else None
                words.append(argument.metavar if path is None else _quoted(str(path)))
        return f"'{' '.join(words)}'"


def steps_inside(step: Step) -> list[Step]:
    """Return the steps whose settings a command takes beside its own; most have none."""
    steps = step.settings.model_fields.get("steps")
    return chain() if steps is not None and get_origin(steps.annotation) is dict else []


def flag_of(name: str) -> str:
    """Option of a setting; a name that Python keeps for itself has a line below at its end."""
    return "--" + name.rstrip("_").replace("_", "-")


def _quoted(path: str) -> str:
    return f'"{path}"' if " " in path else path
