"""Open a section by drag and drop: napari's reader for our folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari_olivine.section import Section
from napari_olivine.widgets.layers import LayerData, images_to_show, layer_data
from napari_olivine.widgets.state import OpenSection


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
    """Return the images of a section as layers: element maps, BSE above them, results on top.

    In a window that a person looks at it is BSE alone; the open section shows the others one by
    one while the window answers. A script has all of them at once.

    Raises
    ------
    SectionError
        If the section is damaged or of a newer version.
    """
    section = Section(_folder(path) or path)
    viewer = _watched_viewer()
    if viewer is None or ("images", "BSE") not in images_to_show(section):
        return [layer_data(section, product, name) for product, name in images_to_show(section)]
    OpenSection.of(viewer).expect(section)
    return [layer_data(section, "images", "BSE")]


def _watched_viewer() -> Any:
    """Return the viewer whose window answers to a person now, `None` in a script."""
    from napari import current_viewer
    from qtpy.QtCore import QThread

    viewer = current_viewer()
    return viewer if viewer is not None and QThread.currentThread().loopLevel() else None


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
