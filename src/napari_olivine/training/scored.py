"""What every kind of training has: how far it is, and how good the network is."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch

from napari_olivine.job import Job
from napari_olivine.networks import WINDOWS, Network, save_weights
from napari_olivine.training.losses import SegmentationScores
from napari_olivine.training.plan import Plan
from napari_olivine.training.samples import CropSource
from napari_olivine.training.shown_windows import ShownWindows
from napari_olivine.training.tensorboard import write_for_tensorboard
from napari_olivine.training.validation import ValidatedSection, validate

TAKEN_AT = 0.1
"""Threshold at which what is taken for olivine is told: that of the segmentation."""


@dataclass
class State:
    """How far training is, as kept in the checkpoint."""

    step: int = 0
    step_of_best: int = 0
    best_cross_entropy: float = math.inf
    seconds: float = 0.0
    """Of the clock, spent on steps and validations."""
    processor_seconds: float = 0.0
    """The same of the processor, all its cores together."""
    epoch_loss: float = 0.0
    epoch_steps: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    losses: list[dict[str, float]] = field(default_factory=list)
    """Points of the curve of the training loss."""
    newest_losses: list[float] = field(default_factory=list)
    """Losses of the steps that are not yet a point of the curve."""
    together: int = 0
    """Crops that go through the network at once since memory did not suffice; 0 if it has."""

    @property
    def epoch(self) -> int:
        """Epochs that are finished; a row 0 is the network that training goes on from."""
        return sum(row["epoch"] > 0 for row in self.history)


class ScoredTraining(ABC):
    """A network in training, in a folder that keeps its best weights.

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
        Where the best weights lie.
    device
        Where to compute.
    job
        Running job.
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
    ) -> None:
        self.network = network.to(device)
        self.plan = plan
        self.samples = samples
        self.validation = validation
        self.best_weights = folder / "weights.safetensors"
        self.device = device
        self.job = job
        self.state = State()

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count the time of the block as time of the training."""
        clock, processor = time.monotonic(), time.process_time()
        yield
        self.state.seconds += time.monotonic() - clock
        self.state.processor_seconds += time.process_time() - processor

    @abstractmethod
    def run(self) -> State:
        """Train to the end and leave the best weights in the network and on disk.

        Raises
        ------
        Cancelled
            If the person asks to stop.
        """

    def best(self) -> list[SegmentationScores]:
        """Scores of the network as it is on all validation crops of each section.

        The windows that a person sees are those of this network from now on.
        """
        scores = validate(self.network, self.validation, self.device, self.job)
        self._show_windows(self.network, self.state.step_of_best)
        return scores

    def taken(self, scores: SegmentationScores) -> dict[str, float]:
        """Share of each other phase that is taken for olivine at `TAKEN_AT`, by its name."""
        others = dict(other for one in self.validation for other in one.samples.others)
        shares = {name: scores.taken(label, TAKEN_AT) for label, name in others.items()}
        return {name: share for name, share in shares.items() if share is not None}

    def iou_of_phases(self, scores: SegmentationScores) -> dict[str, float]:
        """IoU of each phase that the validation sessions show, by its name; olivine first.

        Of a network that tells olivine alone there is none.
        """
        if scores.confusion is None:
            return {}
        numbers = sorted(range(len(self.plan.phases)), key=lambda k: k != self.plan.olivine)
        found = {self.plan.phases[k].name: scores.confusion.iou(k) for k in numbers}
        return {name: iou for name, iou in found.items() if iou is not None}

    def validate(self, network: Network, epoch: int, rate: float, **losses: float) -> None:
        """Score a network, keep its weights if they are the best, and report the scores.

        Parameters
        ----------
        network
            What is scored and kept.
        epoch
            Its number; 0 is the network that training goes on from.
        rate
            Learning rate, for the history.
        losses
            Means over the epoch, for the history.
        """
        state = self.state
        by_section = validate(network, self.validation, self.device, self.job)
        scores = SegmentationScores.pooled(by_section)
        # Before the state changes: a stop within it leaves no trace.
        self._show_windows(network, state.step)
        row = {
            "epoch": epoch,
            "step": state.step,
            "learning_rate": rate,
            **losses,
            "val_loss": scores.cross_entropy,
            "val_iou": scores.iou(0.5),
            "val_iou_0.1": scores.iou(0.1),
            **{f"iou_{name}": iou for name, iou in self.iou_of_phases(scores).items()},
            **{f"taken_{name}": share for name, share in self.taken(scores).items()},
        }
        if len(by_section) > 1:
            parts = zip(self.validation, by_section, strict=True)
            row |= {f"val_iou of {one.name}": part.iou(0.5) for one, part in parts}
        if scores.cross_entropy < state.best_cross_entropy:
            state.best_cross_entropy = scores.cross_entropy
            state.step_of_best = state.step
            save_weights(self.best_weights, network)
        since = state.history[-1]["step"] if state.history else -1
        points = [point for point in state.losses if point["step"] > since]
        write_for_tensorboard(self.best_weights.parent, row, points)
        state.history.append(row)
        self.job.report("epoch", **row)

    @cached_property
    def _windows(self) -> ShownWindows:
        """Windows of the section of the model that are shown, chosen once."""
        colours = [phase.colour for phase in self.plan.phases]
        plan = self.plan
        samples = self.validation[0].samples
        return ShownWindows(samples, plan.olivine, colours, plan.preset.outlines_from)

    def _show_windows(self, network: Network, step: int) -> None:
        """Write what the network makes of some windows, for a person who watches."""
        self._windows.write(network, self._windows_file, step, self.device, self.job)
        self.report_windows()

    @property
    def _windows_file(self) -> Path:
        return self.best_weights.with_name(WINDOWS)

    def report_windows(self) -> None:
        """Say where the windows are that a person sees, if they are there."""
        if self._windows_file.exists():
            self.job.report("windows", file=str(self._windows_file))
