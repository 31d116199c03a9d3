"""Model folders: a network's weights (safetensors) beside its card."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from napari_olivine.errors import InputError
from napari_olivine.networks.build import Network, build_network
from napari_olivine.networks.card import WEIGHTS, ModelCard, read_card, write_card


def save_model(folder: Path, network: Network, card: ModelCard) -> None:
    """Write a network and its card into a folder.

    Parameters
    ----------
    folder
        Existing folder; a model that is there is replaced.
    network
        The trained network.
    card
        What it is.
    """
    save_weights(folder / WEIGHTS, network, {"card": card.model_dump_json()})
    write_card(folder, card)


def load_model(folder: Path, device: torch.device | str = "cpu") -> tuple[Network, ModelCard]:
    """Read a network and its card, ready to predict the classes of the card.

    Parameters
    ----------
    folder
        Model folder.
    device
        Where to put the network.

    Raises
    ------
    InputError
        If the folder holds no model, or its files are damaged or of another network.
    """
    card = read_card(folder)
    network = build_network(card.network, classes=len(card.phases or card.classes))
    load_weights(folder / WEIGHTS, network)
    if card.phases and [phase.name for phase in card.phases] != card.classes:
        network.kept = phase_number(card)
    return network.to(device).eval(), card


def phase_number(card: ModelCard) -> int:
    """Return which output of a network of phases is the class that its card gives.

    Raises
    ------
    InputError
        If the card gives other classes than one of its phases.
    """
    names = [phase.name for phase in card.phases]
    if len(card.classes) != 1 or card.classes[0] not in names:
        raise InputError(
            f"The card of the model {card.network} gives {', '.join(card.classes)}, which is not "
            f"one of its phases ({', '.join(names)}).",
            remedy="Train it anew, or update napari-olivine.",
        )
    return names.index(card.classes[0])


def save_weights(file: Path, network: Network, metadata: dict[str, str] | None = None) -> None:
    """Write a network's weights, whole or not at all.

    Parameters
    ----------
    file
        File to write (safetensors).
    network
        The network.
    metadata
        Texts for the head of the file.
    """
    state = {name: value.contiguous().cpu() for name, value in network.state_dict().items()}
    unfinished = file.with_name(file.name + ".part")
    # As bytes, because `save_file` makes files that only their owner can read.
    unfinished.write_bytes(save(state, metadata=metadata))
    unfinished.replace(file)


def load_weights(file: Path, network: Network) -> None:
    """Put saved weights into a network of the same kind.

    Raises
    ------
    InputError
        If the file is damaged, or its weights are those of another network.
    """
    try:
        state = load_file(file)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{file} is damaged or no safetensors file: {error}", file=file) from error
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise InputError(
            f"The weights in {file} do not fit the network that its card names: {first}", file=file
        ) from error
