"""What a calibration says of itself, in words of the window."""

from __future__ import annotations

from typing import Any

from napari_olivine.section import Section


def result_in_words(notes: dict[str, Any]) -> str:
    """Say how well a calibration fits the test traverses, or its own points without any."""
    test, own = notes.get("test") or {}, notes.get("calibrate") or {}
    scores = test if test.get("rmse") is not None else own
    if scores.get("rmse") is None:
        return "The calibration has no score: no point could be compared."
    r2 = "" if scores.get("r2") is None else f", R2 {scores['r2']:.3f}"
    of = "" if scores is test else " of its own points: no traverse tests it"
    return f"RMSE of mg# {scores['rmse']:.4f}{r2}{of}"


def source_in_words(section: Section | None) -> str:
    """Say which pixels were the mineral in the calibration that is there."""
    from napari_olivine.calibration import SOURCES

    product = section.product("calibration") if section is not None else None
    source = product.notes.get("phase_from") if product is not None else None
    return f"Calibrated on: {SOURCES[source]}" if source in SOURCES else ""
