"""Settings of BSE that is drawn from labels, without torch."""

from __future__ import annotations

from napari_olivine.settings import Settings, setting


class SynthesiseSettings(Settings):
    """How long a pix2pix learns to draw BSE from minerals, and on what."""

    steps: int = setting(2000, "Steps", "Steps of training at most.", ge=1, le=1_000_000)
    max_minutes: float | None = setting(
        15.0, "Minutes", "Minutes of training at most; empty for no limit.", gt=0
    )
    crop_px: int = setting(
        256, "Crop", "Side of the crops, px; a multiple of 128.", ge=128, le=2048, multiple_of=128
    )
    batch: int = setting(
        4, "Batch", "Crops of a step. Isola et al. (2017) take 1; ours by judgement.", ge=2, le=64
    )
    learning_rate: float = setting(2e-4, "Learning rate", "Of Adam, both networks.", gt=0, le=0.1)
    likeness: float = setting(
        100.0,
        "Likeness",
        "How much the mean absolute difference from the real grey counts beside the judgement of "
        "the discriminator (Isola et al. 2017: 100).",
        ge=0,
    )
