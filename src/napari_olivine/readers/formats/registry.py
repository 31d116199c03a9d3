"""The list of formats, asked one after the other whether a file is theirs."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from napari_olivine.errors import InputError, about
from napari_olivine.readers.base import Image, Unreadable

HEAD = 4096
"""Bytes at a file's start by which it is recognised."""


class FormatModule(Protocol):
    """Functions of a format's module."""

    def recognises(self, file: Path, head: bytes) -> bool:
        """Tell whether a file is of this format: by its first bytes, and only then by its name."""

    def open_images(self, file: Path) -> list[Image]:
        """Return the images of a file; raises `Unreadable` or `InputError`."""


@dataclass(frozen=True)
class Format:
    """One format.

    Parameters
    ----------
    name
        Name in words.
    path
        Module that reads it, see `FormatModule`; imported when it is first asked.
    container
        Whether a file usually holds several signals and names them itself (``.bcf``,
        ``.h5oina``); otherwise a file is one signal, and its name or folder tells which.
    """

    name: str
    path: str
    container: bool = False

    @property
    def module(self) -> FormatModule:
        """The module that reads it."""
        return cast(FormatModule, import_module(self.path))


ROOM = "napari_olivine.readers.formats"

TIFF = f"{ROOM}.tiff.images"

FORMATS: tuple[Format, ...] = (
    Format("TIFF", TIFF),
    Format("PNG, BMP or JPEG picture", f"{ROOM}.png_jpeg"),
    Format("Bruker, JEOL or EDAX spectra", f"{ROOM}.spectra.hyperspectral", container=True),
    Format("Oxford h5oina", f"{ROOM}.h5oina.images", container=True),
    Format("Cameca PeakSight map", f"{ROOM}.text.cameca_map"),
    Format("JEOL microprobe map", f"{ROOM}.text.jeol_map"),
    Format("text map", f"{ROOM}.text.text_map"),  # the last: most other texts hold numbers too
)
"""Known formats; the first that recognises a file reads it."""


def format_of(file: Path) -> Format | None:
    """Return the format of a file, `None` if nobody knows it.

    Raises
    ------
    Unreadable
        If the file cannot be opened.
    """
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):  # a pipe or a device would block
            raise Unreadable(f"{file} is no file that can be read", file=file)
        with file.open("rb") as stream:
            head = stream.read(HEAD)
    except OSError as error:
        raise Unreadable(f"{file} cannot be read ({error})", file=file) from error
    return next((one for one in FORMATS if one.module.recognises(file, head)), None)


def holds_several(file: Path, found: Format) -> bool:
    """Tell whether a file may hold several images; only its directory is read.

    A damaged file holds one: what is wrong is told when it is opened.
    """
    if found.container or found.path != TIFF:
        return found.container
    try:
        return bool(import_module(TIFF).holds_several(file))
    except (OSError, InputError):
        return False


def open_images(file: Path) -> list[Image]:
    """Return the images that a file holds.

    Raises
    ------
    Unreadable
        If the file is missing, truncated or damaged.
    InputError
        If it is of no known format, or holds what cannot be used (a picture in false colours).
    """
    found = format_of(file)
    if found is None:
        raise InputError(
            f"{file} is of no format that can be read; known are "
            f"{', '.join(one.name for one in FORMATS)}.",
            remedy="Export it as a grey TIFF.",
            file=file,
        )
    with about(file=file):
        return found.module.open_images(file)
