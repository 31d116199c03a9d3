"""The rocks of the phantom: what each is made of, over some seeds, and that its truth is whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from scipy import ndimage

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.phantom.compositions import GLASS, OLIVINE, RESIN, SERPENTINE, VESICLE

ROCKS = ("tephra", "cumulate", "basalt")
SEEDS = (1, 2, 3)


def settings(rock: str, seed: int, **changes: object) -> PhantomSettings:
    small = {
        "rows": 2, "cols": 2, "tile_height_px": 200, "tile_width_px": 256, "sessions": 1,
        "profiles_per_session": 2, "phenocrysts_at_least": 2, "drift": 0.0,
    }  # fmt: skip
    return PhantomSettings(rock=rock, seed=seed, **(small | changes))


class Phantom:
    """A phantom on disk, read whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.phase, self.mg, self.crystals, self.cracks = (
            tifffile.imread(folder / "truth" / f"{name}.tif")
            for name in ("phase", "mg", "crystals", "cracks")
        )
        self.table = pd.read_csv(folder / "truth" / "crystals.csv", keep_default_na=False)

    def signal(self, name: str) -> np.ndarray:
        tiles = [
            [tifffile.imread(self.folder / f"tiles/{name}/r{r:02d}_c{c:02d}.tif") for c in (0, 1)]
            for r in (0, 1)
        ]
        return np.block(tiles).astype(float)

    def share(self, *phases: int) -> float:
        return float(np.isin(self.phase, phases).mean())

    def inner(self, phase: int) -> np.ndarray:
        return ndimage.binary_erosion(self.phase == phase, iterations=2) & (self.cracks == 0)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Phantom]:
    folder = tmp_path_factory.mktemp("rocks")
    return {
        (rock, seed): Phantom(make_phantom(folder / f"{rock}{seed}", settings(rock, seed)))
        for rock in ROCKS
        for seed in SEEDS
    }


@pytest.mark.parametrize("rock", ROCKS)
def test_truth_is_whole(phantoms: dict[tuple[str, int], Phantom], rock: str) -> None:
    for seed in SEEDS:
        made = phantoms[rock, seed]
        assert np.array_equal(made.crystals > 0, made.phase == OLIVINE)
        assert np.array_equal(made.mg > 0, made.phase == OLIVINE)
        assert list(made.table.id) == list(range(1, len(made.table) + 1))
        assert np.array_equal(np.bincount(made.crystals.ravel())[1:], made.table.area)
        assert set(made.table.kind) <= {"normal", "reversed", "none", "complex", "micro"}
        told = (made.folder / "truth" / "README.md").read_text().splitlines()[0]
        codes = json.loads(told.partition(": ")[2].replace("'", '"'))
        assert set(np.unique(made.phase)) <= set(codes.values())
        named = pd.read_csv(made.folder / "truth" / "phases.csv")
        assert dict(zip(named.name, named.code, strict=True)) == codes
        lines = pd.read_csv(made.folder / "truth" / "profiles.csv")
        ends = lines[["y0", "x0", "y1", "x1"]].round().astype(int).to_numpy()
        for (row0, col0, row1, col1), crystal in zip(ends, lines.crystal, strict=True):
            assert made.crystals[row0, col0] == made.crystals[row1, col1] == crystal


def test_a_third_of_a_tephra_is_resin_and_its_olivine_is_darker_than_its_glass(
    phantoms: dict[tuple[str, int], Phantom],
) -> None:
    for seed in SEEDS:
        made = phantoms["tephra", seed]
        assert 0.25 <= made.share(RESIN, VESICLE) <= 0.50
        grey = made.signal("BSE")
        olivine, glass = made.inner(OLIVINE), made.inner(GLASS)
        assert grey[glass].mean() - grey[olivine].mean() > 8
        assert grey[made.inner(RESIN)].mean() < 15
        assert made.signal("Ca")[glass].mean() > 5 * made.signal("Ca")[olivine].mean()


def test_most_of_a_cumulate_is_olivine_in_contact(
    phantoms: dict[tuple[str, int], Phantom],
) -> None:
    touching = crystals = 0
    for seed in SEEDS:
        made = phantoms["cumulate", seed]
        assert 0.60 <= made.share(OLIVINE) <= 0.70
        assert 0 < made.share(SERPENTINE) < 0.06
        left, right = made.crystals[:, :-1], made.crystals[:, 1:]
        touch = (left > 0) & (right > 0) & (left != right)
        touching += len(set(left[touch]) | set(right[touch]))
        crystals += len(made.table)
        serpentine = made.phase == SERPENTINE
        olivine = made.inner(OLIVINE)
        assert made.signal("Mg")[serpentine].mean() < 0.95 * made.signal("Mg")[olivine].mean()
    assert touching > 0.5 * crystals


