"""Settings of the command that shows where a network looks."""

from __future__ import annotations

from pathlib import Path

from napari_olivine.settings import Settings, setting


class RecogniseExplainSettings(Settings):
    """Settings of :func:`~napari_olivine.recognition.explain_classes`."""

    table: Path | None = setting(
        None, "Table of a folder", "CSV with the columns file, class (may be empty), um_per_px."
    )
    shown_class: str = setting(
        "",
        "Class",
        "Class whose evidence is shown; of each image the one that it is taken for if empty.",
    )
    crystals: list[int] = setting(
        [],
        "Crystals",
        "Ids of the crystals of a section that are shown; the first of the section if none is "
        "given.",
    )
    most: int = setting(
        100, "Most", "Images that are shown, the first of the folder.", ge=1, le=100_000
    )
