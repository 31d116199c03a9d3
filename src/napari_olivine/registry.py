"""The steps, products and docks by name: a row each, from which every door reads.

Rows hold text only. What a path names is imported when somebody asks for it, so that listing the
steps costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from napari_olivine.settings import Settings


@dataclass(frozen=True)
class Argument:
    """What a command takes beside its settings: a folder or file.

    Parameters
    ----------
    name
        Name of the argument, e.g. ``"section"``.
    metavar
        Its name in the help, e.g. ``"SECTION"``.
    opened
        Whether the function gets the opened section instead of the path.
    option
        Whether it is written ``--name METAVAR``.
    required
        Whether it must be given; the function gets `None` if it is not.
    setting
        Setting that it is written into, several of them one after the other, instead of being given
        to the function.
    help
        One line for a person.
    """

    name: str
    metavar: str
    opened: bool = False
    option: bool = False
    required: bool = True
    setting: str = ""
    help: str = ""


SECTION = Argument("section", "SECTION", opened=True)
NEW_SECTION = Argument("section", "SECTION")
SOURCE = Argument("source", "SOURCE")
FOLDER = Argument("folder", "FOLDER")
IMAGES = Argument("source", "SOURCE", help="folder of images, or section with crystals")
CLASSIFIER = Argument("model", "MODEL", help="folder that 'recognise train' wrote")


@dataclass(frozen=True)
class Step:
    """One step: a typed function of the core, and what each door has to know of it.

    Every function takes the step's own arguments in order, then its settings and the running job.

    Parameters
    ----------
    name
        Name of the command: a word, or the word of one of `FAMILIES` and a second one.
    title
        One line for a person.
    settings_path, function_path
        ``package.module:name`` of the settings model and of the function.
    command_path
        Function that the command line calls instead, where it shows a result or opens a window.
    arguments
        What the command takes beside the settings.
    verb
        What the button says; empty if no dock has a button for it.
    dock
        Dock that the step is started from.
    needs
        Products that must be there first.
    uses
        Products that are inputs too where they are there, or where a setting says so.
    given
        What an instrument must have left: ``"maps"`` (element maps) or ``"analyses"`` (EPMA).
    bse
        Whether it works on the BSE image, which a section of maps alone has not.
    todo
        What "Next" says; empty if it never leads here.
    leads_to
        A later step that leaves nothing to do here once it is done.
    share
        Share of the chain's time, measured on the standard section; 0 if no part of the chain.
    page
        Page in ``docs/``; ``steps/NAME.md`` if not given.
    """

    name: str
    title: str
    settings_path: str
    function_path: str
    command_path: str = ""
    arguments: tuple[Argument, ...] = (SECTION,)
    verb: str = ""
    dock: str = ""
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    given: Literal["", "maps", "analyses"] = ""
    bse: bool = False
    todo: str = ""
    leads_to: str = ""
    share: float = 0.0
    page: str = ""

    @property
    def settings(self) -> type[Settings]:
        """Model of the step's settings."""
        model: type[Settings] = _load(self.settings_path)
        return model

    @property
    def function(self) -> Any:
        """Function that does the step."""
        return _load(self.function_path)

    @property
    def command(self) -> Any:
        """Function that the command line calls."""
        return _load(self.command_path or self.function_path)

    @property
    def own_arguments(self) -> tuple[Argument, ...]:
        """Arguments that its function takes; the others stand in its settings."""
        return tuple(one for one in self.arguments if not one.setting)

    @property
    def products(self) -> tuple[str, ...]:
        """Names of the products that the step makes, in order."""
        made = (product for product in PRODUCTS.values() if product.step == self.name)
        return tuple(product.name for product in made if not product.annotation)

    @property
    def docs(self) -> str:
        """Path of its page in ``docs/``."""
        return self.page or f"steps/{self.name}.md"


@dataclass(frozen=True)
class ProductType:
    """What a section can hold: a product, a folder of products, or what a person set by hand.

    Parameters
    ----------
    name
        Folder in the section, e.g. ``"mask"``.
    title
        Name for a person; of one of several, the name follows.
    step
        Step that makes it.
    several
        Whether it is a folder of products, each with a name of its own.
    aside
        Whether nobody is asked to make it: it is made only where it is wanted.
    lasting
        Whether it serves on when its own inputs have changed: a network that learned an earlier
        mask is a network.
    layer
        Place of its images in the layer list, 1 at the bottom; `None` if it has none there.
    annotation
        Whether a person sets it by hand.
    """

    name: str
    title: str
    step: str
    several: bool = False
    aside: bool = False
    lasting: bool = False
    layer: int | None = None
    annotation: bool = False


