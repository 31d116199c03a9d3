"""The edits that a person can make of crystals, as the journal writes them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from napari_olivine.crystals import NONE_OF_THESE, without_spelling
from napari_olivine.crystals.edits.footprints import Shape
from napari_olivine.errors import EditError

Verdict = Literal["accepted", "rejected", ""]
ZoneClass = Literal[
    "unzoned", "quench_rim", "normal", "reversed", "mg_rich_mantle", "fe_rich_mantle",
    "oscillatory", "patchy",
]  # fmt: skip
Place = tuple[float, float]
"""Row and column, px of full resolution."""


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Judge(_Command):
    """These are crystals of olivine (accepted), or they are not (rejected); empty: undecided."""

    do: Literal["judge"] = "judge"
    crystals: tuple[int, ...] = Field(min_length=1)
    verdict: Verdict


class Classify(_Command):
    """The zoning of the radial profile is of this class."""

    do: Literal["classify"] = "classify"
    crystals: tuple[int, ...] = Field(min_length=1)
    zone_class: ZoneClass


class GiveKind(_Command):
    """These are crystals of a kind that the person names, e.g. "xenocryst"; empty: of none.

    A name is what a classifier learns (`napari_olivine.recognition`): any but that by which it
    refuses.
    """

    do: Literal["kind"] = "kind"
    crystals: tuple[int, ...] = Field(min_length=1)
    kind: str = Field(max_length=60)

    @field_validator("kind")
    @classmethod
    def _a_name(cls, kind: str) -> str:
        kind = " ".join(kind.split())
        if not kind.isprintable():
            raise ValueError("a kind is a name in letters that can be printed")
        if without_spelling(kind) == NONE_OF_THESE:
            raise ValueError(
                f"{NONE_OF_THESE!r} is what a classifier says of crystals of no kind that it knows"
            )
        return kind


def give_kind(crystals: tuple[int, ...], kind: str) -> GiveKind:
    """Make the edit that gives crystals the kind that a person typed.

    Raises
    ------
    EditError
        If it cannot be a name of a kind.
    """
    try:
        return GiveKind(crystals=crystals, kind=kind)
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise EditError(f"The kind {kind!r} cannot be given: {why}.") from error


class Note(_Command):
    """A remark; it replaces the one before."""

    do: Literal["note"] = "note"
    crystals: tuple[int, ...] = Field(min_length=1)
    text: str = Field(max_length=2000)


class Merge(_Command):
    """These are one crystal; the largest keeps its number."""

    do: Literal["merge"] = "merge"
    crystals: tuple[int, ...] = Field(min_length=2)


class Split(_Command):
    """Several crystals were taken for one: cut along lines, around markers, or in loose pieces.

    The largest part keeps the number.
    """

    do: Literal["split"] = "split"
    crystals: tuple[int] = Field()
    lines: tuple[tuple[Place, ...], ...] = ()
    markers: tuple[Place, ...] = ()


class Redraw(_Command):
    """These pixels are the crystal; `crystals` is empty for one that was not found.

    Pixels of a neighbour that are drawn over go to the crystal.
    """

    do: Literal["redraw"] = "redraw"
    crystals: tuple[int, ...] = Field(max_length=1)
    drawn: Shape


class Undo(_Command):
    """Take back an edit by its number."""

    do: Literal["undo"] = "undo"
    of: int


class Redo(_Command):
    """Do again what was taken back."""

    do: Literal["redo"] = "redo"
    of: int


Edit = Judge | Classify | GiveKind | Note | Merge | Split | Redraw
"""Every edit that changes crystals."""


class Entry(_Command):
    """One line of the journal.

    ``shapes`` are those of the crystals before the edit, by which they are found again when the
    section has been segmented anew.
    """

    n: int
    at: str
    who: str
    edit: Annotated[Edit | Undo | Redo, Field(discriminator="do")]
    shapes: tuple[Shape, ...] = ()


WORDS = {"note": "note", "merge": "merged", "split": "split", "redraw": "redrawn"}


def describe(edit: Edit | Undo | Redo) -> str:
    """Tell an edit in a person's words, e.g. ``"merged 12, 15"``."""
    if isinstance(edit, Undo | Redo):
        return f"edit {edit.of} {'taken back' if edit.do == 'undo' else 'done again'}"
    return f"{_answer(edit)} {_few(edit)}".rstrip()


def describe_by_crystal(edit: Edit) -> str:
    """Tell an edit among edits of other things, e.g. ``"crystals 12, 15: merged"``."""
    if not edit.crystals:
        return _answer(edit)
    return f"crystal{'s' * (len(edit.crystals) > 1)} {_few(edit)}: {_answer(edit)}"


def _answer(edit: Edit) -> str:
    if isinstance(edit, Judge):
        return edit.verdict or "undecided"
    if isinstance(edit, Classify):
        return edit.zone_class.replace("_", " ")
    if isinstance(edit, GiveKind):
        return f"of the kind {edit.kind}" if edit.kind else "of no kind"
    return WORDS[edit.do] if edit.crystals else "drawn a new crystal"


def _few(edit: Edit) -> str:
    few = ", ".join(str(crystal) for crystal in edit.crystals[:4])
    more = f" and {len(edit.crystals) - 4} more" if len(edit.crystals) > 4 else ""
    return few + more
