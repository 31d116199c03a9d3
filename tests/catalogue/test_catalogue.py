"""What an export holds, read again by other programs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image as PilImage

from napari_olivine.catalogue import ExportSettings, export_catalogue
from napari_olivine.catalogue.cutouts import nice_length
from napari_olivine.catalogue.histograms import count_mg
from napari_olivine.catalogue.methods import methods_text
from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.crystals.class_colours import CLASS_COLOURS, class_codes, crystal_classes
from napari_olivine.crystals.edits import CrystalStore, Judge
from napari_olivine.errors import Cancelled, InputError, SectionError
from napari_olivine.inference import fingerprint_of_model
from napari_olivine.job import Event, Job
from napari_olivine.masks.corrections import MaskCorrections, correct_mask, make_correction
from napari_olivine.networks import LearnedSection, ModelCard, ModelPhase
from napari_olivine.networks.card import Normalisation
from napari_olivine.section import Product, Recipe, Section, create_raster
from napari_olivine.settings import Settings
from tests.helpers.exportable_section import (
    PIXEL_UM,
    SHAPE,
    Made,
    crystals_and_mg,
    make_section,
    put,
)


class Windows(Settings):
    """Settings of a probability."""

    window_px: int
    overlap_px: int
    blend: str


class Models(Settings):
    """Settings of a probability of models outside the section."""

    models: tuple[str, ...]


class Threshold(Settings):
    """Setting of a segmentation."""

    threshold: float


@pytest.fixture
def section(tmp_path: Path) -> Section:
    return make_section(tmp_path / "section")


def files_in(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_catalogue_holds_what_its_readme_names(section: Section, tmp_path: Path) -> None:
    everything = ExportSettings(rasters=True, geojson=True, imagej_rois=True)
    folder = export_catalogue(section, tmp_path / "out", everything)
    expected = {
        "crystals.geojson", "RoiSet.zip",
        "README.txt", "catalogue.json", "methods.txt", "crystals.csv", "profiles.csv",
        "calibration.json", "mask.tif", "probability.tif", "crystals.tif", "mg.tif",
        "plots/overview.png", "plots/sizes.png", "plots/mg_histograms.png",
        "plots/calibration.png", "plots/traverses.png", "cutouts/normal/crystal_000001.png",
        "cutouts/reversed/crystal_000002.png", "cutouts/none/crystal_000004.png",
    }  # fmt: skip
    assert files_in(folder) == expected
    readme = (folder / "README.txt").read_text()
    for name in expected - {"README.txt"}:
        assert name.startswith("cutouts") or name in readme
    assert "cutouts/CLASS/crystal_ID.png" in readme
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_crystals_csv_is_the_table(section: Section, tmp_path: Path) -> None:
    folder = export_catalogue(section, tmp_path / "out", ExportSettings(cutouts=False))
    written = pd.read_csv(folder / "crystals.csv")
    table = section.table("crystals", "crystals")
    assert written["id"].tolist() == table["id"].tolist()
    for name in (
        "x_um", "y_um", "bbox_row0", "bbox_row1", "bbox_col0", "bbox_col1", "area_um2",
        "size_class", "zoning_class", "mg_core", "mg_rim", "mg_mean", "mean_probability",
        "touches_edge",
    ):  # fmt: skip
        assert name in written.columns
    np.testing.assert_allclose(written["mg_core"], table["mg_core"], atol=1e-5)
    np.testing.assert_allclose(written["mean_probability"], 230 / 255, atol=1e-4)
    classes = written.set_index("id")["zoning_class"]
    assert classes.loc[[1, 2, 4]].tolist() == ["normal", "reversed", "none"]
    assert classes.loc[[3, 5]].isna().all()
    assert not (folder / "cutouts").exists()
    assert len(pd.read_csv(folder / "profiles.csv")) == 80


@pytest.mark.parametrize("compression", ["zlib", "zstd"])
def test_rasters_are_tiled_bigtiff_with_pixel_size(
    section: Section, tmp_path: Path, compression: str
) -> None:
    settings = ExportSettings(rasters=True, cutouts=False, compression=compression)
    folder = export_catalogue(section, tmp_path / "out", settings)
    wanted = {
        "mask.tif": ("segmentation", "olivine", np.uint8),
        "probability.tif": ("probability", "olivine", np.uint8),
        "crystals.tif": ("crystals", "crystals", np.uint32),
        "mg.tif": ("mg", "mg", np.float32),
    }
    for name, (product, image, dtype) in wanted.items():
        raster = section.raster(product, image)
        with tifffile.TiffFile(folder / name) as tiff:
            assert tiff.is_bigtiff and tiff.is_ome
            page = tiff.pages[0]
            assert page.is_tiled and page.dtype == dtype  # type: ignore[union-attr]
            resolution = page.tags["XResolution"].value  # type: ignore[union-attr]
            assert resolution[0] / resolution[1] == pytest.approx(1e4 / PIXEL_UM)
            assert page.tags["ResolutionUnit"].value == 3  # type: ignore[union-attr]
            assert 'PhysicalSizeX="2.0"' in str(tiff.ome_metadata)
            levels = tiff.series[0].levels
            assert [level.shape for level in levels] == [a.shape for a in raster.levels]
            for level, array in zip(levels, raster.levels, strict=True):
                np.testing.assert_array_equal(level.asarray(), np.asarray(array[:]))


def test_cutouts_and_plots_are_pictures(section: Section, tmp_path: Path) -> None:
    folder = export_catalogue(section, tmp_path / "out")
    for name in files_in(folder):
        if name.endswith(".png"):
            with PilImage.open(folder / name) as picture:
                assert min(picture.size) > 300
                colours = picture.convert("RGB").getcolors(maxcolors=1 << 24)
            assert colours is not None and len(colours) > 20
    with PilImage.open(folder / "cutouts/normal/crystal_000001.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    outline = np.abs(pixels - (0xD5, 0x5E, 0x00)).sum(axis=2) < 40
    assert outline.sum() > 1000  # in the colour of its class
    assert (pixels[:, -4:] == 255).all() and (pixels[-4:] == 255).all()  # nothing is cut off


def test_histogram_counts_every_pixel_of_a_class(section: Section) -> None:
    table = section.table("crystals", "crystals")
    histogram = count_mg(section, table, Job(memory_bytes=1 << 20))
    areas = table.groupby(crystal_classes(table))["area_px"].sum()
    assert {name: histogram.of(name).sum() for name in areas.index} == areas.to_dict()
    assert histogram.of("microphenocryst")[740] == areas["microphenocryst"]
    low, high = histogram.range(["normal"], 0.01)
    assert (low, high) == pytest.approx((0.78, 0.91), abs=0.011)
    assert histogram.range(["unclassified"], 1) == (0.0, 1.0)
    assert class_codes(table).tolist() == [
        0, *(list(CLASS_COLOURS).index(name) + 1 for name in crystal_classes(table))
    ]  # fmt: skip


def test_methods_tell_the_settings_and_counts(section: Section) -> None:
    find_crystals(section, CrystalsSettings(zoning_threshold=0.017, join_diagonals=False))
    text = " ".join(methods_text(section, "segmentation").split())
    assert "at least 0.017: 1 normal, 1 reversed, 1 without zoning" in text
    assert "4 neighbours" in text
    assert "40 points, RMSE 0.0020" in text
    assert "1100 x 700 pixels of 2 um" in text
    for product in section.products():
        assert product.fingerprint in text
    find_crystals(section, CrystalsSettings(zoning="paper", bridge_um=4))
    text = " ".join(methods_text(section, "segmentation").split())
    assert "ratio of core to rim grey of 0.96" in text
    assert "0 cracks of up to 4 um were bridged" in text
    assert "0 cuts" in text


def test_crystals_by_bse_and_maps_come_with_the_mask_by_bse_alone(
    section: Section, tmp_path: Path
) -> None:
    olivine = crystals_and_mg()[0]
    with section.draft("joint", section.recipe("segment", Made(), []), Job()) as draft:
        raster = create_raster(draft.path / "olivine", SHAPE, "uint8", PIXEL_UM, reduction="mode")
        joint = olivine.astype(np.uint8)
        joint[590:610, 40:60] = 1
        raster.write(0, 0, joint)
        raster.build_pyramid(Job())
        draft.notes |= {"covered_percent": 40.0, "calibrated_on": ["a"]}
        draft.notes |= {"slope": 0.81, "offset": -1.2}
    assert find_crystals(section).notes["phase_from"] == "joint"
    folder = export_catalogue(section, tmp_path / "out", ExportSettings(rasters=True))
    masks = {name: tifffile.imread(folder / name) for name in ("mask.tif", "mask-bse.tif")}
    np.testing.assert_array_equal(masks["mask.tif"], joint)
    np.testing.assert_array_equal(masks["mask-bse.tif"], olivine)
    assert "mask-bse.tif" in (folder / "README.txt").read_text()
    text = " ".join((folder / "methods.txt").read_text(encoding="utf-8").split())
    assert "regions of the segmentation by BSE and element maps" in text
    assert (
        "(40 % of the section), the log odds of the network after calibration on session a" in text
    )
    find_crystals(section, CrystalsSettings(phase_from="segmentation"))
    export_catalogue(section, folder, ExportSettings(rasters=True, cutouts=False))
    assert not (folder / "mask-bse.tif").exists()
    np.testing.assert_array_equal(tifffile.imread(folder / "mask.tif"), olivine)


def test_methods_tell_that_the_mask_was_corrected_by_hand(section: Section) -> None:
    put(section, "mask", "olivine", crystals_and_mg()[0].astype(np.uint8))
    pixel = make_correction(label="other", tool="brush", line=[(150, 150)], radius_px=0.5)
    MaskCorrections(section).add([pixel])
    correct_mask(section)
    find_crystals(section)
    text = " ".join(methods_text(section, "segmentation").split())
    assert "; 1 pixels were corrected by hand." in text


def test_methods_tell_what_bse_added_to_the_mask(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe("mask", {"rule": "olivine", "cracks": "ignore"}, {})
    notes = {"rule": "Mg > 30", "alteration": {"contrast": 53.4, "shift_px": [0, 0]}}
    notes["unclassified"] = {"method": "mixture", "examples": {}}
    mask = Product("mask", section.path / "mask", recipe, "", 1.0, {}, notes)
    known = section.product
    monkeypatch.setattr(section, "product", lambda name: mask if name == "mask" else known(name))
    text = " ".join(methods_text(section, "segmentation").split())
    assert "by the rule Mg > 30. Veins that are darker in BSE than olivine" in text
    assert "by 53 grey" in text
    assert "assigned by Gaussian mixtures of what the rules were sure of" in text
    assert "Open cracks that BSE shows count as not labelled." in text


def test_what_a_person_rejected_is_left_out_and_the_methods_tell(
    section: Section, tmp_path: Path
) -> None:
    table = section.table("crystals", "crystals")
    large = table.sort_values("area_px")["id"].to_numpy()
    store = CrystalStore(section)
    store.do(Judge(crystals=(int(large[-1]),), verdict="rejected"), who="Ada")
    store.do(Judge(crystals=(int(large[-2]),), verdict="accepted"), who="Grace")
    store.journal.release()  # killed before it wrote the table
    folder = export_catalogue(section, tmp_path / "out", ExportSettings(rasters=True))
    kept, rejected = (pd.read_csv(folder / name) for name in ("crystals.csv", "rejected.csv"))
    assert rejected["id"].tolist() == [large[-1]]
    assert sorted([*kept["id"], large[-1]]) == table["id"].tolist()
    assert not any(f"{large[-1]:06d}" in name for name in files_in(folder))
    text = " ".join((folder / "methods.txt").read_text().split())
    assert "2 of them were looked at by Ada and Grace: 1 accepted, 1 rejected and left out" in text
    histogram = count_mg(section, section.table("crystals", "crystals"), Job())
    assert histogram.counts.sum() == kept["area_px"].sum()


def test_methods_tell_the_network(section: Section) -> None:
    card = ModelCard(
        network="light",
        title="U-Net with a small encoder (some library); trains well",
        channels=1,
        pixel_size_um=PIXEL_UM,
        grey_type="uint8",
        normalisation=Normalisation(align="none", median=0, spread=1, mean=(0.0,), std=(1.0,)),
        section="tiny",
        phases=[
            ModelPhase(name=name, code=code, colour="#112233")
            for code, name in enumerate(["unclassified", "olivine", "glass", "oxide"])
        ],
        training_sessions=["a"],
        validation_sessions=["b", "c"],
        weights_from="random weights",
        best_epoch=7,
        best_step=70,
        scores={},
        best_threshold=0.3,
        settings={},
        seed=0,
        versions={},
        created="2026-01-01",
    )
    with section.draft("models/light", section.recipe("train", Made(), []), Job()) as draft:
        (draft.path / "card.json").write_text(card.model_dump_json())
        (draft.path / "weights.safetensors").touch()
    made = Windows(window_px=512, overlap_px=128, blend="cosine")
    with section.draft(
        "probability", section.recipe("segment", made, ["models/light"]), Job()
    ) as draft:
        create_raster(draft.path / "olivine", SHAPE, "uint8", PIXEL_UM, reduction="mean")
    with section.draft(
        "segmentation", section.recipe("segment", Threshold(threshold=0.1), []), Job()
    ) as draft:
        create_raster(draft.path / "olivine", SHAPE, "uint8", PIXEL_UM, reduction="nearest")
    compared = section.recipe("segment", Made(), ["models/light"])
    with section.draft("out_of_distribution", compared, Job()) as draft:
        draft.notes.update(unlike_percent=58.3, measured_cells=264)
    find_crystals(section)
    text = " ".join(methods_text(section, "segmentation").split())
    assert "58 % of the section was unlike the images that the network learned from" in text
    assert "(U-Net with a small encoder, starting from random weights) was trained to tell" in text
    assert "to tell olivine from other phases (glass, oxide) on BSE images of" in text
    assert "session a and validated on session b and c; the weights of epoch 7" in text
    assert "windows of 512 pixels with an overlap of 128 pixels" in text
    assert "probability of at least 0.1 are olivine" in text
    learned = {"folder": "x", "training_sessions": ["1"], "validation_sessions": ["2", "3"]}
    both = [LearnedSection(name=name, **learned) for name in ("Etna", "Hawaii")]
    card = card.model_copy(update={"sections": both})
    (section.path / "models/light/card.json").write_text(card.model_dump_json())
    text = " ".join(methods_text(section, "segmentation").split())
    assert "on BSE images of 2 sections: Etna (session 1, validated on session 2 and 3)," in text


def test_methods_tell_a_network_of_another_section(section: Section, tmp_path: Path) -> None:
    test_methods_tell_the_network(section)
    model = tmp_path / "model"
    (section.path / "models/light").rename(model)
    marks = {"source/model 0": fingerprint_of_model(model)}
    recipe = section.recipe("segment", Models(models=(str(model),)), [], extra=marks)
    with section.draft("probability", recipe, Job()) as draft:
        create_raster(draft.path / "olivine", SHAPE, "uint8", PIXEL_UM, reduction="mean")
    find_crystals(section)
    text = " ".join(methods_text(section, "segmentation").split())
    assert "Hawaii (session 1, validated on session 2 and 3); the weights of epoch 7" in text
    (model / "weights.safetensors").write_bytes(b"other")
    text = " ".join(methods_text(section, "segmentation").split())
    assert "which has changed since or is no longer there" in text


def test_a_section_with_a_mask_alone_is_exported(section: Section, tmp_path: Path) -> None:
    for product in ("segmentation", "probability", "mg", "calibration"):
        section.product(product).path.rename(tmp_path / product)  # type: ignore[union-attr]
    olivine, _ = crystals_and_mg()
    put(section, "mask", "olivine", np.where(olivine, 1, 255).astype(np.uint8))
    find_crystals(section)
    folder = export_catalogue(section, tmp_path / "out", ExportSettings(rasters=True))
    files = files_in(folder)
    assert {"mask.tif", "crystals.tif", "cutouts/unclassified/crystal_000001.png"} <= files
    assert not {"mg.tif", "probability.tif", "profiles.csv", "plots/traverses.png"} & files
    assert set(np.unique(tifffile.imread(folder / "mask.tif"))) == {1, 255}
    assert "reference mask" in (folder / "README.txt").read_text()


def test_a_section_without_crystals_is_exported(section: Section, tmp_path: Path) -> None:
    put(section, "segmentation", "olivine", np.zeros(SHAPE, np.uint8), version=2)
    find_crystals(section)
    folder = export_catalogue(section, tmp_path / "out")
    assert len(pd.read_csv(folder / "crystals.csv")) == 0
    assert "plots/sizes.png" in files_in(folder)


def test_stale_products_are_refused_with_advice(section: Section, tmp_path: Path) -> None:
    put(section, "mg", "mg", crystals_and_mg()[1], version=2)
    with pytest.raises(SectionError, match="Run the step 'crystals'"):
        export_catalogue(section, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    section.product("crystals").path.rename(tmp_path / "gone")  # type: ignore[union-attr]
    with pytest.raises(SectionError, match="Run the step 'crystals'"):
        export_catalogue(section, tmp_path / "out")


def test_foreign_folders_are_left_alone(section: Section, tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter1.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds no catalogue"):
        export_catalogue(section, folder)
    assert files_in(folder) == {"chapter1.txt"}
    with pytest.raises(InputError, match="is a file"):
        export_catalogue(section, folder / "chapter1.txt")
    for inside in (section.path / "out", section.path, section.path.parent):
        with pytest.raises(InputError, match="overlap"):
            export_catalogue(section, inside)


def test_interruption_leaves_the_old_catalogue_and_nothing_else(
    section: Section, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()

    class Stopper:
        def __init__(self, left: int) -> None:
            self.left = left
            self.job = Job(listen=self)

        def __call__(self, event: Event) -> None:
            self.left -= 1
            if self.left == 0:
                self.job.cancel.set()

    for left in (2, 7):
        with pytest.raises(Cancelled):
            export_catalogue(section, folder, ExportSettings(rasters=True), Stopper(left).job)
        assert files_in(folder) == set()
    export_catalogue(section, folder, ExportSettings(cutouts=False))
    before = {name: (folder / name).read_bytes() for name in files_in(folder)}
    with pytest.raises(Cancelled):
        export_catalogue(section, folder, ExportSettings(rasters=True), Stopper(7).job)
    assert {name: (folder / name).read_bytes() for name in files_in(folder)} == before
    assert {path.name for path in tmp_path.iterdir()} == {"section", "out"}

    (tmp_path / ".out.unfinished").mkdir()  # of a run that was killed
    (tmp_path / ".out.unfinished" / "half.tif").write_text("half")
    export_catalogue(section, folder, ExportSettings(rasters=True, cutouts=False))
    assert "mask.tif" in files_in(folder)
    assert "half.tif" not in files_in(folder)
    assert {path.name for path in tmp_path.iterdir()} == {"section", "out"}


@pytest.mark.skipif(sys.platform == "win32", reason="permissions differ")
def test_two_exports_at_once_are_refused(section: Section, tmp_path: Path) -> None:
    def again(event: Event) -> None:
        if event["event"] == "progress":
            with pytest.raises(SectionError, match="Another process exports"):
                export_catalogue(section, tmp_path / "other")
            job.cancel.set()

    job = Job(listen=again)
    with pytest.raises(Cancelled):
        export_catalogue(section, tmp_path / "out", None, job)


@pytest.mark.parametrize(
    ("longest", "length"), [(99, 50), (100, 100), (0.7, 0.5), (2300, 2000), (20, 20)]
)
def test_scale_bars_have_round_lengths(longest: float, length: float) -> None:
    assert nice_length(longest) == pytest.approx(length)
