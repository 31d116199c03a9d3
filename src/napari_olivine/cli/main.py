"""The command line: every step by its name, with its settings as options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_olivine.cli.options import add_options, memory, read_settings
from napari_olivine.cli.reporting import JsonLines, Stopwatch, Terminal, stop_on_request
from napari_olivine.cli.wording import Wording
from napari_olivine.errors import Cancelled, OlivineError
from napari_olivine.job import Event, Job
from napari_olivine.registry import FAMILIES, STEPS, Argument, Step

EXIT_ERROR, EXIT_CANCELLED = 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments
        Words after the program's name; those of this process if not given.

    Returns
    -------
    int
        Exit code: 0 done, 1 error, 2 wrong usage, 130 stopped on request.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    parsed = _parser(words).parse_args(words)
    job = Job(
        memory_bytes=parsed.memory, seed=parsed.seed, device=parsed.device, force=parsed.force
    )
    listener = JsonLines() if parsed.json_events else Terminal()
    wording = Wording(STEPS[parsed.command], getattr(parsed, "section", None))
    job.listen = lambda event: listener(wording.of_event(event))
    stop_on_request(job, listen_to_input=parsed.json_events)
    ending = _run(parsed, job)
    job.listen(ending)
    listener.close()
    return _exit_code(wording.of_event(ending))


def _run(parsed: argparse.Namespace, job: Job) -> Event:
    """Do the command; return the event that tells how it ended."""
    watch = Stopwatch()
    try:
        products = _do(parsed, job)
        return {"event": "finished", "step": parsed.command, "products": products} | watch.figures()
    except (Cancelled, KeyboardInterrupt):
        return {"event": "cancelled", "step": parsed.command}
    except OlivineError as error:
        kind, known = type(error).__name__, error
    except MemoryError:
        kind = "MemoryError"
        known = OlivineError(
            "The memory is not enough.",
            remedy="Give a smaller {setting:memory}, so that smaller parts are used.",
            setting="memory",
        )
    except OSError as error:
        kind = "OSError"
        text = f"{error.strerror or error}: {error.filename or ''}".strip(": ")
        known = OlivineError(text, file=error.filename or "")
    except Exception as error:  # noqa: BLE001 - the last place that can tell the person
        import traceback

        kind, known = "InternalError", OlivineError(f"{type(error).__name__}: {error}")
        traceback.print_exc()
    event = {"event": "error", "step": parsed.command, "kind": kind, "message": str(known)}
    return event | known.as_event()


def _exit_code(ending: Event) -> int:
    """Say how the command ended where it did not end well, for a person too."""
    if ending["event"] == "finished":
        return 0
    if ending["event"] == "cancelled":
        print("Stopped; run the same command again to go on.", file=sys.stderr)
        return EXIT_CANCELLED
    print(f"Error: {ending['message']}", file=sys.stderr)
    return EXIT_ERROR


def _do(parsed: argparse.Namespace, job: Job) -> list[str]:
    """Do the command; return the names of the products that it made."""
    step = STEPS[parsed.command]
    settings: Any = read_settings(parsed, step)
    arguments = [_value(parsed, one) for one in step.own_arguments]
    return _names(step.command(*arguments, settings, job))


def _value(parsed: argparse.Namespace, argument: Argument) -> Any:
    from napari_olivine.section import Section

    value = getattr(parsed, argument.name)
    return Section(value) if argument.opened else value


def _names(made: Any) -> list[str]:
    """Names of the products of a section, of one product, or of a folder that a step made."""
    from napari_olivine.section import Product, Section

    if isinstance(made, Section):
        return [product.name for product in made.products()]
    if isinstance(made, Product):
        return [made.name]
    return [str(made)] if isinstance(made, Path) else []


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Make the parser; only the command that is asked for gets its options (imports are slow)."""
    parser = argparse.ArgumentParser(
        prog="napari-olivine",
        description="From BSE mosaics, X-ray maps and microprobe traverses to zoned olivines.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asked = [word for word in words if not word.startswith("-")]
    families: dict[str, Any] = {}
    for step in STEPS.values():
        *family, name = step.name.split(" ")
        for one in set(family) - set(families):
            families[one] = _add_family(commands, one)
        place = families[family[0]] if family else commands
        command = place.add_parser(name, help=step.title, description=step.title)
        command.set_defaults(command=step.name)
        if asked[: len(family) + 1] == [*family, name]:
            _add_arguments(command, step)
            _add_common(command)
            add_options(command, step)
    return parser


def _add_family(commands: Any, name: str) -> Any:
    """Add the first word of commands of two; return what the second ones are added to."""
    title = FAMILIES[name]
    parser = commands.add_parser(name, help=title, description=title)
    return parser.add_subparsers(dest="command", required=True, metavar="COMMAND")


def _add_arguments(parser: argparse.ArgumentParser, step: Step) -> None:
    for argument in step.arguments:
        how: dict[str, Any] = {"type": Path, "metavar": argument.metavar, "help": argument.help}
        if argument.setting:
            parser.add_argument(argument.name, nargs="*", **how)
        elif argument.option:
            parser.add_argument(f"--{argument.name}", required=argument.required, **how)
        else:
            parser.add_argument(argument.name, nargs=None if argument.required else "?", **how)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--memory", type=memory, default="4GB", help="memory for data (default: 4GB)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of everything random (default: 0)"
    )
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda or mps, for networks (default: auto)"
    )
    parser.add_argument(
        "--force", action="store_true", help="repeat the step even if it is up to date"
    )
    parser.add_argument(
        "--json-events",
        action="store_true",
        help="report as JSON lines; 'cancel' on the standard input stops",
    )


class _Version(argparse.Action):
    """Looks the version up only when it is asked for, which takes a while."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from napari_olivine import __version__

        print(__version__)
        parser.exit()
