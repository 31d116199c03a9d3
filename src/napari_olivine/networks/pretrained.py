"""Published or own weights to start from: found, checked, loaded, and named in the log."""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from napari_olivine.errors import InputError, first_line
from napari_olivine.job import Job
from napari_olivine.networks.build import Network
from napari_olivine.networks.card import CARD, WEIGHTS, ModelPhase, read_card
from napari_olivine.networks.own_weights import OWN_WEIGHTS_FOLDER, fit_own_head
from napari_olivine.networks.published import (
    PUBLISHED,
    cache_folder,
    published_file,
    published_name,
)
from napari_olivine.networks.registry import NetworkSpec


def start_weights(
    network: Network,
    spec: NetworkSpec,
    weights: str,
    job: Job,
    phases: Sequence[ModelPhase] = (),
) -> str:
    """Put the weights that training starts from into a network.

    Parameters
    ----------
    network
        Network with random weights.
    spec
        What it is.
    weights
        ``"auto"``: the weights that come with the program, or the published weights from torch's
        cache, else from the network if it answers at once, else none. ``"none"``: random
        weights. ``"imagenet"``, ``"micronet"``: see `napari_olivine.networks.published`. Otherwise
        a weights file (``.pth``, ``.pt``, ``.safetensors``) or a model folder.
    job
        Running job; its log names the weights that are used.
    phases
        Outputs of the network, empty for olivine alone. Of a model with other ones, the last layer
        is left out.

    Returns
    -------
    str
        One sentence on the weights, as it stands in the model card.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds no weights that fit, or there are no such weights.
    """
    if spec.architecture == "forest":
        if weights not in ("auto", "none"):
            raise InputError(
                "A random forest is grown at once, so it cannot go on from weights.",
                remedy="Leave {setting:weights} as auto: it is grown anew within seconds.",
                setting="weights",
            )
        return "nothing: it is grown at once"
    if spec.starts_from_own(weights):
        said = _load_own(network, OWN_WEIGHTS_FOLDER / spec.own_weights, phases)
    elif weights == "none" or (weights == "auto" and not spec.published_weights):
        said = "random weights (trained from scratch)"
    elif weights in PUBLISHED:
        file = published_file(spec, weights, job)
        if file is None:
            said = "random weights: the published ones are neither in torch's cache nor reachable"
            where = f"Put {published_name(spec, weights)} into {cache_folder()} to start from them."
            if weights != "auto":
                raise InputError(
                    f"The {weights} weights of {spec.name} are neither in torch's cache nor "
                    "reachable.",
                    remedy=where,
                    setting="weights",
                )
            job.warn(f"{spec.name} starts from {said}. {where}")
            return said
        said = load_matching_weights(network, file)
    else:
        file = Path(weights).expanduser()
        file = file / WEIGHTS if file.is_dir() else file
        if not file.is_file():
            raise InputError(
                f"There is no file {file} to start from.",
                remedy="Give {setting:weights} as auto, none, imagenet, micronet or a file.",
                setting="weights",
                file=file,
            )
        _check_network(file.parent, spec)
        said = load_matching_weights(network, file, _foreign_head(network, file, phases))
    job.say(f"{spec.name} starts from {said}.")
    return said


def _load_own(network: Network, file: Path, phases: Sequence[ModelPhase]) -> str:
    check_hash(file)
    network.load_state_dict(fit_own_head(read_state(file), phases, network.state_dict()))
    return f"{file.name}, learned from synthetic sections of several rocks"


def _check_network(folder: Path, spec: NetworkSpec) -> None:
    """Raise `InputError` if a folder holds a model of another network."""
    if (folder / CARD).is_file() and (made := read_card(folder).network) != spec.name:
        raise InputError(
            f"{folder} is a model of the network {made}, not of {spec.name}.",
            remedy=f"Give {{setting:network}} as {made}, or other {{setting:weights}}.",
            setting="weights",
            file=folder,
        )


