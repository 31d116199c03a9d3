"""Settings of a step: written down once, read by Python, command line and docks."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_olivine.errors import InputError


class Settings(BaseModel):
    """Base of every step's settings: immutable, documented, bounded.

    Each field is declared with :func:`setting`, so that its title, unit and bounds appear
    in the docs, in ``--help`` and as a form in napari without being written again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise InputError(_in_words(type(self).__name__, error)) from error


def setting(default: Any, title: str, description: str, *, unit: str = "", **bounds: Any) -> Any:
    """Declare one field of a settings model.

    Parameters
    ----------
    default
        Value when the person says nothing.
    title
        Short name, as on a form.
    description
        What it does and where its default comes from.
    unit
        Physical unit, empty for plain numbers.
    **bounds
        Bounds as pydantic names them (``ge``, ``gt``, ``le``, ``lt``, ...).
    """
    return Field(
        default, title=title, description=description, json_schema_extra={"unit": unit}, **bounds
    )


def _in_words(model: str, error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"]) or model
        lines.append(f"{name}: {problem['msg']} (given: {problem.get('input')!r})")
    return "These settings cannot be used:\n  " + "\n  ".join(lines)
