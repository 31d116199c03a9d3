"""The part of a page that shows what networks take for olivine, side by side."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from napari_olivine.comparison.pictures import COLOURS, SIDE_PX, grey_of, jpeg_of
from napari_olivine.comparison.record import Picture, RunRecord
from napari_olivine.section import Section


def pictures_part(section: Section, groups: Mapping[str, Sequence[RunRecord]], most: int) -> str:
    """Write a row a network, and a column a place.

    Parameters
    ----------
    section
        Section with ``images``.
    groups
        Runs by what they are called without their seed, the best first; the first seed is shown.
    most
        Groups that are shown at most.

    Returns
    -------
    str
        HTML; empty where there is no place with olivine.
    """
    shown = {name: runs[0].pictures for name, runs in list(groups.items())[:most]}
    places = next(iter(shown.values()), [])
    if not places:
        return ""
    um = section.pixel_size_um
    heads = "".join(f"<th>{html.escape(_name(one, um))}</th>" for one in places)
    rows = _row("BSE", [_plain(section, one) for one in places])
    rows += "".join(_row(name, [one.jpeg for one in row]) for name, row in shown.items())
    return (
        "<h2>What they take for olivine</h2>\n"
        f'<p class="note">At the best threshold of val. {_key("right", "found")} '
        f"{_key('missed', 'missed')} {_key('false', 'no olivine by the reference')}. Places of "
        f"{SIDE_PX * um:.0f} µm with the most outlines of olivine, the same for all; the first "
        "seed of each.</p>\n"
        f'<div class="scroll"><table class="pictures"><thead><tr><th></th>{heads}</tr></thead>'
        f"<tbody>\n{rows}</tbody></table></div>\n"
    )


def _name(place: Picture, um: float) -> str:
    return f"session {place.session}, x {place.col0 * um:.0f}, y {place.row0 * um:.0f} µm"


def _plain(section: Section, place: Picture) -> str:
    return jpeg_of(grey_of(section, *place.window))


def _row(name: str, pictures: Sequence[str]) -> str:
    cells = "".join(
        f'<td><img alt="{html.escape(name)}" src="data:image/jpeg;base64,{one}"></td>'
        for one in pictures
    )
    return f"<tr><td>{html.escape(name)}</td>{cells}</tr>\n"


def _key(kind: str, words: str) -> str:
    red, green, blue = COLOURS[kind]
    ink = "#000" if kind == "right" else "#fff"
    style = f"background: rgb({red}, {green}, {blue}); color: {ink}"
    return f'<span class="{kind}" style="{style}">{words}</span>'
