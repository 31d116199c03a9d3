"""What a training tells, as TensorBoard reads it, where that is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

FOLDER = "tensorboard"
"""In the folder of a model."""

TAGS = {"train_loss": "loss/training", "val_loss": "loss/validation", "learning_rate": "rate"}


def write_for_tensorboard(
    folder: Path, row: Mapping[str, float], losses: Sequence[Mapping[str, float]]
) -> None:
    """Add a validation and the training loss since the one before; nothing without TensorBoard.

    Each call writes a file of its own, so that none is open when the training is stopped or the
    model is put in its place; TensorBoard reads them one after the other.

    Parameters
    ----------
    folder
        Of the model that is being made.
    row
        Row of the history.
    losses
        Points of the curve of the training loss.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:  # an extra
        return
    step = int(row["step"])
    with SummaryWriter(folder / FOLDER) as writer:
        for point in losses:
            writer.add_scalar(TAGS["train_loss"], point["train_loss"], int(point["step"]))
        for name, value in row.items():
            if tag := _tag(name):
                writer.add_scalar(tag, value, step)


def _tag(name: str) -> str:
    """Name of a number of the history in TensorBoard; empty of one that it does not get."""
    if name in ("val_loss", "learning_rate"):
        return TAGS[name]
    if name == "val_iou":
        return "IoU/olivine at 0.5"
    return f"IoU/{name.removeprefix('iou_')}" if name.startswith("iou_") else ""
