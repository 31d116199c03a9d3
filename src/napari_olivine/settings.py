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
            raise _as_input_error(type(self), error) from error


def setting(default: Any, title: str, description: str, *, unit: str = "", **bounds: Any) -> Any:
    """Declare one field of a settings model.

    Parameters
    ----------
    default
        Value when the person says nothing.
    title
        Short name, as on a form.
    description
        What it does and where its default comes from. It names other settings and steps by the
        placeholders of `errors.fill`.
    unit
        Physical unit, empty for plain numbers.
    **bounds
        Bounds as pydantic names them (``ge``, ``gt``, ``le``, ``lt``, ...).

    Returns
    -------
    Any
        The field, as pydantic declares it.
    """
    return Field(
        default, title=title, description=description, json_schema_extra={"unit": unit}, **bounds
    )


def _as_input_error(model: type[Settings], error: ValidationError) -> InputError:
    """Name each setting that cannot be used; the first is the one that a door leads to."""
    lines, first = [], ""
    for problem in error.errors():
        name, *inside = (str(part) for part in problem["loc"] or ("",))
        why = problem["msg"].removeprefix("Value error, ")  # of a validator of ours
        if name not in model.model_fields:  # or they do not go together, which has no name
            lines.append(f"there is no setting {name!r}" if name else why)
            continue
        first = first or name
        place = "".join(f", {part}" for part in inside)
        lines.append(f"{{setting:{name}}}{place}: {why} (given: {problem['input']!r})")
    return InputError("These settings cannot be used:\n  " + "\n  ".join(lines), setting=first)
