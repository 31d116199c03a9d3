"""The phantom section under File > Open Sample."""

from __future__ import annotations

import shutil
from pathlib import Path

from napari.utils import progress
from qtpy.QtCore import QStandardPaths

from napari_olivine.errors import SectionError
from napari_olivine.section import Section
from napari_olivine.widgets.layers import LayerData
from napari_olivine.widgets.reader import read_section


def open_phantom() -> list[LayerData]:
    """Return the layers of a small synthetic section with known truth.

    It is made once, in the user's folder for caches, and is the same each time; what is
    worked out on it stays there.
    """
    return read_section(str(phantom_section(_cache())))


def phantom_section(folder: Path) -> Path:
    """Return the phantom as a section, made and imported if it is not there yet.

    Parameters
    ----------
    folder
        Where it is kept: ``instrument`` as an instrument leaves it, ``phantom`` as a section.
    """
    section = folder / "phantom"
    try:
        if Section(section).product("epma") is not None:
            return section
    except SectionError:
        pass
    from napari_olivine.phantom import PhantomSettings, make_phantom
    from napari_olivine.readers import import_section

    source = folder / "instrument"
    # Whatever is there was left by a run that was stopped before its end.
    for unfinished in (source, section):
        shutil.rmtree(unfinished, ignore_errors=True)
    with progress(total=2, desc="Making the phantom section") as bar:
        make_phantom(source, PhantomSettings.small())
        bar.update(1)
        import_section(source, section)
        bar.update(1)
    return section


def _cache() -> Path:
    place = QStandardPaths.StandardLocation.GenericCacheLocation
    return Path(QStandardPaths.writableLocation(place)) / "napari-olivine"
