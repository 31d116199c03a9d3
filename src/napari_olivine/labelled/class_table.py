"""Files that name the classes of masks: CSV or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from napari_olivine.errors import InputError, about
from napari_olivine.labelled.classes import EVERYTHING_ELSE, PRESETS, LabelClasses, classes_of
from napari_olivine.labelled.label_keys import key_of_text
from napari_olivine.readers.sessions import read_csv
from napari_olivine.section import fingerprint_of_bytes

NO_LABEL = ("", "ignore", "no label")
"""Names of what is no label."""

EXPECTED = (
    "columns name and value (a grey value) or colour (#ffc0c0, '255 192 192', or red, green, "
    "blue), perhaps shown (#rrggbb); * as the value is everything else, an empty name no label"
)

_SHOWN = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)

Row = tuple[str, int | None, str]


def named_classes(setting: str) -> LabelClasses | None:
    """Return the classes of a preset or file; `None` if the masks are to tell them.

    Parameters
    ----------
    setting
        `ImportLabelsSettings.classes`.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be used.
    """
    if not setting.strip():
        return None
    if preset := PRESETS.get(setting.strip().lower()):
        return preset
    file = Path(setting).expanduser()
    if not file.is_file():
        raise InputError(
            f"There is no file {file} with classes, and no preset of that name "
            f"({', '.join(PRESETS)}).",
            setting="classes",
            file=file,
        )
    with about(file=file):
        return classes_of(_rows(file), str(file))


def fingerprint_of_classes(setting: str) -> dict[str, str]:
    """Return the fingerprint of the file of classes: its text may change under the same name."""
    file = Path(setting).expanduser()
    if not setting.strip() or setting.strip().lower() in PRESETS or not file.is_file():
        return {}
    return {"source/classes": fingerprint_of_bytes(file.read_bytes())}


def _rows(file: Path) -> Iterator[Row]:
    """Go through name, key and colour to show of every row."""
    table = _read_json(file) if file.suffix.lower() == ".json" else read_csv(file)
    for number, row in enumerate(table.to_dict("records"), 1):
        yield _row(file, number, {str(key): _text(value) for key, value in row.items()})


def _read_json(file: Path) -> pd.DataFrame:
    """Read a list of objects, or an object of values or colours by name."""
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            content = [{"name": name, "colour": key} for name, key in content.items()]
        if not isinstance(content, list) or not all(isinstance(one, dict) for one in content):
            raise ValueError("it is no list of objects")
        return pd.DataFrame(content, dtype=object).rename(columns=str.lower)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file} cannot be read as classes ({error}).",
            remedy=f"Write it as a list of objects with {EXPECTED}.",
            file=file,
            setting="classes",
        ) from error


def _row(file: Path, number: int, row: Mapping[str, str]) -> Row:
    if "name" not in row:
        raise InputError(
            f"{file} lacks the column name; it has {', '.join(row)}.",
            file=file,
            setting="classes",
            expected=EXPECTED,
        )
    name, shown = row["name"].strip(), row.get("shown", "").strip()
    name = "" if name.lower() in NO_LABEL else name
    if shown and not _SHOWN.fullmatch(shown):
        raise _wrong(file, number, f"{shown!r} is no colour to show (#rrggbb)")
    three = [row.get(one, "").strip() for one in ("red", "green", "blue")]
    given = [row.get("value", ""), row.get("colour", "") or row.get("color", "")]
    texts = [text.strip() for text in given if text.strip()]
    if all(three):
        texts.append(" ".join(three))
    if len(texts) != 1:
        raise _wrong(file, number, f"expected one value or colour for {name!r}, not {texts}")
    if texts[0] == EVERYTHING_ELSE:
        return name, None, shown
    key = key_of_text(texts[0])
    if key is None:
        raise _wrong(file, number, f"{texts[0]!r} is neither a grey value nor a colour")
    return name, key, shown


def _wrong(file: Path, number: int, problem: str) -> InputError:
    return InputError(
        f"{file}, class {number}: {problem}.", file=file, setting="classes", expected=EXPECTED
    )


def _text(value: object) -> str:
    """Write a cell as text; three numbers of JSON as a colour."""
    if isinstance(value, list):
        return " ".join(str(one) for one in value)
    return "" if value is None or (isinstance(value, float) and value != value) else str(value)
