"""The steps of the work by name: one list for command line, docks and the whole chain."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from napari_olivine.settings import Settings


@dataclass(frozen=True)
class Step:
    """One step: a typed function of the core and the model of its settings.

    Both are named, not imported, so that listing the steps costs nothing.

    Parameters
    ----------
    name
        Name of the command.
    title
        One line for a person.
    settings_path, function_path
        ``package.module:name`` of the settings model and of the function.
    arguments
        Folders that the command takes, in order.
    """

    name: str
    title: str
    settings_path: str
    function_path: str
    arguments: tuple[str, ...] = ("SECTION",)

    @property
    def settings(self) -> type[Settings]:
        """Model of the step's settings."""
        model: type[Settings] = _load(self.settings_path)
        return model

    @property
    def function(self) -> Any:
        """Function that does the step."""
        return _load(self.function_path)


STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        Step(
            "import",
            "tiles, element maps, sessions and microprobe tables into one section on disk",
            "napari_olivine.readers:ImportSettings",
            "napari_olivine.readers:import_section",
            ("SOURCE", "SECTION"),
        ),
        Step(
            "level",
            "the grey of all sessions and tiles on one scale",
            "napari_olivine.levelling:LevelSettings",
            "napari_olivine.levelling:level",
        ),
        Step(
            "mask",
            "a rule over the element maps makes the reference mask",
            "napari_olivine.masks:MaskSettings",
            "napari_olivine.masks:make_mask",
        ),
        Step(
            "train",
            "a network learns the mask from BSE",
            "napari_olivine.training:TrainSettings",
            "napari_olivine.training:train",
        ),
        Step(
            "segment",
            "a network's probability of olivine over the whole section",
            "napari_olivine.inference:SegmentSettings",
            "napari_olivine.inference:segment",
        ),
        Step(
            "calibrate",
            "BSE grey against mg# on microprobe traverses, and the mg# map",
            "napari_olivine.calibration:CalibrateSettings",
            "napari_olivine.calibration:calibrate",
        ),
        Step(
            "crystals",
            "every crystal with its size, composition and zoning class",
            "napari_olivine.crystals:CrystalsSettings",
            "napari_olivine.crystals:find_crystals",
        ),
        Step(
            "corrections",
            "what a person found in the review, as labels that a network learns",
            "napari_olivine.review.corrections:CorrectionsSettings",
            "napari_olivine.review.corrections:write_corrections",
        ),
        Step(
            "review",
            "a sheet of doubtful crystals for a person to fill, and the filled one back",
            "napari_olivine.review.command:ReviewSettings",
            "napari_olivine.review.command:review_section",
        ),
        Step(
            "export",
            "the catalogue: tables, cut-outs, plots, rasters",
            "napari_olivine.catalogue:ExportSettings",
            "napari_olivine.catalogue:export_catalogue",
            ("SECTION", "FOLDER"),
        ),
        Step(
            "score",
            "the section against a known truth",
            "napari_olivine.scoring:ScoreSettings",
            "napari_olivine.scoring:score_section",
        ),
        Step(
            "check",
            "is everything in a section whole? Repairs what can be repaired",
            "napari_olivine.section.check:CheckSettings",
            "napari_olivine.workflow.check:check_section",
        ),
        Step(
            "phantom",
            "a synthetic section with known truth, as an instrument leaves it",
            "napari_olivine.phantom:PhantomSettings",
            "napari_olivine.phantom:make_phantom",
            ("FOLDER",),
        ),
        Step(
            "run",
            "the whole chain from a folder of instrument files to the catalogue",
            "napari_olivine.workflow.chain:ChainSettings",
            "napari_olivine.workflow.chain:run_chain",
            ("SOURCE", "SECTION"),
        ),
        Step(
            "demo",
            "the whole chain on a synthetic section, scored against its truth",
            "napari_olivine.workflow.demo:DemoSettings",
            "napari_olivine.workflow.demo:run_demo",
            ("[FOLDER]",),
        ),
    )
}


def _load(path: str) -> Any:
    module, name = path.split(":")
    return getattr(import_module(module), name)
