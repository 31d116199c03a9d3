"""Bodies placed in a section so that none touches another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.phantom import phenocrysts
from napari_olivine.phantom.compositions import GLASS, OLIVINE, VESICLE
from napari_olivine.phantom.cracks import cracks
from napari_olivine.phantom.scene import Box, Crystal, Mask, Scene
from napari_olivine.phantom.settings import PhantomSettings
from napari_olivine.phantom.shapes import Shape, largest_piece
from napari_olivine.phantom.zoning import Zoning, core_and_rim, mg_number

GAP_PX = 4
LARGE_UM2 = 1e4
#: Zoning of each session's own phenocrysts, in turn.
REQUIRED_PHENOCRYSTS = ("normal", "reversed", "none", "normal", "complex")
Drawn = NDArray[np.uint8]


def few_cracks(rng: np.random.Generator, mask: Mask, pixel_size_um: float) -> Drawn:
    """Draw the cracks of an olivine that has few, each by itself.

    Parameters
    ----------
    rng
        Random numbers.
    mask
        Pixels of the crystal.
    pixel_size_um
        Side of a pixel.

    Returns
    -------
    uint8 array
        Strength of the cracks, like `mask`.
    """
    count = int(rng.poisson(2.4 if mask.sum() * pixel_size_um**2 > LARGE_UM2 else 0.6))
    return cracks(rng, mask, count, pixel_size_um)


@dataclass(frozen=True)
class OlivineHabit:
    """What the olivines of a rock have in common beside their outlines."""

    zoning: Zoning = field(default_factory=Zoning)
    inclusions: Callable[[np.random.Generator, Shape, float], list[phenocrysts.Inclusion]] = (
        phenocrysts.inclusions
    )
    cracks: Callable[[np.random.Generator, Mask, float], Drawn] = few_cracks


class Packing:
    """Places bodies one after the other, each where there is room.

    Parameters
    ----------
    rng
        Random numbers.
    settings
        Size of the section and its sessions.
    scene
        The section, changed in place.
    job
        Running job.
    habit
        What the olivines have in common.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        settings: PhantomSettings,
        scene: Scene,
        job: Job,
        habit: OlivineHabit = OlivineHabit(),
    ) -> None:
        self.rng, self.settings, self.scene, self.job = rng, settings, scene, job
        self.habit = habit
        self.taken = np.zeros(scene.phase.shape, dtype=np.bool_)
        self.pixel = settings.pixel_size_um
        width = settings.tile_width_px
        self.sessions = [
            (first * width, (last + 1) * width) for first, last in settings.session_columns()
        ]

    def find_room(
        self,
        mask: Mask,
        columns: tuple[int, int] | None = None,
        *,
        whole: bool = False,
        suits: Callable[[Box, Mask], bool] | None = None,
    ) -> tuple[int, int] | None:
        """Find a place where nothing is near.

        Parameters
        ----------
        mask
            Pixels of the body.
        columns
            First and last column between which it has to lie; all if not given.
        whole
            The edges of the section and of the columns may not cut it.
        suits
            Whether a place, a box with the pixels of the body in it, is one for this body.

        Returns
        -------
        tuple of int or None
            Row and column of the body's box; None where no place was found.
        """
        self.job.check()
        rows, cols = self.settings.shape
        height, width = mask.shape
        first, last = columns if columns is not None else (0, cols)
        slack = 0 if whole else 1
        low = (-slack * height // 2, first - slack * width // 2)
        high = (rows - height + slack * height // 2, last - width + slack * width // 2)
        if high[0] < low[0] or high[1] < low[1]:
            return None
        for _ in range(60):
            row = int(self.rng.integers(low[0], high[0] + 1))
            col = int(self.rng.integers(low[1], high[1] + 1))
            here, inner = self.clip(row, col, mask)
            part = mask[inner]
            if not part.any() or (self.taken[here] & part).any():
                continue
            if suits is None or suits(here, part):
                return row, col
        return None

    def clip(self, row: int, col: int, mask: Mask) -> tuple[Box, Box]:
        """Cut a body by the edges of the section.

        Parameters
        ----------
        row, col
            First row and column of the body's box in the section.
        mask
            Pixels of the body.

        Returns
        -------
        tuple of Box
            The box in the section, and the part of the mask that lies in it.
        """
        rows, cols = self.settings.shape
        top, left = max(row, 0), max(col, 0)
        bottom, right = min(row + mask.shape[0], rows), min(col + mask.shape[1], cols)
        inner = (slice(top - row, bottom - row), slice(left - col, right - col))
        return (slice(top, bottom), slice(left, right)), inner

    def claim(self, here: Box, mask: Mask, gap_px: int = GAP_PX) -> None:
        """Mark a body and some pixels around it as taken.

        Parameters
        ----------
        here
            Box in the section.
        mask
            Pixels of the body in this box.
        gap_px
            Pixels around it that are taken too.
        """
        top, left = max(here[0].start - gap_px, 0), max(here[1].start - gap_px, 0)
        around = (slice(top, here[0].stop + gap_px), slice(left, here[1].stop + gap_px))
        view = self.taken[around]
        body = np.zeros(view.shape, np.uint8)
        row, col = here[0].start - top, here[1].start - left
        body[row : row + mask.shape[0], col : col + mask.shape[1]] = mask
        view |= phenocrysts.grown(body, gap_px)

    def add_body(self, body: phenocrysts.Body, spot: tuple[int, int] | None) -> None:
        """Put a crystal other than olivine, or a vesicle, at its place, if there is one."""
        if spot is None:
            return
        here, inner = self.clip(*spot, body.shape.mask)
        mask = body.shape.mask[inner]
        self.scene.phase[here][mask] = body.phase
        self.scene.mix[here][mask] = body.mix[inner][mask]
        np.maximum(self.scene.cracks[here], body.cracks[inner], out=self.scene.cracks[here])
        self.claim(here, mask)

    def add_olivine(
        self, shape: Shape, spot: tuple[int, int], kind: str, *, torn: bool = False
    ) -> None:
        """Put an olivine at its place: composition, inclusions, cracks and its row of the table.

        Parameters
        ----------
        shape
            Its outline and depth.
        spot
            Row and column of its box.
        kind
            Kind of zoning.
        torn
            It is a fragment.
        """
        scene, rng = self.scene, self.rng
        here, inner = self.clip(*spot, shape.mask)
        mg = mg_number(rng, shape, kind, self.habit.zoning)
        core, rim = core_and_rim(mg, shape)
        mask = largest_piece(shape.mask[inner])
        large = kind != "micro"
        holes = self.habit.inclusions(rng, shape, self.pixel) if large else []
        phase, mix = scene.phase[here], scene.mix[here]
        phase[mask] = OLIVINE
        for hole in holes:
            part = hole.mask[inner] & mask
            phase[part] = hole.phase
            mix[part] = hole.mix
        left = mask & (phase == OLIVINE)
        olivine = largest_piece(left)  # the section's edge may cut through an inclusion
        phase[left & ~olivine] = GLASS
        area = int(olivine.sum())
        number = len(scene.table) + 1
        scene.crystals[here][olivine] = number
        scene.mg[here][olivine] = np.round(mg[inner][olivine] * 10_000).astype(np.uint16)
        if large:
            drawn = self.habit.cracks(rng, shape.mask, self.pixel)[inner] * mask
            solid = drawn * (phase != VESICLE)
            np.maximum(scene.cracks[here], solid, out=scene.cracks[here])
        whole = bool(shape.mask.sum() == mask.sum())
        session = self.session_of(here)
        scene.table.append(Crystal(number, kind, torn, core, rim, area, session, here, whole))
        self.claim(here, mask)

    def until_share(self, percent: float) -> Iterator[int]:
        """Count attempts to place an olivine until olivine has its share or no room is left."""
        wanted = percent / 100 * self.scene.phase.size
        failed = attempt = 0
        while failed < 25 and sum(crystal.area_px for crystal in self.scene.table) < wanted:
            before = len(self.scene.table)
            yield attempt
            attempt += 1
            failed = 0 if len(self.scene.table) > before else failed + 1

    def session_of(self, here: Box) -> int:
        """Give the number of the session in which the middle of a box lies."""
        middle = (here[1].start + here[1].stop) / 2
        return 1 + sum(int(middle >= last) for _, last in self.sessions[:-1])

    def required_phenocrysts(
        self,
        draw: Callable[[int], Shape],
        place: Callable[[Shape, tuple[int, int], str], bool],
    ) -> None:
        """Place the phenocrysts that lie whole in each session, profiles in mind.

        Parameters
        ----------
        draw
            Gives the outline of the n-th attempt; each attempt is to be smaller.
        place
            Puts an olivine of a kind between two columns; False where no room is found.

        Raises
        ------
        InputError
            If a session is too small for them.
        """
        for number, columns in enumerate(self.sessions, start=1):
            for k in range(self.settings.phenocrysts_at_least):
                kind = REQUIRED_PHENOCRYSTS[k % len(REQUIRED_PHENOCRYSTS)]
                if not any(place(draw(attempt), columns, kind) for attempt in range(40)):
                    raise InputError(
                        f"Session {number} is too small ({self.settings.shape[0]} x "
                        f"{columns[1] - columns[0]} pixels of {self.pixel:g} um) for "
                        f"{self.settings.phenocrysts_at_least} whole phenocrysts. Ask for more or "
                        "larger tiles, fewer sessions, or fewer phenocrysts."
                    )
