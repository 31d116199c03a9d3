"""Open a section by drag and drop: napari's reader for our folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_olivine.section import Section
from napari_olivine.widgets.layers import LayerData, layer_data, shown


def get_reader(path: str | Sequence[str]) -> Callable[[str], list[LayerData]] | None:
    """Return a function that reads a section, `None` if the path is something else.

    Parameters
    ----------
    path
        Folder of a section, or its ``section.json``.
    """
    if not isinstance(path, str) or _folder(path) is None:
        return None
    return read_section


def read_section(path: str) -> list[LayerData]:
    """Return every image of a section as a layer: element maps, BSE above them, results on top.

    Raises
    ------
    SectionError
        If the section is damaged or of a newer version.
    """
    section = Section(_folder(path) or path)
    return [layer_data(section, product, name) for product, name in shown(section)]


def _folder(path: str) -> Path | None:
    """Folder of the section that a path means.

    The folder of an instrument has a section.json too, but no images of ours; it is to be
    imported, not opened.
    """
    folder = Path(path)
    if folder.name == "section.json":
        folder = folder.parent
    there = (folder / "section.json").is_file() and (folder / "zarr.json").is_file()
    return folder if there else None
