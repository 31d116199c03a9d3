"""Settings of the import of labelled images."""

from __future__ import annotations

from typing import Literal

from napari_olivine.settings import Settings, setting


class ImportLabelsSettings(Settings):
    """What images and masks do not say themselves."""

    classes: str = setting(
        "",
        "Classes",
        "CSV or JSON file that names the classes: grey value or colour, name, and the colour to "
        "show. qemscan: the four classes of ddvika/SEM_segmentation. Empty: every value or colour "
        "of the masks is a class of its own.",
    )
    target: str = setting(
        "",
        "Class of interest",
        "Class that stands in the place of olivine: what the steps call olivine is this class. "
        "Empty: the class that is called olivine.",
    )
    others: Literal["refuse", "ignore"] = setting(
        "refuse",
        "Colours of no class",
        "refuse: a mask with a value or colour that no class has is an error. ignore: such pixels "
        "have no label.",
    )
    without_mask: Literal["refuse", "leave-out", "keep"] = setting(
        "refuse",
        "Images without a mask",
        "refuse: an error lists them. leave-out: they are not imported. keep: they are imported "
        "without labels and without a role, to be segmented.",
    )
    pixel_size_um: float | None = setting(
        None,
        "Pixel size",
        "Side of a pixel. Empty: as the images say, else 1 um, with a warning.",
        unit="um",
        gt=0,
    )
    val_percent: float = setting(
        15.0,
        "For validation",
        "Share of the images for validation, where no folder or table gives the roles.",
        unit="%",
        ge=0,
        lt=100,
    )
    test_percent: float = setting(
        15.0,
        "For testing",
        "Share of the images for testing, likewise; the rest is for training.",
        unit="%",
        ge=0,
        lt=100,
    )
    gap_px: int = setting(
        256,
        "Gap between images",
        "Pixels between two images. Each image is continued by its reflection up to the middle of "
        "the gap, so that a network sees its edge as in training, and not its neighbour.",
        unit="px",
        ge=1,
        le=1024,
    )