@dataclass(frozen=True)
class Dock:
    """A dock of the window.

    Parameters
    ----------
    name
        Name in the menu.
    path
        ``package.module:class`` of the widget.
    """

    name: str
    path: str


SEGMENTATIONS = ("joint", "segmentation")
"""Olivine by BSE and element maps, and by BSE alone: the first that there is counts."""

OTHER_CRYSTALS = "other_crystals"
"""Folder of the crystals of phases other than olivine, a product a phase."""

STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        Step(
            "import",
            "tiles, element maps, sessions and microprobe tables into one section on disk",
            "napari_olivine.readers:ImportSettings",
            "napari_olivine.readers:import_section",
            arguments=(SOURCE, NEW_SECTION),
            verb="Import",
            dock="Section",
            share=0.02,
        ),
        Step(
            "import-labels",
            "images with hand-made masks into one section: classes by grey value or colour",
            "napari_olivine.labelled:ImportLabelsSettings",
            "napari_olivine.labelled:import_labels",
            arguments=(SOURCE, NEW_SECTION),
            page="steps/labelled-images.md",
        ),
        Step(
            "register-labels",
            "a coarser mineral map (QEMSCAN) laid on the SEM image of the same sample, as its mask",
            "napari_olivine.labelled.registration:RegisterLabelsSettings",
            "napari_olivine.labelled.registration:register_labels",
            arguments=(
                Argument("sem", "SEM", help="grey image"),
                Argument("map", "MAP", help="map of minerals, a value or a colour a mineral"),
                Argument("out", "OUT", help="TIFF to write"),
            ),
            page="steps/labelled-images.md",
        ),
        Step(
            "level",
            "the grey of all sessions and tiles on one scale",
            "napari_olivine.levelling:LevelSettings",
            "napari_olivine.levelling:level",
            verb="Level the grey",
            dock="Section",
            needs=("images",),
            bse=True,
            share=0.02,
        ),
        Step(
            "regions",
            "the region of study: which parts of the section to keep, and which to leave out",
            "napari_olivine.regions:RegionsSettings",
            "napari_olivine.regions:set_regions",
            dock="Section",
            needs=("images",),
        ),
        Step(
            "mask",
            "a rule over the element maps makes the reference mask",
            "napari_olivine.masks:MaskSettings",
            "napari_olivine.masks:make_mask",
            verb="Make mask",
            dock="Phase masks",
            needs=("images",),
            given="maps",
            uses=("annotations/mask_corrections",),
            todo="make a reference mask from the element maps",
            leads_to="train",
            share=0.02,
        ),
        Step(
            "correct-mask",
            "corrections of the mask by hand: polygons of files over what the rule says",
            "napari_olivine.masks.corrections:CorrectMaskSettings",
            "napari_olivine.masks.corrections:correct_by_file",
            dock="Phase masks",
            needs=("images",),
            page="steps/mask.md",
        ),
        Step(
            "areas",
            "which tiles to train on or to measure: all minerals and sizes in a small part",
            "napari_olivine.areas:AreasSettings",
            "napari_olivine.areas:suggest_areas",
            "napari_olivine.cli.commands:areas",
            arguments=(
                SECTION,
                Argument("csv", "FILE", option=True, required=False, help="also write them here"),
            ),
            verb="Suggest areas",
            dock="Section",
            needs=("images",),
        ),
        Step(
            "train",
            "a network learns the mask from BSE",
            "napari_olivine.training:TrainSettings",
            "napari_olivine.training:train",
            arguments=(
                SECTION,
                Argument(
                    *("more_sections", "OTHER"),
                    required=False,
                    setting="others",
                    help="folder of a further section to learn from",
                ),
            ),
            verb="Train",
            dock="Train",
            needs=("images", "mask"),
            bse=True,
            uses=("corrections",),
            todo="train a network on the mask",
            leads_to="segment",
            share=0.70,
        ),
        Step(
            "synthesise",
            "a network learns to draw BSE from the minerals of the mask (pix2pix)",
            "napari_olivine.training:SynthesiseSettings",
            "napari_olivine.training:synthesise",
            needs=("images", "mask"),
            bse=True,
        ),
        Step(
            "segment",
            "a network's probability of olivine over the whole section",
            "napari_olivine.inference:SegmentSettings",
            "napari_olivine.inference:segment",
            verb="Segment the whole section",
            dock="Segment",
            needs=("images",),
            bse=True,
            uses=("models", "mask"),
            todo="segment the whole section",
            share=0.12,
        ),
        Step(
            "calibrate",
            "BSE grey against mg# on microprobe traverses, and the mg# map",
            "napari_olivine.calibration:CalibrateSettings",
            "napari_olivine.calibration:calibrate",
            verb="Calibrate",
            dock="EPMA profiles",
            needs=("images", "epma"),
            bse=True,
            uses=("mask", *SEGMENTATIONS, "levelling"),
            given="analyses",
            todo="calibrate grey to mg#",
            share=0.04,
        ),
        Step(
            "crystals",
            "every crystal with its size, composition and zoning class",
            "napari_olivine.crystals:CrystalsSettings",
            "napari_olivine.crystals:find_crystals",
            verb="Find crystals",
            dock="Crystals",
            needs=("images",),
            bse=True,
            uses=("mask", *SEGMENTATIONS, "outline", "probability", "mg", "annotations/regions"),
            todo="find and measure the crystals",
            share=0.04,
        ),
        Step(
            "corrections",
            "what a person found in the review, as labels that a network learns",
            "napari_olivine.review.corrections:CorrectionsSettings",
            "napari_olivine.review.corrections:write_corrections",
            verb="Teach the network",
            dock="Review",
            needs=("images", "crystals"),
            page="steps/review.md",
        ),
        Step(
            "review",
            "a sheet of doubtful crystals for a person to fill, and the filled one back",
            "napari_olivine.review.command:ReviewSettings",
            "napari_olivine.review.command:review_section",
            dock="Review",
            needs=("crystals",),
        ),
        Step(
            "export",
            "the catalogue: tables, cut-outs, plots, outlines, rasters",
            "napari_olivine.catalogue:ExportSettings",
            "napari_olivine.catalogue:export_catalogue",
            arguments=(SECTION, FOLDER),
            verb="Export",
            dock="Crystals",
            needs=("images", "crystals"),
            share=0.04,
        ),
        Step(
            "diffuse",
            "how long ago a step of Fo came to be, from a profile, with its error",
            "napari_olivine.diffusion:DiffuseSettings",
            "napari_olivine.diffusion:diffuse",
            arguments=(
                Argument("profile", "FILE", help="CSV with distance_um and Fo"),
                Argument("json", "FILE", option=True, required=False, help="also write it here"),
                Argument(
                    *("figure", "FILE"),
                    option=True,
                    required=False,
                    help="draw profile, fit and times: PNG, SVG or PDF",
                ),
            ),
            page="steps/diffuse.md",
        ),
        Step(
            "score",
            "the section against a known truth",
            "napari_olivine.scoring:ScoreSettings",
            "napari_olivine.scoring:score_section",
            "napari_olivine.cli.commands:score",
            arguments=(
                SECTION,
                Argument(
                    *("truth", "FOLDER"),
                    option=True,
                    required=False,
                    help="folder of the known truth; the section's own labels if it has such",
                ),
                Argument(
                    "json", "FILE", option=True, required=False, help="also write the scores here"
                ),
            ),
        ),
        Step(
            "recognise train",
            "a classifier learns what images or crystals are from examples",
            "napari_olivine.recognition:RecogniseTrainSettings",
            "napari_olivine.recognition:train_classifier",
            arguments=(
                IMAGES,
                Argument("out", "MODEL", option=True, help="folder of the classifier"),
            ),
            verb="Train and recognise",
            dock="Recognise",
            page="steps/recognise.md",
        ),
        Step(
            "recognise predict",
            "the class of each image or crystal, by a classifier that was trained",
            "napari_olivine.recognition:RecognisePredictSettings",
            "napari_olivine.recognition:predict_classes",
            arguments=(
                CLASSIFIER,
                IMAGES,
                Argument(
                    *("csv", "FILE"),
                    option=True,
                    required=False,
                    help="table to write; of a section also without, as its product kinds",
                ),
            ),
            dock="Recognise",
            uses=("images", "crystals", "levelling"),
            page="steps/recognise.md",
        ),
        Step(
            "recognise compare",
            "classifiers side by side, on images that they have not learned from",
            "napari_olivine.recognition:RecogniseCompareSettings",
            "napari_olivine.recognition:compare_classifiers",
            arguments=(
                IMAGES,
                Argument("json", "FILE", option=True, help="file to write the scores to"),
                Argument(
                    *("curves", "FILE"),
                    option=True,
                    required=False,
                    help="also write loss and accuracy against iteration here",
                ),
            ),
            page="steps/recognise.md",
        ),
        Step(
            "recognise explain",
            "where in each image a network sees its class, as pictures and arrays",
            "napari_olivine.recognition:RecogniseExplainSettings",
            "napari_olivine.recognition:explain_classes",
            arguments=(
                CLASSIFIER,
                IMAGES,
                Argument("out", "FOLDER", option=True, help="folder to make"),
            ),
            page="steps/recognise.md",
        ),
        Step(
            "recognise suggest",
            "which images or crystals to label next",
            "napari_olivine.recognition:RecogniseSuggestSettings",
            "napari_olivine.recognition:suggest_examples",
            arguments=(
                CLASSIFIER,
                IMAGES,
                Argument("csv", "FILE", option=True, required=False, help="also write them here"),
            ),
            page="steps/recognise.md",
        ),
        Step(
            "compare",
            "networks trained under one budget and scored on one reference, as tables and a page",
            "napari_olivine.comparison:CompareSettings",
            "napari_olivine.comparison:compare_networks",
            arguments=(
                SECTION,
                Argument("out", "FOLDER", option=True, help="folder of the tables and models"),
                Argument(
                    "truth",
                    "FOLDER",
                    option=True,
                    required=False,
                    help="known truth to score by; the mask if not given",
                ),
            ),
            needs=("images", "mask"),
            bse=True,
        ),
        Step(
            "check",
            "is everything in a section whole? Repairs what can be repaired",
            "napari_olivine.section.check:CheckSettings",
            "napari_olivine.workflow:check_section",
            "napari_olivine.cli.commands:check",
            verb="Check",
            dock="Section",
        ),
        Step(
            "epma-report",
            "what was made of EPMA tables: a row a profile, with lengths, mg#, totals and notes",
            "napari_olivine.settings:Settings",
            "napari_olivine.readers.epma:report_source",
            "napari_olivine.cli.commands:epma_report",
            arguments=(
                SOURCE,
                Argument(
                    "csv", "FILE", option=True, required=False, help="also write the report here"
                ),
            ),
            page="steps/epma-tables.md",
        ),
        Step(
            "add-tables",
            "EPMA tables from anywhere into a section that is there, and away again",
            "napari_olivine.readers:AddTablesSettings",
            "napari_olivine.readers:add_tables",
            verb="Add tables...",
            dock="EPMA profiles",
            needs=("epma",),
            page="steps/epma-tables.md",
        ),
        Step(
            "phantom",
            "a synthetic section with known truth, as an instrument leaves it",
            "napari_olivine.phantom:PhantomSettings",
            "napari_olivine.phantom:make_phantom",
            arguments=(FOLDER,),
            page="steps/phantom.md",
        ),
        Step(
            "phantom-images",
            "synthetic images of crystals of five kinds, and of two to refuse, with known truth",
            "napari_olivine.phantom:ImageSetSettings",
            "napari_olivine.phantom:make_image_set",
            arguments=(FOLDER,),
            page="steps/phantom.md",
        ),
        Step(
            "run",
            "the whole chain from a folder of instrument files to the catalogue",
            "napari_olivine.workflow:ChainSettings",
            "napari_olivine.workflow:run_chain",
            arguments=(SOURCE, NEW_SECTION),
            page="tutorial-command-line.md",
        ),
        Step(
            "demo",
            "the whole chain on a synthetic section, scored against its truth",
            "napari_olivine.workflow:DemoSettings",
            "napari_olivine.workflow:run_demo",
            "napari_olivine.cli.commands:demo",
            arguments=(Argument("folder", "FOLDER", required=False),),
            page="../README.md",
        ),
        Step(
            "view",
            "open a section in napari",
            "napari_olivine.settings:Settings",
            "napari_olivine.widgets:view",
            "napari_olivine.cli.commands:view",
            arguments=(NEW_SECTION,),
            page="tutorial-napari.md",
        ),
        Step(
            "status",
            "what a section holds and what is out of date",
            "napari_olivine.settings:Settings",
            "napari_olivine.cli.commands:status",
            page="tutorial-command-line.md",
        ),
    )
}
"""Every command; the steps of the road in their order, then what serves them."""

