"""The phantom: form on disk, truth, instruments, and what happens when it cannot be made."""

from __future__ import annotations

import json
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from scipy import ndimage
from skimage.measure import label

from napari_olivine.errors import Cancelled, InputError
from napari_olivine.job import Event, Job
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.phantom.compositions import (
    OLIVINE,
    ORTHOPYROXENE,
    PHASES,
    olivine_atomic_number,
)
from napari_olivine.phantom.rocks import ROCKS

SIGNALS = ["BSE", "Mg", "Fe", "Ca", "Al", "Si"]
SETTINGS = PhantomSettings.small()
TINY = PhantomSettings.small(rows=2, cols=1, sessions=1)


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_phantom(tmp_path_factory.mktemp("phantom") / "small", SETTINGS)


def mosaic(folder: Path, signal: str) -> np.ndarray:
    description = json.loads((folder / "section.json").read_text())
    rows, cols = description["grid"]
    pattern = description["tile_pattern"]
    return np.block(
        [
            [
                tifffile.imread(folder / pattern.format(signal=signal, row=r, col=c))
                for c in range(cols)
            ]
            for r in range(rows)
        ]
    )


def truth(folder: Path, name: str) -> np.ndarray:
    return tifffile.imread(folder / "truth" / f"{name}.tif")


def session_columns(folder: Path) -> list[slice]:
    width = json.loads((folder / "section.json").read_text())["tile_shape"][1]
    table = pd.read_csv(folder / "sessions.csv")
    return [slice(row.first_col * width, (row.last_col + 1) * width) for row in table.itertuples()]


def clean_olivine(folder: Path) -> np.ndarray:
    """Olivine pixels away from edges and cracks."""
    cracks = ndimage.binary_dilation(truth(folder, "cracks") > 0, iterations=3)
    return ndimage.binary_erosion(truth(folder, "phase") == OLIVINE, iterations=4) & ~cracks


def test_description_and_tiles_have_the_form_of_an_export(phantom: Path) -> None:
    description = json.loads((phantom / "section.json").read_text())
    assert description["signals"] == SIGNALS
    assert description["tile_shape"] == [338, 512]
    assert description["grid"] == [3, 3]
    assert description["tile_overlap_px"] == 0
    assert description["pixel_size_um"] == 1.0
    for signal in SIGNALS:
        tiles = sorted((phantom / "tiles" / signal).iterdir())
        assert [t.name for t in tiles] == [
            f"r{r:02d}_c{c:02d}.tif" for r in range(3) for c in range(3)
        ]
        with tifffile.TiffFile(tiles[0]) as tiff:
            page = tiff.pages[0]
            assert page.dtype == np.uint8
            assert page.shape == (338, 512)
            # 10 000 pixels per centimetre: one micrometre each.
            assert page.tags["XResolution"].value == (10000, 1)
    sessions = pd.read_csv(phantom / "sessions.csv")
    assert list(sessions.columns) == [
        "session", "first_row", "last_row", "first_col", "last_col", "role",
    ]  # fmt: skip
    assert list(sessions.role) == ["train", "val", "test"]


def test_truth_rasters_agree_with_each_other(phantom: Path) -> None:
    phase, mg = truth(phantom, "phase"), truth(phantom, "mg")
    crystals, cracks = truth(phantom, "crystals"), truth(phantom, "cracks")
    assert (phase.dtype, mg.dtype, crystals.dtype, cracks.dtype) == (
        np.uint8, np.uint16, np.uint32, np.uint8,
    )  # fmt: skip
    assert phase.shape == mg.shape == crystals.shape == cracks.shape == (3 * 338, 3 * 512)
    assert np.array_equal(crystals > 0, phase == OLIVINE)
    assert np.array_equal(mg > 0, phase == OLIVINE)
    assert mg[mg > 0].min() >= 6900 and mg.max() <= 9350
    assert set(np.unique(phase)) == set(ROCKS["andesite"].codes.values()) == set(range(7))


