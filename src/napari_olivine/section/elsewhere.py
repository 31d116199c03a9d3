"""Inputs of a product that lie in another section, by names that tell where."""

from __future__ import annotations

from pathlib import Path

_MARK = "section:"


def input_elsewhere(section: Path, name: str) -> str:
    """Name an input that lies in another section.

    Parameters
    ----------
    section
        Folder of that section.
    name
        Product or annotation of it, e.g. ``"mask"``.
    """
    return f"{_MARK}{section}:{name}"


def place_elsewhere(source: str) -> tuple[Path, str] | None:
    """Return folder and name of an input that lies in another section, `None` for any other."""
    if not source.startswith(_MARK):
        return None
    folder, _, name = source.removeprefix(_MARK).rpartition(":")
    return Path(folder), name