FAMILIES = {"recognise": "what images and crystals show, learned from examples"}
"""Commands of two words: the first one, and what all of them do."""

PRODUCTS: dict[str, ProductType] = {
    product.name: product
    for product in (
        ProductType("images", "Images", "import", layer=1),
        ProductType("levelling", "BSE levelled", "level", layer=2),
        ProductType("epma", "EPMA analyses", "import"),
        ProductType("mask", "Phase mask", "mask", layer=9),
        ProductType("models", "Model", "train", several=True, lasting=True),
        ProductType("synthetic", "Drawn from the mask", "synthesise", aside=True, layer=3),
        ProductType("probability", "Probability", "segment", layer=5),
        ProductType("out_of_distribution", "Unlike the training", "segment", aside=True, layer=6),
        ProductType("compare", "Probability by", "segment", several=True, aside=True),
        ProductType("segmentation", "Segmentation", "segment", layer=7),
        ProductType("joint", "Joint segmentation", "segment", aside=True, layer=8),
        ProductType("calibration", "Calibration", "calibrate"),
        ProductType("outline", "Crystals outlined", "calibrate", aside=True, layer=10),
        ProductType("mg", "mg# map", "calibrate", layer=4),
        ProductType("crystals", "Crystals", "crystals", layer=13),
        ProductType(OTHER_CRYSTALS, "Crystals of", "crystals", several=True, aside=True, layer=12),
        ProductType("kinds", "Kinds recognised", "recognise predict", aside=True),
        ProductType("corrections", "Corrections by hand", "corrections", layer=11),
        ProductType("annotations/sessions", "Sessions", "import", annotation=True),
        ProductType("annotations/placements", "Traverses", "import", annotation=True),
        ProductType("annotations/outlines", "Outlines by hand", "calibrate", annotation=True),
        ProductType("annotations/regions", "Region of study", "regions", annotation=True),
        ProductType(
            "annotations/mask_corrections", "Mask by hand", "correct-mask", annotation=True
        ),
        ProductType("annotations/review", "Review", "review", annotation=True),
    )
}
"""What a section can hold, in the order in which it is made."""

