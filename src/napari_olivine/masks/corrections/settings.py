"""Settings of the step that corrects the mask by files."""

from __future__ import annotations

from pathlib import Path

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
    clear: bool = setting(
        False, "Clear", "First forget every correction of the mask, also those of the dock."
    )
