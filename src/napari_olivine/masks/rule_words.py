"""How a word of a rule that is being typed may go on."""

from __future__ import annotations

import re
from collections.abc import Iterable

from napari_olivine.masks.named_rules import NAMED

KEYWORDS = ("and", "or", "not", "within", "of", "ref", "p99", "area")
"""Words of a rule that are no signals."""

_ENDED = re.compile(r"(?:\d|\)|%|\bref)\s+$")
"""A comparison is complete: more likely it is joined to another one than goes on."""


def completions(text: str, cursor: int, signals: Iterable[str]) -> tuple[int, list[str]]:
    """Return the words that may stand where a person types.

    Parameters
    ----------
    text
        The rule as far as it is written.
    cursor
        Place in it, counted from 0 as characters before it.
    signals
        Signals of the section.

    Returns
    -------
    start : int
        Where the word begins that is being typed.
    words : list of str
        What it may become: signals first, then named rules where nothing else is written, then
        keywords; behind a comparison the keywords first. All of them between two words; without
        the word itself.
    """
    before = text[:cursor]
    begin = len(before) - len(before.lstrip())
    whole = before[begin:]
    named = [name for name in NAMED if _goes_on(whole, name)]
    if "-" in whole and named:  # the name of a rule may hold a sign
        return begin, named
    start = cursor
    while start and (before[start - 1].isalnum() or before[start - 1] == "_"):
        start -= 1
    word = before[start:]
    words = [*signals, *(named if start == begin else [])]
    joins = _ENDED.search(before[:start]) is not None
    words = [*KEYWORDS, *words] if joins else [*words, *KEYWORDS]
    return start, [one for one in dict.fromkeys(words) if _goes_on(word, one)]


def _goes_on(begun: str, word: str) -> bool:
    return word.lower().startswith(begun.lower()) and word != begun
