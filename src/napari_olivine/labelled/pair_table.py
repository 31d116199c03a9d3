"""A table that names the image, the mask and the role of every pair."""

from __future__ import annotations

from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.labelled.pairs import ROLES, Pair
from napari_olivine.readers.base import raise_if_any
from napari_olivine.readers.sessions import read_csv, require, words_of
from napari_olivine.section import Role

NONE: dict[str, Role | None] = {"none": "none", "": None}


def read_pair_table(file: Path) -> list[Pair]:
    """Read the pairs of a table.

    Parameters
    ----------
    file
        CSV with the columns ``image`` and ``mask`` (paths, from the table's own folder), and
        perhaps ``role`` (train, val, test, none) and ``group`` (the sample that the image was cut
        from). An image without a mask is segmented only.

    Returns
    -------
    list of Pair
        In the order of the rows.

    Raises
    ------
    InputError
        If a column or a file is missing, a role is unknown, or an image is there twice.
    """
    table = read_csv(file)
    require(file, table, ("image", "mask"))
    roles: dict[str, Role | None] = {**ROLES, **NONE}
    said = words_of(table, "role")
    groups = table["group"].str.strip() if "group" in table else [""] * len(table)
    problems, pairs = [], []
    seen: set[Path] = set()
    for number, (image, mask, role, group) in enumerate(
        zip(table["image"], table["mask"], said, groups, strict=True), 2
    ):
        image_file, mask_file = file.parent / image, file.parent / mask
        if not image or not image_file.is_file():
            problems.append(f"row {number}: there is no image {image!r}")
        if mask and not mask_file.is_file():
            problems.append(f"row {number}: there is no mask {mask!r}")
        if role not in roles:
            problems.append(f"row {number}: {role!r} is no role (train, val, test or none)")
        if image_file in seen:
            problems.append(f"row {number}: the image {image!r} is there twice")
        seen.add(image_file)
        if mask:
            pairs.append(Pair(image_file, mask_file, roles.get(role), group))
        else:
            pairs.append(Pair(image_file, None, "none", group))
    raise_if_any(problems, f"{file} cannot be used", file=file)
    if not any(pair.mask for pair in pairs):
        raise InputError(f"{file} names no image with a mask.", file=file)
    return pairs
