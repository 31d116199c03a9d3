"""A process of its own for decoders that a damaged file can kill, or keep for ever.

The decoders of spectra and the HDF5 library trust what a file says. A person's window must not
freeze or vanish with them, so they run in a child process with limits of memory and time, which
answers questions by lines of JSON.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from napari_olivine.errors import InputError, first_line
from napari_olivine.readers.base import Unreadable

Message = dict[str, Any]

ERRORS: dict[str, type[InputError]] = {"unreadable": Unreadable, "input": InputError}
"""Errors that an answer can be."""


class Missing(Exception):
    """A library that the process needs is not installed; its text is the library's name."""


class Worker:
    """A child process: started when first asked, and anew when it has died.

    Parameters
    ----------
    module
        Module that the process runs; its end calls `serve`.
    """

    def __init__(self, module: str) -> None:
        self.module = module
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def ask(self, function: str, file: Path, seconds: float, **more: Any) -> Any:
        """Return what a function of the module answers about a file.

        Parameters
        ----------
        function
            One of those that the module hands to `serve`.
        file
            The file.
        seconds
            Time after which the file counts as damaged.
        **more
            Further arguments of the function; what JSON can hold.

        Returns
        -------
        answer
            As JSON gives it back.

        Raises
        ------
        Unreadable
            If the file is damaged: the process says so, died of it or does not come to an end.
        InputError
            If the file cannot be used.
        Missing
            If a library is not installed.
        """
        file = file.resolve()
        question = {"function": function, "file": str(file), **more}
        with self._lock:
            process = self._running()
            answers: Queue[str] = Queue()
            try:
                assert process.stdin is not None and process.stdout is not None
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
                threading.Thread(
                    target=lambda out=process.stdout: answers.put(out.readline()), daemon=True
                ).start()
                line = answers.get(timeout=seconds)
            except (Empty, OSError) as error:
                self.end()
                reason = f"no end after {seconds:g} s" if isinstance(error, Empty) else str(error)
                raise _damaged(file, f"({reason})") from error
            if not line:
                self.end()
                raise _damaged(file, "(it cannot be unpacked)")
        (kind, answer), *_ = json.loads(line).items()
        if kind == "missing":
            raise Missing(answer)
        if kind in ERRORS:
            raise ERRORS[kind](answer, file=file)
        return answer

    def end(self) -> None:
        """End the process; the next question starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
        return self._process


def serve(functions: Mapping[str, Callable[..., Any]], memory_bytes: int) -> None:
    """Answer the questions on standard input until it ends: the whole life of a decoder.

    Parameters
    ----------
    functions
        Functions that can be asked, by name. Each takes the file and keyword arguments, and
        returns what JSON can hold.
    memory_bytes
        Memory that the process may use, where the system can limit it.
    """
    # Whatever a library prints must not stand among the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    with suppress(ImportError, ValueError, OSError):
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, hard))
    for line in sys.stdin:
        question = json.loads(line)
        function, file = functions[question.pop("function")], Path(question.pop("file"))
        answers.write(json.dumps(_answer(function, file, question)) + "\n")
        answers.flush()


def _answer(function: Callable[..., Any], file: Path, more: Message) -> Message:
    try:
        return {"answer": function(file, **more)}
    except Unreadable as error:
        return {"unreadable": str(error)}
    except InputError as error:
        return {"input": str(error)}
    except ImportError as error:
        return {"missing": error.name or str(error)}
    except MemoryError:
        why = "(it needs more memory than any file of its kind)"
        return {"unreadable": str(_damaged(file, why))}
    except Exception as error:  # noqa: BLE001 - a decoder may raise anything
        return {"unreadable": str(_damaged(file, f"({first_line(error)})"))}


def _damaged(file: Path, why: str) -> Unreadable:
    return Unreadable(f"{file} is truncated or damaged {why}.", file=file)
