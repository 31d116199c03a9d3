"""The training loop: steps, epochs, validation, early stopping, and going on after a stop."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from typing_extensions import override

from napari_olivine.errors import Cancelled, InputError
from napari_olivine.job import Job
from napari_olivine.networks import (
    LAST_WEIGHTS,
    Network,
    free_unused,
    is_out_of_memory,
    load_weights,
    save_weights,
)
from napari_olivine.training.adversary import Adversary
from napari_olivine.training.checkpoint import save_checkpoint
from napari_olivine.training.ema import ExponentialMovingAverage
from napari_olivine.training.files import CHECKPOINT
from napari_olivine.training.gradients import SMALLEST_PART, BatchGradients, Judged
from napari_olivine.training.hard_places import (
    find_hard_places,
    hard_places_from_tensors,
    hard_places_to_tensors,
)
from napari_olivine.training.plan import Plan
from napari_olivine.training.samples import CropSource
from napari_olivine.training.schedule import learning_rate
from napari_olivine.training.scored import ScoredTraining, State
from napari_olivine.training.validation import ValidatedSection

SECONDS_BETWEEN_CHECKPOINTS = 120.0
STEPS_OF_A_LOSS = 5
"""Steps over which a point of the curve of the training loss is the mean."""

FEWEST_STEPS = 200
"""Training is never stopped early before; the first validations of a fresh network jump about."""


class Training(ScoredTraining):
    """A network in training, in a folder that keeps its state.

    Parameters
    ----------
    network
        Network with the weights to start from.
    plan
        What is trained and how.
    samples
        Where crops come from for training.
    validation
        Sections on whose sessions it is validated.
    folder
        Where the checkpoint and the best weights lie; a checkpoint that is there is gone on with.
    device
        Where to compute.
    job
        Running job.
    weights
        Weight in the loss of each phase of the plan.
    """

    def __init__(
        self,
        network: Network,
        plan: Plan,
        samples: CropSource,
        validation: Sequence[ValidatedSection],
        folder: Path,
        device: torch.device,
        job: Job,
        weights: Sequence[float] = (),
    ) -> None:
        super().__init__(network, plan, samples, validation, folder, device, job)
        self.checkpoint = folder / CHECKPOINT
        frozen = _freeze(network, plan) if plan.frozen else None
        self.optimiser = _optimiser(network, plan)
        keep = plan.preset.average
        self.average = ExponentialMovingAverage(self.network, keep) if keep else None
        self.adversary = _adversary(plan, device) if plan.preset.adversary else None
        self._gradients = BatchGradients(
            self.network, plan, weights, frozen, self.adversary, device, job
        )
        if self.checkpoint.exists():
            self._resume()

    @override
    def run(self) -> State:
        """Train to the end and leave the best weights in the network and on disk.

        Raises
        ------
        Cancelled
            If the person asks to stop; the checkpoint holds the very last step.
        InputError
            If the learning rate is so high that the loss is no longer a number.
        """
        state, steps = self.state, self.plan.preset.steps
        last_saved = time.monotonic()
        try:
            while not self._is_over():
                if state.epoch_steps < steps and self._part_done() < 1:
                    with self.timed():
                        self._step()
                    if time.monotonic() - last_saved < SECONDS_BETWEEN_CHECKPOINTS:
                        continue
                else:
                    with self.timed():
                        self._end_epoch()
                self._save()
                last_saved = time.monotonic()
        except Cancelled:
            self._save()
            raise
        if state.step != state.step_of_best:
            save_weights(self.best_weights.with_name(LAST_WEIGHTS), self._validated)
        load_weights(self.best_weights, self.network)
        return state

    def score_start(self) -> None:
        """Score the network before the first step, as epoch 0.

        Its weights are kept unless training finds better ones: a model that learns on does not
        become worse on the validation sessions.
        """
        self._validate(epoch=0)

    # ------------------------------------------------------------------ one step, one epoch

    def _step(self) -> None:
        state, preset = self.state, self.plan.preset
        images, labels = self.samples.batch(
            self.plan.seed, state.step, preset, self.plan.foreground
        )
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(preset, state.step, self._part_done())
        loss, judged = self._work_out_gradients(images, labels)
        self.optimiser.step()
        if self.adversary is not None:
            for x, logits, y in judged:
                self.adversary.learn(x, logits, y)
        state.step += 1
        if self.average is not None:
            self.average.update(self.network, state.step)
        state.epoch_steps += 1
        state.epoch_loss += loss
        state.newest_losses.append(loss)
        if len(state.newest_losses) >= STEPS_OF_A_LOSS:
            self._add_to_curve()
        everything = preset.steps * preset.epochs
        done = max(state.step, round(self._part_done() * everything))
        self.job.progress(min(done, everything), everything, f"Training, loss {loss:.3f}")

    def _work_out_gradients(
        self, images: NDArray[Any], labels: NDArray[Any]
    ) -> tuple[float, list[Judged]]:
        """Work out the gradients of a batch, in smaller parts where memory does not suffice.

        Returns
        -------
        loss
            Of the batch.
        judged
            Images, logits and labels of its parts.

        Raises
        ------
        InputError
            If the smallest parts are too large.
        """
        while True:
            try:
                return self._gradients.work_out(images, labels, self.state.step, self._together)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                refused = str(error).partition("\n")[0]
            # Here the error is gone, and with it what its traceback kept alive.
            gc.collect()
            free_unused(self.device)
            self._halve_parts(len(images), refused)

    def _halve_parts(self, batch: int, refused: str) -> None:
        """Let half as many crops go through the network at once from now on, also after a stop."""
        state = self.state
        if self._together <= SMALLEST_PART:
            raise InputError(
                f"The memory of the device {self.device} does not suffice for {SMALLEST_PART} "
                f"crops of {self.plan.preset.crop_px} px ({refused}).",
                remedy="Lower {setting:crop_px}, choose a smaller {setting:network} or another "
                "{setting:device}, or end other programs.",
                setting="crop_px",
            )
        state.together = max(SMALLEST_PART, self._together // 2)
        self.optimiser.zero_grad(set_to_none=True)
        self.job.say(
            f"Memory does not suffice for so many crops at once: step {state.step + 1} is repeated "
            f"with {state.together}, whose gradients add up to the same batch of {batch}."
        )
        self._save()

    @property
    def _together(self) -> int:
        """Crops that go through the network at once."""
        preset = self.plan.preset
        usual = preset.batch if self.device.type != "cpu" else preset.together
        return self.state.together or usual

    def _add_to_curve(self) -> None:
        """Make a point of the curve of the newest losses."""
        state = self.state
        if state.newest_losses:
            mean = sum(state.newest_losses) / len(state.newest_losses)
            point = {"step": state.step, "train_loss": mean}
            state.losses.append(point)
            state.newest_losses = []
            self.job.report("loss", **point)

    def _end_epoch(self) -> None:
        state = self.state
        mean = state.epoch_loss / max(1, state.epoch_steps)
        # First, as it may be stopped, and finds the same when it is done again.
        if self.plan.preset.hard:
            self._find_hard_places()
        self._add_to_curve()
        self._validate(epoch=state.epoch + 1, train_loss=mean)
        state.epoch_loss, state.epoch_steps = 0.0, 0

    def _find_hard_places(self) -> None:
        """Look where the network is wrong in the training sessions: more crops are laid there."""
        network = self._validated
        random = np.random.default_rng([self.plan.seed, self.state.step])
        for part in self.samples.parts:
            part.hard = find_hard_places(
                network, part, self.plan.olivine, random, self.device, self.job
            )

    @property
    def _validated(self) -> Network:
        """What is validated and kept: the running average of the weights, if there is one."""
        return self.average.network if self.average is not None else self.network

    def _validate(self, epoch: int, **losses: float) -> None:
        """Score the network, or the running average of its weights."""
        self.validate(self._validated, epoch, self.optimiser.param_groups[0]["lr"], **losses)

    # ------------------------------------------------------------------ when it ends

    def _part_done(self) -> float:
        """Part of the training that is done, by steps or by time, whichever is further."""
        preset = self.plan.preset
        by_steps = self.state.step / (preset.steps * preset.epochs)
        by_time = self._seconds / (60 * preset.minutes) if preset.minutes else 0.0
        return max(by_steps, by_time)

    @property
    def _seconds(self) -> float:
        """Time spent, as the limit counts it. A graphics card works while the processor waits."""
        by_processor = self.plan.preset.time == "processor" and self.device.type == "cpu"
        return self.state.processor_seconds if by_processor else self.state.seconds

    def _is_over(self) -> bool:
        state = self.state
        if state.epoch == 0 or state.epoch_steps > 0:
            return False
        if self._part_done() >= 1:
            return True
        since = sum(1 for row in state.history if row["step"] > state.step_of_best)
        return since >= self.plan.preset.patience and state.step >= FEWEST_STEPS

    # ------------------------------------------------------------------ to disk and back

    def _save(self) -> None:
        content: dict[str, Any] = {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "state": json.dumps(vars(self.state)),
        }
        if self.average is not None:
            content["average"] = self.average.network.state_dict()
        if self.adversary is not None:
            content["adversary"] = self.adversary.state_dict()
        content["hard"] = [hard_places_to_tensors(part.hard) for part in self.samples.parts]
        save_checkpoint(self.checkpoint, content)

    def _resume(self) -> None:
        content: dict[str, Any] = torch.load(
            self.checkpoint, map_location=self.device, weights_only=True
        )
        self.network.load_state_dict(content["network"])
        self.optimiser.load_state_dict(content["optimiser"])
        if self.average is not None:
            self.average.network.load_state_dict(content["average"])
        if self.adversary is not None:
            self.adversary.load_state_dict(content["adversary"])
        for part, tensors in zip(self.samples.parts, content.get("hard", []), strict=False):
            part.hard = hard_places_from_tensors(tensors)
        self.state = State(**json.loads(content["state"]))
        self.job.say(f"Going on after step {self.state.step}.")
        self.job.report("curve", losses=self.state.losses, epochs=self.state.history)
        self.report_windows()


def _optimiser(network: Network, plan: Plan) -> torch.optim.Optimizer:
    rate = plan.preset.learning_rate
    if plan.preset.optimiser == "sgd":
        return torch.optim.SGD(network.parameters(), rate, momentum=0.9, weight_decay=1e-4)
    if plan.preset.optimiser == "adam":
        first = 0.5 if plan.preset.adversary else 0.9
        return torch.optim.Adam(network.parameters(), rate, betas=(first, 0.999))
    return torch.optim.AdamW(network.parameters(), rate, weight_decay=1e-2)


def _freeze(network: Network, plan: Plan) -> nn.Module:
    """Keep the encoder as it is; returns it.

    Raises
    ------
    InputError
        If the network has none.
    """
    encoder = network.encoder
    if encoder is None:
        raise InputError(
            f"The network {plan.spec.name} has no encoder that could be kept.",
            remedy="Leave {setting:frozen} off.",
            setting="frozen",
        )
    return encoder.requires_grad_(False)


def _adversary(plan: Plan, device: torch.device) -> Adversary:
    outputs = len(plan.phases) or 1
    rate = plan.preset.learning_rate
    return Adversary(plan.spec.channels, outputs, plan.olivine, rate, plan.seed, device)