def test_each_crystal_hangs_together_and_has_the_area_of_its_label(phantom: Path) -> None:
    table, crystals = pd.read_csv(phantom / "truth" / "crystals.csv"), truth(phantom, "crystals")
    assert list(table.columns) == ["id", "kind", "broken", "core", "rim", "area"]
    assert list(table.id) == list(range(1, len(table) + 1))
    assert np.array_equal(np.bincount(crystals.ravel())[1:], table.area)
    # As many pieces as crystals, even where corners touch: none is split, no two meet.
    assert label(crystals > 0, connectivity=2).max() == len(table)
    assert label(crystals > 0, connectivity=1).max() == len(table)
    assert set(table.kind) == {"normal", "reversed", "none", "complex", "micro"}
    assert table.broken.sum() >= 1


def test_kinds_of_zoning_are_what_their_mg_says(phantom: Path) -> None:
    table = pd.read_csv(phantom / "truth" / "crystals.csv")
    crystals, mg = truth(phantom, "crystals"), truth(phantom, "mg") / 1e4
    boxes = ndimage.find_objects(crystals.astype(np.int32))
    large = table[(table.area >= 10_000) & (table.broken == 0)]
    seen = set()
    for crystal in large.itertuples():
        box = boxes[crystal.id - 1]
        mine = crystals[box] == crystal.id
        depth = ndimage.distance_transform_edt(np.pad(ndimage.binary_fill_holes(mine), 1))
        depth = depth[1:-1, 1:-1]
        core = np.median(mg[box][mine & (depth > depth.max() / 2)])
        rim = np.median(mg[box][mine & (depth > 3) & (depth <= depth.max() / 2)])
        seen.add(crystal.kind)
        if crystal.kind == "normal":
            assert core - rim > 0.01
            assert crystal.core > crystal.rim
        elif crystal.kind == "reversed":
            assert core - rim < -0.01
            assert crystal.core < crystal.rim
        elif crystal.kind == "none":
            assert abs(core - rim) < 0.005
            assert abs(crystal.core - crystal.rim) < 0.01
    assert {"normal", "reversed", "none"} <= seen


def test_each_session_has_whole_phenocrysts(phantom: Path) -> None:
    table, crystals = pd.read_csv(phantom / "truth" / "crystals.csv"), truth(phantom, "crystals")
    for columns in session_columns(phantom):
        part = np.bincount(crystals[:, columns].ravel(), minlength=len(table) + 1)[1:]
        assert ((part == table.area) & (table.area >= 10_000)).sum() >= 3


def test_modes_are_those_of_an_olivine_phyric_lava(phantom: Path) -> None:
    phase = truth(phantom, "phase")
    percent = {name: 100 * (phase == code).mean() for name, code in PHASES.items()}
    assert 8 < percent["olivine"] < 22
    assert 50 < percent["glass"] < 75
    assert 8 < percent["plagioclase"] < 20
    assert 6 < percent["clinopyroxene"] < 16
    assert 0.2 < percent["oxide"] < 1.5
    assert 0.1 < percent["orthopyroxene"] < 4


def test_grey_follows_mean_atomic_number_and_the_recorded_drift(phantom: Path) -> None:
    grey, mg, clean = mosaic(phantom, "BSE"), truth(phantom, "mg") / 1e4, clean_olivine(phantom)
    drift = pd.read_csv(phantom / "truth" / "drift.csv")
    assert drift.iloc[0, 1:].tolist() == [1.0, 0.0, 1.0]
    assert (drift.bse_gain[1:] - 1).abs().min() > 0.005
    for row, columns in zip(drift.itertuples(), session_columns(phantom), strict=True):
        inside = clean[:, columns]
        number = olivine_atomic_number(mg[:, columns][inside])
        expected = row.bse_gain * (118 + 38 * (number - 11.9)) + row.bse_offset
        measured = grey[:, columns][inside].astype(float)
        slope = np.polyfit(number, measured, 1)[0]
        assert slope == pytest.approx(38 * row.bse_gain, rel=0.03)
        assert np.mean(measured - expected) == pytest.approx(0, abs=1.0)
        assert 2.2 < np.std(measured - expected) < 3.4


