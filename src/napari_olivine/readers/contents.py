"""What lies in a folder of instrument files: which file is an image, of which signal and place."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.formats import FORMATS, Format, format_of
from napari_olivine.readers.image import Unreadable
from napari_olivine.readers.signals import is_no_measurement, signal_of

DEPTH = 4
"""Folders within folders that are looked into."""

MOST_FILES = 500_000
"""More files are refused: somebody has chosen a whole disk."""

TABLE_FOLDERS = ("epma", "wds", "probe", "microprobe")
"""Names of folders that hold microprobe tables, not images (any case)."""


@dataclass(frozen=True)
class ImageFile:
    """A file of images, as far as its name and its first bytes tell.

    Parameters
    ----------
    file
        The file.
    format
        Its format.
    signal
        Signal that its name or folder names, empty if neither does or the file names them itself.
    place
        What remains of its path: the name of a tile, the same for every signal of that tile.
    """

    file: Path
    format: Format
    signal: str
    place: str


@dataclass(frozen=True)
class Contents:
    """What lies in a folder.

    Parameters
    ----------
    folder
        The folder.
    images
        Files of images in the order of their paths.
    tables
        Folder of microprobe tables, `None` if there is none.
    unreadable
        Files that cannot be opened, in words.
    left_out
        Masks, previews and the like, in words.
    """

    folder: Path
    images: list[ImageFile]
    tables: Path | None
    unreadable: list[str]
    left_out: list[str]


def look_into(folder: Path, job: Job) -> Contents:
    """Find the images and tables of a folder; the first bytes of each file are read.

    Raises
    ------
    InputError
        If there are too many files to be one section's.
    """
    images: list[ImageFile] = []
    unreadable: list[str] = []
    left_out: list[str] = []
    files, tables = _walk(folder)
    for done, file in enumerate(files):
        if done % 256 == 0:
            job.progress(done, len(files), "Looking into the folder")
        try:
            found = format_of(file)
        except Unreadable as error:
            unreadable.append(str(error))
            continue
        if found is None:
            continue
        if is_no_measurement(file.stem) and not found.container:
            left_out.append(f"{file.name} is no measurement by its name")
            continue
        path = file.relative_to(folder).with_suffix("")
        signal, place = ("", path.as_posix()) if found.container else split_path(path.parts)
        images.append(ImageFile(file, found, signal, place))
    return Contents(folder, images, tables, unreadable, left_out)


def one_file(file: Path) -> Contents:
    """Return the contents of a folder as if this file were all that it holds.

    Raises
    ------
    InputError
        If it is no file of images.
    """
    found = format_of(file)
    if found is None:
        raise InputError(
            f"{file} is of no format that can be read; known are "
            f"{', '.join(one.name for one in FORMATS)}."
        )
    signal, place = ("", file.stem) if found.container else split_path((file.stem,))
    return Contents(file.parent, [ImageFile(file, found, signal, place)], None, [], [])


def split_path(parts: tuple[str, ...]) -> tuple[str, str]:
    """Part a path (without suffix) into its signal and what remains.

    The name of the file goes before the folder that it lies in, that before the next one out.

    Examples
    --------
    >>> split_path(("tiles", "Mg", "r00_c01"))
    ('Mg', 'tiles/r00_c01')
    >>> split_path(("Field_000123_BSE",))
    ('BSE', 'Field_000123')
    """
    for depth in range(len(parts) - 1, -1, -1):
        found = find_signal(parts[depth])
        if found is not None:
            signal, rest = found
            there = [*parts[:depth], *([rest] if rest else []), *parts[depth + 1 :]]
            return signal, "/".join(there)
    return "", "/".join(parts)


def find_signal(name: str) -> tuple[str, str] | None:
    """Find the one signal that a name speaks of, and what remains of the name.

    Examples
    --------
    >>> find_signal("Mg K series")
    ('Mg', '')
    >>> find_signal("x3_y2_BSE")
    ('BSE', 'x3_y2')
    """
    words = [(match.start(), match.end()) for match in re.finditer(r"[^\s_.\-]+", name)]
    found: list[tuple[str, int, int]] = []
    first = 0
    while first < len(words):
        start, end = words[first]
        if signal_of(name[start:end]) is None:
            first += 1
            continue
        last = first
        for longer in range(first + 1, min(first + 3, len(words))):  # "Mg K series"
            if _is_line(name[start : words[longer][1]]):
                last = longer
        signal = signal_of(name[start : words[last][1]]) or signal_of(name[start:end])
        assert signal is not None
        found.append((signal, start, words[last][1]))
        first = last + 1
    if len({signal for signal, _, _ in found}) != 1:
        return None
    signal, start, end = found[-1]
    left, right = name[:start].rstrip(" _.-"), name[end:].lstrip(" _.-")
    return signal, "_".join(part for part in (left, right) if part)


def _is_line(words: str) -> bool:
    """Tell whether words name one X-ray line: an element, a shell, perhaps ``series``."""
    return bool(re.fullmatch(r"[A-Z][a-z]?[\s_.\-]+[KLM]\S{0,3}([\s_.\-]+series)?", words))


def _walk(folder: Path) -> tuple[list[Path], Path | None]:
    """List the files of a folder and its folders in order, and find the folder of tables."""
    files: list[Path] = []
    tables: Path | None = None
    waiting = [(folder, 0)]
    while waiting:
        here, depth = waiting.pop(0)
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            raise InputError(f"{here} cannot be read ({error}).") from error
        for entry in entries:
            if entry.name.startswith((".", "~")):
                continue
            if entry.is_dir(follow_symlinks=False):
                if entry.name.lower() in TABLE_FOLDERS:
                    tables = tables or Path(entry.path)
                elif depth + 1 < DEPTH:
                    waiting.append((Path(entry.path), depth + 1))
            elif entry.is_file():
                files.append(Path(entry.path))
                if len(files) > MOST_FILES:
                    raise InputError(
                        f"{folder} holds more than {MOST_FILES} files; choose the folder of one "
                        "section."
                    )
    return files, tables
