"""The training loop: steps, epochs, validation, early stopping, and going on after a stop."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from napari_olivine.errors import Cancelled, InputError
from napari_olivine.job import Job
from napari_olivine.networks import Network, autocast, load_weights, save_weights, stoppable
from napari_olivine.training.ema import ExponentialMovingAverage
from napari_olivine.training.losses import SegmentationScores, bce_dice_loss, phase_loss
from napari_olivine.training.plan import Plan
from napari_olivine.training.samples import CropSource
from napari_olivine.training.validation import ValidatedSection, validate

CHECKPOINT = "checkpoint.pt"
SECONDS_BETWEEN_CHECKPOINTS = 120.0
STEPS_OF_A_LOSS = 5
"""Steps over which a point of the curve of the training loss is the mean."""

TAKEN_AT = 0.1
"""Threshold at which what is taken for olivine is told: that of the segmentation."""

FEWEST_STEPS = 200
"""Training is never stopped early before; the first validations of a fresh network jump about."""


@dataclass
class State:
    """How far training is, as kept in the checkpoint."""

    step: int = 0
    step_of_best: int = 0
    best_cross_entropy: float = math.inf
    seconds: float = 0.0
    epoch_loss: float = 0.0
    epoch_steps: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    losses: list[dict[str, float]] = field(default_factory=list)
    """Points of the curve of the training loss."""
    newest_losses: list[float] = field(default_factory=list)
    """Losses of the steps that are not yet a point of the curve."""

    @property
    def epoch(self) -> int:
        """Epochs that are finished; a row 0 is the network that training goes on from."""
        return sum(row["epoch"] > 0 for row in self.history)


class Training:
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
        self.network = network.to(device)
        self.plan = plan
        self.samples = samples
        self.validation = validation
        self.best_weights = folder / "weights.safetensors"
        self.checkpoint = folder / CHECKPOINT
        self.device = device
        self.job = job
        self.state = State()
        self._phase_weights = torch.tensor(weights, dtype=torch.float32, device=device)
        self.optimiser = _optimiser(network, plan)
        keep = plan.preset.average
        self.average = ExponentialMovingAverage(self.network, keep) if keep else None
        if self.checkpoint.exists():
            self._resume()

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
                    with self._timed():
                        self._step()
                    if time.monotonic() - last_saved < SECONDS_BETWEEN_CHECKPOINTS:
                        continue
                else:
                    with self._timed():
                        self._end_epoch()
                self._save()
                last_saved = time.monotonic()
        except Cancelled:
            self._save()
            raise
        load_weights(self.best_weights, self.network)
        return state

    def score_start(self) -> None:
        """Score the network before the first step, as epoch 0.

        Its weights are kept unless training finds better ones: a model that learns on does not
        become worse on the validation sessions.
        """
        self._validate(epoch=0)

    def best(self) -> list[SegmentationScores]:
        """Scores of the network as it is on all validation crops of each section."""
        return validate(self.network, self.validation, self.device, self.job)

    def taken(self, scores: SegmentationScores) -> dict[str, float]:
        """Share of each other phase that is taken for olivine at `TAKEN_AT`, by its name."""
        others = dict(other for one in self.validation for other in one.samples.others)
        shares = {name: scores.taken(label, TAKEN_AT) for label, name in others.items()}
        return {name: share for name, share in shares.items() if share is not None}

    # ------------------------------------------------------------------ one step, one epoch

    def _step(self) -> None:
        state, preset = self.state, self.plan.preset
        images, labels = self.samples.batch(
            self.plan.seed, state.step, preset, self.plan.foreground
        )
        # Seeded anew in each step (dropout draws numbers), so that no state needs to be kept.
        torch.manual_seed(self.plan.seed * 1_000_003 + state.step)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.plan, state.step, self._part_done())
        self.network.train()
        self.optimiser.zero_grad(set_to_none=True)
        loss = 0.0
        together = preset.batch if self.device.type != "cpu" else preset.together
        parts = list(zip(_split(images, together), _split(labels, together), strict=True))
        with stoppable(self.network, self.job), _kept_statistics(self.network, self.job):
            for x, y in parts:
                x = x.to(self.device, memory_format=torch.channels_last)
                with autocast(self.device):
                    logits = self.network(x)
                value = self._loss(logits, y.to(self.device)) * (len(y) / preset.batch)
                self.job.check()
                if not value.isfinite():
                    raise InputError(
                        f"Training diverged at step {state.step + 1}.",
                        remedy=f"Set {{setting:learning_rate}} below {preset.learning_rate:g}.",
                        setting="learning_rate",
                    )
                value.backward()  # type: ignore[no-untyped-call]
                loss += value.item()
        self.optimiser.step()
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

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        dice, by_hand = self.plan.preset.dice, self.plan.correction_weight
        if not self.plan.phases:
            return bce_dice_loss(logits, labels, dice, by_hand)
        return phase_loss(logits, labels, self.plan.olivine, self._phase_weights, dice, by_hand)

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
        self._validate(epoch=state.epoch + 1, train_loss=mean)
        self._add_to_curve()
        state.epoch_loss, state.epoch_steps = 0.0, 0

    def _validate(self, epoch: int, **losses: float) -> None:
        """Score the network, keep its weights if they are the best, and report the scores."""
        state = self.state
        network = self.average.network if self.average is not None else self.network
        by_section = validate(network, self.validation, self.device, self.job)
        scores = SegmentationScores.pooled(by_section)
        row = {
            "epoch": epoch,
            "step": state.step,
            "learning_rate": self.optimiser.param_groups[0]["lr"],
            **losses,
            "val_loss": scores.cross_entropy,
            "val_iou": scores.iou(0.5),
            "val_iou_0.1": scores.iou(0.1),
            **{f"taken_{name}": share for name, share in self.taken(scores).items()},
        }
        if len(by_section) > 1:
            parts = zip(self.validation, by_section, strict=True)
            row |= {f"val_iou of {one.name}": part.iou(0.5) for one, part in parts}
        if scores.cross_entropy < state.best_cross_entropy:
            state.best_cross_entropy = scores.cross_entropy
            state.step_of_best = state.step
            save_weights(self.best_weights, network)
        state.history.append(row)
        self.job.report("epoch", **row)

    # ------------------------------------------------------------------ when it ends

    def _part_done(self) -> float:
        """Part of the training that is done, by steps or by time, whichever is further."""
        preset = self.plan.preset
        by_steps = self.state.step / (preset.steps * preset.epochs)
        by_time = self.state.seconds / (60 * preset.minutes) if preset.minutes else 0.0
        return max(by_steps, by_time)

    def _is_over(self) -> bool:
        state = self.state
        if state.epoch == 0 or state.epoch_steps > 0:
            return False
        if self._part_done() >= 1:
            return True
        since = sum(1 for row in state.history if row["step"] > state.step_of_best)
        return since >= self.plan.preset.patience and state.step >= FEWEST_STEPS

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.state.seconds += time.monotonic() - started

    # ------------------------------------------------------------------ to disk and back

    def _save(self) -> None:
        content: dict[str, Any] = {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "state": json.dumps(vars(self.state)),
        }
        if self.average is not None:
            content["average"] = self.average.network.state_dict()
        unfinished = self.checkpoint.with_name(CHECKPOINT + ".part")
        try:
            with unfinished.open("wb") as file:
                torch.save(content, file)
            unfinished.replace(self.checkpoint)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):  # torch hides that the disk is full
                raise error.__context__ from None
            raise
        finally:
            unfinished.unlink(missing_ok=True)

    def _resume(self) -> None:
        content: dict[str, Any] = torch.load(
            self.checkpoint, map_location=self.device, weights_only=True
        )
        self.network.load_state_dict(content["network"])
        self.optimiser.load_state_dict(content["optimiser"])
        if self.average is not None:
            self.average.network.load_state_dict(content["average"])
        self.state = State(**json.loads(content["state"]))
        self.job.say(f"Going on after step {self.state.step}.")
        self.job.report("curve", losses=self.state.losses, epochs=self.state.history)


def learning_rate(plan: Plan, step: int, part_done: float) -> float:
    """Learning rate of a step.

    SGD: constant, as in Leichter et al. (2022), doi 10.3389/feart.2022.740638. AdamW: a linear
    rise over the first 30 steps, then half a cosine down to zero at the end.

    Parameters
    ----------
    plan
        What is trained.
    step
        Steps that are done.
    part_done
        Part of the training that is done, 0-1.

    Returns
    -------
    float
        Factor of the optimiser's steps.
    """
    preset = plan.preset
    if preset.optimiser == "sgd":
        return preset.learning_rate
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, part_done)))
    return preset.learning_rate * min(1.0, (step + 1) / 30) * fall


def _optimiser(network: Network, plan: Plan) -> torch.optim.Optimizer:
    rate = plan.preset.learning_rate
    if plan.preset.optimiser == "sgd":
        return torch.optim.SGD(network.parameters(), rate, momentum=0.9, weight_decay=1e-4)
    return torch.optim.AdamW(network.parameters(), rate, weight_decay=1e-2)


def _split(values: Any, together: int) -> list[Tensor]:
    """Cut a batch into parts of at least two: batch normalisation cannot train on one."""
    count = max(1, len(values) // together)
    return list(torch.from_numpy(values).tensor_split(count))


@contextmanager
def _kept_statistics(network: Network, job: Job) -> Iterator[None]:
    """Put running statistics back if a step is stopped half way, as if it had never begun."""
    before = [buffer.clone() for buffer in network.buffers()]
    try:
        yield
    except Cancelled:
        with torch.no_grad():
            for buffer, value in zip(network.buffers(), before, strict=True):
                buffer.copy_(value)
        raise
