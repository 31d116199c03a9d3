"""BSE drawn from minerals: a pix2pix that goes from labels to the image."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import mse_loss

from napari_olivine.errors import Cancelled, InputError
from napari_olivine.job import Job
from napari_olivine.networks import Discriminator, Generator, stoppable
from napari_olivine.training.checkpoint import save_checkpoint
from napari_olivine.training.files import CHECKPOINT
from napari_olivine.training.samples import Samples
from napari_olivine.training.stopping import kept_statistics
from napari_olivine.training.synthesis_settings import SynthesiseSettings
from napari_olivine.training.windows import FIRST_PHASE, IGNORE

SECONDS_BETWEEN_CHECKPOINTS = 60.0
BETAS = (0.5, 0.999)
STEPS_OF_A_REPORT = 10


@dataclass(frozen=True)
class InputLabels:
    """How labels become the input of the generator.

    Parameters
    ----------
    count
        Channels: one a mineral. Without phases they are "no olivine" and olivine.
    olivine
        Channel of olivine.
    """

    count: int
    olivine: int

    def channels(self, labels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return ones in the channel of each pixel's mineral, and none where nothing is known.

        Parameters
        ----------
        labels
            See `napari_olivine.training.windows`, shape (rows, columns).

        Returns
        -------
        ndarray of float32, shape (count, rows, columns)
        """
        number = self._numbers[labels]
        ones: NDArray[np.float32] = (number == np.arange(self.count)[:, None, None]).astype(
            np.float32
        )
        return ones

    @property
    def _numbers(self) -> NDArray[np.int16]:
        numbers = np.full(256, -1, np.int16)
        numbers[FIRST_PHASE : FIRST_PHASE + self.count] = np.arange(self.count)
        numbers[1] = self.olivine
        if self.count == 2 and self.olivine == 1:
            numbers[0] = 0
        return numbers


