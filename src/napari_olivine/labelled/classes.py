"""The classes of masks: their names, their values or colours, and the code of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import Choice, InputError
from napari_olivine.labelled.label_keys import KEYS, hex_of, words_of
from napari_olivine.masks import IGNORE

TARGET, TARGET_NAME = 1, "olivine"
"""Code and name of the class of interest in every product: steps know it as olivine."""

EVERYTHING_ELSE = "*"
"""Stands for all values and colours that no other row names."""

UNNAMED = 254
"""Code of pixels whose value or colour no class has, while masks are read."""

MOST_CLASSES = 120
"""As many as a network learns."""

PALETTE = (
    "#c5d92d", "#4e79a7", "#e15759", "#76b7b2", "#f28e2b", "#b07aa1", "#ff9da7", "#9c755f",
    "#59a14f", "#bab0ac",
)  # fmt: skip
"""Colours of classes that have none of their own; the first is that of olivine."""


@dataclass(frozen=True)
class LabelClass:
    """A class of masks.

    Parameters
    ----------
    name
        Its name; empty for pixels without a label.
    keys
        Its values and colours, see `label_keys`; none for what no other class has.
    colour
        ``#rrggbb`` to show; empty if nothing says it.
    """

    name: str
    keys: tuple[int, ...]
    colour: str = ""


@dataclass(frozen=True)
class LabelClasses:
    """All classes of some masks.

    Parameters
    ----------
    classes
        The class of interest first, once it is chosen (`with_target`); those without a name have
        no label.
    """

    classes: tuple[LabelClass, ...]

    @property
    def named(self) -> list[LabelClass]:
        """Classes that are labels, in the order of their codes from 1 on."""
        return [one for one in self.classes if one.name]

    @property
    def takes_all(self) -> bool:
        """Whether one class takes everything that no other one names."""
        return any(not one.keys for one in self.classes)

    def codes(self) -> NDArray[np.uint8]:
        """Return the code of every key, shape (KEYS,): `UNNAMED` of those that no class has."""
        rest = next((one for one in self.classes if not one.keys), None)
        table = np.full(KEYS, UNNAMED if rest is None else self._code(rest), np.uint8)
        for one in self.classes:
            table[list(one.keys)] = self._code(one)
        return table

    def _code(self, one: LabelClass) -> int:
        return TARGET + self.named.index(one) if one.name else IGNORE

    def with_target(self, wanted: str) -> LabelClasses:
        """Put the class of interest first.

        Parameters
        ----------
        wanted
            Its name; that of olivine if empty.

        Raises
        ------
        InputError
            If no class has that name, or another one is called olivine.
        """
        names = [one.name for one in self.named]
        key = _plain(wanted or TARGET_NAME)
        places = [place for place, name in enumerate(names) if _plain(name) == key]
        if not places:
            said = f"No class is called {wanted!r}" if wanted else "No class is called olivine"
            raise InputError(
                f"{said}; the classes are {', '.join(names)}.",
                remedy="Name the class of interest as {setting:target}: it stands in the place of "
                "olivine in every step.",
                setting="target",
                expected=", ".join(names),
                choices=[Choice(name, f"{name} is what the steps call olivine") for name in names],
            )
        if wanted and any(_plain(name) == TARGET_NAME != key for name in names):
            raise InputError(
                f"{wanted!r} cannot stand in the place of olivine: another class has that name.",
                remedy="Leave {setting:target} empty, or give olivine another name in "
                "{setting:classes}.",
                setting="target",
            )
        target = self.named[places[0]]
        others = [one for one in self.classes if one is not target]
        return replace(self, classes=(target, *others))

    def shown(self) -> list[dict[str, str | int]]:
        """Return code, name and colour of each class, as the notes of a mask have them."""
        free = iter(one for one in PALETTE * MOST_CLASSES if one not in _colours(self.named))
        return [
            {
                "code": TARGET + place,
                "name": TARGET_NAME if place == 0 else one.name,
                "colour": one.colour or _own_colour(one) or next(free),
            }
            for place, one in enumerate(self.named)
        ]


def classes_of(rows: Iterable[tuple[str, int | None, str]], where: str) -> LabelClasses:
    """Put together rows of a table of classes: one class a name.

    Parameters
    ----------
    rows
        Name, key (`None` for everything else) and colour to show.
    where
        What has the rows, for the error.

    Raises
    ------
    InputError
        If a key is there twice, or there are too many classes or none.
    """
    keys: dict[str, list[int]] = {}
    colours: dict[str, str] = {}
    names: dict[str, str] = {}
    seen: dict[int | None, str] = {}
    rest: str | None = None
    for name, key, colour in rows:
        plain = _plain(name)
        if key in seen:
            what = "everything else" if key is None else words_of(key)
            raise InputError(f"{where}: {what} is there twice.", setting="classes")
        seen[key] = name
        names.setdefault(plain, name.strip())
        keys.setdefault(plain, [])
        colours[plain] = colours.get(plain) or colour
        if key is None:
            rest = plain
        else:
            keys[plain].append(key)
    found = [
        LabelClass(names[plain], tuple(some), colours[plain])
        for plain, some in keys.items()
        if some
    ]
    if rest is not None and keys[rest]:
        raise InputError(
            f"{where}: {names[rest]!r} is everything else, and has values of its own, which that "
            "holds already.",
            remedy="Keep the row with * alone.",
            setting="classes",
        )
    if rest is not None:
        found.append(LabelClass(names[rest], (), colours[rest]))
    classes = LabelClasses(tuple(found))
    if not 2 <= len(classes.named) <= MOST_CLASSES:
        raise InputError(
            f"{where} has {len(classes.named)} classes; expected 2 to {MOST_CLASSES}.",
            setting="classes",
        )
    return classes


QUARTZ, ALBITE, BLACK, WHITE = 0xFFC0C0, 0x00FFFF, 0x000000, 0xFFFFFF

PRESETS: Mapping[str, LabelClasses] = {
    "qemscan": LabelClasses((
        LabelClass("pores", (BLACK, WHITE), "#000000"),
        LabelClass("quartz", (QUARTZ,)),
        LabelClass("albite", (ALBITE,)),
        LabelClass("clay and accessories", (), "#9c755f"),
    ))
}  # fmt: skip
"""Classes by the name of the setting. Colours of quartz and albite as in ddvika/SEM_segmentation;
which colour its pores and background have is not written down there: white and black are ours."""


def found_classes(keys: Sequence[int]) -> LabelClasses:
    """Make a class of every value or colour that masks have, ordered by it.

    Raises
    ------
    InputError
        If they are too many to be classes.
    """
    return classes_of(
        [(f"class {number}", key, "") for number, key in enumerate(sorted(keys), 1)], "The masks"
    )


def _own_colour(one: LabelClass) -> str:
    return hex_of(one.keys[0]) if len(one.keys) == 1 else ""


def _colours(classes: Iterable[LabelClass]) -> set[str]:
    return {one.colour or _own_colour(one) for one in classes}


def _plain(name: str) -> str:
    """Return what two spellings of a name have in common."""
    return " ".join(name.split()).casefold()