def test_x_rays_are_poisson_and_drift_as_recorded(phantom: Path) -> None:
    counts, mg, clean = mosaic(phantom, "Mg"), truth(phantom, "mg") / 1e4, clean_olivine(phantom)
    drift = pd.read_csv(phantom / "truth" / "drift.csv")
    for row, columns in zip(drift.itertuples(), session_columns(phantom), strict=True):
        near = clean[:, columns] & (np.abs(mg[:, columns] - 0.85) < 0.004)
        values = counts[:, columns][near].astype(float)
        assert values.mean() == pytest.approx((92 + 0.8) * row.eds_gain, rel=0.015)
        assert values.var() == pytest.approx(values.mean(), rel=0.15)


def test_element_ratios_lie_where_they_should(phantom: Path) -> None:
    phase, mg = truth(phantom, "phase"), truth(phantom, "mg")
    counts = {name: mosaic(phantom, name).astype(float) for name in SIGNALS[1:]}

    def ratio(mask: np.ndarray) -> float:
        return counts["Si"][mask].mean() / (counts["Mg"][mask].mean() + counts["Fe"][mask].mean())

    olivine = clean_olivine(phantom)
    assert 0.55 < ratio(olivine & (mg > 8800)) < 0.64
    assert 0.64 < ratio(olivine & (mg < 7800)) < 0.73
    inside = {code: ndimage.binary_erosion(phase == code, iterations=3) for code in (2, 3, 4)}
    assert 1.15 < ratio(inside[ORTHOPYROXENE]) < 1.51
    assert 2.3 < ratio(inside[PHASES["clinopyroxene"]]) < 2.7
    augite = inside[PHASES["clinopyroxene"]]
    assert 1.1 < counts["Ca"][augite].mean() / counts["Mg"][augite].mean() < 1.3


def test_the_papers_rule_finds_olivine_and_takes_some_orthopyroxene(phantom: Path) -> None:
    counts = {name: mosaic(phantom, name).astype(float) for name in ("Mg", "Ca", "Al")}
    phase = truth(phantom, "phase")
    found = (
        (counts["Ca"] < 0.1 * counts["Mg"])
        & (counts["Al"] < 0.1 * counts["Mg"])
        & (counts["Mg"] > 30)
    )
    olivine = phase == OLIVINE
    assert 0.90 < (found & olivine).sum() / (found | olivine).sum() < 0.98
    assert 0.1 < found[phase == ORTHOPYROXENE].mean() < 0.7
    # Labels from X-rays are blunter than BSE: what is missed lies along the outlines.
    missed = olivine & ~found
    edge = olivine & ~ndimage.binary_erosion(olivine, iterations=2)
    assert missed[edge].sum() > 0.8 * missed.sum()


def test_cracks_darken_bse_alone(phantom: Path) -> None:
    cracks, olivine = truth(phantom, "cracks"), truth(phantom, "phase") == OLIVINE
    inner = ndimage.binary_erosion(olivine, iterations=4)
    open_cracks, sound = inner & (cracks > 200), clean_olivine(phantom)
    assert open_cracks.sum() > 50
    grey, magnesium = mosaic(phantom, "BSE"), mosaic(phantom, "Mg")
    assert grey[open_cracks].mean() < 0.6 * grey[sound].mean()
    assert magnesium[open_cracks].mean() > 0.9 * magnesium[sound].mean()
    assert (cracks[~olivine] > 0).any(), "cleavage of pyroxenes is drawn too"


