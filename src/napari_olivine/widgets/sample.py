"""The phantom section under File > Open Sample."""

from __future__ import annotations

import shutil
import subprocess
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from napari.utils import progress
from qtpy.QtCore import QCoreApplication, QEventLoop, QStandardPaths

from napari_olivine.errors import SectionError
from napari_olivine.section import Section
from napari_olivine.widgets.jobs import COMMAND
from napari_olivine.widgets.layers import LayerData
from napari_olivine.widgets.reader import read_section

_busy = False


def open_phantom() -> list[LayerData]:
    """Return the layers of a small synthetic section with known truth.

    It is made once, in the user's folder for caches, and is the same each time; what is
    worked out on it stays there. The window stays alive meanwhile.

    Raises
    ------
    SectionError
        If it is being made already.
    """
    global _busy
    if _busy:
        raise SectionError("The phantom section is being made already: wait a few seconds.")
    _busy = True
    try:
        with ThreadPoolExecutor(1) as pool:
            making = pool.submit(phantom_section, _cache())
            _wait(making)
            return read_section(str(making.result()))
    finally:
        _busy = False


def _wait(making: Future[Path]) -> None:
    """Let the window answer until the section is there; a bar appears if that takes a while."""
    bar = None
    begun = time.monotonic()
    while not making.done():
        app = QCoreApplication.instance()
        if app is not None:
            app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        if bar is None and time.monotonic() - begun > 0.3:
            bar = progress(total=0, desc="Making the phantom section")
        with suppress(TimeoutError):
            making.exception(timeout=0.01)
    if bar is not None:
        bar.close()


def phantom_section(folder: Path) -> Path:
    """Return the phantom as a section, made and imported if it is not there yet.

    Parameters
    ----------
    folder
        Where it is kept: ``instrument`` as an instrument leaves it, ``phantom`` as a section.
    """
    section = folder / "phantom"
    try:
        if Section(section).product("epma") is not None:
            return section
    except SectionError:
        pass
    from napari_olivine.phantom import PhantomSettings

    source = folder / "instrument"
    # Whatever is there was left by a run that was stopped before its end.
    for unfinished in (source, section):
        shutil.rmtree(unfinished, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "phantom.json"
    settings.write_text(PhantomSettings.small().model_dump_json(), encoding="utf-8")
    _run("phantom", str(source), "--settings", str(settings))
    _run("import", str(source), str(section))
    return section


def _run(*words: str) -> None:
    """Run a command in a process of its own: its imports alone would halt the window."""
    done = subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        raise SectionError(f"The phantom section could not be made: {why.removeprefix('Error: ')}")


def _cache() -> Path:
    place = QStandardPaths.StandardLocation.GenericCacheLocation
    return Path(QStandardPaths.writableLocation(place)) / "napari-olivine"
