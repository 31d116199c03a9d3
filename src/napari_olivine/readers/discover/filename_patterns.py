"""Images that belong together: named alike but for their numbers, and of one size."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from napari_olivine.readers.signals import ImageRef

MOST_FAMILIES = 50
"""Names that differ in more ways say nothing of families."""

PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
"""Beside TIFFs these are made for viewers."""


def pattern_of(place: str) -> str:
    """Return a place with its numbers masked.

    Examples
    --------
    >>> pattern_of("r00_c12")
    'r#_c#'
    """
    return re.sub(r"\d+", "#", place)


def drop_non_tiles(refs: list[ImageRef]) -> tuple[list[ImageRef], list[str]]:
    """Leave out what is no tile: a stitched image, an overview, the pyramid of a viewer.

    Of images that are named in several ways, those are kept that have the size of the most.

    Parameters
    ----------
    refs
        Images of one signal.

    Returns
    -------
    tiles
        Those that may be tiles of one mosaic.
    remarks
        What was left out, in sentences.
    """
    families: dict[str, list[ImageRef]] = defaultdict(list)
    for ref in refs:
        families[pattern_of(ref.place)].append(ref)
    if not 1 < len(families) <= MOST_FAMILIES:
        return refs, []
    shapes = {pattern: _shape(each) for pattern, each in families.items()}
    main = max(families, key=lambda pattern: _weight(families[pattern], shapes[pattern]))
    if len(families[main]) == 1:
        return refs, []
    kept, remarks = list[ImageRef](), list[str]()
    for pattern, each in families.items():
        shape = shapes[pattern]
        if shape in (None, shapes[main]):
            kept += each
        else:
            assert shape is not None and shapes[main] is not None
            remarks.append(
                f"{in_short([ref.file for ref in each])} left out: not of the size of the "
                f"{len(families[main])} tiles ({shape[0]} x {shape[1]} px)"
            )
    return kept, remarks


def in_short(files: Sequence[Path]) -> str:
    """Name some files as the subject of a sentence: the first, and how many more."""
    if len(files) == 1:
        return f"{files[0].name} is"
    return f"{files[0].name} and {len(files) - 1} more are"


def _shape(refs: list[ImageRef]) -> tuple[int, int] | None:
    """Rows and columns of the first image that can be opened."""
    for ref in refs[:3]:
        if (image := ref.try_open()) is not None:
            return image.shape
    return None


def _weight(refs: list[ImageRef], shape: tuple[int, int] | None) -> tuple[bool, bool, int, int]:
    height, width = shape or (0, 0)
    picture = refs[0].file.suffix.lower() in PICTURES
    return len(refs) > 1, not picture, len(refs), height * width