def test_profiles_lie_on_their_crystals_and_are_stoichiometric(phantom: Path) -> None:
    lines = pd.read_csv(phantom / "truth" / "profiles.csv")
    crystals, mg = truth(phantom, "crystals"), truth(phantom, "mg") / 1e4
    errors = []
    for line in lines.itertuples():
        table = pd.read_csv(phantom / "epma" / f"{line.profile}.csv")
        assert list(table.columns) == [
            "point", "distance_um", "SiO2", "FeO", "MgO", "CaO", "MnO", "Total",
        ]  # fmt: skip
        assert line.step_um in (2, 3, 4)
        assert np.allclose(np.diff(table.distance_um), line.step_um)
        length = np.hypot(line.x1 - line.x0, line.y1 - line.y0)
        assert length - line.step_um < table.distance_um.max() <= length + 0.01
        along = table.distance_um.to_numpy()[:, None] / length
        points = np.array([line.x0, line.y0]) + along * [line.x1 - line.x0, line.y1 - line.y0]
        cols, rows = np.rint(points).astype(int).T
        assert (crystals[rows, cols] == line.crystal).all()
        good = table.Total > 97
        magnesia, iron = table.MgO / 40.3044, table.FeO / 71.8464
        errors.append((magnesia / (magnesia + iron) - mg[rows, cols])[good])
        assert table.Total[good].between(98, 102).all()
        silica = table.SiO2 / 60.0843
        assert (silica / (magnesia + iron))[good].mean() == pytest.approx(0.5, abs=0.006)
        parts = table[["SiO2", "FeO", "MgO", "CaO", "MnO"]].sum(axis=1)
        assert np.allclose(parts, table.Total, atol=0.002)
    every = np.concatenate(errors)
    assert 0.001 < every.std() < 0.003
    assert abs(every.mean()) < 0.0005


def test_low_totals_are_on_cracks(phantom: Path) -> None:
    lines = pd.read_csv(phantom / "truth" / "profiles.csv")
    cracks = truth(phantom, "cracks")
    low = 0
    for line in lines.itertuples():
        table = pd.read_csv(phantom / "epma" / f"{line.profile}.csv")
        length = np.hypot(line.x1 - line.x0, line.y1 - line.y0)
        along = table.distance_um / length
        cols = np.rint(line.x0 + along * (line.x1 - line.x0)).astype(int)
        rows = np.rint(line.y0 + along * (line.y1 - line.y0)).astype(int)
        on_crack = cracks[rows, cols] > 60
        assert np.array_equal(table.Total < 95, on_crack)
        low += int(on_crack.sum())
    assert low >= 1


def test_profiles_serve_calibration_in_every_session_and_a_test(phantom: Path) -> None:
    placed = pd.read_csv(phantom / "epma" / "placements.csv")
    lines = pd.read_csv(phantom / "truth" / "profiles.csv")
    assert list(placed.columns) == ["profile", "x0_px", "y0_px", "x1_px", "y1_px", "use"]
    both = placed.merge(lines, on="profile")
    assert set(both[both.use == "calibrate"].session) == {1, 2, 3}
    assert (both.use == "test").any()
    off = np.concatenate([both[f"{end}_px"] - both[end] for end in ("x0", "y0", "x1", "y1")])
    assert 2.0 < off.std() < 6.5


def test_one_profile_per_session_still_leaves_a_test(tmp_path: Path) -> None:
    folder = make_phantom(tmp_path / "p", PhantomSettings.small(rows=2, profiles_per_session=1))
    placed = pd.read_csv(folder / "epma" / "placements.csv")
    assert sorted(placed.use) == ["calibrate"] * 3 + ["test"]


def test_same_seed_same_bytes_and_another_seed_another_section(tmp_path: Path) -> None:
    first = make_phantom(tmp_path / "a", TINY)
    again = make_phantom(tmp_path / "b", TINY)
    other = make_phantom(tmp_path / "c", PhantomSettings(**(TINY.model_dump() | {"seed": 1})))
    names = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    assert len(names) == 2 + 2 * 6 + 2 + 1 + 9
    for name in names:
        assert (first / name).read_bytes() == (again / name).read_bytes(), name
    assert not np.array_equal(mosaic(first, "BSE"), mosaic(other, "BSE"))


def test_pixel_size_scales_the_crystals(tmp_path: Path) -> None:
    coarse = make_phantom(
        tmp_path / "p", PhantomSettings.small(rows=1, cols=1, sessions=1, pixel_size_um=2.0)
    )
    table = pd.read_csv(coarse / "truth" / "crystals.csv")
    phenocrysts = table[table.kind.isin(["normal", "reversed", "none"])].iloc[:3]
    assert phenocrysts.area.between(10_000 / 4, 40_000 / 4 * 1.1).all()
    tile = tifffile.TiffFile(coarse / "tiles" / "BSE" / "r00_c00.tif")
    with tile:
        assert tile.pages[0].tags["XResolution"].value == (5000, 1)


