"""Outlines that other programs read give back the crystals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import roifile
from numpy.typing import NDArray
from scipy import ndimage

from napari_olivine.catalogue import ExportSettings
from napari_olivine.catalogue.imagej_rois import RoiSet
from napari_olivine.catalogue.outlines import trace_crystals, write_outlines
from napari_olivine.job import Event, Job
from tests.helpers.rasterise import rasterise

BOTH = ExportSettings(geojson=True, imagej_rois=True)


class MadeLabels:
    """Ids in memory; an overview takes every second pixel."""

    pixel_size_um = 2.0

    def __init__(self, ids: NDArray[np.uint32]) -> None:
        self.levels = [ids]
        while max(self.levels[-1].shape) > 64:
            self.levels.append(self.levels[-1][::2, ::2])
        self.shape = (ids.shape[0], ids.shape[1])
        self.level_shapes = [(level.shape[0], level.shape[1]) for level in self.levels]

    def read(self, rows: slice, columns: slice, level: int = 0) -> NDArray[np.uint32]:
        return self.levels[level][rows, columns]


def made(shape: tuple[int, int], smooth: float) -> tuple[MadeLabels, pd.DataFrame]:
    """Crystals with holes and with corners that touch; one has a second, far part."""
    random = np.random.default_rng(5)
    olivine = ndimage.gaussian_filter(random.normal(size=shape), smooth) > 0.3 / smooth
    olivine &= random.random(shape) > 0.02
    ids, _ = ndimage.label(olivine, np.ones((3, 3)))
    ids[ids == 2] = 1
    boxes = ndimage.find_objects(ids)
    there = [k for k, box in enumerate(boxes, 1) if box is not None]
    table = pd.DataFrame(
        {
            "id": np.array(there, np.uint32),
            **{
                name: [getattr(boxes[k - 1][axis], end) for k in there]
                for name, axis, end in (
                    ("row0", 0, "start"), ("row1", 0, "stop"),
                    ("col0", 1, "start"), ("col1", 1, "stop"),
                )
            },
            "area_um2": np.bincount(ids.ravel())[there] * 4.0,
            "size_class": ["phenocryst", "microlite"] * (len(there) // 2)
            + ["microphenocryst"] * (len(there) % 2),
            "zoning_class": "reversed",
            "mg_core": [np.nan, *np.linspace(0.7, 0.9, len(there) - 1)],
        }
    )  # fmt: skip
    return MadeLabels(ids.astype(np.uint32)), table


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[MadeLabels, pd.DataFrame, Path]:
    labels, table = made((120, 150), 3)
    folder = tmp_path_factory.mktemp("outlines")
    files = write_outlines(labels, table, folder, BOTH, Job())
    assert set(files) == {path.name for path in folder.iterdir()}
    return labels, table, folder


def test_geojson_gives_back_labels_classes_and_measurements(
    written: tuple[MadeLabels, pd.DataFrame, Path],
) -> None:
    labels, table, folder = written
    text = (folder / "crystals.geojson").read_text(encoding="utf-8")
    collection = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    ids = np.zeros(labels.shape, np.uint32)
    kinds = set()
    for feature in collection["features"]:
        geometry = feature["geometry"]
        kinds.add(geometry["type"])
        polygons = geometry["coordinates"]
        for polygon in polygons if geometry["type"] == "MultiPolygon" else [polygons]:
            assert all(ring[0] == ring[-1] for ring in polygon)
            ids[rasterise([ring[:-1] for ring in polygon], ids.shape)] = feature["id"]
    assert kinds == {"Polygon", "MultiPolygon"}
    assert (ids == labels.levels[0]).all()
    properties = {feature["id"]: feature["properties"] for feature in collection["features"]}
    first, second = (properties[crystal] for crystal in table["id"][:2])
    assert first["objectType"] == "detection" and first["name"] == "crystal_000001"
    assert first["classification"] == {
        "name": "Phenocrysts, reversed zoning", "color": [0, 0x72, 0xB2],
    }  # fmt: skip
    assert second["classification"]["name"] == "Microlites"
    assert first["measurements"] == {"area_um2": table["area_um2"][0]}  # mg# was not measured
    assert second["measurements"]["mg_core"] == pytest.approx(table["mg_core"][1], abs=1e-5)


def test_rois_give_back_labels_and_classes(
    written: tuple[MadeLabels, pd.DataFrame, Path],
) -> None:
    labels, table, folder = written
    rois: Any = roifile.roiread(folder / "RoiSet.zip")
    assert sorted(roi.name for roi in rois) == [f"crystal_{k:06d}" for k in table["id"]]
    ids = np.zeros(labels.shape, np.uint32)
    for roi in rois:
        rings = roi.coordinates(multi=True) if roi.composite else [roi.coordinates()]
        ids[rasterise(rings, ids.shape)] = int(roi.properties["crystal"])
    assert (ids == labels.levels[0]).all()
    assert {roi.composite for roi in rois} == {True, False}
    first = next(roi for roi in rois if roi.name == "crystal_000001")
    assert first.properties["class"] == "Phenocrysts, reversed zoning"
    assert first.stroke_color == bytes((255, 0, 0x72, 0xB2))


def test_a_ring_beyond_16_bits_is_a_composite(tmp_path: Path) -> None:
    far = np.array([[70_000, 0], [70_009, 0], [70_009, 3], [70_000, 3]])
    with RoiSet(tmp_path / "far.zip") as rois:
        rois.add({"id": 7}, "microlite", [[far]])
    (roi,) = roifile.roiread(tmp_path / "far.zip")  # type: ignore[union-attr, misc]
    assert roi.composite
    assert np.array_equal(roi.coordinates(multi=True)[0][:4], far)


def test_a_crystal_beyond_the_memory_is_coarse_and_that_is_told() -> None:
    rows, columns = np.mgrid[:301, :303]
    inside = np.hypot(rows - 150, columns - 150) < 149
    labels = MadeLabels(inside.astype(np.uint32))
    box = {"id": 1, "row0": 2, "row1": 299, "col0": 2, "col1": 299}
    told: list[Event] = []
    job = Job(memory_bytes=4 << 20, listen=told.append)
    ((crystal, polygons),) = trace_crystals(labels, pd.DataFrame([box]), job)
    assert crystal == 1
    drawn = rasterise([ring for polygon in polygons for ring in polygon], inside.shape)
    assert drawn.sum() == pytest.approx(inside.sum(), rel=0.02)
    assert (drawn != inside).sum() < 0.04 * inside.sum()
    warnings = [event for event in told if event["event"] == "warning"]
    assert [warning["setting"] for warning in warnings] == ["memory"]
    assert "coarser level" in warnings[0]["message"]
