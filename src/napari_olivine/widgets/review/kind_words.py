"""What a crystal was called and recognised as, and how good the classifier is, in words."""

from __future__ import annotations

from html import escape
from typing import Any

from napari_olivine.crystals import KIND, KINDS, RECOGNISED
from napari_olivine.section import Section


def kind_in_words(record: dict[str, Any] | None) -> str:
    """Say what a crystal is.

    Parameters
    ----------
    record
        Its row of the table, `None` for none.

    Returns
    -------
    str
        Rich text.
    """
    if record is None:
        return "Click a crystal, then press the key of its kind; 0 takes it away."
    given = f"<b>{escape(record[KIND])}</b>" if record[KIND] else "no kind given"
    recognised = record.get(RECOGNISED[0], "")
    sure = f" ({record[RECOGNISED[1]]:.0%})" if recognised else ""
    told = f"; recognised: {escape(recognised)}{sure}" if recognised else ""
    return f"Crystal {record['id']}: {given}{told}"


def score_in_words(section: Section | None) -> str:
    """Say how often the classifier was right on crystals that it had not seen.

    Parameters
    ----------
    section
        Section with recognised kinds.

    Returns
    -------
    str
        A sentence.
    """
    product = section.product(KINDS) if section is not None else None
    scores = product.notes.get("scores") if product is not None else None
    if scores is None:
        return "How often the classifier is right was not tested."
    share, low, high = (100 * scores[f"accuracy{end}"] for end in ("", "_low", "_high"))
    return (
        f"Of {scores['images']} given kinds the classifier found {share:.0f} % when it had not "
        f"seen them (95 %: {low:.0f} to {high:.0f} %)."
    )
