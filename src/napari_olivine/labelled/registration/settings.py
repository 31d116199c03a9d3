"""Settings of the registration of a mineral map."""

from __future__ import annotations

from napari_olivine.settings import Settings, setting


class RegisterLabelsSettings(Settings):
    """What is known of image and map, and how far to look."""

    sem_pixel_um: float | None = setting(
        None, "Pixel of the SEM image", "Side of a pixel. Empty: as the file says.", unit="um", gt=0
    )
    map_pixel_um: float | None = setting(
        None,
        "Pixel of the mineral map",
        "Side of a pixel. Empty: the scale is estimated from the outlines of the sample and from "
        "the sizes of both frames.",
        unit="um",
        gt=0,
    )
    rotation_deg: float = setting(
        5.0,
        "Largest rotation",
        "How far the map may be turned against the image either way.",
        unit="deg",
        ge=0,
        le=45,
    )
    scale_percent: float = setting(
        10.0,
        "Largest error of the scale",
        "How far the scale may be from the estimate either way; from that of two pixel sizes at "
        "most 4 %.",
        unit="%",
        ge=0,
        le=50,
    )
