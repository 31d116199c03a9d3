"""Labels from the review of crystals, which training prefers to the mask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_olivine.section import Section, with_role
from napari_olivine.training.plan import Plan
from napari_olivine.training.settings import TrainSettings
from napari_olivine.training.windows import IGNORE, Window, area, overlap

MANY = 20
"""Corrected crystals from which on crops are laid over them as often as the setting says (ours)."""

NEW = 0.1
"""Part of the labels in a crystal's box that must differ from the mask, so that crops are laid over
it: outlines differ a little everywhere (ours)."""

LOOKED_AT_PX = 512
"""Longer boxes are compared with the mask at a coarser level."""

BOX = ["row0", "row1", "col0", "col1"]


class Corrections:
    """Labels by a person, and where the crystals are that they are about.

    Sessions with the role ``val`` or ``test``, and rows that are held out for validation, are
    left out: neither their labels nor their grey are used.

    Parameters
    ----------
    section
        Section with ``corrections``.
    plan
        What is trained on.
    """

    def __init__(self, section: Section, plan: Plan) -> None:
        self._labels = section.raster("corrections", "olivine")
        self._mask = section.raster("mask", "olivine")
        kept = [with_role(section.sessions(), role) for role in ("val", "test")]
        sessions = [session.window for some in kept for session in some]
        self._closed = [*sessions, *plan.validation_windows]
        self.windows: list[Window] = []
        """Where crops of crystals outside the training windows are taken from."""
        self.crystals: dict[int, list[tuple[int, Window]]] = {}
        """Of what is other (0) and olivine (1): window (first those of training, then `windows`)
        and box of each crystal of which the mask says something else, or nothing."""
        reach = plan.preset.crop_px
        table = section.table("corrections", "corrections")[[*BOX, "value"]]
        for row0, row1, col0, col1, value in table.to_numpy(np.int64).tolist():
            box = slice(row0, row1), slice(col0, col1)
            parts = [overlap(box, window) for window in plan.train_windows]
            place = int(np.argmax([area(part) for part in parts]))
            if area(parts[place]):
                if self._is_new(parts[place]):
                    self.crystals.setdefault(value, []).append((place, parts[place]))
                continue
            # Beyond the training windows the mask does not count, and a crop is moved around the
            # crystal only so far that some of it is in it.
            box = _outside(box, self._closed)
            around = (
                slice(max(0, box[0].start - reach), min(section.shape[0], box[0].stop + reach)),
                slice(max(0, box[1].start - reach), min(section.shape[1], box[1].stop + reach)),
            )
            around = _outside(around, self._closed, box)
            if area(box) and area(around):
                place = len(plan.train_windows) + len(self.windows)
                self.crystals.setdefault(value, []).append((place, box))
                self.windows.append(around)

    def share(self, wanted: float) -> float:
        """Part of the crops to lay over corrected crystals.

        Fewer than :data:`MANY` are met less often in proportion: a network would learn them by
        heart.
        """
        return wanted * min(1.0, len(self) / MANY)

    def draw(self, random: np.random.Generator) -> tuple[int, Window]:
        """Draw a crystal: half of them other, half olivine, each of these equally often.

        What was rejected is what the network has to learn, however much was accepted beside it.
        """
        values = sorted(self.crystals)
        crystals = self.crystals[values[random.integers(len(values))]]
        return crystals[random.integers(len(crystals))]

    def __len__(self) -> int:
        return sum(len(crystals) for crystals in self.crystals.values())

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return a person's labels of a window: 0, 1, 255 where there is none."""
        rows, columns = window
        labels: NDArray[np.uint8] = self._labels.read(rows, columns)
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
        level, longest = 0, max(side.stop - side.start for side in box)
        while longest >> level > LOOKED_AT_PX and level + 1 < len(self._labels.levels):
            level += 1
        rows, columns = (slice(s.start >> level, -(-s.stop >> level)) for s in box)
        labels, mask = (image.read(rows, columns, level) for image in (self._labels, self._mask))
        known = labels != IGNORE
        return bool((labels != mask)[known].sum() > NEW * known.sum())


def corrections_fingerprint(section: Section, settings: TrainSettings) -> dict[str, str]:
    """Fingerprint of the corrections that training will use; empty if there are none.

    It is an input from outside as far as up-to-dateness goes: corrections are made of crystals,
    which come from a trained network; ``train`` trains anew when they have changed, but a network
    that is there, and the crystals that it found, do not become out of date with every edit.

    Raises
    ------
    SectionError
        If a person has gone on reviewing since they were written.
    """
    if not settings.corrections or section.state("corrections") == "missing":
        return {}
    product = section.require("corrections")
    return {"source/corrections": product.fingerprint} if product.notes["crystals"] else {}


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
