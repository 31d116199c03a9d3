"""Images with their class, source and scale: what every classifier learns from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_olivine.crystals import NONE_OF_THESE as NONE_OF_THESE, without_spelling
from napari_olivine.errors import InputError

GREY_REACH = 5.0
"""Grey of a cut-out of a section: 0.5 is the median of the rock, 0 and 1 lie so many spreads of its
grey away (ours)."""


@dataclass(frozen=True, eq=False)
class RecognitionImage:
    """One image; its pixels are read when somebody asks for them.

    Two of them are equal only if they are the same object.

    Parameters
    ----------
    name
        Path relative to the folder (with ``/``), or the id of the crystal.
    label
        Class; `None` where nobody has said.
    source
        The image, crystal or session that it comes from: images of one source never lie on both
        sides of a split.
    um_per_px
        Size of a pixel, um; `None` where unknown.
    split
        ``"train"``, ``"val"`` or ``"test"`` where the folder says so, else `None`.
    read
        Gives the pixels, shape (height, width, channels), 1 channel (grey) or 3 (red, green, blue),
        0 to 1; raises `InputError` if the file is damaged.
    mask
        Gives the pixels of the crystal, shape (height, width); `None` where they are unknown.
    measurements
        Columns of the crystal table by name, NaN where not measured; `None` for an image that is no
        crystal.
    frame_um
        Where a crystal's cut-out lies in its section: y and x of its upper left corner, and its
        side, um; `None` for an image that is no crystal.
    """

    name: str
    label: str | None
    source: str
    um_per_px: float | None
    split: str | None
    read: Callable[[], NDArray[np.float32]]
    mask: Callable[[], NDArray[np.bool_]] | None = None
    measurements: Mapping[str, float] | None = None
    frame_um: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class ImageSet:
    """Images and the classes that they may have.

    Parameters
    ----------
    images
        The images, in the order of what is told of them.
    classes
        Names of the classes, sorted.
    """

    images: tuple[RecognitionImage, ...]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, images: Iterable[RecognitionImage]) -> ImageSet:
        """Make a set whose classes are those of its images."""
        images = tuple(images)
        found = {image.label for image in images if image.label is not None}
        return cls(images, tuple(sorted(found)))

    def __len__(self) -> int:
        return len(self.images)

    def labelled(self) -> ImageSet:
        """Return the images that have a class; the classes stay."""
        return ImageSet(tuple(one for one in self.images if one.label is not None), self.classes)

    def select(self, places: Sequence[int] | NDArray[np.intp] | NDArray[np.bool_]) -> ImageSet:
        """Return some of the images; the classes stay.

        Parameters
        ----------
        places
            Their places, counted from 0, or a flag for each image.
        """
        chosen = np.arange(len(self.images))[np.asarray(places)] if len(places) else ()
        return ImageSet(tuple(self.images[place] for place in chosen), self.classes)

    def of_split(self, split: str) -> ImageSet:
        """Return the images of one side of the folder's own split; the classes stay."""
        return ImageSet(tuple(one for one in self.images if one.split == split), self.classes)

    def targets(self) -> NDArray[np.intp]:
        """Return the place of each image's class in `classes`; -1 without one."""
        place = {name: number for number, name in enumerate(self.classes)}
        return np.array([place.get(one.label or "", -1) for one in self.images], dtype=np.intp)

    def sources(self) -> NDArray[np.str_]:
        """Return the source of each image."""
        return np.array([one.source for one in self.images], dtype=str)

    def counts(self) -> dict[str, int]:
        """Return the number of images of each class."""
        found = Counter(one.label for one in self.images)
        return {name: found[name] for name in self.classes}

    def require_classes(self, least: int = 2) -> None:
        """Raise `InputError` where these classes cannot be learned.

        Raises
        ------
        InputError
            If fewer have images than a classifier needs, two differ in capitals or spaces alone, or
            one has a name that means something else.
        """
        there = [name for name, count in self.counts().items() if count]
        plain: dict[str, str] = {}
        for name in there:
            key = without_spelling(name)
            if key == NONE_OF_THESE:
                raise InputError(
                    f"No class can be called {name!r}: the program says so of images that are none "
                    "of the classes.",
                    remedy="Call it 'other', for example.",
                )
            if key in plain:
                raise InputError(
                    f"The classes {plain[key]!r} and {name!r} differ in their spelling alone.",
                    remedy="Give both the same name.",
                )
            plain[key] = name
        if len(there) < least:
            said = f"one class, {there[0]!r}" if there else "no class"
            raise InputError(
                f"The labelled images have {said}, but a classifier tells {least} or more apart.",
                remedy="Add images of another class.",
            )
