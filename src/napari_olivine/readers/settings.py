"""Settings of the import."""

from __future__ import annotations

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
    skip_missing: bool = setting(
        False,
        "Go on without missing tiles",
        "Leave missing and unreadable tiles black and report them, instead of refusing the "
        "source. A tile of another size or type is always refused.",
    )
