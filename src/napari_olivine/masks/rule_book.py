"""Rule books: the minerals of a section, each with its rule, read from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from napari_olivine.errors import InputError
from napari_olivine.masks.named_rules import rule_for
from napari_olivine.masks.rules import COUNTS, Rule
from napari_olivine.section import fingerprint_of_bytes

STANDARD, NONE = "standard", "none"
"""The book that is shipped, and the word for no book at all."""

MOST_PHASES = 200
"""Codes are bytes, and some of them are kept for what has no label."""

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class PhaseEntry(BaseModel):
    """One mineral of a rule book."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: Annotated[_Text, StringConstraints(max_length=40)]
    colour: Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")] = "#9c9c9c"
    """For maps and legends, ``#rrggbb``."""
    counts: _Text | None = None
    """Conditions on counts."""
    weight: _Text | None = Field(None, alias="wt%")
    """Conditions on wt%."""

    @model_validator(mode="after")
    def _has_a_rule(self) -> PhaseEntry:
        if self.counts is None and self.weight is None:
            raise ValueError("has neither 'counts' nor 'wt%'")
        return self

    def rule(self, units: Mapping[str, str]) -> Rule | None:
        """Return the rule for the maps of a section, `None` if it has not all that it needs.

        Parameters
        ----------
        units
            Unit of each map of the section, by its signal.

        Raises
        ------
        InputError
            If the rule cannot be read.
        """
        in_counts = set(units.values()) <= {COUNTS}
        for text, fits in ((self.counts, in_counts), (self.weight, not in_counts)):
            if text is not None and fits:
                rule = rule_for(text, units)
                return rule if set(rule.signals) <= set(units) else None
        return None


class RuleBook(BaseModel):
    """Minerals by the order in which they claim pixels."""

    model_config = ConfigDict(extra="forbid")

    name: _Text
    source: str = ""
    """Where the limits are from."""
    phases: list[PhaseEntry] = Field(min_length=1, max_length=MOST_PHASES)

    @property
    def fingerprint(self) -> str:
        """Tells one content of a book from another."""
        return fingerprint_of_bytes(self.model_dump_json().encode())

    @model_validator(mode="after")
    def _names_differ(self) -> RuleBook:
        names = [entry.name for entry in self.phases]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"has {', '.join(twice)} twice")
        return self


def read_rule_book(name: str) -> RuleBook:
    """Read a rule book.

    Parameters
    ----------
    name
        ``"standard"``, or a YAML file.

    Returns
    -------
    RuleBook
        The book; every rule in it can be read.

    Raises
    ------
    InputError
        If there is no such file, it is no rule book, or a rule in it cannot be read; names the
        file and the phase.
    """
    if name == STANDARD:
        return _parsed(files(__package__).joinpath("rule_books/standard.yaml").read_text(), name)
    file = Path(name)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The rule book {name} cannot be read ({error}).",
            remedy=f"Give {{setting:book}} as {STANDARD}, {NONE} or a YAML file.",
            file=file,
            setting="book",
        ) from error
    return _parsed(text, name)


def _parsed(text: str, name: str) -> RuleBook:
    try:
        book = RuleBook.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise InputError(
            f"{name} is no rule book: {_first(error)}.",
            remedy="It needs a name, and phases, each with a name and its conditions as 'counts' "
            "or 'wt%'.",
            file=name,
            setting="book",
        ) from error
    for entry in book.phases:
        for conditions in (entry.counts, entry.weight):
            if conditions is not None:
                try:
                    rule_for(conditions, {})
                except InputError as error:
                    raise InputError(
                        f"{name}, phase {entry.name}: {error.text}",
                        remedy="Change this rule in the file.",
                        file=name,
                        setting="book",
                    ) from error
    return book


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place}: {first['msg']}" if place else str(first["msg"])
    return " ".join(str(error).split())
