"""Small tables of the phases: how well each is found, and what the sessions show of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import zip_longest
from typing import Any


def ious_in_words(
    newest: Mapping[str, float], best: Mapping[str, float], colours: Mapping[str, str]
) -> str:
    """Write the IoU of each phase in two columns.

    Parameters
    ----------
    newest
        Of each phase in the newest validation, by its name, olivine first.
    best
        The highest so far.
    colours
        Of the phases, by name.

    Returns
    -------
    str
        HTML; empty if none is known.
    """
    cells, fell = [], False
    for name, iou in newest.items():
        square = f"<span style='color:{colours[name]}'>■</span> " if name in colours else ""
        now, highest = f"{iou:.2f}", f"{best[name]:.2f}"
        fell |= now != highest
        told = now if now == highest else f"{now} {FELL}"
        cells.append(f"<td>{square}{escape(name)}</td><td>{told}</td>")
    half = -(-len(cells) // 2)
    rows = zip_longest(cells[:half], cells[half:], fillvalue="")
    lines = "".join(f"<tr>{left}{right}</tr>" for left, right in rows)
    title = f"<b>IoU of each phase</b>{f' ({FELL} has been higher)' if fell else ''}"
    return f"{title}<table width='100%'>{lines}</table>" if cells else ""


FELL = "\N{DOWNWARDS ARROW}"
"""Stands behind an IoU that has been higher."""


def pieces_in_words(shown: Sequence[Mapping[str, Any]]) -> str:
    """Write what the sessions show of each phase as HTML; empty if nothing is known.

    Parameters
    ----------
    shown
        Rows of the event ``shown``: pieces and areas in the sessions for training and validation.
    """
    lines = [("<b>Pieces, mm2</b>", "<b>training</b>", "<b>validation</b>")]
    for row in shown:
        cells = [f"{n:,}, {mm2:.2g}" for n, mm2 in zip(row["pieces"], row["mm2"], strict=True)]
        lines.append((escape(row["name"]), *cells))
    table = "".join(f"<tr><td>{'</td><td>'.join(cells)}</td></tr>" for cells in lines)
    return f"<table width='100%'>{table}</table>" if shown else ""
