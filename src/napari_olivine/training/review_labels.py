"""Labels by a person, from the review and painted over the mask, which training prefers to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_olivine.masks.corrections import CORRECTIONS_INPUT, MaskCorrections
from napari_olivine.regions import study_region
from napari_olivine.section import PIECE, Section, with_role
from napari_olivine.training.phases import labels_by_name
from napari_olivine.training.plan import Plan
from napari_olivine.training.settings import TrainSettings
from napari_olivine.training.windows import IGNORE, Window, area, overlap

MANY = 20
"""Corrected places from which on crops are laid over them as often as the setting says (ours)."""

NEW = 0.1
"""Part of the labels in a crystal's box that must differ from the mask, so that crops are laid over
it: outlines differ a little everywhere (ours)."""

LOOKED_AT_PX = 512
"""Longer boxes are compared with the mask at a coarser level."""

BOX = ["row0", "row1", "col0", "col1"]


class Corrections:
    """Labels by a person, from the review and painted over the mask, and where they are.

    Where both say something, what was painted counts. Sessions with the role ``val`` or ``test``,
    and rows that are held out for validation, are left out: neither their labels nor their grey are
    used. Nor is anything outside the region of study.

    Parameters
    ----------
    section
        Section with ``corrections`` of the review, corrections of the mask, or both.
    plan
        What is trained on. Where olivine alone is learned, a phase that a person named is no
        olivine, and no more.
    """

    def __init__(self, section: Section, plan: Plan) -> None:
        self._named = labels_by_name(plan.phases)
        self._mask = section.raster("mask", "olivine")
        self._region = study_region(section)
        self._painted = MaskCorrections(section)
        self._review = None
        if section.state("corrections") != "missing":
            self._review = section.raster("corrections", "olivine")
        kept = [with_role(section.sessions(), role) for role in ("val", "test")]
        sessions = [session.window for some in kept for session in some]
        self._closed = [*sessions, *plan.validation_windows]
        self._plan, self._shape = plan, section.shape
        self.windows: list[Window] = []
        """Where crops of places outside the training windows are taken from."""
        self.places: dict[int, list[tuple[int, Window]]] = {}
        """Of what is other (0), olivine (1) and each phase that was named (its label): window
        (first those of training, then `windows`) and box of each crystal of which the mask says
        something else, or nothing, and of each tile in which the mask was painted."""
        if self._review is not None:
            table = section.table("corrections", "corrections")[[*BOX, "value"]]
            for row0, row1, col0, col1, value in table.to_numpy(np.int64).tolist():
                self._take(value, (slice(row0, row1), slice(col0, col1)))
        self.crystals = len(self)
        """Number of crystals among the places."""
        for value, box in self._painted_boxes():
            self._take(value, box, new=True)

    def _take(self, value: int, box: Window, *, new: bool = False) -> None:
        """Add a place, if crops can be laid over it and it is new to the mask."""
        train = self._plan.train_windows
        parts = [overlap(box, window) for window in train]
        place = int(np.argmax([area(part) for part in parts]))
        if area(parts[place]):
            if new or self._is_new(parts[place]):
                self.places.setdefault(value, []).append((place, parts[place]))
            return
        # Beyond the training windows the mask does not count, and a crop is moved around the
        # place only so far that some of it is in it.
        reach = self._plan.preset.crop_px
        box = _outside(box, self._closed)
        around = (
            slice(max(0, box[0].start - reach), min(self._shape[0], box[0].stop + reach)),
            slice(max(0, box[1].start - reach), min(self._shape[1], box[1].stop + reach)),
        )
        around = _outside(around, self._closed, box)
        if area(box) and area(around):
            place = len(train) + len(self.windows)
            self.places.setdefault(value, []).append((place, box))
            self.windows.append(around)

    def _painted_boxes(self) -> Iterator[tuple[int, Window]]:
        """Yield each label of each painted tile, and the box around its pixels there."""
        for tile in sorted(self._painted.marks()):
            first = tile[0] * PIECE, tile[1] * PIECE
            rows, columns = (
                slice(start, min(start + PIECE, length))
                for start, length in zip(first, self._shape, strict=True)
            )
            window = rows, columns
            said = self._allowed(self._painted.labels(*window, self._named), window)
            for value in (0, 1, *self._named.values()):
                down, along = np.nonzero(said == value)
                if len(down):
                    yield (
                        value,
                        (
                            slice(first[0] + int(down.min()), first[0] + int(down.max()) + 1),
                            slice(first[1] + int(along.min()), first[1] + int(along.max()) + 1),
                        ),
                    )

    def share(self, wanted: float) -> float:
        """Part of the crops to lay over corrected places.

        Fewer than :data:`MANY` are met less often in proportion: a network would learn them by
        heart.
        """
        return wanted * min(1.0, len(self) / MANY)

    def draw(self, random: np.random.Generator) -> tuple[int, Window]:
        """Draw a place: of other, olivine and each named phase equally often, and of their places.

        What was rejected is what the network has to learn, however much was accepted beside it.
        """
        values = sorted(self.places)
        places = self.places[values[random.integers(len(values))]]
        return places[random.integers(len(places))]

    def __len__(self) -> int:
        return sum(len(places) for places in self.places.values())

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return a person's labels of a window: 0, 1, those of phases, 255 where there is none."""
        painted = self._painted.labels(*window, self._named)
        if self._review is not None:
            painted = np.where(painted == IGNORE, self._review.read(*window), painted)
        return self._allowed(painted, window)

    def _allowed(self, labels: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
        """Leave out what must not be learned from."""
        rows, columns = window
        if self._region is not None:
            labels[~self._region.pixels(rows, columns)] = IGNORE
        for closed in self._closed:
            down, along = overlap(window, closed)
            if area((down, along)):
                labels[
                    down.start - rows.start : down.stop - rows.start,
                    along.start - columns.start : along.stop - columns.start,
                ] = IGNORE
        return labels

    def _is_new(self, box: Window) -> bool:
        """Tell whether enough of a box has another label in the mask, or none."""
        assert self._review is not None
        level, longest = 0, max(side.stop - side.start for side in box)
        while longest >> level > LOOKED_AT_PX and level + 1 < len(self._review.levels):
            level += 1
        rows, columns = (slice(s.start >> level, -(-s.stop >> level)) for s in box)
        labels, mask = (image.read(rows, columns, level) for image in (self._review, self._mask))
        known = labels != IGNORE
        return bool((labels != mask)[known].sum() > NEW * known.sum())


def corrections_fingerprint(section: Section, settings: TrainSettings) -> dict[str, str]:
    """Fingerprint of the corrections that training will use; empty if there are none.

    It is an input from outside as far as up-to-dateness goes: corrections are made of crystals,
    which come from a trained network; ``train`` trains anew when they have changed, but a network
    that is there, and the crystals that it found, do not become out of date with every edit.

    Corrections of the mask are part of the mask, of which another one makes a network out of date.

    Raises
    ------
    SectionError
        If a person has gone on reviewing since they were written.
    """
    if not settings.corrections:
        return {}
    marks = {}
    if section.state("corrections") != "missing":
        product = section.require("corrections")
        if product.notes["crystals"]:
            marks["source/corrections"] = product.fingerprint
    if painted := section.fingerprint(CORRECTIONS_INPUT):
        marks["source/mask_corrections"] = painted
    if marks:  # the setting itself is not noted at its default, for networks of before
        marks["source/correction_weight"] = f"{settings.correction_weight:g}"
    return marks


def _outside(window: Window, closed: Sequence[Window], kept: Window | None = None) -> Window:
    """Cut a window so that it has no pixel of the closed ones: the largest part that is left.

    Parameters
    ----------
    window
        Window to cut.
    closed
        Windows to keep out of.
    kept
        Part of the window that must stay whole; may be empty of `closed` only.
    """
    for other in closed:
        if not area(overlap(window, other)):
            continue
        rows, columns = window
        parts = [
            (slice(rows.start, other[0].start), columns),
            (slice(other[0].stop, rows.stop), columns),
            (rows, slice(columns.start, other[1].start)),
            (rows, slice(other[1].stop, columns.stop)),
        ]
        if kept is not None:
            parts = [part for part in parts if area(overlap(part, kept)) == area(kept)]
        window = max(parts, key=area, default=(slice(0, 0), slice(0, 0)))
    return window
