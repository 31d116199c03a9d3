"""Where a product comes from: the recipe that names it, and the record kept beside it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from napari_olivine.errors import SectionError


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a product is.

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
        Time it was finished, ISO 8601 with time zone.
    seconds
        Time its making took, all runs together.
    software
        Versions of the programs that made it.
    notes
        Numbers and remarks worth keeping (scores, counts).
    content
        Fingerprint of the content, for products that the same recipe need not make twice alike
        (a network trained for so many minutes).
    """

    name: str
    path: Path
    recipe: Recipe
    created: str
    seconds: float
    software: dict[str, str]
    notes: dict[str, Any] = field(default_factory=dict)
    content: str = ""

    @property
    def fingerprint(self) -> str:
        """What a step that reads this product notes of it: the recipe's hash and the content's."""
        return "-".join(filter(None, (self.recipe.fingerprint, self.content)))

    def write(self) -> None:
        """Write the record into the product's folder."""
        values = asdict(self) | {"fingerprint": self.fingerprint}
        del values["path"]
        temporary = self.path / f".{RECORD}"
        temporary.write_text(json.dumps(values, indent=1, default=str) + "\n")
        temporary.replace(self.path / RECORD)

    @classmethod
    def read(cls, path: Path) -> Product:
        """Read the record of the product in a folder.

        Raises
        ------
        SectionError
            If the record is missing or damaged.
        """
        try:
            values = json.loads((path / RECORD).read_text())
            values.pop("fingerprint")
            recipe = Recipe(**values.pop("recipe"))
            return cls(path=path, recipe=recipe, **values)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SectionError(
                f"{path / RECORD} is missing or damaged; delete {path} and run its step again."
            ) from error


RECORD = "product.json"


def fingerprint_of_bytes(content: bytes) -> str:
    """Short hash of a file's content."""
    return hashlib.sha256(content).hexdigest()[:16]
