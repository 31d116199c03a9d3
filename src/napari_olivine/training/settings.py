"""Settings of training, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import field_validator

from napari_olivine.networks import NetworkName, networks_by_purpose
from napari_olivine.settings import Settings, setting

CORRECTION_WEIGHT = 10.0
"""Default weight of corrected pixels in the loss; chosen on the phantom of seed 0, by two trainings
(seeds 101 and 102)."""


_NONE: Final[tuple[Path, ...]] = ()


def _is_none(value: object) -> bool:
    return value is None


def _what_for() -> str:
    """Tell what the networks are good for; those of the last group are all others."""
    *groups, (others, _) = networks_by_purpose().items()
    told = [f"{title}: {', '.join(spec.name for spec in specs)}." for title, specs in groups]
    return f"{' '.join(told)} {others}: all others; most want a graphics card."


class TrainSettings(Settings):
    """What is trained and how; what is left open is taken from the network's own preset."""

    others: tuple[Path, ...] = setting(
        _NONE,
        "Other sections",
        "Folders of further sections that the network learns from too, of other rocks or days; "
        "they are only read. Each needs a mask and the same pixel size, and its own sessions with "
        "the roles train and val count. The model belongs to the section that is open.",
        exclude_if=_NONE.__eq__,  # networks of one section stay up to date
    )
    network: NetworkName = setting(
        "light",
        "Network",
        _what_for(),
    )
    target: Literal["auto", "phases", "olivine"] = setting(
        "auto",
        "Target",
        "phases: every mineral of the mask's rule book is a class of its own (ours), so that the "
        "network learns what looks like olivine and is none. olivine: olivine or not, as in "
        "Leichter et al. 2022; so too where the mask has no other phases. auto: olivine for the "
        "DeepLabV3 networks, phases for all others.",
        exclude_if="auto".__eq__,  # networks of before stay up to date, where it is olivine
    )
    name: str = setting("", "Name", "Name of the model in the section; the network's if empty.")
    weights: str = setting(
        "auto",
        "Start weights",
        "auto: for light what it learned from synthetic sections, for the DeepLabV3 networks "
        "weights trained on photographs (COCO) as in Leichter et al. 2022, from torch's cache or "
        "the network, else none. none: random. imagenet: photographs, for the encoder. micronet: "
        "100,000 images of microscopes (Stuckner et al. 2022), for some encoders. Or a weights "
        "file, or the folder of a model that is to be trained further.",
    )
    frozen: bool = setting(
        False,
        "Keep the encoder",
        "The encoder stays as its start weights are, and only the rest learns: quicker, and less "
        "is learned by heart where there is little to learn from.",
        exclude_if=False.__eq__,  # networks of before stay up to date
    )
    max_minutes: float | None = setting(
        None,
        "Longest time",
        "Training time after which it ends; the learning rate falls in time for it. The "
        "network's own if empty: none for the DeepLabV3 networks, 15 for the others.",
        unit="min",
        gt=0,
    )
    time: Literal["clock", "processor"] = setting(
        "clock",
        "Time counted",
        "What {setting:max_minutes} counts. clock: time that passes. processor: time that the "
        "processor works for the training, of all its cores together, so that other programs at "
        "work beside it change nothing (on a graphics card the clock counts).",
        exclude_if="clock".__eq__,  # networks of before stay up to date
    )
    epochs: int | None = setting(
        None, "Epochs", "Most epochs; if empty 100 for the DeepLabV3 networks, else 12.", ge=1
    )
    steps: int | None = setting(
        None, "Steps of an epoch", "Optimiser steps between two validations; 100 if empty.", ge=1
    )
    batch: int | None = setting(
        None, "Batch", "Crops of one step; if empty 4 for the DeepLabV3 networks, else 8.", ge=2
    )
    crop_px: int | None = setting(
        None,
        "Crop",
        "Side of a training crop; if empty 320 for the DeepLabV3 networks (paper: tiles of "
        "512 x 338), else 256.",
        unit="px",
        ge=32,
        multiple_of=32,
    )
    learning_rate: float | None = setting(
        None, "Learning rate", "Largest one; the network's own if empty (ours).", gt=0
    )
    patience: int | None = setting(
        None,
        "Patience",
        "Epochs without a lower validation cross-entropy after which training stops (early "
        "stopping as in Leichter et al. 2022, the number is ours); 10 for DeepLabV3, 4 for "
        "light.",
        ge=1,
    )
    loss: Literal["auto", "cross_entropy", "dice", "focal", "dice_cross_entropy", "dice_focal"] = (
        setting(
            "auto",
            "Loss",
            "cross_entropy: as in Leichter et al. 2022. focal: the same, but what is right "
            "already counts less. dice: overlap, of all classes. dice_focal: Dice + "
            "{setting:focal_share} x focal, as in ddvika/SEM_segmentation. "
            "dice_cross_entropy: with Dice of olivine alone. auto: cross_entropy for the "
            "DeepLabV3 networks, else dice_cross_entropy.",
            exclude_if="auto".__eq__,  # networks of before stay up to date
        )
    )
    focal_share: float = setting(
        1.0,
        "Weight of focal loss",
        "c of Dice + c x focal; that of ddvika/SEM_segmentation is not known.",
        gt=0,
        le=100,
        exclude_if=(1.0).__eq__,
    )
    outlines: float = setting(
        0.0,
        "Weight of outlines",
        "How much more a pixel counts that lies within 2 px of an outline of olivine; 0 is as much "
        "as any other.",
        ge=0,
        le=100,
        exclude_if=(0.0).__eq__,
    )
    outlines_from: Literal["auto", "network", "bse"] = setting(
        "auto",
        "Outlines from",
        "bse: the probability is filtered with BSE as its guide (He et al. 2013), which brings "
        "outlines to where the grey changes and takes specks away, in validation and wherever the "
        "model serves (ours). network: as the network gives it. auto: network for the DeepLabV3 "
        "networks, as published, else bse.",
        exclude_if="auto".__eq__,  # networks of before stay up to date
    )
    optimiser: Literal["auto", "sgd", "adam", "adamw"] = setting(
        "auto",
        "Optimiser",
        "sgd: as in Leichter et al. 2022. adam: as in ddvika/SEM_segmentation. auto: sgd for the "
        "DeepLabV3 networks, else adamw.",
        exclude_if="auto".__eq__,
    )
    schedule: Literal["auto", "constant", "once", "restarts"] = setting(
        "auto",
        "Learning rate goes",
        "constant: as in Leichter et al. 2022. once: up for 30 steps, then down by a cosine. "
        "restarts: down by a cosine to a fifth, four times over, batch by batch, as in "
        "ddvika/SEM_segmentation. auto: constant for the DeepLabV3 networks, else once.",
        exclude_if="auto".__eq__,
    )
    foreground: float = setting(
        0.5,
        "Crops on olivine",
        "Part of the crops that is laid over olivine (ours). The rest lies anywhere, or, with the "
        "phases as {setting:target}, over the other phases, each equally often.",
        ge=0,
        le=1,
    )
    hard: float | None = setting(
        None,
        "Crops on errors",
        "Part of the crops that, from the second epoch on, is laid where the network disagreed "
        "with the mask in the training sessions (ours); 0.25 for light, else 0, if empty.",
        ge=0,
        le=1,
        exclude_if=_is_none,  # networks of before stay up to date
    )
    corrections: bool = setting(
        True,
        "Learn from corrections",
        "Where a person accepted, rejected or corrected crystals ({step:corrections}), "
        "that counts instead of the mask; this and the mask that was corrected by hand count more. "
        "Sessions for validation and test are left out.",
    )
    corrected: float = setting(
        0.25,
        "Crops on corrections",
        "Part of the crops that is laid over crystals of which a person said what the mask does "
        "not, and over tiles of 512 px in which the mask was corrected by hand, half of them on "
        "what is no olivine; less where there are fewer than 20 (ours).",
        ge=0,
        le=1,
    )
    correction_weight: float = setting(
        CORRECTION_WEIGHT,
        "Weight of corrections",
        "How much a pixel that a person judged or corrected counts in the loss, beside one of the "
        "mask; 1 is as much. Ours, by measurement on phantoms: with less, few corrections do not "
        "prevail over a mask that says otherwise everywhere else.",
        ge=1,
        le=100,
        exclude_if=CORRECTION_WEIGHT.__eq__,  # networks without corrections stay up to date
    )
    cracks: Literal["olivine", "background", "ignore"] = setting(
        "olivine",
        "Cracks in olivine",
        "What pixels of the mask count as that BSE shows as dark cracks and the coarser element "
        "maps do not. olivine: as the mask has them, so that a crack does not split a crystal. "
        "background or ignore (both proposed by Leichter et al. 2022) for the bare mineral.",
    )
    align: Literal["session", "contrast", "none"] = setting(
        "session",
        "Level sessions",
        "session: shift the grey of each session to the training sessions' median, against "
        "instrument drift. contrast: that, and the spread of the grey of each section is brought "
        "to that of the section of the training, for sections that were imaged with another "
        "contrast. none: grey as it is; wider changes of brightness in training alone "
        "make the network robust.",
    )

    @field_validator("others")
    @classmethod
    def _make_absolute(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        """Make the folders absolute: a model is made anew from wherever the program runs then."""
        return tuple(folder.expanduser().resolve() for folder in value)