def _foreign_head(network: Network, file: Path, phases: Sequence[ModelPhase]) -> str:
    """Name the last layer if the model that a file belongs to has other outputs, else nothing."""
    if not (file.parent / CARD).is_file() or read_card(file.parent).phases == list(phases):
        return ""
    layers = [name for name, one in network.named_modules() if isinstance(one, nn.Conv2d)]
    return str(layers[-1])


def load_matching_weights(network: Network, file: Path, without: str = "") -> str:
    """Load those weights of a file that fit the network, and say which did not.

    Parameters
    ----------
    network
        Network that gets them.
    file
        Weights file. Keys may be those of the whole network or, for an encoder's weights, of the
        encoder alone.
    without
        Layer that is left out, none if empty.

    Returns
    -------
    str
        What was loaded, and what was not.

    Raises
    ------
    InputError
        If the file is damaged or nothing in it fits.
    """
    check_hash(file)
    state = read_state(file)
    own = network.state_dict()
    fitting, skipped = {}, []
    for key, value in state.items():
        name = next((n for n in _names(key) if n in own), None)
        if name is not None and own[name].dim() == 4 and value.dim() == 4:
            value = _to_channels(value, own[name])
        left_out = bool(without) and name is not None and name.startswith(f"{without}.")
        if name is not None and not left_out and own[name].shape == value.shape:
            fitting[name] = value
        else:
            skipped.append(key)
    if not any(value.dim() == 4 for value in fitting.values()):
        raise InputError(f"Nothing in {file} fits this network.", setting="weights", file=file)
    network.load_state_dict(fitting, strict=False)
    new = [name for name in own if name not in fitting]
    return (
        f"{file.name}: {len(fitting)} of {len(own)} arrays loaded; "
        f"left out of the file: {_heads(skipped)}; new: {_heads(new)}"
    )


def check_hash(file: Path) -> None:
    """Compare a file with the start of its SHA-256 sum, where its name ends with that.

    Raises
    ------
    InputError
        If they differ: the file is damaged, or not what its name says.
    """
    named = re.search(r"-([0-9a-f]{8,64})\.\w+$", file.name)
    if named is None:
        return
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if not found.startswith(named[1]):
        raise InputError(
            f"{file} is damaged: its SHA-256 sum starts with {found[: len(named[1])]}, its name "
            f"says {named[1]}.",
            remedy="Delete it, and get it again.",
            file=file,
        )


def read_state(file: Path) -> dict[str, Tensor]:
    """Read the arrays of a weights file (``.pth``, ``.pt``, ``.safetensors``) by name.

    Raises
    ------
    InputError
        If the file is damaged or holds no weights.
    """
    try:
        if file.suffix == ".safetensors":
            return dict(load_file(file))
        content = torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        first = first_line(error)
        raise InputError(
            f"{file} is damaged or no weights file: {first}", setting="weights", file=file
        ) from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        raise InputError(f"{file} holds no table of weights.", setting="weights", file=file)
    return {str(k): v for k, v in content.items() if isinstance(v, Tensor)}


def _names(key: str) -> tuple[str, ...]:
    """Names that a key of a file may have in our module."""
    key = key.removeprefix("module.")
    # timm gives its encoders' stages names without a point.
    flat = key.replace(".", "_", 1)
    inside = (f"body.{key}", f"body.encoder.{key}", f"body.backbone.{key}")
    return key, *inside, f"body.encoder.model.{key}", f"body.encoder.model.{flat}"


def _to_channels(value: Tensor, own: Tensor) -> Tensor:
    """Sum a first layer's weights over the colours for a network of one channel.

    The sum answers to grey as the original does to that grey in all three channels.
    """
    if own.shape[1] == 1 and value.shape[1] == 3:
        return value.sum(1, keepdim=True)
    return value


def _heads(keys: list[str]) -> str:
    """Shorten names to the parts of the network that they belong to."""
    parts = dict.fromkeys(".".join(key.removeprefix("body.").split(".")[:2]) for key in keys)
    shown = ", ".join(list(parts)[:4]) + (", ..." if len(parts) > 4 else "")
    return shown or "nothing"
