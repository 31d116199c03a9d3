"""Dialogues for folders and files that begin where the last one for the same purpose ended."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_olivine.widgets.common.preferences import stored_preferences


def choose_folder(parent: QWidget, title: str, *, beside: str = "") -> str:
    """Let the person choose a folder.

    Parameters
    ----------
    parent
        Widget that asks.
    title
        What is asked for, above the dialogue; dialogues of one title begin in one place.
    beside
        A folder beside which this one begins instead.

    Returns
    -------
    str
        The folder; empty if none was chosen.
    """
    begin = _nearest(Path(beside).parent) if beside else _folder_to_begin(title)
    return _kept(title, QFileDialog.getExistingDirectory(parent, title, begin))


def choose_file(parent: QWidget, title: str, kinds: str = "") -> str:
    """Let the person choose a file.

    Parameters
    ----------
    parent, title
        See `choose_folder`.
    kinds
        Kinds of files as Qt writes them, e.g. ``"GeoJSON (*.geojson)"``; all if not given.

    Returns
    -------
    str
        The file; empty if none was chosen.
    """
    file, _ = QFileDialog.getOpenFileName(parent, title, _folder_to_begin(title), kinds)
    return _kept(title, file)


def choose_files(parent: QWidget, title: str, kinds: str = "") -> list[str]:
    """Let the person choose files of one folder.

    Parameters
    ----------
    parent, title, kinds
        See `choose_file`.

    Returns
    -------
    list of str
        The files; empty if none was chosen.
    """
    files, _ = QFileDialog.getOpenFileNames(parent, title, _folder_to_begin(title), kinds)
    _kept(title, next(iter(files), ""))
    return list(files)


def _folder_to_begin(title: str) -> str:
    """Return where a dialogue begins: where the last one ended, or the nearest folder there."""
    kept = str(stored_preferences().value(_key(title)) or "")
    return _nearest(Path(kept)) if kept else ""


def _nearest(folder: Path) -> str:
    return next((str(place) for place in (folder, *folder.parents) if place.is_dir()), "")


def _kept(title: str, chosen: str) -> str:
    if chosen:  # a section lies beside the next one that is opened
        stored_preferences().setValue(_key(title), str(Path(chosen).parent))
    return chosen


def _key(title: str) -> str:
    return f"folders/{title}"
