"""Make a network: one module for all, grey in, logits of olivine or of several phases out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from napari_olivine.networks.forest import ForestBody
from napari_olivine.networks.inception import pad_inception
from napari_olivine.networks.pix2pix import Generator
from napari_olivine.networks.registry import Architecture, NetworkSpec, network_spec
from napari_olivine.networks.resunet import ResUNet
from napari_olivine.networks.torchvision_shim import smp, torchvision

BATCH_NORM_MOMENTUM = 0.1
"""MobileNetV3 comes with 0.01, with which a short training never moves the running statistics."""


class Network(nn.Module):
    """A segmentation network: the logit of olivine, or one of each of several phases.

    Parameters
    ----------
    body
        Network that maps (batch, channels, rows, columns) to (batch, outputs, rows, columns), or
        to a dictionary with that under ``"out"``.
    multiple
        Rows and columns of the body's input must be a multiple of it; other images are padded by
        reflection and the result is cut back.
    """

    def __init__(self, body: nn.Module, multiple: int) -> None:
        super().__init__()
        self.body = body
        self.multiple = multiple
        self.kept: int | None = None
        """Phase whose logit alone is given; `None` gives all outputs."""

    @property
    def encoder(self) -> nn.Module | None:
        """The part that published weights fill; `None` of a network without one."""
        return getattr(self.body, "encoder", None) or getattr(self.body, "backbone", None)

    @property
    def is_forest(self) -> bool:
        """Whether it is a random forest: other engines are no faster, or not exact."""
        return isinstance(self.body, ForestBody)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (batch, outputs, rows, columns) of normalised images.

        Parameters
        ----------
        images
            (batch, channels, rows, columns), normalised as the model card says.
        """
        rows, columns = images.shape[-2:]
        below, right = -rows % self.multiple, -columns % self.multiple
        if below or right:
            # An image cannot be reflected further than it reaches.
            mode = "reflect" if below < rows and right < columns else "replicate"
            images = pad(images, (0, right, 0, below), mode=mode)
        result = self.body(images)
        logits = cast(Tensor, result["out"] if isinstance(result, dict) else result)
        logits = logits[..., :rows, :columns]
        return logits if self.kept is None else logit_of_phase(logits, self.kept)


def logit_of_phase(logits: Tensor, phase: int) -> Tensor:
    """Return the logit of one phase against all others: its sigmoid is that phase's softmax.

    Parameters
    ----------
    logits
        (batch, phases, rows, columns); of a single output, they are returned as they are.
    phase
        Number of the phase.

    Returns
    -------
    Tensor
        float32, (batch, 1, rows, columns).
    """
    if logits.shape[1] == 1:
        return logits
    logits = logits.float()
    others = torch.cat([logits[:, :phase], logits[:, phase + 1 :]], 1)
    # Written out, because graph compilers do not all keep `logsumexp` from overflowing.
    most = others.amax(1, keepdim=True)
    return logits[:, phase : phase + 1] - most - (others - most).exp().sum(1, keepdim=True).log()


def build_network(name: str, seed: int = 0, classes: int = 1) -> Network:
    """Make a network with random weights.

    Parameters
    ----------
    name
        One of `napari_olivine.networks.NETWORKS`.
    seed
        Of the random weights.
    classes
        Outputs: 1 is the logit of olivine; of several, the softmax is each one's probability.

    Returns
    -------
    Network
        On the processor, channels last.

    Raises
    ------
    InputError
        If there is no network of that name.
    """
    spec = network_spec(name)
    torch.manual_seed(seed)
    network = Network(_BODIES[spec.architecture](spec, classes), spec.multiple)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = BATCH_NORM_MOMENTUM
    # torch's own annotations leave out this form of `to`.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _encoder_decoder(spec: NetworkSpec, classes: int) -> nn.Module:
    """Make a network of segmentation-models-pytorch."""
    make = {"unet": smp().Unet, "linknet": smp().Linknet, "upernet": smp().UPerNet}
    shape: dict[str, Any] = {"encoder_depth": spec.halvings}
    if spec.decoder:
        shape["decoder_channels"] = spec.decoder
    body = make[spec.architecture](
        spec.encoder, encoder_weights=None, in_channels=spec.channels, classes=classes, **shape
    )
    if spec.encoder == "resnet18" and spec.halvings < 5:
        body.encoder.layer4 = nn.Identity()  # is never called
    if "inception_v3" in spec.encoder:
        pad_inception(body.encoder)
    return cast(nn.Module, body)


def _deeplabv3(spec: NetworkSpec, classes: int) -> nn.Module:
    """Make torchvision's DeepLabV3."""
    torchvision()
    from torchvision.models import segmentation

    # Without `weights_backbone=None` torchvision downloads the backbone's weights.
    make = getattr(segmentation, f"deeplabv3_{spec.encoder}")
    body = make(weights=None, weights_backbone=None, num_classes=classes, aux_loss=False)
    return cast(nn.Module, body)


def _resunet(spec: NetworkSpec, classes: int) -> nn.Module:
    return ResUNet(spec.channels, classes)


def _pix2pix(spec: NetworkSpec, classes: int) -> nn.Module:
    return Generator(spec.channels, classes)


def _forest(_: NetworkSpec, classes: int) -> nn.Module:
    return ForestBody(classes)


_BODIES: dict[Architecture, Callable[[NetworkSpec, int], nn.Module]] = {
    "unet": _encoder_decoder,
    "linknet": _encoder_decoder,
    "upernet": _encoder_decoder,
    "deeplabv3": _deeplabv3,
    "resunet": _resunet,
    "pix2pix": _pix2pix,
    "forest": _forest,
}
