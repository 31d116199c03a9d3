"""Weights that others published: where they are, and how they are got.

``"auto"`` are those that Leichter et al. (2022) started from: COCO, for DeepLabV3.
``"imagenet"`` are photographs, for every encoder. ``"micronet"`` are over 100,000 images of
microscopes (Stuckner, Harder & Smith 2022, doi 10.1038/s41524-022-00878-5), for some encoders.
"""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from pathlib import Path

import torch

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.networks.registry import NetworkSpec
from napari_olivine.networks.torchvision_shim import smp, torchvision

PUBLISHED = ("auto", "imagenet", "micronet")

SECONDS_TO_ANSWER = 4.0
"""How long the server of published weights may take to answer before training goes without."""

BACKBONES = {
    "resnet50": "ResNet50_Weights.IMAGENET1K_V2",
    "resnet101": "ResNet101_Weights.IMAGENET1K_V2",
    "mobilenet_v3_large": "MobileNet_V3_Large_Weights.IMAGENET1K_V2",
}
"""Names of torchvision's ImageNet weights of the backbones of DeepLabV3."""

OF_MICRONET = {
    "resnet18": "v1.0",
    "resnet50": "v1.1",
    "resnet101": "v1.0",
    "inceptionresnetv2": "v1.0",
    "efficientnet-b3": "v1.0",
    "efficientnet-b4": "v1.0",
}
"""Encoders for which MicroNet weights exist, with their versions."""

MICRONET = (
    "https://nasa-public-data.s3.amazonaws.com/microscopy_segmentation_models/"
    "{encoder}_pretrained_microscopynet_{version}.pth.tar"
)


def published_file(spec: NetworkSpec, kind: str, job: Job) -> Path | None:
    """Return a published weights file from a cache, fetched if need be and possible.

    Parameters
    ----------
    spec
        The network.
    kind
        One of `PUBLISHED`.
    job
        Running job; it shows how much was fetched.

    Returns
    -------
    pathlib.Path or None
        `None` if it is not here and cannot be fetched.

    Raises
    ------
    InputError
        If there are no such weights for the network.
    """
    file = cache_folder() / published_name(spec, kind)
    if file.is_file():
        return file
    if (repository := _repository(spec, kind)) and (kept := _in_cache(*repository)):
        return kept
    return file if _fetch(published_url(spec, kind), file, job) else None


def torchvision_file(weights: str, job: Job) -> Path | None:
    """Return a weights file of torchvision from torch's cache, fetched if need be and possible.

    Parameters
    ----------
    weights
        Name in torchvision, e.g. ``"ResNet50_Weights.IMAGENET1K_V1"``.
    job
        Running job; it shows how much was fetched.

    Returns
    -------
    pathlib.Path or None
        `None` if it is not here and cannot be fetched.
    """
    url = torchvision_url(weights)
    file = cached_file(url)
    return file if file.is_file() or _fetch(url, file, job) else None


def torchvision_url(weights: str) -> str:
    """Return the address of weights by their name in torchvision."""
    torchvision()
    from torchvision.models import get_weight

    return str(get_weight(weights).url)


def cached_file(url: str) -> Path:
    """Return where the file of an address lies in torch's cache, whether or not it is there."""
    return cache_folder() / url.rpartition("/")[2]


def published_name(spec: NetworkSpec, kind: str) -> str:
    """Return the name under which a weights file lies in torch's cache."""
    if _repository(spec, kind):
        return f"{spec.encoder.removeprefix('tu-')}-imagenet.safetensors"
    return published_url(spec, kind).rpartition("/")[2]


def published_url(spec: NetworkSpec, kind: str = "auto") -> str:
    """Return the address of published weights, as the library that has them knows it.

    Raises
    ------
    InputError
        If there are no such weights for the network.
    """
    if kind == "micronet" and (version := OF_MICRONET.get(spec.encoder)):
        return MICRONET.format(encoder=spec.encoder, version=version)
    if repository := _repository(spec, kind):
        from huggingface_hub import hf_hub_url

        return str(hf_hub_url(repository[0], _FILE, revision=repository[1]))
    name = spec.published_weights if kind == "auto" else ""
    if kind == "imagenet" and spec.architecture == "deeplabv3":
        name = BACKBONES[spec.encoder]
    if not name:
        raise InputError(
            f"There are no {kind} weights for {spec.name}.",
            remedy="Give {setting:weights} as none or a file.",
            setting="weights",
        )
    return torchvision_url(name)


_FILE = "model.safetensors"


def _repository(spec: NetworkSpec, kind: str) -> tuple[str, str | None] | None:
    """Name and revision of the repository that has ImageNet weights of an encoder, if one has."""
    if kind != "imagenet" or spec.architecture not in ("unet", "linknet", "upernet"):
        return None
    models = smp()
    if not spec.encoder.startswith("tu-"):
        known = models.encoders.encoders[spec.encoder]["pretrained_settings"]["imagenet"]
        return known["repo_id"], known["revision"]
    import timm

    known = timm.get_pretrained_cfg(spec.encoder.removeprefix("tu-"))
    return (str(known.hf_hub_id), None) if known is not None else None


def _in_cache(repository: str, revision: str | None) -> Path | None:
    """Return the file if a library has fetched it before."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository, _FILE, revision=revision)
    return Path(found) if isinstance(found, str) else None


def cache_folder() -> Path:
    """Return the folder where torch keeps published weights (``$TORCH_HOME/hub/checkpoints``)."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def _fetch(url: str, file: Path, job: Job) -> bool:
    """Download a file if its server answers quickly; tell whether it is there now."""
    answer: list[int] = []

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=SECONDS_TO_ANSWER) as reply:
                answer.append(int(reply.headers.get("Content-Length", 0)))
        except (OSError, ValueError):
            return

    # In a thread, because looking up a name may block for much longer than the timeout.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(SECONDS_TO_ANSWER)
    if not answer:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(file.name + ".part")
    try:
        with urllib.request.urlopen(url, timeout=20) as reply, unfinished.open("wb") as out:
            while block := reply.read(1 << 20):
                out.write(block)
                job.progress(out.tell(), max(answer[0], out.tell()), "Fetching published weights")
        unfinished.replace(file)
    except (urllib.error.URLError, OSError):
        return False
    finally:
        unfinished.unlink(missing_ok=True)
    return True
