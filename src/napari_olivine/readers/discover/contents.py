"""What lies in a folder of instrument files: which file is an image, of which signal and place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.base import Unreadable, is_no_measurement, signal_of
from napari_olivine.readers.discover.filename_patterns import PICTURES
from napari_olivine.readers.discover.find_tables import TableFolder, find_tables
from napari_olivine.readers.discover.scan import walk
from napari_olivine.readers.formats import FORMATS, Format, format_of

WORD = re.compile(r"[^\s_.\-]+")
"""A word of a name."""


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
        Masks, previews, folders that were not looked into, in words.
    others
        How many files that are no images end with which suffix.
    remarks
        What the person should know, in sentences.
    """

    folder: Path
    images: list[ImageFile]
    tables: TableFolder | None
    unreadable: list[str]
    left_out: list[str]
    others: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)


def read_contents(folder: Path, job: Job) -> Contents:
    """Find the images and tables of a folder; the first bytes of each file are read.

    Raises
    ------
    InputError
        If there are too many files to be one section's.
    """
    walked = walk(folder, job)
    known: list[tuple[Path, Format]] = []
    others: list[Path] = []
    unreadable: list[str] = []
    left_out = walked.left_out
    for done, file in enumerate(walked.files):
        if done % 256 == 0:
            job.progress(done, len(walked.files), "Looking into the folder")
        try:
            found = format_of(file)
        except Unreadable as error:
            found = _by_name(file)  # it may be a tile, which must not be lost in silence
            if found is None:
                unreadable.append(str(error))
                continue
        if found is None and _is_empty_map(file):
            unreadable.append(f"{file} is empty: export it again")
        elif found is None:
            others.append(file)
        elif is_no_measurement(file.stem) and not found.container:
            left_out.append(f"{file.name} is no measurement by its name")
        else:
            known.append((file, found))
    sample = shared_words(file.stem for file, found in known if not found.container)
    images = []
    for done, (file, found) in enumerate(known):
        if done % 1024 == 0:
            job.progress(done, len(known), "Reading the names")
        images.append(_image_file(file, found, folder, sample))
    tables: TableFolder | None
    if walked.tables is not None:
        tables, remarks = TableFolder(walked.tables), list[str]()
    else:
        tables, remarks = find_tables(folder, others, [file for file, _ in known], job)
    suffixes = Counter(file.suffix.lower() for file in others)
    return Contents(folder, images, tables, unreadable, left_out, suffixes, remarks)


def _by_name(file: Path) -> Format | None:
    """Return the format of an image that cannot be opened."""
    from napari_olivine.readers.formats import tiff

    suffix = file.suffix.lower()
    if suffix in tiff.SUFFIXES or suffix in PICTURES:
        return FORMATS[0] if suffix in tiff.SUFFIXES else FORMATS[1]
    return None


def _is_empty_map(file: Path) -> bool:
    """Tell whether a text without content is called like a map."""
    from napari_olivine.readers.formats import text

    known = file.suffix.lower() in text.SUFFIXES and signal_of(file.stem) is not None
    return known and file.stat().st_size == 0


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
            f"{', '.join(one.name for one in FORMATS)}.",
            file=file,
        )
    return Contents(file.parent, [_image_file(file, found, file.parent)], None, [], [])


def _image_file(
    file: Path, found: Format, folder: Path, sample: frozenset[str] = frozenset()
) -> ImageFile:
    path = file.relative_to(folder).with_suffix("")
    signal, place = ("", path.as_posix()) if found.container else split_path(path.parts, sample)
    return ImageFile(file, found, signal, place)


def shared_words(names: Iterable[str]) -> frozenset[str]:
    """Words that all of several names share: those of the sample, not of a signal.

    Examples
    --------
    >>> sorted(shared_words(["Mg-rich BSE", "Mg-rich Fe"]))
    ['Mg', 'rich']
    """
    shared: set[str] | None = None
    count = 0
    for name in names:
        count += 1
        words = set(WORD.findall(name))
        shared = words if shared is None else shared & words
        if not shared:
            break
    return frozenset(shared or ()) if count > 1 else frozenset()


def split_path(parts: tuple[str, ...], sample: frozenset[str] = frozenset()) -> tuple[str, str]:
    """Part a path (without suffix) into its signal and what remains.

    The name of the file goes before the folder that it lies in, that before the next one out.
    Words of the `sample` decide nothing where a name speaks of another signal as well.

    Examples
    --------
    >>> split_path(("tiles", "Mg", "r00_c01"))
    ('Mg', 'tiles/r00_c01')
    >>> split_path(("Field_000123_BSE",))
    ('BSE', 'Field_000123')
    """
    for depth in range(len(parts) - 1, -1, -1):
        found = find_signal(parts[depth], sample)
        if found is not None:
            signal, rest = found
            there = [*parts[:depth], *([rest] if rest else []), *parts[depth + 1 :]]
            return signal, "/".join(there)
    return "", "/".join(parts)


def find_signal(name: str, sample: frozenset[str] = frozenset()) -> tuple[str, str] | None:
    """Find the one signal that a name speaks of, and what remains of the name.

    Examples
    --------
    >>> find_signal("Mg K series")
    ('Mg', '')
    >>> find_signal("x3_y2_BSE")
    ('BSE', 'x3_y2')
    """
    words = [(match.start(), match.end()) for match in WORD.finditer(name)]
    found: list[tuple[str, int, int]] = []
    first = 0
    while first < len(words):
        start, end = words[first]
        word = name[start:end]
        after = name[slice(*words[first + 1])] if first + 1 < len(words) else ""
        # A single letter before a number is a field or a site.
        if word.isdecimal() or (end - start == 1 and after.isdecimal()) or not signal_of(word):
            first += 1
            continue
        last = first
        for longer in range(first + 1, min(first + 3, len(words))):  # "Mg K series"
            if _is_line(name[start : words[longer][1]]):
                last = longer
        signal = signal_of(name[start : words[last][1]]) or signal_of(word)
        assert signal is not None
        found.append((signal, start, words[last][1]))
        first = last + 1
    if len({signal for signal, _, _ in found}) > 1:
        found = [one for one in found if not sample.issuperset(WORD.findall(name[one[1] : one[2]]))]
    if len({signal for signal, _, _ in found}) != 1:
        return None
    signal, start, end = found[-1]
    left, right = name[:start].rstrip(" _.-"), name[end:].lstrip(" _.-")
    return signal, "_".join(part for part in (left, right) if part)


def _is_line(words: str) -> bool:
    """Tell whether words name one X-ray line: an element, a shell, perhaps ``series``."""
    return bool(re.fullmatch(r"[A-Z][a-z]?[\s_.\-]+[KLM]\S{0,3}([\s_.\-]+series)?", words))