class Synthesis:
    """Generator and discriminator in training, in a folder that keeps their state.

    Least squares for the judgement (Mao et al. 2017), and the mean absolute difference from the
    real grey beside it (Isola et al. 2017, eq. 3 and 4). The grey is counted from the training
    median in spreads.

    Parameters
    ----------
    samples
        Where crops come from.
    labels
        How labels become input.
    settings
        Settings of the person.
    folder
        Where the checkpoint lies; one that is there is gone on with.
    device
        Where to compute.
    job
        Running job; its seed decides on weights and crops.

    Raises
    ------
    InputError
        If the windows are smaller than a crop.
    """

    def __init__(
        self,
        samples: Samples,
        labels: InputLabels,
        settings: SynthesiseSettings,
        folder: Path,
        device: torch.device,
        job: Job,
    ) -> None:
        self.samples, self.labels, self.settings = samples, labels, settings
        self.device, self.job = device, job
        self.checkpoint = folder / CHECKPOINT
        torch.manual_seed(job.seed)
        self.generator = Generator(labels.count, 1).to(device)
        self.discriminator = Discriminator(labels.count + 1).to(device)
        self._optimisers = [
            torch.optim.Adam(network.parameters(), settings.learning_rate, betas=BETAS)
            for network in (self.generator, self.discriminator)
        ]
        self.step, self.seconds = 0, 0.0
        if self.checkpoint.exists():
            self._resume()

    def run(self) -> None:
        """Train to the end.

        Raises
        ------
        Cancelled
            If the person asks to stop; the checkpoint holds the last whole step.
        InputError
            If the loss is no longer a number.
        """
        saved = time.monotonic()
        try:
            while not self._is_over():
                started = time.monotonic()
                self._make_step()
                self.seconds += time.monotonic() - started
                if time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                    self._save()
                    saved = time.monotonic()
        except Cancelled:
            self._save()
            raise
        self._save()

    def draw(self, labels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Draw the grey of labels.

        Parameters
        ----------
        labels
            Shape (rows, columns), multiples of 128.

        Returns
        -------
        ndarray of float32, shape (rows, columns)
            Grey on the scale of the training sessions.
        """
        self.generator.eval()
        image = torch.from_numpy(self.labels.channels(labels)[None]).to(self.device)
        with torch.inference_mode(), stoppable(self.generator, self.job):
            made = self.generator(image)[0, 0].float().cpu().numpy()
        scale = self.samples.normalisation
        grey: NDArray[np.float32] = made * scale.spread + scale.median
        return grey

    def _is_over(self) -> bool:
        most = self.settings.max_minutes
        return self.step >= self.settings.steps or bool(most and self.seconds >= 60 * most)

    def _batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return labels, grey and where it counts, of the crops of this step."""
        random = np.random.default_rng([self.job.seed, self.step])
        scale = self.samples.normalisation
        greys, inputs, known = [], [], []
        for _ in range(self.settings.batch):
            grey, label = self.samples.crop(random, self.settings.crop_px, 0.5)
            turns, mirrored = int(random.integers(4)), bool(random.integers(2))
            grey, label = np.rot90(grey, turns), np.rot90(label, turns)
            if mirrored:
                grey, label = np.fliplr(grey), np.fliplr(label)
            greys.append((grey - scale.median)[None] / scale.spread)
            inputs.append(self.labels.channels(label))
            known.append((label != IGNORE)[None])
        return self._tensor(inputs), self._tensor(greys), self._tensor(known)

    def _tensor(self, parts: list[NDArray[Any]]) -> Tensor:
        return torch.from_numpy(np.stack(parts).astype(np.float32)).to(self.device)

    def _make_step(self) -> None:
        inputs, real, known = self._batch()
        of_generator, of_discriminator = self._optimisers
        self.generator.train()
        with (
            kept_statistics(self.generator),
            kept_statistics(self.discriminator),
            stoppable(self.generator, self.job),
            stoppable(self.discriminator, self.job),
        ):
            made = self.generator(inputs)
            # What has no label cannot give the generator away.
            shown = torch.where(known > 0, made, real)
            self.discriminator.requires_grad_(False)
            judged = self.discriminator(inputs, shown)
            self.discriminator.requires_grad_(True)
            unlike = ((made - real).abs() * known).sum() / known.sum().clamp(min=1)
            loss = mse_loss(judged, torch.ones_like(judged)) + self.settings.likeness * unlike
            if not loss.isfinite():
                raise InputError(
                    f"Training diverged at step {self.step + 1}.",
                    remedy="Set {setting:learning_rate} lower.",
                    setting="learning_rate",
                )
            of_generator.zero_grad(set_to_none=True)
            loss.backward()
            judged_real = self.discriminator(inputs, real)
            judged_made = self.discriminator(inputs, shown.detach())
            told = mse_loss(judged_real, torch.ones_like(judged_real))
            told = (told + mse_loss(judged_made, torch.zeros_like(judged_made))) / 2
            of_discriminator.zero_grad(set_to_none=True)
            told.backward()  # type: ignore[no-untyped-call]
        of_generator.step()
        of_discriminator.step()
        self.step += 1
        if self.step % STEPS_OF_A_REPORT == 0:
            self.job.report("loss", step=self.step, train_loss=loss.item())
        difference = unlike.item() * self.samples.normalisation.spread
        done = self.step / self.settings.steps
        if self.settings.max_minutes:
            done = max(done, self.seconds / (60 * self.settings.max_minutes))
        words = f"Learning to draw, {difference:.1f} grey levels off"
        self.job.progress(min(round(done * 1000), 1000), 1000, words)

    def _save(self) -> None:
        content: dict[str, Any] = {
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "optimisers": [one.state_dict() for one in self._optimisers],
            "step": self.step,
            "seconds": self.seconds,
        }
        save_checkpoint(self.checkpoint, content)

    def _resume(self) -> None:
        content = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.generator.load_state_dict(content["generator"])
        self.discriminator.load_state_dict(content["discriminator"])
        for optimiser, state in zip(self._optimisers, content["optimisers"], strict=True):
            optimiser.load_state_dict(state)
        self.step, self.seconds = content["step"], content["seconds"]
        self.job.say(f"Going on after step {self.step}.")
