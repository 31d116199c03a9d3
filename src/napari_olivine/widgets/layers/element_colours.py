"""The colours of element maps, written down once."""

from __future__ import annotations

from typing import Any

ELEMENT_COLOURS = {
    "Mg": "#25F361",
    "Fe": "#E41902",
    "Ca": "#1050F5",
    "Al": "#FA8FF0",
    "Si": "#EBF4F6",
    "Na": "#FFE14D",
    "K": "#FFA51F",
    "Ti": "#9A5CFF",
    "Cr": "#00B3A4",
    "Mn": "#C98C5A",
    "Ni": "#8CD9B8",
    "P": "#C6FF4D",
    "S": "#FFF4B0",
}
"""Colour of an element where its counts are high; black where there are none.

The hues are those in common use: Mg green, Fe red, Ca blue, Al pink, Si near white, Na yellow, K
orange. The five that tell the minerals of a basalt apart differ in lightness too: any two of them
are 17 or more apart (CIEDE2000), also to people who lack red, green or blue cones, by the
simulation of Machado, Oliveira and Fernandes (2009).
"""

OTHER_COLOURS = ("#FFC857", "#6FC7E8", "#D98CFF", "#A8E05F", "#FF9F80")
"""For all other signals, by their place among them."""

CHANNELS = {"red": "#FF0000", "green": "#00FF00", "blue": "#0000FF"}
"""Colours of a composite of three elements; together they make every other colour."""


def colour_of(signal: str, signals: list[str]) -> str:
    """Colour of a signal's map, e.g. ``"Mg"`` or ``"Mg Ka"``.

    Parameters
    ----------
    signal
        Name of the signal.
    signals
        Names of all signals of the section.
    """
    for name in (signal, _element(signal)):
        if name in ELEMENT_COLOURS:
            return ELEMENT_COLOURS[name]
    others = [name for name in signals if _element(name) not in ELEMENT_COLOURS]
    place = others.index(signal) if signal in others else sum(signal.encode())
    return OTHER_COLOURS[place % len(OTHER_COLOURS)]


def colour_ramp(colour: str) -> Any:
    """Colours from black to the given one, for a layer."""
    from napari.utils.colormaps import Colormap

    name = next((key for key, value in CHANNELS.items() if value == colour), colour)
    return Colormap(["#000000", colour], name=name)


def _element(signal: str) -> str:
    """Symbol at the beginning of a name such as ``Mg Ka``, ``Fe_K`` or ``Ca-Kα``."""
    letters = ""
    for letter in signal:
        if not letter.isalpha():
            break
        letters += letter
    return letters.capitalize() if len(letters) <= 2 else letters
