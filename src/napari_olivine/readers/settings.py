"""Settings of the import."""

from __future__ import annotations

from typing import Literal

from napari_olivine.settings import Settings, setting


class ImportSettings(Settings):
    """What the files do not say themselves, and how strict to be with them."""

    pixel_size_um: float | None = setting(
        None,
        "Pixel size",
        "Side of a pixel. Empty: as the files say (section.json, the corners in an XMapTools "
        "standard file, the resolution of a TIFF).",
        unit="um",
        gt=0,
    )
    bse: str | None = setting(
        None,
        "BSE signal",
        "Name of the backscatter image among the signals. Empty: BSE, BSED, COMPO or Cp "
        "(JEOL's COMPO image in XMapTools).",
    )
    signals: tuple[str, ...] = setting(
        (),
        "Signals to take",
        "Names of the signals to import beside BSE, e.g. Mg Fe Ca Al Si. Empty: all of them.",
    )
    accelerating_voltage_kv: float | None = setting(
        None,
        "Accelerating voltage",
        "Kept in the section's record. Empty: as the files say.",
        unit="kV",
        gt=0,
    )
    rename: tuple[str, ...] = setting(
        (),
        "Names of signals",
        "Signals whose name was not recognised or is another one than wished, as OLD=NEW, e.g. "
        "'Map 12=Mg'.",
    )
    tile_order: Literal["rows", "rows serpentine", "columns", "columns serpentine"] | None = (
        setting(
            None,
            "Order of numbered tiles",
            "How tiles that bear a running number follow each other, from the top left corner. "
            "Empty: found by how well the grey goes on across the seams.",
        )
    )
    tile_columns: int | None = setting(
        None,
        "Tiles in a row",
        "For tiles that bear a running number. Empty: found likewise.",
        ge=1,
    )
    tile_overlap_px: int | None = setting(
        None,
        "Overlap of tiles",
        "Pixels that neighbouring tiles share by plan. Empty: from the stage positions, or found "
        "in the images.",
        unit="px",
        ge=0,
    )
    mirror: Literal["none", "x", "y", "both"] | None = setting(
        None,
        "Mirrored stage axes",
        "Axes of the stage that run against the columns (x) or rows (y) of the images. Empty: "
        "found in the images.",
    )
    register_tiles: bool | None = setting(
        None,
        "Register overlaps",
        "Move overlapping tiles until they agree, instead of trusting the stage. Empty: where they "
        "overlap.",
    )
    skip_missing: bool = setting(
        False,
        "Go on without unusable tiles",
        "Leave tiles out that are missing, unreadable, doubled or of another size, type or pixel "
        "size than the rest; their place stays empty. Otherwise the source is refused with a "
        "list of them.",
    )
