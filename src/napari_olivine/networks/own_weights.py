"""The weights that come with the program: what a network learned from synthetic sections.

``scripts/pretrain_light.py`` makes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from napari_olivine.networks.build import Network
from napari_olivine.networks.card import ModelPhase

OWN_WEIGHTS_FOLDER = Path(__file__).parent / "weights"

OWN_PHASES = (
    "void", "glass", "plagioclase", "clinopyroxene", "orthopyroxene", "oxide", "olivine",
    "serpentine",
)  # fmt: skip
"""Outputs of these weights, in their order."""

HEAD = "body.segmentation_head.0"
OLIVINE_CODE = 1
NEW_BIAS = -2.0
"""Bias of a phase that these weights do not know: rare, until the network learns it (ours)."""


def fit_own_head(
    state: dict[str, Tensor], phases: Sequence[ModelPhase], fresh: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Give the last layer of these weights the outputs of a network.

    Parameters
    ----------
    state
        Arrays by name; the last layer has an output for each of `OWN_PHASES`.
    phases
        Outputs of the network. One that the weights know by name is taken over, one that they do
        not know begins with random weights and as a rare one. Empty for olivine alone: its logit is
        that of olivine above the mean of the others.
    fresh
        Arrays of the network before, with random weights.

    Returns
    -------
    dict
        The same arrays with another last layer.
    """
    weight, bias = state[f"{HEAD}.weight"], state[f"{HEAD}.bias"]
    olivine = OWN_PHASES.index("olivine")
    if not phases:
        others = [place for place in range(len(OWN_PHASES)) if place != olivine]
        new = [(rows[olivine] - rows[others].mean(0))[None] for rows in (weight, bias)]
    else:
        names = ["olivine" if one.code == OLIVINE_CODE else one.name.casefold() for one in phases]
        new = [fresh[f"{HEAD}.weight"].clone(), torch.full((len(names),), NEW_BIAS)]
        for row, name in enumerate(names):
            if name in OWN_PHASES:
                new[0][row] = weight[OWN_PHASES.index(name)]
                new[1][row] = bias[OWN_PHASES.index(name)]
    return state | {f"{HEAD}.weight": new[0], f"{HEAD}.bias": new[1]}


def write_own_weights(folder: Path, network: Network) -> Path:
    """Write weights in half precision under a name that ends with the start of their SHA-256 sum.

    Parameters
    ----------
    folder
        Folder of the file, made if need be.
    network
        Light network whose outputs are `OWN_PHASES`.

    Returns
    -------
    pathlib.Path
        The file.
    """
    state = {name: _halved(value) for name, value in network.state_dict().items()}
    content = save(state, metadata={"phases": " ".join(OWN_PHASES)})
    name = f"light-{hashlib.sha256(content).hexdigest()[:8]}.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def _halved(value: Tensor) -> Tensor:
    value = value.contiguous().cpu()
    return value.half() if value.dtype == torch.float32 else value
