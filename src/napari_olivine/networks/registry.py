"""The networks by name, without torch: what each is and how it is trained by default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from napari_olivine.errors import InputError

NetworkName = Literal["light", "deeplabv3_resnet50", "deeplabv3_mobilenet_v3_large"]


@dataclass(frozen=True)
class Preset:
    """How a network is trained unless the person says otherwise.

    Parameters
    ----------
    target
        ``"phases"``: every phase of the mask is a class; ``"olivine"``: olivine or not.
    optimiser
        ``"adamw"`` with a learning rate that rises and falls once, or ``"sgd"`` with momentum
        0.9 and a constant rate.
    learning_rate
        Largest learning rate.
    dice
        Weight of the Dice loss that is added to the binary cross-entropy.
    batch
        Crops of one step of the optimiser.
    together
        Crops that go through the network at once on a CPU, to keep a step short and small.
    crop_px
        Side of a crop.
    epochs, steps
        Epochs, and steps of one epoch.
    patience
        Epochs without a better validation after which training stops.
    minutes
        Time after which training ends at the latest, `None` for no limit.
    grey_levels, gain
        Largest change of every grey level of a crop: added, in parts of the spread of the
        training sessions' grey, and multiplied.
    shading
        Standard deviation of a smooth field that is added to a crop, in the same spreads.
    average
        Part of the running average of the weights that a step keeps; what is validated and kept
        is that average. 0 for the weights as they are.
    """

    target: Literal["phases", "olivine"]
    optimiser: Literal["adamw", "sgd"]
    learning_rate: float
    dice: float
    batch: int
    together: int
    crop_px: int
    epochs: int
    steps: int
    patience: int
    minutes: float | None
    grey_levels: float
    gain: float
    shading: float
    average: float


@dataclass(frozen=True)
class NetworkSpec:
    """What a network is.

    Parameters
    ----------
    name
        Name in settings, on the command line and in model cards.
    title
        What it is, for a person.
    channels
        Channels of its input; grey is copied into all of them.
    imagenet_normalisation
        Whether grey is normalised like the photographs that its published weights have seen.
    published_weights
        Name of the torchvision weights that ``weights="auto"`` looks for, empty for none.
    window_bytes
        Memory that a prediction takes for each pixel of its window, as measured by
        ``benchmarks/bench_inference.py --memory`` at 768 px, with what does not grow with the
        window: that of the engine that needs most.
    preset
        How it is trained.
    """

    name: NetworkName
    title: str
    channels: int
    imagenet_normalisation: bool
    published_weights: str
    window_bytes: int
    preset: Preset


_PAPER = Preset(
    target="olivine",
    optimiser="sgd",
    learning_rate=0.01,
    dice=0.0,
    batch=4,
    together=2,
    crop_px=320,
    epochs=100,
    steps=100,
    patience=10,
    minutes=None,
    grey_levels=0.3,
    gain=0.06,
    shading=0.0,
    average=0.0,
)

_LIGHT = Preset(
    target="phases",
    optimiser="adamw",
    learning_rate=1e-3,
    dice=1.0,
    batch=8,
    together=8,
    crop_px=256,
    epochs=12,
    steps=100,
    patience=4,
    minutes=15.0,
    grey_levels=0.5,
    gain=0.15,
    shading=0.5,
    average=0.99,
)

NETWORKS: dict[str, NetworkSpec] = {
    spec.name: spec
    for spec in (
        NetworkSpec(
            "light",
            "U-Net with a ResNet-18 encoder (segmentation-models-pytorch); trains well on a CPU",
            1,
            False,
            "",
            700,
            _LIGHT,
        ),
        NetworkSpec(
            "deeplabv3_resnet50",
            "DeepLabV3 with a ResNet-50 backbone (torchvision), the network of Leichter et al. "
            "(2022)",
            3,
            True,
            "DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1",
            1500,
            _PAPER,
        ),
        NetworkSpec(
            "deeplabv3_mobilenet_v3_large",
            "DeepLabV3 with a MobileNetV3-Large backbone (torchvision)",
            3,
            True,
            "DeepLabV3_MobileNet_V3_Large_Weights.COCO_WITH_VOC_LABELS_V1",
            600,
            _PAPER,
        ),
    )
}

assert set(NETWORKS) == set(get_args(NetworkName))


def network_spec(name: str) -> NetworkSpec:
    """Return what is known of a network.

    Raises
    ------
    InputError
        If there is no network of that name.
    """
    try:
        return NETWORKS[name]
    except KeyError:
        known = ", ".join(NETWORKS)
        raise InputError(
            f"There is no network {name!r}; there are {known}.", setting="network"
        ) from None
