"""Settings of a comparison of networks, without torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from napari_olivine.networks import NetworkName
from napari_olivine.settings import Settings, setting

Size = Annotated[int, Field(ge=32, multiple_of=32)]
Seed = Annotated[int, Field(ge=0)]


class CompareSettings(Settings):
    """Which networks are compared, under which budget, and how they are scored."""

    networks: tuple[NetworkName, ...] = setting(
        (), "Networks", "Networks to train, see {step:train}; every one with every size, start and "
        "seed below.",
    )  # fmt: skip
    sizes: tuple[Size, ...] = setting(
        (256,),
        "Crop sizes",
        "Sides of the training crops, px, multiples of 32; 128, 256 and 512 in the tables of "
        "ddvika/SEM_segmentation.",
    )
    starts: tuple[str, ...] = setting(
        ("auto",),
        "Start weights",
        "none, auto, imagenet, micronet, a weights file or the folder of a model; see "
        "{step:train}.",
    )
    seeds: tuple[Seed, ...] = setting(
        (1,),
        "Seeds",
        "Of weights, crops and augmentation, a training each. One seed does not tell chance from "
        "merit; three or more show the spread.",
    )
    models: tuple[str, ...] = setting(
        (),
        "Models",
        "Models that are there already, by name or folder: they are scored as they are, whatever "
        "their budget was.",
    )
    max_minutes: float | None = setting(
        None,
        "Processor time of a training",
        "Budget of each training: minutes that the processor works for its steps and validations, "
        "all its cores together. Other programs at work change nothing. On a graphics card minutes "
        "of the clock: let it do nothing else.",
        unit="min",
        gt=0,
    )
    max_steps: int | None = setting(
        None,
        "Steps of a training",
        "Budget of each training instead: steps of the optimiser, whatever time they take.",
        ge=1,
    )
    batch: int = setting(8, "Batch", "Crops of one step, of all networks alike.", ge=2)
    target: Literal["phases", "olivine"] = setting(
        "phases",
        "Target",
        "What all networks learn: phases, where the mask tells them, or olivine or not.",
    )
    training: dict[str, Any] = setting(
        {},
        "Further settings",
        'Further settings of {step:train} for all trainings: {"loss": "dice_focal"}. What is not '
        "given stays as each network's own recipe has it.",
    )
    train_too: bool = setting(
        False,
        "Score training sessions",
        "Score the sessions with the role train too: how much was learned by heart.",
    )
    found_iou: float = setting(
        0.5,
        "Found from",
        "A crystal of the reference is found if it and one connected region of the network have an "
        "intersection over union above this.",
        ge=0.5,
        lt=1,
    )
    olivine_code: int = setting(
        6, "Code of olivine", "Value of olivine in the truth's phase.tif.", ge=0, le=255
    )
    engine: Literal["auto", "float32", "bfloat16", "openvino", "cuda", "mps"] = setting(
        "auto", "Engine", "What computes the segmentations; see {step:segment}."
    )
    keep: Literal["all", "best"] = setting(
        "all",
        "Models kept",
        "all: of every training the model stays in the folder. best: at the end only the one with "
        "the highest IoU on the val sessions.",
    )
