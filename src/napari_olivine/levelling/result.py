"""The levelling of a section: scales of its sessions, backgrounds of its tiles, shadings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_olivine.levelling.mosaic import Mosaic
from napari_olivine.levelling.sampling import GreySamples
from napari_olivine.levelling.seams import Seam
from napari_olivine.levelling.shading import Shading

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Levelling:
    """Gains, offsets, backgrounds and shadings of a section's grey.

    Parameters
    ----------
    mosaic
        Its tiles and sessions.
    gain, offset
        grey = gain x common grey + offset, one of each session, shape (sessions,).
    planes
        Common grey at each tile's centre, its rise along columns and along rows, shape (tiles, 3).
    shading
        Shading of each session, `None` for none.
    """

    mosaic: Mosaic
    gain: Floats
    offset: Floats
    planes: Floats
    shading: list[Shading | None]

    @property
    def tile_gain(self) -> Floats:
        """Gain of each tile; 1 in no session."""
        return np.append(self.gain, 1.0)[self.mosaic.session_of_tile]

    @property
    def tile_offset(self) -> Floats:
        """Offset of each tile; 0 in no session."""
        return np.append(self.offset, 0.0)[self.mosaic.session_of_tile]

    def background(self, tile: NDArray[np.int64], at: Floats) -> Floats:
        """Background of tiles at places (x, y), on the common scale, without the shading."""
        return plane_grey(self.planes[tile], at)

    def shading_terms(self) -> NDArray[np.float64]:
        """Coefficients of the shading of each tile, shape (tiles, 2, 3): added, multiplied."""
        of_session = np.zeros((len(self.shading) + 1, 2, 3))
        for place, shading in enumerate(self.shading):
            if shading is not None and shading.significant:
                of_session[place, int(shading.kind == "multiply")] = shading.bend
        return np.asarray(of_session[self.mosaic.session_of_tile])


@dataclass(frozen=True)
class SessionScales:
    """Scale of every session against the reference.

    Parameters
    ----------
    gain, offset
        grey = gain x grey in the reference + offset, shape (sessions,).
    covariance
        Of gain and offset, shape (sessions, 2, 2).
    to_reference
        Whether a session is tied to the reference at all.
    """

    gain: Floats
    offset: Floats
    covariance: Floats
    to_reference: NDArray[np.bool_]

    def level(self, grey: float) -> tuple[Floats, Floats]:
        """Grey of each session where the reference has `grey`, and its standard error."""
        along = np.array([grey, 1.0])
        variance = np.einsum("i,sij,j->s", along, self.covariance, along)
        return self.gain * grey + self.offset, np.sqrt(np.maximum(variance, 0))

    @property
    def gain_error(self) -> Floats:
        """Standard error of the gains."""
        return np.sqrt(np.maximum(self.covariance[:, 0, 0], 0))

    @property
    def offset_error(self) -> Floats:
        """Standard error of the offsets (at grey 0)."""
        return np.sqrt(np.maximum(self.covariance[:, 1, 1], 0))


@dataclass(frozen=True)
class Estimate:
    """A levelling, and how it was found.

    Parameters
    ----------
    levelling
        Scales and backgrounds.
    tied
        The scales with their errors, all sources together.
    sources
        The same from each source by itself.
    samples
        Grey of spots and beside seams, as read from the images.
    seams
        Both sides of every seam.
    greys
        Dark, middle and bright grey of the reference (1st, 50th and 99th percentile of spots).
    peaks
        Peaks of the histograms that tied sessions: grey in the reference, sessions, tiles.
    """

    levelling: Levelling
    tied: SessionScales
    sources: dict[str, SessionScales]
    samples: GreySamples
    seams: list[Seam]
    greys: tuple[float, float, float]
    peaks: list[tuple[float, list[int], int]]


def plane_grey(planes: Floats, at: Floats) -> Floats:
    """Grey of planes (n, 3) at places (x, y) of their tiles, shape (n, 2)."""
    return np.asarray(planes[:, 0] + planes[:, 1] * at[:, 0] + planes[:, 2] * at[:, 1])
