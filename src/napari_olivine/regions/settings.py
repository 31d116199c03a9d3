"""Settings of the step that sets the region of study."""

from __future__ import annotations

from pathlib import Path

from napari_olivine.settings import Settings, setting


class RegionsSettings(Settings):
    """Settings of :func:`~napari_olivine.regions.set_regions`."""

    keep: Path | None = setting(
        None,
        "Keep",
        "GeoJSON file of polygons, as QuPath exports them (coordinates in pixels): only what lies "
        "in any of them is studied. They replace those that were kept before. Polygons of the "
        "class 'Leave out' are not taken.",
    )
    leave_out: Path | None = setting(
        None,
        "Leave out",
        "GeoJSON file of polygons that are never studied. They replace those that were left out "
        "before. Polygons of the class 'Keep' are not taken.",
    )
    clear: bool = setting(
        False, "Clear", "First forget every polygon: the whole section is studied."
    )
    export: Path | None = setting(
        None,
        "File to write",
        "GeoJSON file for the polygons as they are then, for QuPath; {setting:keep} and "
        "{setting:leave_out} read it again.",
    )
