"""The command line: every step by its name, with its settings as options."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from napari_olivine.cli.options import add_options, memory, read_settings
from napari_olivine.cli.reporting import JsonLines, Stopwatch, Terminal, stop_on_request
from napari_olivine.errors import Cancelled, InputError, OlivineError, SectionError
from napari_olivine.job import Job
from napari_olivine.registry import STEPS, Step

EXIT_ERROR, EXIT_USAGE, EXIT_CANCELLED = 1, 2, 130


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
    job.listen = listener
    stop_on_request(job, listen_to_input=parsed.json_events)
    code = _run(parsed, job)
    if isinstance(listener, Terminal):
        listener.close()
    return code


def _run(parsed: argparse.Namespace, job: Job) -> int:
    watch = Stopwatch()
    kind, message = "", ""
    try:
        products = _do(parsed, job)
        job.listen(
            {"event": "finished", "step": parsed.command, "products": products} | watch.figures()
        )
        return 0
    except (Cancelled, KeyboardInterrupt):
        job.listen({"event": "cancelled", "step": parsed.command})
        print("Stopped; run the same command again to go on.", file=sys.stderr)
        return EXIT_CANCELLED
    except OlivineError as error:
        kind, message = type(error).__name__, str(error)
    except MemoryError:
        kind = "MemoryError"
        message = (
            "The memory is not enough; give a smaller --memory, so that smaller parts are used."
        )
    except OSError as error:
        kind, message = "OSError", f"{error.strerror or error}: {error.filename or ''}".strip(": ")
    except Exception as error:  # noqa: BLE001 - the last place that can tell the person
        kind, message = "InternalError", f"{type(error).__name__}: {error}"
        traceback.print_exc()
    job.listen({"event": "error", "step": parsed.command, "kind": kind, "message": message})
    if isinstance(job.listen, Terminal):
        job.listen.close()
    print(f"Error: {message}", file=sys.stderr)
    return EXIT_ERROR


def _do(parsed: argparse.Namespace, job: Job) -> list[str]:
    """Do the command; return the names of what it made."""
    from napari_olivine.section import Section

    name = parsed.command
    if name == "view":
        return _view(parsed.section)
    if name == "status":
        _status(Section(parsed.section))
        return []
    step = STEPS[name]
    settings: Any = read_settings(parsed, step.settings)
    if name in ("import", "run"):
        section = step.function(parsed.source, parsed.section, settings, job)
        return [product.name for product in section.products()]
    if name == "phantom":
        return [str(step.function(parsed.folder, settings, job))]
    if name == "demo":
        path = step.function(parsed.folder, settings, job)
        _open_window(path, wanted=settings.view, job=job)
        return [str(path)]
    section = Section(parsed.section)
    if name == "export":
        return [str(step.function(section, parsed.folder, settings, job))]
    if name == "check":
        _check(step, section, settings, job)
        return []
    if name == "score":
        return _score(step, section, parsed, settings, job)
    product = step.function(section, settings, job)
    return [product.name]


def _check(step: Step, section: Any, settings: Any, job: Job) -> None:
    report = step.function(section, settings, job)
    if count := len(report.left):
        things = "one thing is" if count == 1 else f"{count} things are"
        raise SectionError(f"{things} left to mend in {section.path}; see above.")


def _score(
    step: Step, section: Any, parsed: argparse.Namespace, settings: Any, job: Job
) -> list[str]:
    from napari_olivine.scoring import scores_table

    scores = step.function(section, parsed.truth, settings, job)
    if parsed.json is not None:
        parsed.json.write_text(scores.model_dump_json(indent=1) + "\n")
    job.say(scores_table(scores))
    return []


def _status(section: Any) -> None:
    record = section.record
    rows, columns = record.shape
    print(f"{record.name}: {rows} x {columns} px of {record.pixel_size_um:g} um")
    print(f"signals: {', '.join(record.signals)}")
    for session in section.sessions():
        print(f"session {session.session}: {session.role}")
    for product in section.products():
        print(f"{product.name:24s} {section.state(product.name):8s} {product.created}")


def _view(section: Path) -> list[str]:
    if find_spec("napari") is None or not _has_qt():
        raise InputError("Viewing needs napari with Qt: pip install 'napari-olivine[all]'.")
    from napari_olivine.widgets import view

    view(section)
    return []


def _open_window(section: Path, *, wanted: bool, job: Job) -> None:
    command = f"napari-olivine view {section}"
    if not wanted or not _has_screen() or not _has_qt():
        job.say(f"Look at it with: {command}")
        return
    # A process of its own: the one that trained holds torch, which a napari window must not.
    job.say(f"Opening napari; again with: {command}")
    subprocess.Popen(
        [sys.executable, "-m", "napari_olivine", "view", str(section)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _has_screen() -> bool:
    if platform.system() != "Linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _has_qt() -> bool:
    return any(find_spec(binding) is not None for binding in ("PyQt6", "PySide6", "PyQt5"))


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Make the parser; only the command that is asked for gets its options (imports are slow)."""
    parser = argparse.ArgumentParser(
        prog="napari-olivine",
        description="From BSE mosaics, X-ray maps and microprobe traverses to zoned olivines.",
    )
    parser.add_argument("--version", action="version", version=version("napari-olivine"))
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asked = next((word for word in words if not word.startswith("-")), "")
    for step in STEPS.values():
        command = commands.add_parser(step.name, help=step.title, description=step.title)
        if asked != step.name:
            continue
        for argument in step.arguments:
            name = argument.strip("[]").lower()
            optional = {"nargs": "?", "default": None} if argument.startswith("[") else {}
            command.add_argument(name, type=Path, metavar=argument.strip("[]"), **optional)  # type: ignore[arg-type]
        if step.name == "score":
            command.add_argument("--truth", type=Path, required=True, metavar="FOLDER")
            command.add_argument(
                "--json", type=Path, metavar="FILE", help="also write the scores here"
            )
        _add_common(command)
        add_options(command, step.settings)
    for name, text in (
        ("view", "open a section in napari"),
        ("status", "what a section holds and what is out of date"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("section", type=Path, metavar="SECTION")
        _add_common(command)
    return parser


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
