"""Networks that find olivine in BSE images: architectures, start weights, model folders.

What needs torch (`build`, `files`, `pretrained`, `device`) is imported from its module, so that
importing this package stays quick.
"""

from napari_olivine.networks.card import ModelCard, Normalisation, read_card
from napari_olivine.networks.registry import NETWORKS, NetworkName, NetworkSpec, network_spec

__all__ = [
    "NETWORKS",
    "ModelCard",
    "NetworkName",
    "NetworkSpec",
    "Normalisation",
    "network_spec",
    "read_card",
]
