"""One graphics card a process: cards that processes of one machine share out among themselves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import filelock


def claim_gpu(cards: Sequence[str], folder: Path) -> int:
    """Take the first card that no other process has taken, until this process ends.

    Parameters
    ----------
    cards
        Their unique names.
    folder
        Where locks are kept, the same for all processes of a machine.

    Returns
    -------
    int
        Number of the card; with more processes than cards some share one.
    """
    for number, card in enumerate(cards):
        if card in _GPU_LOCKS:
            return number
        lock = filelock.FileLock(folder / f"napari-olivine-{_user()}-{card}.lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            continue
        _GPU_LOCKS[card] = lock
        return number
    return os.getpid() % len(cards)


_GPU_LOCKS: dict[str, filelock.FileLock] = {}
"""Locks of the cards that this process has taken; the system frees them when it ends."""


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
