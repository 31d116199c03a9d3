"""The adversary of a pix2pix: what the generator's maps are told from real ones by."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import mse_loss, one_hot

from napari_olivine.networks import Discriminator
from napari_olivine.training.losses import phase_by_hand
from napari_olivine.training.windows import BY_HAND, FIRST_PHASE, IGNORE, PHASE_BY_HAND


class Adversary:
    """A discriminator in training, with the losses of least squares (Mao et al. 2017).

    Parameters
    ----------
    channels
        Of the images.
    outputs
        Of the generator.
    olivine
        Number of olivine among them.
    rate
        Learning rate of Adam, whose first decay is 0.5 as in Isola et al. (2017).
    seed
        Of its random weights.
    device
        Where to compute.
    """

    def __init__(
        self,
        channels: int,
        outputs: int,
        olivine: int,
        rate: float,
        seed: int,
        device: torch.device,
    ) -> None:
        torch.manual_seed(seed + 1)
        self.network = Discriminator(channels + outputs).to(device)
        self.optimiser = torch.optim.Adam(self.network.parameters(), rate, betas=(0.5, 0.999))
        self._olivine = olivine

    def fool(self, images: Tensor, logits: Tensor) -> Tensor:
        """Loss of the generator: how far its maps are from being taken for real ones."""
        self.network.requires_grad_(False)
        judged = self.network(images, probabilities_of(logits))
        self.network.requires_grad_(True)
        return mse_loss(judged, torch.ones_like(judged))

    def learn(self, images: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Make a step: real maps are 1, the generator's are 0.

        Parameters
        ----------
        images
            (batch, channels, rows, columns).
        logits
            Of the generator; they get no gradient.
        labels
            uint8 (batch, rows, columns), see `napari_olivine.training.windows`.
        """
        made = probabilities_of(logits.detach())
        real = real_maps(made, labels, self._olivine)
        judged_real, judged_made = (self.network(images, maps) for maps in (real, made))
        loss = mse_loss(judged_real, torch.ones_like(judged_real))
        loss = (loss + mse_loss(judged_made, torch.zeros_like(judged_made))) / 2
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()

    def state_dict(self) -> dict[str, Any]:
        """Everything that a checkpoint needs."""
        return {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what a checkpoint kept."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])


def probabilities_of(logits: Tensor) -> Tensor:
    """Return the probabilities of logits (batch, outputs, rows, columns), float32."""
    logits = logits.float()
    return logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1)


def real_maps(made: Tensor, labels: Tensor, olivine: int) -> Tensor:
    """Turn labels into maps of ones and zeros; where they say too little, what was made stays.

    Parameters
    ----------
    made
        Probabilities of the generator, (batch, outputs, rows, columns).
    labels
        uint8 (batch, rows, columns), see `napari_olivine.training.windows`.
    olivine
        Number of olivine among the outputs.

    Returns
    -------
    Tensor
        Of the shape of `made`. What is ignored, and of several outputs what is only known to be no
        olivine, cannot give the generator away.
    """
    outputs = made.shape[1]
    is_olivine = (labels == 1) | (labels == BY_HAND + 1)
    if outputs == 1:
        return torch.where((labels == IGNORE)[:, None], made, is_olivine[:, None].float())
    named = (labels >= FIRST_PHASE) & (labels != IGNORE)
    numbers = labels.long() - FIRST_PHASE - PHASE_BY_HAND * phase_by_hand(labels)
    number = torch.where(named, numbers, olivine)
    known = (named | is_olivine)[:, None]
    return torch.where(known, one_hot(number, outputs).movedim(-1, 1).float(), made)
