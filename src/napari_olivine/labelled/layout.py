"""Images of any sizes laid side by side: a block a role, shelves of images in it, gaps between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_olivine.section import TILE_COLUMNS, Role, Tiles

ORDER: tuple[Role, ...] = ("train", "val", "test", "none")
"""Roles from top to bottom."""

SESSION_NAMES: dict[Role, str] = {"none": "without labels"}
"""Names of sessions that are not called as their role."""


@dataclass(frozen=True)
class Place:
    """Where an image lies.

    Parameters
    ----------
    image
        Number of the image.
    row, column
        Its first pixel in the section.
    shelf, number
        Which shelf, from the top, and which image on it.
    """

    image: int
    row: int
    column: int
    shelf: int
    number: int


@dataclass(frozen=True)
class Layout:
    """All places.

    Parameters
    ----------
    places
        From top left to bottom right.
    shape
        Rows and columns of the section.
    sessions
        Table of the annotation ``sessions``: one a role.
    """

    places: tuple[Place, ...]
    shape: tuple[int, int]
    sessions: pd.DataFrame

    def tiles(self, shapes: Sequence[tuple[int, int]], names: Sequence[str]) -> Tiles:
        """Return the images as tiles of the section, with the names of their files.

        Parameters
        ----------
        shapes
            Rows and columns of each image.
        names
            Name of each image.
        """
        rows = []
        for k, place in enumerate(self.places):
            high, wide = shapes[place.image]
            down, along = (place.row, place.row + high), (place.column, place.column + wide)
            rows.append((k, *down, *along, place.shelf, place.number))
        table = pd.DataFrame(rows, columns=list(TILE_COLUMNS)).astype("int64")
        return Tiles(table.assign(file=[names[place.image] for place in self.places]))


def lay_out(shapes: Sequence[tuple[int, int]], roles: Sequence[Role], gap_px: int) -> Layout:
    """Lay images into shelves of a section that is about square.

    Images of one role fill whole shelves, so that one rectangle is the session of the role. They
    keep their order.

    Parameters
    ----------
    shapes
        Rows and columns of each image.
    roles
        Role of each.
    gap_px
        Pixels between two images.

    Returns
    -------
    Layout
        Places and sessions.
    """
    areas = sum((high + gap_px) * (wide + gap_px) for high, wide in shapes)
    widest = max(wide for _, wide in shapes)
    width = max(widest, int(np.sqrt(areas)) - gap_px)
    places: list[Place] = []
    sessions: list[tuple[str, int, int, Role]] = []
    row = shelf = 0
    for role in ORDER:
        of_role = [k for k, one in enumerate(roles) if one == role]
        if not of_role:
            continue
        first, column, height, number = row, 0, 0, 0
        for k in of_role:
            high, wide = shapes[k]
            if number and column + wide > width:
                row, column, number, shelf = row + height + gap_px, 0, 0, shelf + 1
                height = 0
            places.append(Place(k, row, column, shelf, number))
            column, height, number = column + wide + gap_px, max(height, high), number + 1
        sessions.append((SESSION_NAMES.get(role, role), first, row + height, role))
        row, shelf = row + height + gap_px, shelf + 1
    right = max(place.column + shapes[place.image][1] for place in places)
    table = pd.DataFrame([
        {"session": name, "row0": row0, "row1": row1, "col0": 0, "col1": right, "role": role}
        for name, row0, row1, role in sessions
    ])  # fmt: skip
    return Layout(tuple(places), (sessions[-1][2], right), table)
