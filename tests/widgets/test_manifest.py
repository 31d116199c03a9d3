"""napari.yaml: one file, valid, and everything it names is there."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from npe2 import PluginManifest

import napari_olivine

SHIPPED = Path(napari_olivine.__file__).parent / "napari.yaml"
ON_TOP = Path(__file__).resolve().parents[2] / "napari.yaml"
DOCKS = [
    "Section",
    "Phase masks",
    "Train",
    "Segment",
    "EPMA profiles",
    "Crystals",
    "Review",
    "Recognise",
]


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_file(SHIPPED)


def test_top_level_file_is_the_shipped_one() -> None:
    text = ON_TOP.read_bytes()
    # Without symbolic links (git on Windows) the checkout holds the link's target as text.
    if not ON_TOP.is_symlink() and text.strip() == b"src/napari_olivine/napari.yaml":
        text = (ON_TOP.parent / text.strip().decode()).read_bytes()
    assert text == SHIPPED.read_bytes()
    assert text.startswith(b"name: napari-olivine\n")


def test_names(manifest: PluginManifest) -> None:
    assert manifest.name == "napari-olivine"
    assert manifest.display_name == "Olivine"


def test_docks_with_short_names(manifest: PluginManifest) -> None:
    assert [widget.display_name for widget in manifest.contributions.widgets or ()] == DOCKS


def test_everything_named_can_be_imported(manifest: PluginManifest) -> None:
    commands = {command.id: command for command in manifest.contributions.commands or ()}
    contributions = manifest.contributions
    used = [c.command for c in (*contributions.widgets, *contributions.readers)]
    used += [sample.command for sample in contributions.sample_data]
    assert sorted(used) == sorted(commands)
    for command in commands.values():
        module, name = command.python_name.split(":")
        assert callable(getattr(import_module(module), name))


def test_reader_takes_folders_but_asks_for_no_other_file(manifest: PluginManifest) -> None:
    (reader,) = manifest.contributions.readers or ()
    assert reader.accepts_directories
    assert reader.filename_patterns == ["section.json"]
