"""Settings of segmentation, without torch."""

from __future__ import annotations

from typing import Literal

from napari_olivine.settings import Settings, setting


class SegmentSettings(Settings):
    """Which model goes over the section, and how."""

    model: str = setting(
        "",
        "Model",
        "Name of a model of this section, or a model folder of another one; the newest model of "
        "this section if empty.",
    )
    window_px: int = setting(
        1024,
        "Window",
        "Side of the windows that the network sees, larger than the training crops (paper 3.6.3).",
        unit="px",
        ge=64,
        multiple_of=32,
    )
    overlap_px: int = setting(
        256, "Overlap", "Of neighbouring windows (ours; the paper: large).", unit="px", ge=0
    )
    blend: Literal["cosine", "mean"] = setting(
        "cosine",
        "Blending",
        "Weights of a pixel's probabilities from overlapping windows. mean: all the same, as in "
        "the paper. cosine: falling towards a window's edges, where context is missing (ours).",
    )
    threshold: float = setting(
        0.1, "Threshold", "Probability from which a pixel is olivine (paper: 0.1).", gt=0, lt=1
    )
    batch: int = setting(
        1, "Windows at once", "Windows that go through the network together.", ge=1
    )
