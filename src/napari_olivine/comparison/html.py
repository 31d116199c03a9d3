"""Pieces of a page that needs no server: tables that sort by a click, styles, a script."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Cell:
    """What stands in a cell of a table.

    Parameters
    ----------
    text
        As it is read.
    order
        Number to sort by; NaN for words.
    best
        Whether it is the best of its column.
    """

    text: str
    order: float = math.nan
    best: bool = False


def number(value: float | None, digits: int = 3) -> Cell:
    """Write a number, or a dash where there is none."""
    if value is None or math.isnan(value):
        return Cell("-")
    return Cell(f"{value:.{digits}f}", float(value))


def spread(values: pd.Series, digits: int = 3) -> Cell:
    """Write the mean of the seeds, and the least and the most of several.

    Parameters
    ----------
    values
        A value a seed.
    digits
        Digits behind the point.
    """
    values = values.astype(float).dropna()
    if values.empty:
        return Cell("-")
    mean = float(values.mean())
    text = f"{mean:.{digits}f}"
    if len(values) > 1:
        text += f" ({values.min():.{digits}f} to {values.max():.{digits}f})"
    return Cell(text, mean)


def mark_best(rows: list[list[Cell]], columns: Sequence[int], least: Sequence[int] = ()) -> None:
    """Mark the best cell of each column, where they differ.

    Parameters
    ----------
    rows
        Rows of a table; changed in place.
    columns
        Columns in which more is better.
    least
        Columns in which less is better.
    """
    for column in (*columns, *least):
        orders = [row[column].order for row in rows if not math.isnan(row[column].order)]
        if not orders or min(orders) == max(orders):
            continue
        best = min(orders) if column in least else max(orders)
        for row in rows:
            if row[column].order == best:
                row[column] = Cell(row[column].text, best, best=True)


def table(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Write a table whose columns sort by a click on their head.

    Parameters
    ----------
    head
        Names of the columns.
    rows
        Its cells.

    Returns
    -------
    str
        HTML.
    """
    top = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>\n" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>\n{body}</tbody></table>\n"


def _cell(cell: Cell) -> str:
    kind = ' class="best"' if cell.best else ""
    if math.isnan(cell.order):
        return f"<td{kind}>{html.escape(cell.text)}</td>"
    return f'<td{kind} data-order="{cell.order:.9g}">{html.escape(cell.text)}</td>'


def paragraph(text: str) -> str:
    """Write a paragraph of plain text."""
    return f"<p>{html.escape(text)}</p>\n"


def page(title: str, parts: Sequence[str]) -> str:
    """Write a page that loads nothing from anywhere.

    Parameters
    ----------
    title
        Its title.
    parts
        HTML of its body.

    Returns
    -------
    str
        HTML.
    """
    named = html.escape(title)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{named}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style></head>\n<body><h1>{named}</h1>\n{''.join(parts)}"
        f"<script>{SCRIPT}</script></body></html>\n"
    )


STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1c1c1c; background: #fff;
  max-width: 84rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
h3 { font-size: 1rem; margin-bottom: .3rem; }
p, li { max-width: 52rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .7rem; text-align: left; border-bottom: 1px solid #ddd;
  white-space: nowrap; }
th { cursor: pointer; border-bottom: 2px solid #888; font-weight: 600; white-space: normal;
  vertical-align: bottom; }
th:first-child { min-width: 11rem; }
th[aria-sort=ascending]::after { content: " \\2191"; }
th[aria-sort=descending]::after { content: " \\2193"; }
td[data-order] { text-align: right; } td.best { font-weight: 700; }
.note { color: #555; font-size: .9rem; } .short { background: #f3f1ea; padding: .6rem 1rem; }
code { background: #f3f3f3; padding: .1rem .3rem; overflow-wrap: anywhere; }
svg { max-width: 100%; height: auto; }
.pictures th { cursor: auto; }
.pictures td { border: 0; vertical-align: top; padding: .2rem .4rem; }
.pictures img { display: block; }
.right, .missed, .false { padding: 0 .35rem; }
"""

SCRIPT = """
const heads = document.querySelectorAll("table:not(.pictures) th");
heads.forEach((head) => head.addEventListener("click", () => {
  const column = head.cellIndex, body = head.closest("table").tBodies[0];
  const up = head.getAttribute("aria-sort") === "descending";
  head.parentNode.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const key = (row) => row.cells[column].dataset.order;
  const rows = [...body.rows].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x !== undefined && y !== undefined) return x - y;
    if (x !== undefined || y !== undefined) return x === undefined ? -1 : 1;
    return a.cells[column].textContent.localeCompare(b.cells[column].textContent);
  });
  body.append(...(up ? rows : rows.reverse()));
}));
"""
