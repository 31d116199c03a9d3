"""Images of single crystals of several kinds, told apart by form and texture, not by grey.

Two kinds of sieve-textured plagioclase have the same texture at two sizes (fine and coarse sieve,
Streck 2008, doi 10.2138/rmg.2008.69.15): only their scale tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.phantom.shapes import Floats, Shape, broken, faceted, smooth_field

FINEST_UM, COARSEST_UM = 0.05, 5.0
"""Pixel sizes of the images: the magnifications differ by up to 100."""

POCKET_PX = (4.0, 32.0)
"""Mean diameter of the pockets of a sieve in an image, whatever their size in micrometres."""


@dataclass(frozen=True)
class Drawn:
    """A crystal in its frame, before it is imaged.

    Parameters
    ----------
    grey
        Shape (side, side); the groundmass has about 0, the crystal about 1.
    diagnostic
        Pixels of the part that tells the kind, same shape.
    """

    grey: Floats
    diagnostic: NDArray[np.bool_]


Draw = Callable[[np.random.Generator, int, float], Drawn]


@dataclass(frozen=True)
class Kind:
    """A kind of crystals.

    Parameters
    ----------
    name
        Name of its folder.
    draw
        Draws a crystal from random numbers, the side of the frame in pixels and the pixel size.
    um_per_px
        Least and largest pixel size of its images.
    seen
        Whether it is a class to learn; the others serve to see what is made of a stranger.
    """

    name: str
    draw: Draw
    um_per_px: tuple[float, float] = (FINEST_UM, COARSEST_UM)
    seen: bool = True


def draw_image(
    rng: np.random.Generator, kind: Kind, side_px: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], float]:
    """Image one crystal of a kind.

    Mean and spread of the grey are drawn from the same range for every kind, and whether the
    crystal is brighter or darker than the groundmass: grey alone tells no kind.

    Parameters
    ----------
    rng
        Random numbers.
    kind
        The kind.
    side_px
        Side of the square image.

    Returns
    -------
    image
        uint8, shape (side, side).
    diagnostic
        Pixels of the part that tells the kind, same shape.
    um_per_px
        Size of a pixel, from a range that is even in its logarithm.
    """
    um_per_px = float(np.exp(rng.uniform(*np.log(kind.um_per_px))))
    drawn = kind.draw(rng, side_px, um_per_px)
    if kind.seen:
        _crack(rng, drawn.grey, int(rng.integers(0, 4)))
    grey = cv2.GaussianBlur(drawn.grey, (0, 0), rng.uniform(0.5, 1.2))
    if rng.random() < 0.5:
        grey = -grey
    grey = (grey - grey.mean()) / max(float(grey.std()), 1e-6)
    grey += smooth_field(rng, grey.shape, side_px / 1.5) * rng.uniform(0.0, 0.25)
    mean, spread = rng.uniform(0.35, 0.65), rng.uniform(0.08, 0.16)
    noise = rng.normal(0, rng.uniform(0.01, 0.05), grey.shape)
    image = np.clip(255 * (mean + spread * grey + noise), 0, 255)
    return image.astype(np.uint8), drawn.diagnostic, um_per_px


def _euhedral(rng: np.random.Generator, side: int, um_per_px: float) -> Drawn:
    """Sharp faces, an even inside with a few inclusions."""
    del um_per_px
    shape, at = _crystal(rng, side, int(rng.integers(5, 8)), rng.uniform(1.1, 1.9), 0.05, 0.4)
    grey = _groundmass(rng, side)
    inside = _framed(shape.inside_px, at, side)
    mask = inside > 0
    grey[mask] = 1.0 + 0.06 * smooth_field(rng, grey.shape, side / 3)[mask]
    for row, column in _points(rng, inside > side / 20, int(rng.integers(0, 5))):
        cv2.circle(grey, (column, row), int(rng.integers(2, 5)), rng.uniform(-0.5, 0.6), -1)
    return Drawn(grey, mask)


def _hopper(rng: np.random.Generator, side: int, um_per_px: float) -> Drawn:
    """Arms along the corners, hollows in the faces that are filled with groundmass."""
    del um_per_px
    shape, at = _crystal(rng, side, 4, rng.uniform(1.1, 1.7), 0.05, 0.4)
    inside = _framed(shape.inside_px, at, side)
    mask, reach = inside > 0, float(inside.max())
    rows, columns = np.nonzero(mask)
    middle = np.array([rows.mean(), columns.mean()])
    y, x = np.indices(inside.shape, dtype=np.float32)
    angle = np.arctan2(y - middle[0], x - middle[1])
    outline = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    corners = cv2.approxPolyDP(outline[0][0], 0.04 * side, True)[:, 0, ::-1] - middle
    at_corners = np.sort(np.arctan2(corners[:, 0], corners[:, 1]))
    gaps = np.diff(np.append(at_corners, at_corners[0] + 2 * np.pi))
    hollow = np.zeros_like(mask)
    rim, arm = rng.uniform(0.05, 0.16) * reach, rng.uniform(0.07, 0.14) * reach
    for start, gap in zip(at_corners, gaps, strict=True):
        if gap < 0.6:
            continue
        within = np.mod(angle - start, 2 * np.pi)
        away = np.hypot(y - middle[0], x - middle[1])
        from_arms = away * np.minimum(
            np.sin(np.clip(within, 0, np.pi / 2)), np.sin(np.clip(gap - within, 0, np.pi / 2))
        )
        open_outwards = rng.random() < 0.5
        part = (within < gap) & (from_arms > arm) & (away > 0.2 * reach)
        hollow |= part & (mask if open_outwards else inside > rim)
    hollow &= mask
    grey = _groundmass(rng, side)
    body = mask & ~hollow
    grey[body] = 1.0 + 0.06 * smooth_field(rng, grey.shape, side / 3)[body]
    return Drawn(grey, _wider(hollow, side / 40) & _wider(mask, side / 80))


def _sieve(rng: np.random.Generator, side: int, um_per_px: float, pocket_um: float) -> Drawn:
    """Crowded pockets of glass between a clear core and a clear rim."""
    shape, at = _crystal(rng, side, int(rng.integers(4, 7)), rng.uniform(1.2, 1.8), 0.2, 0.5)
    inside = _framed(shape.inside_px, at, side)
    mask, reach = inside > 0, float(inside.max())
    zone = (inside > rng.uniform(0.06, 0.14) * reach) & (inside < rng.uniform(0.75, 1.1) * reach)
    pocket_px = pocket_um * np.exp(rng.normal(0, 0.12)) / um_per_px
    field = smooth_field(rng, grey_shape := (side, side), pocket_px * 0.8)
    pockets = zone & (field > np.quantile(field[zone], rng.uniform(0.58, 0.7)))
    grey = _groundmass(rng, side)
    grey[mask] = 1.0 + 0.06 * smooth_field(rng, grey_shape, side / 3)[mask]
    grey[pockets] = rng.uniform(-0.3, 0.5)
    return Drawn(grey, zone)


def _fine_sieve(rng: np.random.Generator, side: int, um_per_px: float) -> Drawn:
    return _sieve(rng, side, um_per_px, FINE_POCKET_UM)


def _coarse_sieve(rng: np.random.Generator, side: int, um_per_px: float) -> Drawn:
    return _sieve(rng, side, um_per_px, COARSE_POCKET_UM)


def _oscillatory(rng: np.random.Generator, side: int, um_per_px: float) -> Drawn:
    """Bands of uneven width parallel to the faces, around an even core."""
    del um_per_px
    shape, at = _crystal(rng, side, int(rng.integers(6, 9)), rng.uniform(1.0, 1.6), 0.25, 0.5)
    inside = _framed(shape.inside_px, at, side)
    mask, reach = inside > 0, float(inside.max())
    zone = mask & (inside < rng.uniform(0.55, 0.95) * reach)
    steps = np.cumsum(reach / rng.uniform(8, 18) * np.exp(rng.normal(0, 0.45, 40)))
    bands = rng.uniform(0.35, 1.0, 41)
    bands[::2] += 0.4
    grey = _groundmass(rng, side)
    grey[mask] = bands.mean() + 0.04 * smooth_field(rng, grey.shape, side / 3)[mask]
    grey[zone] = bands[np.searchsorted(steps, inside[zone])]
    return Drawn(grey, zone)


def _fragment(rng: np.random.Generator, side: int, um_per_px: float) -> Drawn:
    """Angular piece, broken several times, with a net of cracks."""
    del um_per_px
    shape, _ = _crystal(rng, side, int(rng.integers(4, 7)), rng.uniform(1.0, 1.6), 0.0, 0.8)
    for _ in range(int(rng.integers(2, 4))):
        shape = broken(rng, shape)
    inside = _filling(rng, shape.inside_px, side)
    mask = inside > 0
    grey = _groundmass(rng, side)
    grey[mask] = 1.0 + 0.06 * smooth_field(rng, grey.shape, side / 3)[mask]
    net = np.zeros((side, side), np.uint8)
    for _ in range(int(rng.integers(9, 18))):
        (row, column) = _points(rng, mask, 1)[0]
        _crack_from(rng, net, (row, column), 1, int(rng.integers(1, 4)))
    cracked = mask & (net > 0)
    grey[cracked] = -0.8
    return Drawn(grey, mask & _wider(cracked, side / 40))


def _lamellar(rng: np.random.Generator, side: int, um_per_px: float) -> Drawn:
    """Straight lamellae of one direction through the whole crystal, as of exsolution."""
    del um_per_px
    shape, at = _crystal(rng, side, int(rng.integers(5, 8)), rng.uniform(1.1, 1.7), 0.15, 0.5)
    inside = _framed(shape.inside_px, at, side)
    mask = inside > 0
    turn, apart = rng.uniform(0, np.pi), side / rng.uniform(14, 40)
    y, x = np.indices(inside.shape, dtype=np.float32)
    across = x * np.sin(turn) + y * np.cos(turn)
    across += smooth_field(rng, inside.shape, side / 2) * 0.15 * apart
    grey = _groundmass(rng, side)
    grey[mask] = np.where(np.mod(across / apart, 1.0) < rng.uniform(0.25, 0.5), 0.3, 1.0)[mask]
    return Drawn(grey, mask)


FINE_POCKET_UM, COARSE_POCKET_UM = 2.0, 12.0


def _sizes(pocket_um: float) -> tuple[float, float]:
    return pocket_um / POCKET_PX[1], pocket_um / POCKET_PX[0]


KINDS = {
    kind.name: kind
    for kind in (
        Kind("coarse sieve", _coarse_sieve, _sizes(COARSE_POCKET_UM)),
        Kind("euhedral", _euhedral),
        Kind("fine sieve", _fine_sieve, _sizes(FINE_POCKET_UM)),
        Kind("hopper", _hopper),
        Kind("oscillatory", _oscillatory),
        Kind("fragment", _fragment, seen=False),
        Kind("lamellar", _lamellar, seen=False),
    )
}
"""The kinds by name: five to learn, and two that nobody teaches."""


def _crystal(
    rng: np.random.Generator, side: int, faces: int, aspect: float, rounding: float, rough: float
) -> tuple[Shape, tuple[int, int]]:
    """Draw a crystal that fills a quarter to a half of the frame, and its place."""
    share = rng.uniform(0.22, 0.5)
    shape = faceted(
        rng, share * side**2, faces=faces, aspect=aspect, rounding=rounding, rough_px=rough
    )
    height, width = shape.mask.shape
    jitter = rng.uniform(-0.04, 0.04, 2) * side
    return shape, (int((side - height) / 2 + jitter[0]), int((side - width) / 2 + jitter[1]))


def _framed(field: Floats, at: tuple[int, int], side: int) -> Floats:
    """Put a crystal's field into the frame, which may cut it; -1 outside."""
    framed = np.full((side, side), -1.0, np.float32)
    top, left = at
    rows, columns = (
        slice(max(top, 0), top + field.shape[0]),
        slice(max(left, 0), left + field.shape[1]),
    )
    part = field[max(-top, 0) :, max(-left, 0) :]
    room = framed[rows, columns]
    room[:] = part[: room.shape[0], : room.shape[1]]
    return framed


