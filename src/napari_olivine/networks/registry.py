"""The networks by name, without torch: what each is and how it is trained by default."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from napari_olivine.errors import InputError

NetworkName = Literal[
    "light",
    "deeplabv3_resnet50",
    "deeplabv3_resnet101",
    "deeplabv3_mobilenet_v3_large",
    "unet_resnet18",
    "linknet_resnet18",
    "unet_inceptionv3",
    "linknet_inceptionv3",
    "unet_inceptionresnetv2",
    "linknet_inceptionresnetv2",
    "unet_vgg16",
    "linknet_vgg16",
    "unet_vgg19",
    "linknet_vgg19",
    "unet_efficientnetb3",
    "linknet_efficientnetb3",
    "unet_efficientnetb4",
    "linknet_efficientnetb4",
    "resunet",
    "unet_hrnet",
    "upernet_convnext",
    "pix2pix",
    "random_forest",
]
Architecture = Literal["unet", "linknet", "upernet", "deeplabv3", "resunet", "pix2pix", "forest"]


START_WEIGHTS = ("auto", "none", "imagenet", "micronet")
"""Weights to start from that have a name; others are files or folders of models."""

Purpose = Literal["fast", "published", "strong", "comparison"]

PURPOSES: dict[Purpose, str] = {
    "fast": "Fast without a graphics card",
    "published": "As published by Leichter et al. (2022)",
    "strong": "Strong, wants a graphics card",
    "comparison": "For comparison",
}
"""What networks are good for, in the order in which a person is offered them."""

Optimiser = Literal["adamw", "adam", "sgd"]
Schedule = Literal["constant", "once", "restarts"]


@dataclass(frozen=True)
class Preset:
    """How a network is trained unless the person says otherwise.

    Parameters
    ----------
    target
        ``"phases"``: every phase of the mask is a class; ``"olivine"``: olivine or not.
    optimiser
        ``"adamw"``, ``"adam"`` (against an adversary with a first decay of 0.5 as in Isola et al.
        2017), or ``"sgd"`` with momentum 0.9.
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
    time
        Whether that is time of the clock or of the processor.
    grey_levels, gain
        Largest change of every grey level of a crop: added, in parts of the spread of the
        training sessions' grey, and multiplied.
    shading
        Standard deviation of a smooth field that is added to a crop, in the same spreads.
    hard
        Part of the crops that, from the second epoch on, is laid where network and mask disagreed
        in the training sessions.
    average
        Part of the running average of the weights that a step keeps; what is validated and kept
        is that average. 0 for the weights as they are.
    schedule
        How the learning rate goes, see `napari_olivine.training.schedule`.
    entropy, focusing, dice_of, outlines
        See `napari_olivine.training.losses.LossShape`.
    adversary
        Weight of the loss against an adversary beside that of the segmentation; 0 for none. 0.01
        stands for the 100 times that Isola et al. (2017) weigh the latter.
    outlines_from
        Whether its probabilities are brought to where BSE changes, see
        `napari_olivine.networks.follow_grey`.
    """

    target: Literal["phases", "olivine"]
    optimiser: Optimiser
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
    hard: float
    average: float
    schedule: Schedule = "constant"
    adversary: float = 0.0
    entropy: float = 1.0
    focusing: float = 0.0
    dice_of: Literal["olivine", "all"] = "olivine"
    outlines: float = 0.0
    time: Literal["clock", "processor"] = "clock"
    outlines_from: Literal["network", "bse"] = "bse"


@dataclass(frozen=True)
class NetworkSpec:
    """What a network is.

    Parameters
    ----------
    name
        Name in settings, on the command line and in model cards.
    title
        What it is, for a person.
    architecture
        Kind of network.
    encoder
        Name of its encoder in the library that has it; empty where it has none.
    preset
        How it is trained.
    weights_m
        How many weights it has to learn, in millions, with one output; 0 of a forest.
    window_bytes
        Memory that a prediction takes for each pixel of its window, as measured by
        ``benchmarks/bench_inference.py --memory`` at 768 px, with what does not grow with the
        window: that of the engine that needs most.
    channels
        Channels of its input; grey is copied into all of them.
    halvings
        How often the encoder halves the image: its input is padded to a multiple of two to the
        power of that.
    decoder
        Channels of the decoder after each doubling; the library's own if empty.
    published_weights
        Name of the torchvision weights that ``weights="auto"`` looks for, empty for none.
    own_weights
        Name of the file of the weights that come with the program, empty for none.
    purpose
        What it is good for, of `PURPOSES`.
    """

    name: NetworkName
    title: str
    architecture: Architecture
    encoder: str
    preset: Preset
    weights_m: float
    window_bytes: int
    channels: int = 1
    halvings: int = 5
    decoder: tuple[int, ...] = ()
    published_weights: str = ""
    own_weights: str = ""
    purpose: Purpose = "comparison"

    @property
    def in_words(self) -> str:
        """What it is, its size and what it starts from by default, for a person who chooses."""
        size = f"{self.weights_m:g} million weights"
        if self.architecture == "forest":
            return f"{self.title}. It is always grown anew."
        start = "random weights"
        if self.own_weights:
            start = "what it learned of them"
        elif self.published_weights:
            start = "what it learned of photographs (COCO)"
        return f"{self.title}. {size}; starts from {start}."

    @property
    def imagenet_normalisation(self) -> bool:
        """Whether grey is normalised like the photographs that its published weights have seen."""
        return bool(self.published_weights)

    def starts_from_own(self, weights: str) -> bool:
        """Tell whether training starts from the weights that come with the program.

        Parameters
        ----------
        weights
            See `napari_olivine.networks.start_weights`.
        """
        return weights == "auto" and bool(self.own_weights)

    @property
    def multiple(self) -> int:
        """Rows and columns of its input are a multiple of it."""
        return 1 << self.halvings


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
    hard=0.0,
    average=0.0,
    outlines_from="network",
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
    hard=0.25,
    average=0.99,
    schedule="once",
)

_FOREST = replace(_LIGHT, grey_levels=0.3, gain=0.1, shading=0.2)

_PIX2PIX = replace(
    _LIGHT,
    optimiser="adam",
    learning_rate=2e-4,
    dice=0.0,
    average=0.0,
    schedule="constant",
    adversary=0.01,
)

OWN_WEIGHTS = "light-5d481012.safetensors"
"""Made by ``scripts/pretrain_light.py``; the name ends with the start of its SHA-256 sum."""


def _deeplabv3(
    name: NetworkName,
    encoder: str,
    title: str,
    weights: str,
    weights_m: float,
    window_bytes: int,
    purpose: Purpose = "comparison",
) -> NetworkSpec:
    return NetworkSpec(
        name,
        f"DeepLabV3 with a {title} backbone (torchvision)",
        *("deeplabv3", encoder, _PAPER, weights_m, window_bytes),
        channels=3,
        halvings=0,
        published_weights=f"{weights}_Weights.COCO_WITH_VOC_LABELS_V1",
        purpose=purpose,
    )


def _unet(
    name: NetworkName,
    encoder: str,
    title: str,
    weights_m: float,
    purpose: Purpose = "comparison",
) -> NetworkSpec:
    said = f"U-Net with {title} as its encoder (segmentation-models-pytorch)"
    return NetworkSpec(name, said, "unet", encoder, _LIGHT, weights_m, 1500, purpose=purpose)


def _linknet(name: NetworkName, encoder: str, title: str, weights_m: float) -> NetworkSpec:
    said = f"LinkNet with {title} as its encoder (segmentation-models-pytorch)"
    return NetworkSpec(name, said, "linknet", encoder, _LIGHT, weights_m, 1500)


NETWORKS: dict[str, NetworkSpec] = {
    spec.name: spec
    for spec in (
        NetworkSpec(
            "light",
            "small U-Net (three stages of ResNet-18) that has seen synthetic sections of several "
            "rocks; trains well on a CPU",
            *("unet", "resnet18", _LIGHT, 3.6, 700),
            halvings=4,
            decoder=(128, 64, 32, 16),
            own_weights=OWN_WEIGHTS,
            purpose="fast",
        ),
        _deeplabv3(
            *("deeplabv3_resnet50", "resnet50", "ResNet-50", "DeepLabV3_ResNet50", 39.6, 1500),
            purpose="published",
        ),
        _deeplabv3(
            *("deeplabv3_resnet101", "resnet101", "ResNet-101", "DeepLabV3_ResNet101", 58.6, 1500)
        ),
        _deeplabv3(
            *("deeplabv3_mobilenet_v3_large", "mobilenet_v3_large", "MobileNetV3-Large"),
            *("DeepLabV3_MobileNet_V3_Large", 11.0, 600),
        ),
        _unet("unet_resnet18", "resnet18", "ResNet-18", 14.3),
        _linknet("linknet_resnet18", "resnet18", "ResNet-18", 11.7),
        _unet("unet_inceptionv3", "tu-inception_v3", "Inception-v3", 29.9),
        _linknet("linknet_inceptionv3", "tu-inception_v3", "Inception-v3", 28.4),
        _unet("unet_inceptionresnetv2", "inceptionresnetv2", "Inception-ResNet-v2", 62.0),
        _linknet("linknet_inceptionresnetv2", "inceptionresnetv2", "Inception-ResNet-v2", 59.4),
        _unet("unet_vgg16", "vgg16", "VGG-16", 23.7),
        _linknet("linknet_vgg16", "vgg16", "VGG-16", 16.0),
        _unet("unet_vgg19", "vgg19", "VGG-19", 29.1),
        _linknet("linknet_vgg19", "vgg19", "VGG-19", 21.3),
        _unet("unet_efficientnetb3", "efficientnet-b3", "EfficientNet-B3", 13.2),
        _linknet("linknet_efficientnetb3", "efficientnet-b3", "EfficientNet-B3", 10.9),
        _unet("unet_efficientnetb4", "efficientnet-b4", "EfficientNet-B4", 20.2),
        _linknet("linknet_efficientnetb4", "efficientnet-b4", "EfficientNet-B4", 17.9),
        NetworkSpec(
            *("resunet", "residual U-Net (Zhang et al. 2018)", "resunet", "", _LIGHT, 3.3, 1500),
            halvings=4,
        ),
        _unet("unet_hrnet", "tu-hrnet_w18", "HRNet-W18 (Wang et al. 2020)", 16.1, purpose="strong"),
        NetworkSpec(
            "upernet_convnext",
            "UPerNet with ConvNeXt-Tiny as its encoder (Liu et al. 2022)",
            *("upernet", "tu-convnext_tiny", _LIGHT, 37.0, 1500),
            purpose="strong",
        ),
        NetworkSpec(
            "pix2pix",
            "pix2pix, whose generator learns against a PatchGAN (Isola et al. 2017)",
            *("pix2pix", "", _PIX2PIX, 7.6, 1500),
            halvings=7,
        ),
        NetworkSpec(
            "random_forest",
            "random forest of pixels (scikit-learn): a first look in seconds",
            *("forest", "", _FOREST, 0, 4000),
            halvings=0,
            purpose="fast",
        ),
    )
}
"""The networks by name. U-Nets and LinkNets are those of ddvika/SEM_segmentation; HRNet is what
Leichter et al. (2022, 5.1.1) propose."""

assert set(NETWORKS) == set(get_args(NetworkName))


def networks_by_purpose() -> dict[str, list[NetworkSpec]]:
    """Return the networks by what they are good for, in words."""
    return {
        title: [spec for spec in NETWORKS.values() if spec.purpose == purpose]
        for purpose, title in PURPOSES.items()
    }


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
