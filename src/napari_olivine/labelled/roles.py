"""What each image is for, drawn at random where nothing says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_olivine.errors import InputError
from napari_olivine.labelled.pairs import Pair
from napari_olivine.section import Role


def with_roles(
    pairs: Sequence[Pair], val_percent: float, test_percent: float, seed: int
) -> list[Pair]:
    """Give whole images a role at random; those of one group the same.

    Parameters
    ----------
    pairs
        Pairs; those with a role keep it.
    val_percent, test_percent
        Shares of the groups, per cent; at least one group each where the share is not 0.
    seed
        Decides on the draw.

    Returns
    -------
    list of Pair
        In the same order.

    Raises
    ------
    InputError
        If nothing is left for training.
    """
    open_ones = [pair for pair in pairs if pair.role is None]
    groups = sorted({_group(pair) for pair in open_ones})
    if not groups:
        return list(pairs)
    shares: list[tuple[Role, float]] = [("val", val_percent), ("test", test_percent)]
    counts = {role: max(1, round(len(groups) * p / 100)) if p else 0 for role, p in shares}
    if sum(counts.values()) >= len(groups):
        what = "images" if len(groups) == len(open_ones) else "groups of images"
        raise InputError(
            f"{len(groups)} {what} are too few for training, validation and testing.",
            remedy="Lower {setting:val_percent} or {setting:test_percent} (0 for none), or give "
            "the roles by folders or a table.",
            setting="test_percent",
        )
    order = np.random.default_rng(seed).permutation(len(groups))
    drawn: list[Role] = [role for role, count in counts.items() for _ in range(count)]
    drawn += ["train"] * (len(groups) - len(drawn))
    role_of = {groups[place]: role for place, role in zip(order, drawn, strict=True)}
    return [pair if pair.role else replace(pair, role=role_of[_group(pair)]) for pair in pairs]


def _group(pair: Pair) -> str:
    """Name what must not be cut into two roles: the sample, or the image itself."""
    return f"group {pair.group}" if pair.group else str(pair.image)
