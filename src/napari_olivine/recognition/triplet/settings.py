"""Settings of the classifiers that look at crops of random scale.

Larmuseau et al. 2021 is doi 10.1016/j.scriptamat.2020.10.026. Margin, optimiser, network and the
rule of the threshold stand in a supplement that is not at hand: where no source is named, the
value is ours.
"""

from __future__ import annotations

from typing import Literal

from napari_olivine.settings import Settings, setting


class CropSettings(Settings):
    """What the triplet network and the softmax beside it have in common."""

    backbone: Literal["small", "light", "mobilenet_v2", "resnet50", "swin_t"] = setting(
        "small",
        "Backbone",
        "Network that makes features of a crop. small learns from nothing; light comes with "
        "weights that know sections; the others want weights of ImageNet.",
    )
    magnification: Literal["auto", "ignored"] = setting(
        "auto",
        "Magnification",
        "auto: the pixels per micrometre of a crop are a second input where every training image "
        "says how large its pixels are (Larmuseau et al. 2021). ignored: never.",
    )
    crop_px: int = setting(
        128,
        "Side of a crop",
        "200 in Larmuseau et al. 2021; 128 takes less than half the time.",
        unit="px",
        ge=32,
        le=512,
    )
    least_crop: float = setting(
        0.6,
        "Least crop",
        "Side of the smallest crop before it is brought to its size, as a part of the image's "
        "shorter side; the largest is the whole.",
        gt=0.02,
        le=1,
    )
    augmentation: float = setting(
        1.0,
        "Augmentation",
        "Strength of the random changes; 0 turns and mirrors alone.",
        ge=0,
        le=2,
    )
    steps: int = setting(600, "Steps", "Steps of the optimiser.", ge=1, le=100_000)
    crops_per_class: int = setting(
        8, "Crops per class", "Crops of each class in a step: rare classes count as much.", ge=2,
        le=256,
    )  # fmt: skip
    dropout: float = setting(
        0.3, "Dropout", "Share of the features that a training step leaves out.", ge=0, lt=1
    )
    learning_rate: float = setting(2e-3, "Learning rate", "Of AdamW, at its highest.", gt=0, le=0.1)
    votes: int = setting(
        100,
        "Crops that vote",
        "Crops of an image whose probabilities are averaged; a thousand in Larmuseau et al. 2021.",
        ge=1,
        le=10_000,
    )
    refused: float = setting(
        0.05,
        "Refused",
        "Share of the held-out images of known classes that may be called none of these: the "
        "threshold is the strictest that keeps it.",
        ge=0,
        le=0.5,
    )


class TripletSettings(CropSettings):
    """Settings of the triplet network."""

    dimensions: int = setting(
        32,
        "Dimensions",
        "Of a descriptor; two in Larmuseau et al. 2021.",
        ge=2,
        le=128,
    )
    mining: Literal["violating", "semi-hard"] = setting(
        "violating",
        "Triplets",
        "Which of a batch count: all whose loss is above 0, or of these the semi-hard ones.",
    )
    start: float = setting(
        0.5,
        "Start",
        "Part of the steps in which the cross-entropy of a linear layer behind the descriptors is "
        "added to the triplet loss, which alone takes long to part the classes.",
        ge=0,
        le=1,
    )
    margin: float = setting(
        1.0, "Margin", "Distance that classes should have, alpha of eq. 1.", gt=0, le=100
    )
