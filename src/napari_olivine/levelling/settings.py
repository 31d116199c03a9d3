"""Settings of the levelling."""

from __future__ import annotations

from typing import Literal

from napari_olivine.settings import Settings, setting


class LevelSettings(Settings):
    """Settings of :func:`~napari_olivine.levelling.level`."""

    reference: str | None = setting(
        None,
        "Reference session",
        "Session whose grey scale the others are brought to; automatic: the first.",
    )
    standards: dict[str, dict[str, float]] = setting(
        {},
        "Standards",
        "Grey of standards in each session, for example "
        '{"Faraday cup": {"1": 3.1, "2": 4.0}, "Fe metal": {"1": 231, "2": 238}}: one gives the '
        "offset, two of different grey the gain as well. The table annotations/standards.csv "
        "(columns standard, session, grey, and error if known) does the same.",
    )
    standard_error_grey: float = setting(
        0.5,
        "Error of a standard",
        "Standard error of a standard's grey where the table gives none, in levels of an 8-bit "
        "image.",
        unit="grey",
        gt=0,
    )
    overlaps: bool = setting(
        True, "Overlaps", "Compare overlapping tiles, where the mosaic has any."
    )
    seams: bool = setting(
        True, "Seams", "Compare the grey on the two sides where tiles meet without overlap."
    )
    phases: bool = setting(
        True,
        "Shared phases",
        "Compare the grey of the same material in all sessions, known by the element maps, or by "
        "the histogram of the grey where there are none.",
    )
    backgrounds: bool = setting(
        True,
        "Backgrounds of tiles",
        "Take a sloping background (charging, contamination) off each tile.",
    )
    shading: Literal["auto", "add", "multiply", "off"] = setting(
        "auto",
        "Shading",
        "Surface of second order that all tiles of a session share: added to the grey, multiplied "
        "with it, whichever fits better, or none. Left out where it is not significant.",
    )
    gain_prior_percent: float = setting(
        5.0,
        "Gain of a session",
        "How far the gain of a session may lie from the others' (one standard deviation). Ours.",
        unit="%",
        gt=0,
        le=50,
    )
    offset_prior_grey: float = setting(
        30.0,
        "Offset of a session",
        "How far the grey of a session may lie from the others' (one standard deviation), in "
        "levels of an 8-bit image. Ours.",
        unit="grey",
        gt=0,
    )
