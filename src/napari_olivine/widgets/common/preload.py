"""What napari loads with its first layers, loaded before a person waits for it."""

from __future__ import annotations

import gc
import threading
from contextlib import suppress
from functools import cache


@cache
def warm_up() -> threading.Thread:
    """Begin to load it, once; the window answers meanwhile.

    Returns
    -------
    Thread
        Ends when everything is loaded.
    """
    import pint

    # Made at its first use, which must not happen in two threads at once: napari's own may come.
    pint.get_application_registry().Unit("um")
    thread = threading.Thread(target=_load, name="olivine-warm-up", daemon=True)
    thread.start()
    return thread


def _load() -> None:
    with suppress(Exception):  # whatever it is, the first layer will tell it
        import scipy.ndimage  # noqa: F401  (napari's first image)
        from napari.layers import Shapes

        Shapes(None, ndim=2)  # fetches what numba has compiled, half a second
        # What was loaded makes the next collection a long one: rather now than between two images.
        gc.collect()
