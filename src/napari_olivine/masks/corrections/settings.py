"""Settings of the step that corrects the mask by files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import field_validator

from napari_olivine.settings import Settings, setting


class CorrectMaskSettings(Settings):
    """Settings of :func:`~napari_olivine.masks.corrections.correct_by_file`."""

    olivine: Path | None = setting(
        None,
        "Olivine",
        "GeoJSON file of polygons, as QuPath exports them (coordinates in pixels): what lies in "
        "any of them is olivine, whatever the rule says.",
    )
    other: Path | None = setting(
        None,
        "Not olivine",
        "GeoJSON file of polygons in which there is no olivine, whatever the rule says; they lie "
        "over those of {setting:olivine}.",
    )
    phase: tuple[tuple[str, Path], ...] = setting(
        (),
        "Other phases",
        "Name of a phase of the mask, and a GeoJSON file of polygons in which there is this phase, "
        "e.g. plagioclase laths.geojson; as often as there are phases. They lie over those of "
        "{setting:olivine} and {setting:other}, in the order in which they are given.",
    )
    classes: tuple[Path, ...] = setting(
        (),
        "By classes",
        "GeoJSON file of polygons that name what is there themselves, by the class that QuPath "
        "gives to an annotation: olivine, not olivine, or a phase of the mask. They lie over all "
        "others.",
    )
    clear: bool = setting(
        False, "Clear", "First forget every correction of the mask, also those of the dock."
    )

    @field_validator("phase", mode="before")
    @classmethod
    def _in_pairs(cls, given: Any) -> Any:
        """Read names and files that follow each other, as a command line has them."""
        if not isinstance(given, list | tuple) or not all(
            isinstance(one, str | Path) for one in given
        ):
            return given
        if len(given) % 2:
            raise ValueError("a phase and a file belong together: NAME FILE")
        return list(zip(given[::2], given[1::2], strict=True))