DOCKS: dict[str, Dock] = {
    dock.name: dock
    for dock in (
        Dock("Section", "napari_olivine.widgets.docks.section_dock:SectionDock"),
        Dock("Phase masks", "napari_olivine.widgets.docks.masks_dock:MasksDock"),
        Dock("Train", "napari_olivine.widgets.docks.train_dock:TrainDock"),
        Dock("Segment", "napari_olivine.widgets.docks.segment_dock:SegmentDock"),
        Dock("EPMA profiles", "napari_olivine.widgets.docks.profiles_dock:ProfilesDock"),
        Dock("Crystals", "napari_olivine.widgets.docks.crystals_dock:CrystalsDock"),
        Dock("Review", "napari_olivine.widgets.docks.review_dock:ReviewDock"),
        Dock("Recognise", "napari_olivine.widgets.docks.recognise_dock:RecogniseDock"),
    )
}
"""The docks in the order of the menu, which is that of the road."""


def chain() -> list[Step]:
    """Return the steps of the whole chain in their order."""
    return [step for step in STEPS.values() if step.share > 0]


def product_type(product: str) -> ProductType | None:
    """Return the row of a product such as ``"mask"`` or ``"models/light"``; `None` if unknown."""
    row = PRODUCTS.get(product)
    if row is not None and not row.several:
        return row
    folder = PRODUCTS.get(product.partition("/")[0])
    return folder if folder is not None and folder.several else None


def maker_of(product: str) -> str:
    """Return the name of the step that makes a product; empty if the product is unknown."""
    row = product_type(product)
    return row.step if row is not None else ""


def lasts(product: str) -> bool:
    """Tell whether a product serves on as an input when it is out of date."""
    row = product_type(product)
    return row is not None and row.lasting


def annotations_of(product: str) -> tuple[str, ...]:
    """Return the annotations that a product is made from where a person has set them."""
    step = STEPS.get(maker_of(product))
    uses = step.uses if step is not None else ()
    return tuple(name for name in uses if name.startswith("annotations/"))


def folders_of_several() -> list[str]:
    """Return the folders of a section that hold products of their own, each with a name."""
    return [product.name for product in PRODUCTS.values() if product.several]


def layered() -> list[str]:
    """Return products and folders of several with images, from the bottom of the layer list."""
    places = {row.name: row.layer for row in PRODUCTS.values() if row.layer is not None}
    return sorted(places, key=lambda name: places[name])


def has_layers(product: str) -> bool:
    """Tell whether the images of a product have a place in the layer list."""
    row = product_type(product)
    return row is not None and row.layer is not None


def _load(path: str) -> Any:
    module, name = path.split(":")
    return getattr(import_module(module), name)
