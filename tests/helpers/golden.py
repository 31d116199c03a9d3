"""What is said of the golden section: of its products, and of crystals while they are edited.

Used by `tests/data/make_golden_section.py`, which writes it down, and by
`tests/test_golden_section.py`, which compares. Values are hashed, not files: another compression or
another library of Parquet may write other bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_olivine.crystals.edits import CrystalStore
from napari_olivine.section import Section

EXPECTED = "golden_expected.json"

Facts = dict[str, Any]


def facts_of(section: Section) -> Facts:
    """Tell of each product its state, recipe, images, tables and other files; then the rest."""
    return {
        "products": {product.name: _product(section, product) for product in section.products()},
        "section": _rest(section),
    }


def states_of(place: Path) -> dict[str, str]:
    """Tell of each product whether it is up to date."""
    section = Section(place)
    return {product.name: section.state(product.name) for product in section.products()}


def state_of_crystals(store: CrystalStore, without: Sequence[str] = ()) -> Facts:
    """Hash the ids of pixels in every level, and the tables that edits change; not all columns."""
    return {
        "levels": image_facts(store.labels)["levels"],
        "crystals": table_facts(store.table.drop(columns=list(without))),
        "profiles": table_facts(store.profiles),
        "active": [entry.edit.do for entry in store.journal.active()],
    }


def image_facts(raster: Any) -> Facts:
    """Tell of an image its kind, and shape and hash of the values of every level."""
    levels = []
    for level, (rows, columns) in enumerate(raster.level_shapes):
        values = raster.read(slice(0, rows), slice(0, columns), level)
        little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
        levels.append({"shape": [rows, columns], "sha256": _hash(little.tobytes())})
    return {
        "dtype": str(raster.dtype),
        "pixel_size_um": raster.pixel_size_um,
        "reduction": raster.reduction,
        "levels": levels,
    }


def table_facts(table: pd.DataFrame) -> Facts:
    """Tell of a table its columns, number of rows and a hash of its values."""
    values = {str(name): _plain(column) for name, column in table.items()}
    return {
        "columns": list(values),
        "rows": len(table),
        "sha256": _hash(json.dumps(values, default=str).encode()),
    }


def changes_of() -> dict[str, Callable[[Path], Path]]:
    """What may befall a section, by its name; each is done to the copy that is given."""
    return {
        "moved": lambda place: place,
        "placements": lambda place: _append(place / "annotations" / "placements.csv", "\n"),
        "sessions": lambda place: _append(place / "annotations" / "sessions.csv", "\n"),
        "standards": lambda place: _append(place / "annotations" / "standards.csv", "\n"),
        "journal lost": lambda place: _without(place / "review"),
        "mask lost": lambda place: _without(place / "mask"),
        "levelling lost": lambda place: _without(place / "levelling"),
        "epma lost": lambda place: _without(place / "epma"),
        "models/light lost": lambda place: _without(place / "models" / "light"),
        "images of another source": _of_another_source,
    }


# ---------------------------------------------------------------------- inside


def _product(section: Section, product: Any) -> Facts:
    folder, recipe = product.path, product.recipe
    images = sorted(file.parent.name for file in folder.glob("*/zarr.json"))
    tables = sorted(file.stem for file in folder.glob("*.parquet"))
    others = sorted(
        file.name
        for file in folder.iterdir()
        if file.is_file() and file.suffix != ".parquet" and file.name != "product.json"
    )
    return {
        "state": section.state(product.name),
        "fingerprint": product.fingerprint,
        "recipe": {
            "fingerprint": recipe.fingerprint,
            "step": recipe.step,
            "settings": recipe.settings,
            "inputs": recipe.inputs,
            "seed": recipe.seed,
            "method": recipe.method,
        },
        "content": product.content,
        "notes": product.notes,
        "images": {name: image_facts(section.raster(product.name, name)) for name in images},
        "tables": {name: table_facts(section.table(product.name, name)) for name in tables},
        "files": {name: _hash((folder / name).read_bytes()) for name in others},
    }


def _rest(section: Section) -> Facts:
    tiles, fields = section.tiles(), section.fields()
    files = sorted(
        file for name in ("annotations", "review") for file in (section.path / name).glob("*.*")
    )
    return {
        "record": json.loads(section.record.model_dump_json()),
        "sessions": [[one.session, one.role, repr(one.window)] for one in section.sessions()],
        "placements": table_facts(section.annotation("placements")),
        "tiles": table_facts(tiles.table) if tiles else None,
        "fields": table_facts(fields.table) if fields else None,
        "files": {
            file.relative_to(section.path).as_posix(): _hash(file.read_bytes())
            for file in files
            if file.name != "holder.txt"
        },
    }


def _plain(column: pd.Series) -> list[Any]:
    """Values that are the same whatever kind of column a library made of them."""
    values = (one.item() if isinstance(one, np.generic) else one for one in column.astype(object))
    return [None if pd.isna(one) else one for one in values]


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _append(file: Path, text: str) -> Path:
    with file.open("a", encoding="utf-8", newline="") as stream:
        stream.write(text)
    return file.parents[1]


def _without(folder: Path) -> Path:
    shutil.rmtree(folder)
    place = folder.parent
    return place.parent if place.name == "models" else place


def _of_another_source(place: Path) -> Path:
    record = place / "images" / "product.json"
    values = json.loads(record.read_text(encoding="utf-8"))
    values["recipe"]["inputs"]["source"] = "0" * 16
    record.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    return place