def _filling(rng: np.random.Generator, field: Floats, side: int) -> Floats:
    """Enlarge what is left of a broken crystal until it fills the frame as whole ones do."""
    left, top, width, height = cv2.boundingRect((field > 0).astype(np.uint8))
    part = field[top : top + height, left : left + width]
    share = np.sqrt(rng.uniform(0.22, 0.5) * side**2 / max(float((part > 0).sum()), 1.0))
    share = min(share, side / max(width, height))
    sized = cv2.resize(part, None, fx=share, fy=share, interpolation=cv2.INTER_LINEAR)
    spare = (side - sized.shape[0]) // 2, (side - sized.shape[1]) // 2
    return _framed(np.asarray(sized, np.float32), spare, side)


def _groundmass(rng: np.random.Generator, side: int) -> Floats:
    """Glass with small laths and grains, some of them as bright as the crystal."""
    grey = (0.12 * smooth_field(rng, (side, side), side / 6)).astype(np.float32)
    for _ in range(int(rng.integers(40, 160))):
        middle = rng.uniform(0, side, 2)
        length, aspect = rng.uniform(0.01, 0.06) * side, rng.uniform(1.0, 6.0)
        box = cv2.boxPoints((tuple(middle), (length, length / aspect), rng.uniform(0, 180)))
        cv2.fillPoly(grey, [np.round(box).astype(np.int32)], float(rng.uniform(-0.6, 1.1)))
    return grey


