"""Provenance of a product: the recipe that names it, and the record beside it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import google_crc32c

from napari_olivine.errors import SectionError, first_line
from napari_olivine.section.atomic_io import PARTIAL, write_atomically


@dataclass(frozen=True)
class Recipe:
    """All that determines a product.

    Parameters
    ----------
    step
        Name of the step that makes it.
    settings
        The step's settings as plain JSON values.
    inputs
        Fingerprint of every input by its name.
    seed
        Seed of the random numbers, `None` where nothing is random.
    method
        Number of the step's method; raised when the same settings give another result.
    """

    step: str
    settings: dict[str, Any]
    inputs: dict[str, str]
    seed: int | None = None
    method: int = 1

    @property
    def fingerprint(self) -> str:
        """Short hash that two equal recipes share."""
        text = json.dumps(asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Product:
    """A finished product of a section: a folder with its record.

    Parameters
    ----------
    name
        Name within the section, also its path (``"mask"``, ``"models/light"``).
    path
        Folder that holds it.
    recipe
        What it was made from.
    created
        Time it was finished, ISO 8601 with milliseconds and time zone.
    seconds
        Time its making took, all runs together.
    software
        Versions of the programs that made it.
    notes
        Numbers and remarks worth keeping (scores, counts).
    content
        Fingerprint of the content, for products that the same recipe need not make twice alike
        (a network trained for so many minutes).
    files
        Checksums of its files when the record was written; see `checksums`.
    """

    name: str
    path: Path
    recipe: Recipe
    created: str
    seconds: float
    software: dict[str, str]
    notes: dict[str, Any] = field(default_factory=dict)
    content: str = ""
    files: dict[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Fingerprint that a step records of this input: the hashes of recipe and content."""
        return "-".join(filter(None, (self.recipe.fingerprint, self.content)))

    @property
    def finished(self) -> str:
        """Time it was finished, to the second, for people."""
        return datetime.fromisoformat(self.created).isoformat(timespec="seconds")

    def write(self) -> None:
        """Write the record into the product's folder."""
        values = asdict(self) | {"fingerprint": self.fingerprint, "files": checksums(self.path)}
        del values["path"]
        write_atomically(self.path / RECORD, json.dumps(values, indent=1, default=str) + "\n")

    @classmethod
    def read(cls, path: Path) -> Product:
        """Read the record of the product in a folder.

        Raises
        ------
        SectionError
            If the record is missing or damaged.
        """
        try:
            values = json.loads((path / RECORD).read_text(encoding="utf-8"))
            del values["fingerprint"]
            recipe = Recipe(**values.pop("recipe"))
            product = cls(path=path, recipe=recipe, **values)
            datetime.fromisoformat(product.created)
            for values, kinds in ((vars(recipe), RECIPE_KINDS), (vars(product), KINDS)):
                for name, kind in kinds.items():
                    if not isinstance(values[name], kind):
                        raise ValueError(f"{name} is no {kind.__name__}")
            return product
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SectionError(
                f"{path / RECORD} is missing or damaged ({first_line(error)}).",
                remedy=f"Delete {path} and run its step again.",
                file=path / RECORD,
            ) from error


KINDS = {"name": str, "created": str, "content": str, "notes": dict, "files": dict}
RECIPE_KINDS = {"step": str, "inputs": dict, "settings": dict, "method": int}
"""Types of the values of a record, checked when it is read."""

RECORD = "product.json"
"""Record of a product. A draft that has it is whole: all but its place is done."""

JOURNAL, RECIPE, SECONDS = "finished.jsonl", "recipe.json", "seconds.txt"
"""Files of a draft that a product lacks: finished parts, fingerprint, time it took."""

NO_CONTENT = (RECORD, JOURNAL, RECIPE, SECONDS)

UNSUMMED = ("c", "edits")
"""Folders without checksums in the record: chunks of pixels have their own, and the changes
of edits of crystals are appended."""


def checksums(folder: Path) -> dict[str, str]:
    """Return the crc32c of every file of a product that does not carry one itself.

    Returns
    -------
    dict
        By the file's path within `folder`, with ``/``; eight hexadecimal digits.
    """
    sums = {}
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in UNSUMMED)
        for name in sorted(files):
            file = Path(parent) / name
            if name not in NO_CONTENT and name[0] != "." and not name.endswith(PARTIAL):
                sums[file.relative_to(folder).as_posix()] = checksum(file)
    return sums


def checksum(file: Path) -> str:
    """Return the crc32c of a file's content, eight hexadecimal digits."""
    value = 0
    with file.open("rb") as stream:
        while content := stream.read(1 << 20):
            value = google_crc32c.extend(value, content)
    return f"{value:08x}"


def fingerprint_of_bytes(content: bytes) -> str:
    """Short hash of a file's content."""
    return hashlib.sha256(content).hexdigest()[:16]