def test_olivines_of_a_basalt_go_from_darker_than_augite_to_brighter(
    phantoms: dict[tuple[str, int], Phantom],
) -> None:
    for seed in SEEDS:
        made = phantoms["basalt", seed]
        percent = np.bincount(made.phase.ravel(), minlength=9) / made.phase.size
        assert 0.2 < percent[2] < 0.55, "plagioclase"
        assert 0.2 < percent[3] < 0.65, "augite"
        assert 0.03 < percent[OLIVINE] < 0.30
        mg = made.mg[made.mg > 0] / 1e4
        assert mg.max() - mg.min() > 0.08


@pytest.mark.parametrize("rock", ROCKS)
def test_same_seed_same_bytes(
    phantoms: dict[tuple[str, int], Phantom], rock: str, tmp_path: Path
) -> None:
    first = phantoms[rock, 1].folder
    again = make_phantom(tmp_path / rock, settings(rock, 1))
    names = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    for name in names:
        assert (first / name).read_bytes() == (again / name).read_bytes(), name


def test_seeds_differ_in_contrast_noise_and_counts(
    phantoms: dict[tuple[str, int], Phantom],
) -> None:
    found = [
        (
            made.signal("BSE")[made.inner(OLIVINE)].mean(),
            made.signal("Mg")[made.inner(OLIVINE)].mean(),
        )
        for made in phantoms.values()
    ]
    greys, counts = np.array(found).T
    assert greys.max() - greys.min() > 30
    assert counts.max() > 1.5 * counts.min()


def test_x_rays_of_calcium_reach_into_olivine_and_tiles_differ_in_current(tmp_path: Path) -> None:
    # Many counts make what is small visible.
    made = Phantom(make_phantom(tmp_path / "p", settings("cumulate", 5, mg_counts=200.0)))
    calcium, olivine = made.signal("Ca"), made.phase == OLIVINE
    depth = ndimage.distance_transform_edt(olivine)
    near, far = calcium[(depth > 5) & (depth < 12)], calcium[depth > 40]
    assert near.mean() > far.mean() + 4 * near.std() / np.sqrt(near.size)
    magnesium, number = made.signal("Mg"), made.mg
    inner = made.inner(OLIVINE)
    means = []
    for rows in (slice(0, 200), slice(200, 400)):
        for cols in (slice(0, 256), slice(256, 512)):
            here = inner[rows, cols]
            means.append((magnesium[rows, cols][here] / number[rows, cols][here]).mean())
    assert np.ptp(means) / np.mean(means) > 0.004


def test_noise_and_counts_are_as_they_are_asked(tmp_path: Path) -> None:
    asked = settings("tephra", 1, mg_counts=60.0, bse_noise_grey=0.0, pixel_size_um=2.0)
    made = Phantom(make_phantom(tmp_path / "p", asked))
    near = made.inner(OLIVINE) & (np.abs(made.mg / 1e4 - 0.87) < 0.02)
    assert made.signal("Mg")[near].mean() == pytest.approx(60 * 1.04, rel=0.08)


def test_a_rock_refuses_the_settings_of_the_andesite() -> None:
    with pytest.raises(
        InputError, match=r"cannot be used:\n  .*vesicles_per_mm2.* a tephra draws its"
    ):
        PhantomSettings(rock="tephra", vesicles_per_mm2=9.0)
    with pytest.raises(InputError, match="rock"):
        PhantomSettings(rock="granite")
    small = PhantomSettings.small(rock="basalt")
    assert PhantomSettings(**small.model_dump()) == small


@pytest.mark.parametrize("rock", ROCKS)
def test_memory_is_asked_for_before_anything_is_made(tmp_path: Path, rock: str) -> None:
    with pytest.raises(InputError, match="rows of tiles of this width would fit"):
        make_phantom(
            tmp_path / "p", PhantomSettings(rock=rock, rows=100), Job(memory_bytes=1 << 30)
        )
    assert list(tmp_path.iterdir()) == []
