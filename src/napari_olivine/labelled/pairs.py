"""Which image belongs to which mask, and what each pair is for: by folders and names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers.base import raise_if_any
from napari_olivine.section import Role

SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")
"""Endings of the files that are looked at."""

MASK_WORDS = frozenset({
    "mask", "masks", "label", "labels", "annot", "annots", "annotation", "annotations", "gt",
    "groundtruth", "seg", "segs", "segmentation", "segmentations", "target", "targets",
})  # fmt: skip
"""Names of folders of masks, and endings of the names of masks and of such folders."""

IMAGE_WORDS = frozenset({"image", "images", "img", "imgs", "sem", "bse", "input", "inputs"})
"""Names of folders of images, beside which folders of masks lie."""

ROLES: dict[str, Role] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
"""Names of folders that say what their images are for."""

FORMS = (
    "images/ and masks/ with files of the same names, train/ and train_annot/ (val, test "
    "likewise), X.tif beside X_mask.tif, or a CSV file with the columns image, mask and role"
)

_ENDING = re.compile(rf"[-_. ](?:{'|'.join(sorted(MASK_WORDS))})$", re.IGNORECASE)


@dataclass(frozen=True)
class Pair:
    """An image and its mask.

    Parameters
    ----------
    image
        File of the image.
    mask
        File of its labels; `None` for an image without labels.
    role
        What it is for; `None` where nothing says it.
    group
        Sample that it was cut from: all its images get one role. Empty if unknown.
    """

    image: Path
    mask: Path | None
    role: Role | None = None
    group: str = ""


@dataclass(frozen=True)
class _File:
    """A file as its place describes it.

    Parameters
    ----------
    file
        The file.
    is_mask
        Whether its folder or name says that it is a mask.
    role
        What its folder says that it is for.
    key
        What an image and its mask have in common.
    """

    file: Path
    is_mask: bool
    role: Role | None
    key: tuple[str, ...]


def find_pairs(folder: Path, without_mask: str = "refuse") -> list[Pair]:
    """Find images and their masks in a folder.

    Parameters
    ----------
    folder
        The folder; files in its subfolders count too.
    without_mask
        What becomes of images without a mask, see `ImportLabelsSettings`.

    Returns
    -------
    list of Pair
        In the order of their names.

    Raises
    ------
    InputError
        If there are no pairs, or an image or a mask has no or several partners.
    """
    files = [_describe(file, folder) for file in _walk(folder)]
    images, masks = (_by_key(files, folder, masks) for masks in (False, True))
    if not masks or not images:
        what = "no masks" if images else "no images"
        raise InputError(
            f"{folder} has {what} that can be told by folder or name.",
            remedy=f"Arrange them as {FORMS}.",
            file=folder,
            expected=FORMS,
        )
    alone = [one.file for key, one in images.items() if key not in masks]
    if without_mask == "refuse":
        raise_if_any(
            [f"{_short(file, folder)} has no mask" for file in alone],
            f"{folder}: images without a mask ({{setting:without_mask}} decides on them; a mask "
            "has the name of its image, perhaps with _mask behind it)",
            file=alone[0] if alone else folder,
            setting="without_mask",
        )
    raise_if_any(
        [f"{_short(one.file, folder)}" for key, one in masks.items() if key not in images],
        f"{folder}: masks without an image of that name",
        file=folder,
    )
    pairs = []
    for key, image in images.items():
        mask = masks.get(key)
        if mask is not None:
            pairs.append(Pair(image.file, mask.file, image.role or mask.role))
        elif without_mask == "keep":
            pairs.append(Pair(image.file, None, "none"))
    if not any(pair.mask for pair in pairs):
        raise InputError(
            f"No image of {folder} has a mask.", remedy=f"Arrange them as {FORMS}.", file=folder
        )
    return pairs


def require_whole_roles(pairs: Sequence[Pair], folder: Path) -> None:
    """Refuse pairs of which only some have a role.

    Raises
    ------
    InputError
        Lists those without.
    """
    without = [pair for pair in pairs if pair.role is None]
    if without and any(pair.role for pair in pairs if pair.mask):
        raise_if_any(
            [_short(pair.image, folder) for pair in without],
            f"{folder}: some images have a role (train, val, test), these have none",
            file=without[0].image,
            expected="a role for all images, or for none",
        )


def _walk(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.suffix.lower() in SUFFIXES and not hidden and file.is_file():
            yield file


def _describe(file: Path, folder: Path) -> _File:
    """Tell by folders and name whether a file is a mask, and what it is for."""
    place = file.relative_to(folder)
    role: Role | None = None
    is_mask, key = False, []
    for part in place.parts[:-1]:
        plain = _ENDING.sub("", part)
        words = plain.lower()
        is_mask |= plain != part or words in MASK_WORDS
        role = ROLES.get(words, role)
        if words not in {*MASK_WORDS, *IMAGE_WORDS, *ROLES}:
            key.append(plain)
    stem = _ENDING.sub("", place.stem)
    return _File(file, is_mask or stem != place.stem, role, (role or "", *key, stem))


def _by_key(files: Sequence[_File], folder: Path, masks: bool) -> dict[tuple[str, ...], _File]:
    """Return images or masks by what they have in common with their partners."""
    found: dict[tuple[str, ...], list[_File]] = defaultdict(list)
    for one in files:
        if one.is_mask == masks:
            found[one.key].append(one)
    what = "masks" if masks else "images"
    raise_if_any(
        [
            ", ".join(_short(one.file, folder) for one in several)
            for several in found.values()
            if len(several) > 1
        ],
        f"{folder}: several {what} have one name",
        file=folder,
    )
    return {key: several[0] for key, several in found.items()}


def _short(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix() if file.is_relative_to(folder) else str(file)
