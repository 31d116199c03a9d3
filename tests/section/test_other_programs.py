"""Sections in other programs: napari without this plugin, napari-ome-zarr, a validator."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import zarr
from ome_zarr_models.v05.image import Image
from ome_zarr_models.v05.image_label import ImageLabel

from napari_olivine.job import Job
from napari_olivine.section import Section, create_raster
from napari_olivine.settings import Settings
from tests.helpers.sections import make_section

OPEN = """
import json, sys
from npe2 import PluginManager
manager = PluginManager.instance()
manager.discover()
manager.disable("napari-olivine")
from napari.components import ViewerModel
viewer = ViewerModel()
viewer.open(sys.argv[1], plugin=sys.argv[2])
print("RESULT" + json.dumps([
    {"kind": type(layer).__name__, "multiscale": bool(layer.multiscale),
     "shapes": [list(level.shape) for level in layer.data],
     "scale": list(layer.scale), "sum": int(layer.data[0].sum())}
    for layer in viewer.layers]))
"""
"""A napari that does not know this plugin, without a window."""


@pytest.fixture(scope="module")
def section(tmp_path_factory) -> Section:
    """A section whose folder ends with .zarr, as napari itself wants it."""
    image = (np.indices((1500, 1200)).sum(0) % 251).astype(np.uint8)
    made = make_section(tmp_path_factory.mktemp("elsewhere") / "sample.zarr", {"BSE": image})
    recipe = made.recipe("mask", Settings(), ["images"])
    with made.draft("mask", recipe, Job()) as draft:
        mask = create_raster(draft.path / "olivine", made.shape, "uint8", 1.5, reduction="mode")
        mask.write(0, 0, (image > 100).astype(np.uint8))
        mask.build_pyramid(Job())
    return made


def opened(path: Path, plugin: str) -> list[dict]:
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(path), plugin],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    return json.loads(line.removeprefix("RESULT"))


def test_every_raster_of_a_section_passes_the_validator(section):
    for file in section.path.glob("*/*/zarr.json"):
        image = Image.from_zarr(zarr.open_group(file.parent, mode="r"))
        assert image.ome_attributes.version == "0.5"
        assert zarr.open_array(file.parent / "0", mode="r").shards is not None
    assert zarr.open_group(section.path, mode="r").metadata.zarr_format == 3


def test_a_mask_is_a_label_image_of_the_section(section):
    label = ImageLabel.from_zarr(zarr.open_group(section.path / "mask" / "olivine", mode="r"))
    source = label.ome_attributes.image_label.source.image
    assert (section.path / "mask" / "olivine" / source).resolve() == section.path / "images" / "BSE"
    plain = zarr.open_group(section.path / "images" / "BSE", mode="r")
    assert "image-label" not in plain.attrs["ome"]


@pytest.mark.parametrize("plugin", ["napari", "napari-ome-zarr"])
def test_napari_opens_it_without_this_plugin(section, plugin):
    if plugin == "napari-ome-zarr" and find_spec("napari_ome_zarr") is None:
        pytest.skip("napari-ome-zarr is not installed")
    (layer,) = opened(section.path / "images" / "BSE", plugin)
    assert layer["kind"] == "Image"
    assert layer["multiscale"]
    assert layer["shapes"] == [[1500, 1200], [750, 600], [375, 300]]
    expected = section.raster("images", "BSE").read(slice(0, 1500), slice(0, 1200))
    assert layer["sum"] == int(expected.sum())
    if plugin == "napari-ome-zarr":
        assert layer["scale"] == [1.5, 1.5], "micrometres"
        (mask,) = opened(section.path / "mask" / "olivine", plugin)
        assert mask["kind"] == "Labels"


def test_a_link_with_the_right_name_is_enough(section, tmp_path):
    """A section of any other name is opened by a link whose name ends with .zarr."""
    plain = section.path.rename(section.path.with_name("plain"))
    try:
        (tmp_path / "plain.zarr").symlink_to(plain)
        (layer,) = opened(tmp_path / "plain.zarr" / "images" / "BSE", "napari")
        assert layer["shapes"][0] == [1500, 1200]
    finally:
        plain.rename(section.path)
