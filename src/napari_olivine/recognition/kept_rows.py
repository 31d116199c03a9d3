"""Rows of a comparison that an earlier, stopped run has measured: they are not made again."""

from __future__ import annotations

import json as json_file
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from napari_olivine.recognition.reading import Opened
from napari_olivine.recognition.settings import RecogniseCompareSettings
from napari_olivine.section import Section, fingerprint_of_bytes, write_atomically

MEASURED_ON = "measured_on"
"""Field of a row: fingerprint of images, settings and seed."""

CURVE_COLUMNS = ["classifier", "fold", "iteration", "loss", "accuracy"]


def fingerprint_of_comparison(
    source: Path, opened: Opened, settings: RecogniseCompareSettings, seed: int
) -> str:
    """Fingerprint what the rows of a comparison follow from, but for the classifier.

    Of a folder that is the names, sizes and times of its images, of a section its products.

    Parameters
    ----------
    source
        The folder or section.
    opened
        Its images.
    settings, seed
        Of the comparison.

    Returns
    -------
    str
        The fingerprint.
    """
    images = opened.images.images
    marks: list[Any] = []
    if opened.is_section:
        section = Section(source)
        names = ("images", "crystals", "levelling")
        marks = [section.fingerprint(one) for one in names if section.product(one) is not None]
    else:
        for one in images:
            told = (source / one.name).stat()
            marks.append([told.st_size, told.st_mtime_ns])
    parts = [
        settings.model_dump(mode="json", exclude={"classifiers"}), seed, marks,
        [[one.name, one.label, one.source, one.split, one.um_per_px] for one in images],
    ]  # fmt: skip
    return fingerprint_of_bytes(json_file.dumps(parts).encode())


@dataclass
class KeptRows:
    """The rows of a comparison, on disk after each of them.

    Parameters
    ----------
    json, curves
        Files of the rows, and of their curves; `curves` may be `None`.
    mark
        See `fingerprint_of_comparison`; rows with another one are made again.
    rows, points
        Rows in their order, and points of their curves.
    """

    json: Path
    curves: Path | None
    mark: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    points: list[dict[str, Any]] = field(default_factory=list)

    def earlier(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return rows by classifier that need not be made again; files that are damaged have none.

        Where curves are wanted, a row whose curve is not there is made again.
        """
        try:
            there = json_file.loads(self.json.read_text(encoding="utf-8"))
            rows = {row["classifier"]: row for row in there if row.get(MEASURED_ON) == self.mark}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}
        curves = pd.DataFrame(columns=CURVE_COLUMNS)
        if self.curves is not None and self.curves.is_file():
            with suppress(OSError, ValueError, KeyError):
                curves = pd.read_csv(self.curves)[CURVE_COLUMNS]
        found = {}
        for name in names:
            own = curves[curves["classifier"] == name].to_dict("records")
            whole = self.curves is None or len(own) == rows.get(name, {}).get("curve_points")
            if name in rows and whole:
                found[name] = rows[name]
                self.points += [{str(key): value for key, value in one.items()} for one in own]
        return found

    def add(self, row: dict[str, Any], curve: Sequence[dict[str, Any]] = ()) -> None:
        """Write one more row, and the points of its curve."""
        self.rows.append(row)
        self.points += curve
        if self.curves is not None:
            points = pd.DataFrame(self.points, columns=CURVE_COLUMNS)
            write_atomically(self.curves, points.to_csv(index=False))
        write_atomically(self.json, json_file.dumps(self.rows, indent=1) + "\n")
