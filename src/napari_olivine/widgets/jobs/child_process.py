"""Run a step in a child process: the window stays smooth, and a cancel always works."""

from __future__ import annotations

import codecs
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QCoreApplication, QObject, QProcess, QTimer, Signal

from napari_olivine.errors import OlivineError
from napari_olivine.widgets.common import in_words

PATIENCE_MS = 1300
"""How long a child may take to stop when asked, before it is made to."""

COMMAND = (sys.executable, "-m", "napari_olivine")
"""The command line that runs a step."""


class Jobs(QObject):
    """Runs one step of one section at a time as a child process.

    The child is the command line itself (``napari-olivine <step> ... --json-events``), so that
    a step started here does exactly what it does in a script, and torch never enters the
    window's process.
    """

    started = Signal(str)
    """Name of the step."""
    progress = Signal(float, float, str)
    """Done, total, what is being done."""
    message = Signal(str)
    """A line worth reading."""
    warning = Signal(object)
    """Something that may spoil the result, an `OlivineError` with what is known of it."""
    reported = Signal(dict)
    """Every other event, e.g. ``epoch`` with its losses."""
    finished = Signal(str)
    """Name of a step that ended well."""
    failed = Signal(str, object)
    """Name of a step that failed, and the `OlivineError` that says why."""
    cancelled = Signal(str)
    """Name of a step that was stopped."""
    ended = Signal()
    """After any of the three."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        super().__init__()
        self.command = tuple(command)
        self.step = ""
        self.began = 0.0
        """When the step began, by `time.monotonic`."""
        self.newest_progress: tuple[float, float, str] | None = None
        self.warnings: list[OlivineError] = []
        self.events: list[dict[str, Any]] = []
        """What the step has reported so far, for a dock that is opened while it runs."""
        self._process: QProcess | None = None
        self._impatience = QTimer(self)
        self._impatience.setSingleShot(True)
        self._impatience.timeout.connect(self._insist)
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.stop_now)

    @property
    def running(self) -> bool:
        """Whether a step runs."""
        return self._process is not None

    def start(
        self,
        step: str,
        arguments: Sequence[str],
        settings: dict[str, Any],
        options: Sequence[str] = (),
    ) -> None:
        """Start a step.

        Parameters
        ----------
        step
            Name of the command, e.g. ``"mask"``.
        arguments
            What follows it, e.g. the section's folder.
        settings
            The step's settings as plain JSON values.
        options
            Further options, e.g. ``["--force"]``.

        Raises
        ------
        RuntimeError
            If a step runs already.
        """
        if self.running:
            raise RuntimeError(f"the step {self.step} is still running")
        self.step, self.began = step, time.monotonic()
        self.newest_progress, self.warnings, self.events = None, [], []
        self._outcome: str | OlivineError | None = None
        self._stdout, self._stderr = "", ""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")
        self._cancelling = False
        self._settings_file = _settings_file(settings)
        process = QProcess(self)
        process.readyReadStandardOutput.connect(self._read_stdout)
        process.readyReadStandardError.connect(self._read_stderr)
        process.errorOccurred.connect(self._on_error)
        process.finished.connect(self._on_finished)
        self._process = process
        self.started.emit(step)
        program, *rest = self.command
        call = [*step.split(), *arguments, "--settings", str(self._settings_file), "--json-events"]
        process.start(program, [*rest, *call, *options])
        # The child then stops by itself if this window is gone.
        process.write(b"attached\n")

    def tell(self, order: dict[str, Any]) -> None:
        """Send the running step an order (`Job.orders`); nothing happens if none runs."""
        if self._process is not None:
            self._process.write(json.dumps(order).encode() + b"\n")

    def cancel(self) -> None:
        """Ask the step to stop at its next safe place, and make it stop if it does not."""
        if self._process is None or self._cancelling:
            return
        self._cancelling = True
        self._process.write(b"cancel\n")
        self._impatience.start(PATIENCE_MS)

    def stop_now(self) -> None:
        """Stop the step and wait until it is gone: the window is closing."""
        process = self._process
        if process is None:
            return
        process.blockSignals(True)
        process.write(b"cancel\n")
        if not process.waitForFinished(PATIENCE_MS):
            process.terminate()
            if not process.waitForFinished(PATIENCE_MS):
                process.kill()
                process.waitForFinished(PATIENCE_MS)
        process.blockSignals(False)
        self._outcome = "cancelled"
        self._settle()

    # ------------------------------------------------------------------ what the child says

    def _read_stdout(self) -> None:
        if self._process is None:
            return
        self._stdout += self._decode.decode(self._process.readAllStandardOutput().data())
        *lines, self._stdout = self._stdout.split("\n")
        for line in lines:
            self._hear(line)

    def _read_stderr(self) -> None:
        if self._process is not None:
            text = self._process.readAllStandardError().data().decode("utf-8", "replace")
            self._stderr = (self._stderr + text)[-4000:]

    def _hear(self, line: str) -> None:
        try:
            event = json.loads(line)
            kind = event["event"]
        except (ValueError, TypeError, KeyError):  # a library's own print
            if line.strip():
                self.message.emit(line.strip())
            return
        if kind == "progress":
            done, total = float(event.get("done", 0)), float(event.get("total", 0))
            self.newest_progress = (done, total, str(event.get("message", "")))
            self.progress.emit(*self.newest_progress)
        elif kind == "message":
            self.message.emit(in_words(str(event.get("text", event.get("message", ""))), self.step))
        elif kind == "warning":
            self.warnings.append(OlivineError.of_event(event))
            self.warning.emit(self.warnings[-1])
        elif kind in ("finished", "cancelled"):
            self._outcome = kind
        elif kind == "error":
            self._outcome = OlivineError.of_event(event)
        else:
            self.events.append(event)
            self.reported.emit(event)

    # ------------------------------------------------------------------ how it ends

    def _insist(self) -> None:
        if self._process is None:
            return
        # Killed at once: what is finished is on disk, and a person waits two seconds at most.
        self._process.kill()

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            program = self.command[0]
            self._outcome = OlivineError(f"{program} could not be started.")
            self._settle()

    def _on_finished(self, code: int, _status: Any) -> None:
        self._read_stdout()
        self._read_stderr()
        if self._stdout:
            self._hear(self._stdout)
        if self._outcome is None:
            last_words = "\n".join(self._stderr.strip().splitlines()[-8:])
            self._outcome = OlivineError(
                f"The step ended without saying why (exit code {code}). Its last words:\n"
                f"{last_words or '(none)'}"
            )
            if self._cancelling:
                self._outcome = "cancelled"
        self._settle()

    def _settle(self) -> None:
        process, self._process = self._process, None
        if process is None or self._outcome is None:
            return
        self._impatience.stop()
        process.deleteLater()
        self._settings_file.unlink(missing_ok=True)
        if self._outcome == "finished":
            self.finished.emit(self.step)
        elif self._outcome == "cancelled":
            self.cancelled.emit(self.step)
        else:
            self.failed.emit(self.step, self._outcome)
        self.ended.emit()


def _settings_file(settings: dict[str, Any]) -> Path:
    with tempfile.NamedTemporaryFile(
        "w", suffix=".json", prefix="napari-olivine-", delete=False, encoding="utf-8"
    ) as file:
        json.dump(settings, file, default=str)
    return Path(file.name)