def _crack(rng: np.random.Generator, grey: Floats, count: int) -> None:
    """Draw a few thin cracks anywhere, which tell no kind."""
    for _ in range(count):
        row, column = rng.integers(len(grey), size=2)
        _crack_from(rng, grey, (int(row), int(column)), -0.6, 1)


def _crack_from(
    rng: np.random.Generator,
    drawn: NDArray[np.float32] | NDArray[np.uint8],
    start: tuple[int, int],
    value: float,
    width_px: int,
) -> None:
    step, (row, column) = len(drawn) / 60, start
    turns = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.25, int(rng.integers(10, 30))))
    path = np.stack(
        [column + np.cumsum(step * np.cos(turns)), row + np.cumsum(step * np.sin(turns))], axis=1
    )
    cv2.polylines(drawn, [np.round(path).astype(np.int32)], False, value, width_px)


def _points(rng: np.random.Generator, mask: NDArray[np.bool_], count: int) -> list[tuple[int, int]]:
    """Draw pixels of a mask."""
    places = np.argwhere(mask)
    if not len(places):
        return []
    return [
        (int(row), int(column)) for row, column in places[rng.integers(len(places), size=count)]
    ]


def _wider(mask: NDArray[np.bool_], by_px: float) -> NDArray[np.bool_]:
    """Widen a mask on all sides."""
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(away <= by_px)
