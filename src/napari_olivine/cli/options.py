"""Command-line options made from a settings model, so that a setting is written down once."""

from __future__ import annotations

import argparse
import json
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from napari_olivine.cli.wording import Wording, flag_of, steps_inside
from napari_olivine.errors import InputError
from napari_olivine.registry import Step

if TYPE_CHECKING:
    from napari_olivine.settings import Settings

SHARED = "seed"
"""A setting of this name takes the option that all commands share."""

SINGLE_STEPS = (
    "Any setting of any step, as --STEP.SETTING, wins over the short form above: "
    "--import.pixel-size-um 0.5, --mask.smoothing-px 0.7, --train.patience 5, ... "
    "'napari-olivine STEP --help' lists the settings of a step."
)


def add_options(parser: argparse.ArgumentParser, step: Step) -> None:
    """Add one option for every setting of a step, and ``--settings FILE``.

    Parameters
    ----------
    parser
        Parser of the command.
    step
        The step; one without settings gets no options.
    """
    fields = step.settings.model_fields
    if not fields:
        return
    group = parser.add_argument_group("settings")
    group.add_argument(
        "--settings",
        type=Path,
        metavar="FILE",
        help="JSON file with any of the settings below; options on the command line win",
    )
    _add_fields(group, step)
    if inside := steps_inside(step):
        more = parser.add_argument_group("settings of single steps", SINGLE_STEPS)
        for one in inside:
            _add_fields(more, one, f"{one.name}.")


def _add_fields(group: argparse._ArgumentGroup, step: Step, prefix: str = "") -> None:
    """Add the options of one step; those with a prefix are too many to be listed."""
    wording = Wording(step)
    for name, field in step.settings.model_fields.items():
        kind, optional = _without_none(field.annotation)
        if name == SHARED or (name == "steps" and steps_inside(step)):
            continue
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        unit = f" [{extra['unit']}]" if extra.get("unit") else ""
        default = "auto" if field.default is None else field.default
        description = wording.of(field.description or "")
        text = f"{description}{unit} (default: {default})".replace("%", "%%")
        flag = flag_of(prefix + name)
        arguments: dict[str, Any] = {
            "dest": f"setting_{prefix}{name}",
            "default": None,
            "help": argparse.SUPPRESS if prefix else text,
        }
        if kind is bool:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, **arguments)
        elif get_origin(kind) is Literal:
            choices = [str(choice) for choice in get_args(kind)] + (["auto"] if optional else [])
            group.add_argument(flag, choices=choices, **arguments)
        elif get_origin(kind) in (list, tuple):
            # Several after one option, or the option several times.
            group.add_argument(flag, nargs="*", action="extend", metavar="VALUE", **arguments)
        else:
            metavar = "JSON" if get_origin(kind) is dict else getattr(kind, "__name__", "value")
            group.add_argument(flag, metavar=metavar.upper(), **arguments)


def read_settings(arguments: argparse.Namespace, step: Step) -> Settings:
    """Make the settings of a command from its settings file and options.

    Raises
    ------
    InputError
        If the file cannot be read or a value is out of its bounds.
    """
    values = _read_file(getattr(arguments, "settings", None))
    if SHARED in step.settings.model_fields:
        values.setdefault(SHARED, arguments.seed)
    values |= _given(arguments, step)
    for argument in step.arguments:
        if argument.setting and (given := getattr(arguments, argument.name)):
            before = values.get(argument.setting, ())
            values[argument.setting] = [*map(str, given), *before]
    settings = step.settings(**values)
    inside = {one.name: _given(arguments, one, f"{one.name}.") for one in steps_inside(step)}
    if not any(inside.values()):
        return settings
    kept = settings.model_dump(exclude_unset=True)
    before = kept.get("steps", {})
    steps = {name: before.get(name, {}) | inside.get(name, {}) for name in {**before, **inside}}
    return step.settings(**(kept | {"steps": steps}))


def _read_file(file: Path | None) -> dict[str, Any]:
    """Read a settings file, if there is one."""
    if file is None:
        return {}
    try:
        values = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise InputError(
            f"The settings file {file} cannot be read: {error}",
            remedy="Write it as one JSON object.",
            file=file,
            expected="one JSON object",
        ) from error
    if not isinstance(values, dict):
        raise InputError(
            f"The settings file {file} must hold one JSON object.",
            file=file,
            expected="one JSON object",
        )
    return values


def _given(arguments: argparse.Namespace, step: Step, prefix: str = "") -> dict[str, Any]:
    """Return the settings of a step that have an option on the command line."""
    values: dict[str, Any] = {}
    for name, field in step.settings.model_fields.items():
        value = getattr(arguments, f"setting_{prefix}{name}", None)
        if value is None:
            continue
        kind, optional = _without_none(field.annotation)
        if optional and value == "auto":
            value = None
        elif get_origin(kind) is dict:
            value = _read_json(value, prefix + name)
        values[name] = value
    return values


def _read_json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(
            f"{{setting:{name}}} must be JSON: {error}", setting=name, expected="JSON"
        ) from error


def memory(text: str) -> int:
    """Read an amount of memory such as ``4GB`` or ``500 MB``, in bytes."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
    number = text.strip().upper().removesuffix("B").removesuffix("I").strip()
    factor = units.get(number[-1:], 1)
    try:
        amount = int(float(number.rstrip("KMGT")) * factor)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of memory such as 4GB") from None
    if amount < 256 << 20:
        raise argparse.ArgumentTypeError("at least 256MB are needed")
    return amount


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """Split ``X | None`` into X and whether None is allowed."""
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return kinds[0], len(kinds) < len(get_args(annotation))
    return annotation, False
