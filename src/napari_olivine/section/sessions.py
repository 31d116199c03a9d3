"""Analytical sessions: parts of a section measured without a break, and what each is used for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Role = Literal["train", "val", "test", "none"]


class Session(BaseModel):
    """A rectangle of the section, in pixels, and its role in training.

    Rows from `row0` up to, not including, `row1`; columns likewise. An area within another session
    has a role of its own, but drifted with that session: see `measured`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    session: str
    row0: int = Field(ge=0)
    row1: int = Field(gt=0)
    col0: int = Field(ge=0)
    col1: int = Field(gt=0)
    role: Role = "none"
    within: str = ""
    """Session in which this one was measured, where it is but an area of that."""

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the session."""
        return slice(self.row0, self.row1), slice(self.col0, self.col1)


def with_role(sessions: Sequence[Session], role: Role) -> list[Session]:
    """Return the sessions of one role."""
    return [session for session in sessions if session.role == role]


def measured(sessions: Sequence[Session]) -> list[Session]:
    """Return the sessions that drift by themselves: all but the areas within others."""
    return [session for session in sessions if not session.within]


def session_index(
    sessions: Sequence[Session], rows: NDArray[np.integer], columns: NDArray[np.integer]
) -> NDArray[np.int16]:
    """Return for each pixel the place of its session in the list, -1 for none.

    Where sessions overlap the later one in the list counts.

    Parameters
    ----------
    sessions
        Sessions of the section.
    rows, columns
        Pixel positions, arrays of shapes that broadcast together.

    Returns
    -------
    numpy.ndarray
        int16, of the common shape.
    """
    index = np.full(np.broadcast_shapes(rows.shape, columns.shape), -1, np.int16)
    for place, session in enumerate(sessions):
        inside_rows = (rows >= session.row0) & (rows < session.row1)
        inside_columns = (columns >= session.col0) & (columns < session.col1)
        index[inside_rows & inside_columns] = place
    return index