@pytest.mark.parametrize("stop_at", [1, 3, 6])
def test_interruption_leaves_nothing(tmp_path: Path, stop_at: int) -> None:
    cancel, seen = threading.Event(), []

    def listen(event: Event) -> None:
        seen.append(event)
        if len(seen) == stop_at:
            cancel.set()

    with pytest.raises(Cancelled):
        make_phantom(tmp_path / "p", TINY, Job(listen=listen, cancel=cancel))
    assert list(tmp_path.iterdir()) == []


def test_progress_goes_from_nothing_to_all(tmp_path: Path) -> None:
    events: list[Event] = []
    make_phantom(tmp_path / "p", TINY, Job(listen=events.append))
    done = [event["done"] / event["total"] for event in events if event["event"] == "progress"]
    assert done[0] == 0
    assert done[-1] == 1
    assert done == sorted(done)


def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def full(path: Path, *args: object, **kwargs: object) -> None:
        written.append(path)
        if len(written) > 7:
            raise OSError(28, "No space left on device", str(path))
        Path(path).write_bytes(b"half a tile")

    monkeypatch.setattr(tifffile, "imwrite", full)
    with pytest.raises(InputError, match="No space left on device.*Free some disk space"):
        make_phantom(tmp_path / "p", TINY)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("keep me")
    with pytest.raises(InputError, match=r"mine is already there.*Choose another folder"):
        make_phantom(folder, TINY)
    assert [p.name for p in folder.iterdir()] == ["notes.txt"]
    assert (folder / "notes.txt").read_text() == "keep me"
    with pytest.raises(InputError, match="not an empty folder"):
        make_phantom(folder / "notes.txt", TINY)


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    assert make_phantom(folder, TINY) == folder
    assert (folder / "section.json").is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["empty"]


def test_too_little_memory_says_what_would_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\d+ rows of tiles of this width would fit"):
        make_phantom(tmp_path / "p", PhantomSettings(rows=100), Job(memory_bytes=1 << 30))
    with pytest.raises(InputError, match="use fewer columns"):
        make_phantom(tmp_path / "p", PhantomSettings(), Job(memory_bytes=10 << 20))
    assert list(tmp_path.iterdir()) == []


def test_sessions_that_cannot_hold_their_crystals_are_refused(tmp_path: Path) -> None:
    crowded = PhantomSettings.small(rows=1, tile_width_px=128, phenocrysts_at_least=20)
    with pytest.raises(InputError, match="Session 1 is too small"):
        make_phantom(tmp_path / "p", crowded)
    with pytest.raises(InputError, match="4 sessions do not fit on 3 tile columns"):
        make_phantom(tmp_path / "p", PhantomSettings.small(sessions=4))
    assert list(tmp_path.iterdir()) == []


def test_sessions_take_their_roles_in_turn() -> None:
    settings = PhantomSettings(cols=12, sessions=5)
    assert settings.session_roles() == ["train", "val", "test", "none", "train"]
    columns = settings.session_columns()
    assert columns[0][0] == 0
    assert columns[-1][1] == 11
    assert all(a[1] + 1 == b[0] for a, b in pairwise(columns))


def test_the_form_is_that_of_the_standard_section(phantom: Path, shared_data: Path) -> None:
    standard = shared_data / "section-main"
    ours = json.loads((phantom / "section.json").read_text())
    theirs = json.loads((standard / "section.json").read_text())
    assert list(ours) == list(theirs)
    for name in (
        "sessions.csv", "epma/placements.csv", "epma/profile_01.csv", "truth/crystals.csv",
        "truth/drift.csv", "truth/profiles.csv",
    ):  # fmt: skip
        assert list(pd.read_csv(phantom / name)) == list(pd.read_csv(standard / name)), name
    for name in ("phase", "mg", "crystals", "cracks"):
        with tifffile.TiffFile(standard / "truth" / f"{name}.tif") as tiff:
            assert truth(phantom, name).dtype == tiff.pages[0].dtype
