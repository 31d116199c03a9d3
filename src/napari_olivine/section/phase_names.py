"""Names of phases as names of images: a rule book may call a phase ``glass/groundmass``."""

from __future__ import annotations

from urllib.parse import quote, unquote

from napari_olivine.registry import OTHER_CRYSTALS

ALLOWED = " ()+,-"
"""Characters that every file system takes, beside letters, digits, ``_``, ``.`` and ``~``."""


def image_name(phase: str) -> str:
    """Return the name of a phase's image or folder; no two phases share one.

    Parameters
    ----------
    phase
        Name of the phase, e.g. ``"glass/groundmass"``.

    Returns
    -------
    str
        E.g. ``"glass%2Fgroundmass"``.
    """
    name = quote(phase, safe=ALLOWED)
    return f"%2E{name[1:]}" if name.startswith(".") else name


def phase_of_image(name: str) -> str:
    """Return the phase of an image; undoes `image_name`."""
    return unquote(name)


def its_phase(product: str) -> str:
    """Tell which phase a step is to be run for, so that it makes a product again.

    Parameters
    ----------
    product
        Name of the product.

    Returns
    -------
    str
        E.g. ``" (phase: plagioclase)"``; empty for a product that is not of one phase alone.
    """
    folder, _, name = product.partition("/")
    return f" (phase: {phase_of_image(name)})" if folder == OTHER_CRYSTALS else ""
