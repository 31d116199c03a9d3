"""Where a classifier looks: its evidence in colours over the selected crystal."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QWidget

from napari_olivine.crystals import KINDS, recognised_kinds
from napari_olivine.errors import InputError, OlivineError
from napari_olivine.recognition import CLASSIFIERS, ModelCard, RecogniseExplainSettings
from napari_olivine.section import Section
from napari_olivine.widgets.common import column_layout, wrapped
from napari_olivine.widgets.jobs import Jobs
from napari_olivine.widgets.layers import overlay
from napari_olivine.widgets.state import OpenSection

LAYER = "Where it looks"
STEP = "recognise explain"

MODEL = Path("review") / "classifier"
"""Folder of the classifier in the section, beside the journal that it learned from."""


@dataclass(frozen=True)
class Look:
    """Evidence for the class of one crystal.

    Parameters
    ----------
    evidence
        float32, shape (rows, columns).
    frame_um
        y and x of the upper left corner of the cut-out, and its side, um.
    shown
        The class.
    taken
        What the crystal is taken for; it may be none of these.
    kind
        What it shows, in words.
    """

    evidence: NDArray[np.float32]
    frame_um: tuple[float, float, float]
    shown: str
    taken: str
    kind: str


class LooksPart(QWidget):
    """Shows the class activation, or the votes of the crops, over the selected crystal.

    A child process works it out for that crystal and the next ones, beside other steps; what was
    worked out is shown again at once.

    Parameters
    ----------
    session
        Open section of the viewer.
    options
        Gives the options of the command line with which crystals are recognised, as the seed.
    """

    changed = Signal()
    """The box was ticked or not: the dock tells which crystal is selected."""

    def __init__(self, session: OpenSection, options: Callable[[], Sequence[str]] = tuple) -> None:
        super().__init__()
        self._session, self._options = session, options
        self.jobs = Jobs()
        self.box = QCheckBox("Show where it looks")
        self.box.setToolTip(
            "The evidence for the class of the selected crystal in colours over it; of networks "
            "alone"
        )
        self.words = wrapped("")
        self.words.hide()
        column_layout(self, self.box, self.words)
        self._folder = tempfile.TemporaryDirectory(prefix="napari-olivine-looks-")
        self._runs = 0
        self._found: dict[int, Look] = {}
        self._failed = ""
        self._wanted: list[int] = []
        self._asked: list[int] = []
        self.box.toggled.connect(lambda _on: self.changed.emit())
        self.jobs.finished.connect(self._on_finished)
        self.jobs.failed.connect(self._on_failed)
        self.jobs.ended.connect(self._on_ended)

    def forget(self) -> None:
        """Forget what was found: another section, or other kinds."""
        self.jobs.stop_now()
        self._found, self._failed, self._wanted = {}, "", []
        self._remove()

    def end(self) -> None:
        """Stop, and remove layer and files: the dock is closed."""
        self.forget()
        self._folder.cleanup()

    def show_crystals(self, crystals: Sequence[int]) -> None:
        """Show the first of some crystals, and work the others out beside it.

        Parameters
        ----------
        crystals
            Ids; none shows nothing.
        """
        self._wanted = list(crystals) if self.box.isChecked() else []
        if not self._wanted:
            self._remove()
            self._say("")
            self.jobs.cancel()
            return
        look = self._found.get(self._wanted[0])
        if look is not None:
            self._show(self._wanted[0], look)
            return
        self._remove()
        if self._failed:
            self._say(self._failed)
        elif not self.jobs.running:
            self._start()
        elif self._wanted[0] not in self._asked:
            self.jobs.cancel()  # the next one begins when it has ended

    def _start(self) -> None:
        section = self._session.section
        if section is None:
            return
        try:
            model = model_that_looks(section)
        except OlivineError as error:
            self._failed = str(error)
            self._say(self._failed)
            return
        self._asked = [one for one in self._wanted if one not in self._found]
        self._runs += 1
        settings = RecogniseExplainSettings(crystals=self._asked)
        arguments = [str(model), str(section.path), "--out", str(self._out)]
        self._say("Looking...")
        self.jobs.start(STEP, arguments, settings.model_dump(mode="json"), self._options())

    @property
    def _out(self) -> Path:
        return Path(self._folder.name) / str(self._runs)

    def _on_finished(self, _step: str) -> None:
        try:
            self._found |= read_looks(self._out)
        except (OSError, ValueError, KeyError) as error:
            self._failed = f"What was worked out cannot be read: {error}"

    def _on_failed(self, _step: str, why: OlivineError) -> None:
        self._failed = str(why)

    def _on_ended(self) -> None:
        self.show_crystals(self._wanted)

    # ------------------------------------------------------------------ the layer

    def _show(self, crystal: int, look: Look) -> None:
        section = self._session.require()
        words = f"{look.kind} {look.shown}: the brighter, the more."
        if not np.ptp(look.evidence) > 0:
            words = f"{look.kind} {look.shown}: the same everywhere."
        kinds = recognised_kinds(section)
        told = kinds.loc[kinds["id"] == crystal, "class"].tolist() if kinds is not None else []
        if told and told != [look.taken]:
            words += (
                f" The classifier takes it for {look.taken} by now, not for {told[0]}: it has "
                "changed. Press Train and recognise."
            )
        self._say(words)
        data, properties = look_data(section, look)
        layers = self._session.viewer.layers
        active = layers.selection.active
        self._remove()
        self._session.viewer.add_image(data, **properties)
        if active is not None and active in layers:
            layers.selection.active = active

    def _remove(self) -> None:
        layers = self._session.viewer.layers
        if LAYER in layers:
            layers.remove(LAYER)

    def _say(self, words: str) -> None:
        self.words.setText(words)
        self.words.setVisible(bool(words))


def model_that_looks(section: Section) -> Path:
    """Return the classifier that recognised the kinds of a section, if it looks at places.

    Raises
    ------
    InputError
        If nothing was recognised, the classifier is gone, or it looks at no places.
    """
    product = section.product(KINDS)
    if product is None:
        raise InputError("Nothing was recognised yet: press Train and recognise first.")
    model = Path(str(product.recipe.settings["model"]))
    if model.parts[-2:] == MODEL.parts:  # the section may have been moved since
        model = section.path / MODEL
    name = ModelCard.read(model).classifier
    if not CLASSIFIERS[name.partition(":")[0]].looks:
        networks = ", ".join(row.name for row in CLASSIFIERS.values() if row.looks)
        raise InputError(
            f"The classifier {name} looks at no places. To see where one looks, train one of these "
            f"(Settings): {networks}."
        )
    return model


def read_looks(folder: Path) -> dict[int, Look]:
    """Read what ``recognise explain`` wrote of crystals.

    Of the triplet network it is the share of the class in the votes of the crops that cover a
    pixel, of others the class activation.

    Parameters
    ----------
    folder
        The command's folder.

    Returns
    -------
    dict
        By crystal.
    """
    found = {}
    for row in pd.read_csv(folder / "explanations.csv").to_dict("records"):
        crystal = int(row["id"])
        votes = folder / f"{crystal}.votes.npy"
        evidence, kind = np.load(folder / f"{crystal}.npy"), "Evidence for"
        if row["classifier"] == "triplet" and votes.is_file():
            evidence, kind = np.load(votes)[int(row["place"])], "Votes of crops for"
        frame = (float(row["y_um"]), float(row["x_um"]), float(row["side_um"]))
        found[crystal] = Look(
            np.nan_to_num(evidence), frame, str(row["shown"]), str(row["class"]), kind
        )
    return found


def look_data(section: Section, look: Look) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Describe the layer that lays the evidence over its crystal.

    Parameters
    ----------
    section
        Open section.
    look
        The evidence.

    Returns
    -------
    tuple
        Pixels, and the properties of an image layer: clear where the evidence is least.
    """
    from napari.utils.colormaps import Colormap

    y_um, x_um, side_um = look.frame_um
    pixel = side_um / look.evidence.shape[0]
    # A layer is placed by the middle of its first pixel, as the section's is.
    offset = (pixel - section.pixel_size_um) / 2
    low, high = float(look.evidence.min()), float(look.evidence.max())
    colours = [(0.0, 0, 0, 0), (0.7, 0.1, 0.3, 0.35), (1, 0.6, 0, 0.55), (1, 1, 0.6, 0.7)]
    return look.evidence, overlay(section, LAYER) | {
        "scale": (pixel, pixel),
        "translate": (y_um + offset, x_um + offset),
        "colormap": Colormap(colours, name="looks"),
        "contrast_limits": (low, high if high > low else low + 1),
        "blending": "translucent",
    }
