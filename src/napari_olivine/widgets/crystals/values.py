"""Values of the crystals as arrays: keys for sorting and texts for filtering, computed once."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.widgets.crystals.radial_part import curves_of
from napari_olivine.widgets.layers import text_of

CONDITION = re.compile(r"^([a-z_]\w*)(<=|>=|!=|<|>|=|~)(.*)$", re.IGNORECASE)

SIGNS = re.compile(r"\s*(<=|>=|!=|<|>|=|~)\s*")

TESTS: dict[str, Any] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "=": np.equal,
    "!=": np.not_equal,
}

WORDS = (
    "size_class",
    "zoning_class",
    "zone_class",
    "reviewed_class",
    "verdict",
    "kind",
    "recognised_kind",
    "habit",
)
"""Columns whose values can be typed without naming the column."""


class CrystalValues:
    """Columns of a table of crystals.

    Parameters
    ----------
    table
        It needs a column ``id``.
    profiles
        Radial profiles, `None` if there are none.
    """

    def __init__(self, table: pd.DataFrame, profiles: pd.DataFrame | None = None) -> None:
        self.profiles = profiles
        self.columns: dict[str, NDArray[Any]] = {n: table[n].to_numpy() for n in table.columns}
        self.ids: NDArray[np.int64] = self.columns["id"].astype(np.int64)
        self._texts: dict[str, tuple[NDArray[np.intp], list[str]]] = {}
        self._keys: dict[str, NDArray[np.float64]] = {}
        self._place = {int(crystal): k for k, crystal in enumerate(self.ids)}

    def __len__(self) -> int:
        return len(self.ids)

    def is_number(self, name: str) -> bool:
        """Whether a column holds numbers."""
        return self.columns[name].dtype.kind in "iuf"

    def record(self, crystal: int) -> dict[str, Any] | None:
        """Row of a crystal as a dictionary, `None` if there is no such crystal."""
        place = self._place.get(int(crystal))
        if place is None:
            return None
        return {name: column[place] for name, column in self.columns.items()}

    def keys(self, name: str) -> NDArray[np.float64]:
        """Numbers in the order of a column's values, NaN where it is empty, shape (crystals,)."""
        if name not in self._keys:
            if self.is_number(name):
                self._keys[name] = self.columns[name].astype(np.float64)
            else:
                codes, texts = self._of_text(name)
                ranks = np.empty(len(texts), np.float64)
                ranks[np.argsort(np.array(texts, dtype=str))] = np.arange(len(texts))
                ranks[[k for k, text in enumerate(texts) if not text]] = np.nan
                self._keys[name] = ranks[codes] if len(texts) else np.zeros(0)
        return self._keys[name]

    def fits(self, terms: list[str]) -> NDArray[np.bool_]:
        """Tell which crystals fit all terms of a filter, shape (crystals,).

        Raises
        ------
        InputError
            If a condition names no column or no number.
        """
        good = np.ones(len(self), bool)
        for term in terms:
            good &= self._fits(term)
        return good

    def unlike(self, crystal: str) -> NDArray[np.float64]:
        """Distance of each crystal's radial profile to a crystal's, infinite without a profile.

        Raises
        ------
        InputError
            If that crystal has no profile.
        """
        from napari_olivine.crystals.zoning import profile_distances

        profiles = self.profiles
        if profiles is None or not crystal.isdigit() or int(crystal) not in set(profiles["id"]):
            raise InputError(f"Crystal {crystal} has no radial profile to compare with.")
        mg, error = curves_of(profiles)
        place = np.flatnonzero(profiles["id"] == int(crystal))[0]
        found = pd.Series(profile_distances(mg[place], error[place], mg, error), profiles["id"])
        return np.asarray(found.reindex(self.ids, fill_value=np.inf), np.float64)

    # ------------------------------------------------------------------ helpers

    def _of_text(self, name: str) -> tuple[NDArray[np.intp], list[str]]:
        """Distinct texts of a column, in small letters, and which of them each crystal has."""
        if name not in self._texts:
            codes, values = pd.factorize(self.columns[name], use_na_sentinel=False)
            self._texts[name] = codes, [text_of(value, "{}").lower() for value in values]
        return self._texts[name]

    def _any_text(self, name: str, test: Callable[[str], bool]) -> NDArray[np.bool_]:
        codes, texts = self._of_text(name)
        return np.array([test(text) for text in texts] or [False], bool)[codes]

    def _fits(self, term: str) -> NDArray[np.bool_]:
        condition = CONDITION.match(term)
        if condition is None:
            if term.isdigit():
                return np.asarray(self.ids == int(term))
            word, good = _plain(term), np.zeros(len(self), bool)
            for name in WORDS:
                if name in self.columns:
                    good |= self._any_text(name, lambda text: text.startswith(word))
            return good
        start, sign, value = condition.groups()
        name = self._named(start.lower())
        if not self.is_number(name):
            return self._text_fits(name, sign, value, term)
        try:
            return np.asarray(TESTS[sign](self.columns[name], float(value)))
        except (KeyError, ValueError):
            raise InputError(f"{value!r} in {term!r} is no number.") from None

    def _text_fits(self, name: str, sign: str, value: str, term: str) -> NDArray[np.bool_]:
        if self.columns[name].dtype == bool:
            value = {"true": "yes", "no": "", "false": ""}.get(value.lower(), value)
        word = _plain(value)
        if sign == "~":
            return self._any_text(name, lambda text: word in text)
        if sign not in ("=", "!="):
            raise InputError(f"{term!r}: {name} holds words; compare them by = , != or ~.")
        same = self._any_text(name, lambda text: text == word)
        return same if sign == "=" else ~same

    def _named(self, start: str) -> str:
        names = [name for name in self.columns if name.startswith(start)]
        if not names:
            near = get_close_matches(start, self.columns, 3, 0.5)
            hint = f"; there is {', '.join(near)}" if near else ""
            raise InputError(f"No column begins with {start!r}{hint}.")
        return start if start in names else names[0]


def terms_of(text: str) -> list[str]:
    """Cut a filter into its words and conditions."""
    return SIGNS.sub(r"\1", text).split()


def _plain(text: str) -> str:
    return text.lower().replace("_", " ")
