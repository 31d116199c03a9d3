"""Folders of images with masks: what is found, where it lies, what is learned, what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from napari_olivine.cli import main
from napari_olivine.errors import InputError
from napari_olivine.inference.joint import ready_mask
from napari_olivine.job import Job
from napari_olivine.labelled import ImportLabelsSettings, import_labels
from napari_olivine.labelled.pair_table import read_pair_table
from napari_olivine.labelled.pairs import Pair, find_pairs
from napari_olivine.labelled.roles import with_roles
from napari_olivine.scoring import score_section
from napari_olivine.section import Section
from napari_olivine.training import TrainSettings, forest
from napari_olivine.training.plan import make_plan

BLUE, RED, BLACK = (0, 0, 255), (255, 0, 0), (0, 0, 0)
CLASSES = 'name,colour\npyrite,"0 0 255"\nquartz,#ff0000\npores,0\n'
GAP = 16


def image_and_mask(seed: int, shape: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Blocks of three classes, each with its grey."""
    random = np.random.default_rng(seed)
    codes = np.kron(random.integers(0, 3, (shape[0] // 8, shape[1] // 8)), np.ones((8, 8), int))
    grey = np.array([30, 120, 210])[codes] + random.integers(-8, 8, shape)
    return grey.astype(np.uint8), np.array([BLACK, RED, BLUE], np.uint8)[codes]


def write(folder: Path, name: str, mask_name: str, seed: int, shape: tuple[int, int]) -> None:
    grey, mask = image_and_mask(seed, shape)
    for file, pixels in ((folder / name, grey), (folder / mask_name, mask)):
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".png":
            Image.fromarray(pixels).save(file)
        else:
            kind = "rgb" if pixels.ndim == 3 else "minisblack"
            tifffile.imwrite(file, pixels, photometric=kind)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two images for training, of two sizes, one for validation and one for testing."""
    folder = tmp_path / "source"
    for seed, (role, shape) in enumerate(
        (("train", (64, 96)), ("train", (80, 64)), ("val", (64, 64)), ("test", (64, 72)))
    ):
        name = f"spot{seed}"
        write(folder, f"{role}/{name}.tif", f"{role}_annot/{name}_mask.png", seed, shape)
    (tmp_path / "classes.csv").write_text(CLASSES)
    return folder


def settings_of(source: Path, **more: Any) -> ImportLabelsSettings:
    given = {"classes": str(source.parent / "classes.csv"), "target": "pyrite", "gap_px": GAP}
    return ImportLabelsSettings(**(given | more))


FORMS: dict[str, tuple[str, str]] = {
    "two folders": ("images/{}.tif", "masks/{}.png"),
    "two folders, names with an ending": ("images/{}.png", "labels/{}-labels.tif"),
    "side by side": ("{}.tif", "{}_mask.tif"),
    "a folder a role": ("val/images/{}.tif", "val/masks/{}.tif"),
    "a role in each": ("images/val/{}.tif", "masks/val/{}.png"),
}


@pytest.mark.parametrize("form", FORMS)
def test_pairs_are_found_by_folders_and_names(tmp_path: Path, form: str) -> None:
    image, mask = FORMS[form]
    for name in ("a1", "a2"):
        write(tmp_path, image.format(name), mask.format(name), 1, (16, 16))
    pairs = find_pairs(tmp_path)
    named = [(pair.image, pair.mask) for pair in pairs]
    assert named == [(tmp_path / image.format(n), tmp_path / mask.format(n)) for n in ("a1", "a2")]
    assert {pair.role for pair in pairs} == ({"val"} if "val" in image else {None})


def test_a_table_names_pairs_roles_and_samples(tmp_path: Path) -> None:
    write(tmp_path, "x/1.tif", "y/other.png", 1, (16, 16))
    write(tmp_path, "x/2.tif", "y/2.png", 2, (16, 16))
    table = tmp_path / "pairs.csv"
    table.write_text("image,mask,role,group\nx/1.tif,y/other.png,test,A\nx/2.tif,,,B\n")
    one, other = read_pair_table(table)
    assert (one.mask, one.role, one.group) == (tmp_path / "y/other.png", "test", "A")
    assert (other.mask, other.role) == (None, "none")
    table.write_text("image,mask,role\nx/1.tif,y/none.png,exam\n")
    with pytest.raises(InputError, match=r"row 2: there is no mask 'y/none.png'[\s\S]*'exam'"):
        read_pair_table(table)


def test_roles_are_drawn_by_samples_the_same_for_a_seed() -> None:
    pairs = [Pair(Path(f"{k}.tif"), Path(f"{k}.png"), None, f"rock {k % 10}") for k in range(40)]
    drawn = with_roles(pairs, 15, 15, seed=3)
    assert drawn == with_roles(pairs, 15, 15, seed=3)
    roles = {
        group: {p.role for p in drawn if p.group == group} for group in {p.group for p in drawn}
    }
    assert all(len(some) == 1 for some in roles.values()), "a sample is cut into two roles"
    counts = [sum({role} == some for some in roles.values()) for role in ("train", "val", "test")]
    assert counts == [6, 2, 2]


def test_every_image_and_label_lies_in_its_place_and_nothing_between(
    source: Path, tmp_path: Path
) -> None:
    section = import_labels(source, tmp_path / "section", settings_of(source))
    everything = slice(0, section.shape[0]), slice(0, section.shape[1])
    grey, olivine, phases = (
        section.raster(*image).read(*everything)
        for image in (("images", "BSE"), ("mask", "olivine"), ("mask", "phases"))
    )
    tiles = section.tiles()
    assert tiles is not None
    free = np.ones(grey.shape, bool)
    sessions = {one.session: one for one in section.sessions()}
    for tile in tiles.table.itertuples():
        seed = int(tile.file[4])
        place = slice(tile.row0, tile.row1), slice(tile.col0, tile.col1)
        image, mask = image_and_mask(seed, (tile.row1 - tile.row0, tile.col1 - tile.col0))
        np.testing.assert_array_equal(grey[place], image)
        of_colour = [(mask == colour).all(-1) for colour in (BLUE, RED, BLACK)]
        np.testing.assert_array_equal(phases[place], np.select(of_colour, [1, 2, 3]))
        np.testing.assert_array_equal(olivine[place], of_colour[0])
        assert free[place].all(), "two images overlap"
        free[place] = False
        session = sessions["train" if seed < 2 else ("val", "test")[seed - 2]]
        assert session.row0 <= tile.row0 and tile.row1 <= session.row1
        around = (slice(max(0, s.start - GAP), s.stop + GAP) for s in place)
        assert tiles.within(*around).size == 1, "another image is nearer than the gap"
    assert set(olivine[free]) == set(phases[free]) == {255}
    _, below, left, right = tiles.bounds[0]
    mirrored = grey[below - GAP // 2 : below, left:right][::-1]
    np.testing.assert_array_equal(grey[below : below + GAP // 2, left:right], mirrored)
    mask_notes = section.require("mask").notes
    assert [one["name"] for one in mask_notes["modes"]] == ["olivine", "quartz", "pores"]
    share = 100 * (phases == 2).sum() / (~free).sum()
    assert mask_notes["modes"][1]["percent"] == pytest.approx(share, abs=0.001)
    assert mask_notes["labels"] == "pyrite"


def test_no_crop_and_no_validation_crosses_two_images(source: Path, tmp_path: Path) -> None:
    section = import_labels(source, tmp_path / "section", settings_of(source))
    tiles = section.tiles()
    assert tiles is not None
    plan = make_plan(section, TrainSettings(), Job())
    images = {tuple(bounds) for bounds in tiles.bounds.tolist()}
    windows = [*plan.train_windows, *plan.validation_windows]
    assert {(r.start, r.stop, c.start, c.stop) for r, c in windows} <= images
    assert (len(plan.train_windows), len(plan.validation_windows)) == (2, 1)
    table = section.annotation("sessions")
    section.annotate("sessions", table.assign(role=["train", "none", "none"]))
    plan = make_plan(section, TrainSettings(), Job())  # no session is for validation
    assert len(plan.train_windows) == len(plan.validation_windows) == 1


def test_trains_segments_and_never_segments_by_the_labels(
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forest, "CROPS", 16)
    monkeypatch.setattr(forest, "PIXELS_OF_A_CROP", 400)
    folder, classes = tmp_path / "section", str(tmp_path / "classes.csv")
    given = ["import-labels", str(source), str(folder), "--classes", classes, "--target", "pyrite"]
    assert main([*given, "--pixel-size-um", "0.5"]) == 0
    assert main([*given, "--pixel-size-um", "0.5"]) == 0
    assert "mask is up to date" in "".join(capsys.readouterr())
    assert main(["check", str(folder)]) == 0
    assert main(["train", str(folder), "--network", "random_forest", "--crop-px", "64"]) == 0
    assert main(["segment", str(folder), "--phases", "all", "--engine", "float32"]) == 0
    section = Section(folder)
    assert section.product("joint") is None, "labels of test images would be in their segmentation"
    assert ready_mask(section, Job()) is None
    tiles = section.tiles()
    assert tiles is not None
    everything = slice(0, section.shape[0]), slice(0, section.shape[1])
    found = section.raster("segmentation", "olivine").read(*everything)
    assert not found[~tiles.covers(*everything)].any(), "there is olivine between the images"
    (test,) = (one for one in section.sessions() if one.role == "test")
    truth = section.raster("mask", "olivine").read(*test.window)
    known, right = truth != 255, found[test.window] == truth
    assert right[known].mean() > 0.95
    scores = score_section(section)  # against the labels
    (of_test,) = (one for one in scores.sessions if one.role == "test")
    assert of_test.segmentation is not None and of_test.segmentation.iou is not None
    hits, either = (found[test.window] & (truth == 1)), (found[test.window] | (truth == 1))
    assert of_test.segmentation.iou == pytest.approx(hits[known].sum() / either[known].sum())
    assert set(scores.other_phases) == {"quartz", "pores"}
    assert set(scores.other_phases["quartz"]) == {"segmentation"}, "labels against themselves"
    assert scores.mask is None


def test_masks_of_any_kind_give_the_same_labels(source: Path, tmp_path: Path) -> None:
    codes = np.kron(np.array([[0, 1], [2, 1]]), np.ones((8, 8), np.uint8)).astype(np.uint8)
    colours = np.stack([codes] * 3, axis=-1)
    palette = Image.fromarray(codes, mode="P")
    palette.putpalette([0, 0, 0, 1, 1, 1, 2, 2, 2])
    folder = tmp_path / "kinds"
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for name in "abcd":
        tifffile.imwrite(folder / "images" / f"{name}.tif", codes * 100)
    tifffile.imwrite(folder / "masks" / "a.tif", codes.astype(np.uint16))
    tifffile.imwrite(folder / "masks" / "b.tif", colours, photometric="rgb", compression="zlib")
    palette.save(folder / "masks" / "c.png")
    Image.fromarray(codes).save(folder / "masks" / "d.png")
    settings = ImportLabelsSettings(target="class 2", val_percent=20, test_percent=20)
    section = import_labels(folder, tmp_path / "section", settings)
    tiles = section.tiles()
    assert tiles is not None
    phases = section.raster("mask", "phases")
    for row0, row1, col0, col1 in tiles.bounds.tolist():
        found = phases.read(slice(row0, row1), slice(col0, col1))
        np.testing.assert_array_equal(found, np.array([2, 1, 3])[codes])


def _other_size(source: Path) -> None:
    write(source, "val/spot9.tif", "val_annot/spot9_mask.png", 9, (64, 64))
    tifffile.imwrite(source / "val" / "spot9.tif", np.zeros((60, 64), np.uint8))


def _strange_colour(source: Path) -> None:
    file = source / "test_annot" / "spot3_mask.png"
    pixels = np.array(Image.open(file))
    pixels[5, 7:9] = (9, 200, 9)
    Image.fromarray(pixels).save(file)


def _jpeg(source: Path) -> None:
    file = source / "val_annot" / "spot2_mask.png"
    Image.open(file).save(file.with_suffix(".jpg"))
    file.unlink()


def _no_mask(source: Path) -> None:
    (source / "val_annot" / "spot2_mask.png").unlink()


def _no_image(source: Path) -> None:
    (source / "val" / "spot2.tif").unlink()


def _deeper(source: Path) -> None:
    tifffile.imwrite(source / "val" / "spot2.tif", np.full((64, 64), 900, np.uint16))


def _truncated(source: Path) -> None:
    file = source / "train_annot" / "spot1_mask.png"
    file.write_bytes(file.read_bytes()[:200])


REFUSED: dict[str, tuple[Callable[[Path], None], dict[str, Any], str]] = {
    "sizes": (_other_size, {}, r"spot9_mask\.png has 64 x 64 px, its image spot9\.tif 64 x 60"),
    "colour": (
        _strange_colour, {},
        r"spot3_mask\.png: \(9, 200, 9\), 2 pixels, the first in row 5, column 7",
    ),
    "JPEG": (_jpeg, {}, r"spot2_mask\.jpg is JPEG: a mask must be stored without loss"),
    "image alone": (_no_mask, {}, r"val/spot2\.tif has no mask"),
    "mask alone": (_no_image, {}, r"val_annot/spot2_mask\.png"),
    "types": (_deeper, {}, r"spot2\.tif has uint16"),
    "damaged": (_truncated, {}, r"spot1_mask\.png is damaged"),
    "target": (lambda _: None, {"target": "gold"}, r"classes are pyrite, quartz, pores"),
    "no target": (lambda _: None, {"target": ""}, r"No class is called olivine"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_named_and_nothing_is_written(
    source: Path, tmp_path: Path, case: str
) -> None:
    spoil, more, words = REFUSED[case]
    spoil(source)
    with pytest.raises(InputError, match=words):
        import_labels(source, tmp_path / "section", settings_of(source, **more))
    assert not (tmp_path / "section").exists()


def test_colours_of_no_class_are_no_label_if_wished(source: Path, tmp_path: Path) -> None:
    _strange_colour(source)
    section = import_labels(source, tmp_path / "section", settings_of(source, others="ignore"))
    (test,) = (one for one in section.sessions() if one.role == "test")
    phases = section.raster("mask", "phases").read(*test.window)[:64, :72]
    assert [tuple(place) for place in np.argwhere(phases == 255)] == [(5, 7), (5, 8)]


def test_classes_drawn_over_the_image_need_a_row_for_everything_else(
    source: Path, tmp_path: Path
) -> None:
    for file in source.glob("*_annot/*.png"):
        pixels = np.array(Image.open(file))
        grey = np.random.default_rng(1).integers(0, 256, pixels.shape[:2])
        background = (pixels == BLACK).all(-1)
        pixels[background] = grey[background, None]
        Image.fromarray(pixels).save(file)
    with pytest.raises(InputError, match=r"cannot be classes.*drawn in colour over the image"):
        import_labels(source, tmp_path / "a", settings_of(source, classes=""))
    (tmp_path / "classes.csv").write_text(CLASSES.replace("pores,0", "pores,*"))
    section = import_labels(source, tmp_path / "b", settings_of(source))
    assert [one["name"] for one in section.require("mask").notes["modes"]][2] == "pores"


def test_images_without_a_mask_are_kept_without_labels_if_wished(
    source: Path, tmp_path: Path
) -> None:
    _no_mask(source)
    section = import_labels(source, tmp_path / "section", settings_of(source, without_mask="keep"))
    (alone,) = (one for one in section.sessions() if one.role == "none")
    assert alone.session == "without labels"
    assert section.raster("images", "BSE").read(*alone.window)[:64, :64].all()
    assert (section.raster("mask", "olivine").read(*alone.window) == 255).all()


def test_another_set_of_files_is_imported_anew(source: Path, tmp_path: Path) -> None:
    section = import_labels(source, tmp_path / "section", settings_of(source))
    before = section.fingerprint("mask")
    shutil.copy(source / "val_annot/spot2_mask.png", tmp_path / "kept.png")
    Image.fromarray(image_and_mask(7, (64, 64))[1]).save(source / "val_annot/spot2_mask.png")
    section = import_labels(source, tmp_path / "section", settings_of(source))
    assert section.fingerprint("mask") != before
