"""Settings of transfer learning.

Cai et al. 2024 is doi 10.2138/am-2023-9092; their schedule is that of their published code.
"""

from __future__ import annotations

from typing import Literal

from napari_olivine.settings import Settings, setting


class TransferSettings(Settings):
    """Settings of :class:`~napari_olivine.recognition.transfer.TransferClassifier`."""

    backbone: Literal["swin_t", "mobilenet_v2", "resnet50", "light", "small"] = setting(
        "swin_t", "Backbone", "Network that has seen photographs (Cai et al. 2024 compare three)."
    )
    schedule: Literal["frozen first", "published"] = setting(
        "frozen first",
        "Schedule",
        "frozen first: the last layer alone learns, then all of it slowly (ours). published: all "
        "of it by stochastic gradient descent, as in Cai et al. 2024.",
    )
    weights: str = setting(
        "auto",
        "Start from",
        "auto: ImageNet weights from torch's cache or the network, else random ones, which is "
        "said. none: random weights. Otherwise a file of weights in torchvision's layout.",
    )
    side_px: int = setting(
        256,
        "Side",
        "Every image is brought to it; 256 in Cai et al. 2024.",
        unit="px",
        ge=32,
        le=1024,
    )
    batch: int = setting(16, "Batch", "Images of a step; 16 in Cai et al. 2024.", ge=2, le=512)
    steps: int = setting(
        400, "Steps", "Steps of the optimiser with all of the network.", ge=0, le=100_000
    )
    validate_every: int = setting(
        50,
        "Validate every",
        "Steps after which the held-out images are predicted; the best network is kept. 200 in Cai "
        "et al. 2024.",
        ge=1,
        le=10_000,
    )
    views: int = setting(
        6, "Views", "Changed copies of each image that the frozen network describes.", ge=1, le=100
    )
    least_crop: float = setting(
        0.4, "Least crop", "Every second image is a crop whose side is at least this part.",
        gt=0.02, le=1,
    )  # fmt: skip
    augmentation: float = setting(
        1.0,
        "Augmentation",
        "Strength of the random changes; 0 turns and mirrors alone.",
        ge=0,
        le=2,
    )
