"""Make the golden section: one small section with every kind of product, as one version wrote it.

    python tests/data/make_golden_section.py FOLDER [--into FOLDER]

FOLDER is where the section is made. Its path goes into the records, so let it be a neutral one:
``golden_section.zip`` was made in ``/data/golden``. Into ``--into`` (the folder of this file, if
not given) come

* ``golden_section.zip``: ``source/`` (what the instruments left) and ``section/``, and the same of
  a section with element maps of a part of it (``sites-source/``, ``sites/``), imported alone;
* ``golden_expected.json``: what `tests/test_golden_section.py` expects of any later version.

Both were made at the commit that ``golden_expected.json`` names (9974913, before the code was put
in order). They are proof that sections of that version stay readable and up to
date, and that the steps still give the same: make them anew only when a change of the science or
of the layout on disk is wanted.

How it is kept small
    The networks are real ones of the kind ``light``, trained by the step itself, and their files
    have the full size and form of it; but before training all but a few of the channels of every
    layer are set to zero. A channel without weights before and behind it has no gradient and stays
    zero, so that 57 MB of weights become some 200 kB in the archive.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= {"LOGNAME": "golden", "OMP_NUM_THREADS": "1", "TZ": "UTC"}

import numpy as np
import pandas as pd
import tifffile
import torch

import napari_olivine
import napari_olivine.networks.build
from napari_olivine.cli import main as command_line
from napari_olivine.crystals.edits import (
    Classify,
    CrystalStore,
    Judge,
    Merge,
    Note,
    Redraw,
    Shape,
    Split,
)
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.section import Section

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.helpers.golden import (  # noqa: E402 - found by the line above
    EXPECTED,
    changes_of,
    facts_of,
    state_of_crystals,
    states_of,
)

PHANTOM = PhantomSettings(
    rows=2,
    cols=5,
    tile_height_px=80,
    tile_width_px=128,
    pixel_size_um=4.0,
    sessions=3,
    profiles_per_session=2,
    phenocrysts_per_mm2=6.0,
    largest_phenocryst_um2=40_000.0,
    mg_counts=40.0,
    bse_noise_grey=1.5,
)
"""160 x 640 px: two levels of a pyramid, three sessions, ten tiles."""

PARTS = ("source", "section", "sites-source", "sites")
"""Folders of the archive."""

TRAINING = ["--network", "light", "--batch", "8", "--crop-px", "64", "--epochs", "1"]
LONG, SHORT = ["--steps", "250", "--learning-rate", "0.01"], ["--steps", "4"]

COMMANDS = {
    "levelling": ["level", "SECTION"],
    "mask": ["mask", "SECTION"],
    "models/light": ["train", "SECTION", *TRAINING, *LONG],
    "models/second": ["train", "SECTION", *TRAINING, *SHORT, "--name", "second"],
    "segmentation": [
        "segment", "SECTION", "--model", "light", "--compare", "second", "--engine", "float32",
        "--threshold", "0.4", "--window-px", "256", "--overlap-px", "64",
    ],
    "mg": ["calibrate", "SECTION"],
    "crystals": ["crystals", "SECTION"],
    "corrections": ["corrections", "SECTION"],
}  # fmt: skip
"""Command of each product; repeated later, each says that its product is up to date."""


def main() -> None:
    """Make the section, and write down what is to be expected of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--into", type=Path, default=HERE)
    given = parser.parse_args()
    folder: Path = given.folder
    for name in (*PARTS, "copy"):
        shutil.rmtree(folder / name, ignore_errors=True)
    make_phantom(folder / "source", PHANTOM)
    drift = pd.read_csv(folder / "source" / "truth" / "drift.csv")
    shutil.rmtree(folder / "source" / "truth")  # no step may read it
    _make_sites(folder)
    _make_section(folder, _standards(drift))
    _edit(Section(folder / "section"))
    _run("corrections", folder)
    expected = {
        "commit": _commit(),
        "commands": COMMANDS,
        "whole": facts_of(Section(folder / "section")),
        "sites": facts_of(Section(folder / "sites")),
        "changed": {
            name: states_of(change(_copy(folder))) for name, change in changes_of().items()
        },
        "edits": _edits_there_and_back(_copy(folder)),
        "found_again": _found_again(_copy(folder)),
    }
    given.into.mkdir(parents=True, exist_ok=True)
    text = json.dumps(expected, indent=1, ensure_ascii=False)
    (given.into / EXPECTED).write_text(text + "\n", encoding="utf-8")
    _pack(folder, given.into / "golden_section.zip")
    shutil.rmtree(folder / "copy")


def _make_sites(folder: Path) -> None:
    """Import one BSE image, and element maps of a part of it on a coarser grid."""
    source = folder / "sites-source"

    def cut(signal: str, rows: slice, columns: slice) -> Any:
        tiles = [
            [tifffile.imread(folder / f"source/tiles/{signal}/r0{row}_c0{column}.tif")
             for column in range(2, 4)]
            for row in range(2)
        ]  # fmt: skip
        return np.block(tiles)[rows, columns]

    part = slice(20, 140), slice(40, 200)
    (source / "site 1").mkdir(parents=True)
    per_cm = 1e4 / PHANTOM.pixel_size_um
    for name in ("BSE", "Mg", "Fe", "Ca"):
        file, times = source / "site 1" / f"{name} Ka.tif", 2
        if name == "BSE":
            file, times, image = source / "BSE.tif", 1, cut(name, slice(None), slice(None))
        else:
            fine = cut(name, *part).astype(np.uint16)
            image = sum(fine[down::2, right::2] for down in (0, 1) for right in (0, 1))
        resolution = (per_cm / times, per_cm / times)
        tifffile.imwrite(file, image, resolution=resolution, resolutionunit="CENTIMETER")
    where = {"field": "site 1", "x0_px": 40, "y0_px": 20, "pixel_size_um": 8, "angle_deg": 0}
    pd.DataFrame([where]).to_csv(source / "fields.csv", index=False)
    _command(["import", str(source), str(folder / "sites")])


def _standards(drift: pd.DataFrame) -> pd.DataFrame:
    """Grey of two standards as somebody noted it in each session."""
    return pd.DataFrame(
        [
            {
                "standard": standard,
                "session": session.session,
                "grey": round(grey * session.bse_gain + session.bse_offset, 1),
                "error": 0.5,
            }
            for standard, grey in (("Fe metal", 215.0), ("Faraday cup", 24.0))
            for session in drift.itertuples()
        ]
    )


def _make_section(folder: Path, standards: pd.DataFrame) -> None:
    """Run every step; one model is trained before the sessions get other roles, and so is stale."""
    place = folder / "section"
    _command(["import", str(folder / "source"), str(place)])
    section = Section(place)
    section.annotate("standards", standards)
    view = {"red": "Fe", "green": "Mg", "blue": "Ca"}
    (place / "annotations" / "view.json").write_text(json.dumps(view) + "\n")
    _run("mask", folder)
    _thin(1, lambda: _command(["train", str(place), *TRAINING, *SHORT, "--name", "early"]))
    sessions = section.annotation("sessions")
    sessions.loc[sessions["session"].astype(str) == "3", "role"] = "none"
    section.annotate("sessions", sessions)
    _run("levelling", folder)
    _thin(1, lambda: _run("models/second", folder))
    _thin(4, lambda: _run("models/light", folder))
    for name in ("segmentation", "mg", "crystals"):
        _run(name, folder)


def _edit(section: Section) -> None:
    """Correct the crystals as a person would: every kind of edit, the last one taken back."""
    store = CrystalStore(section)
    table = store.table
    by_area = table.sort_values("area_px", ascending=False)
    first, second, third = (int(k) for k in by_area.index[:3])
    store.do(Judge(crystals=(first,), verdict="accepted"), who="Ada")
    store.do(Judge(crystals=(int(by_area.index[-1]),), verdict="rejected"), who="Ada")
    _, change = store.do(_split_in_the_middle(table.loc[second]), who="Ada")
    store.do(Note(crystals=(change.crystals[-1],), text="Zwilling, µm-scale seam"), who="Grace")
    store.do(Classify(crystals=(first,), zone_class="mg_rich_mantle"), who="Grace")
    store.do(Merge(crystals=_nearest(store.table, third)), who="Ada")
    side = np.arange(-9, 10)
    disc = np.hypot(side[:, None], side) <= 9
    row, column = _free_place(store, 12)
    drawn = Shape.of_mask(disc, row - 9, column - 9)
    store.do(Redraw(crystals=(), drawn=drawn), who="Ada")
    grown = Shape.of_mask(disc, *(int(table.at[first, name]) - 5 for name in ("row0", "col0")))
    smallest = int(store.table["area_px"].idxmin())
    store.do(Redraw(crystals=(smallest,), drawn=grown), who="Ada")
    box = store.table.loc[first]
    middle = (box["row0"] + box["row1"]) / 2
    columns = (0.25 * box["col1"] + 0.75 * box["col0"], 0.75 * box["col1"] + 0.25 * box["col0"])
    markers = tuple((float(middle), float(column)) for column in columns)
    store.do(Split(crystals=(first,), markers=markers), who="Grace")
    store.undo()
    store.close()


def _split_in_the_middle(row: pd.Series[Any]) -> Split:
    middle = (row["col0"] + row["col1"]) / 2
    line = ((float(row["row0"]) - 3, middle), (float(row["row1"]) + 3, middle))
    return Split(crystals=(int(row["id"]),), lines=(line,))


def _nearest(table: pd.DataFrame, crystal: int) -> tuple[int, int]:
    middles = table[["row0", "col0"]].to_numpy(float) + table[["row1", "col1"]].to_numpy(float)
    away = np.hypot(*(middles - middles[table.index.get_loc(crystal)]).T)
    return crystal, int(table.index[np.argsort(away)[1]])


def _free_place(store: CrystalStore, half: int) -> tuple[int, int]:
    """Find the first place without crystals around it."""
    rows, columns = store.labels.shape
    labels = store.labels.read(slice(0, rows), slice(0, columns))
    for row in range(half, rows - half, half):
        for column in range(half, columns - half, half):
            if not labels[row - half : row + half, column - half : column + half].any():
                return row, column
    raise ValueError("there are crystals everywhere")


def _edits_there_and_back(section: Path) -> dict[str, Any]:
    """Crystals as they are, with what was taken back done again, and without any edit."""
    store = CrystalStore(Section(section))
    states = {"as_left": state_of_crystals(store)}
    store.redo()
    states["done_again"] = state_of_crystals(store)
    while store.journal.active():
        store.undo()
    states["none"] = state_of_crystals(store)
    store.close()
    return states


def _found_again(section: Path) -> dict[str, Any]:
    """Crystals after the step was repeated, which carries out the journal on what it finds."""
    _command(["crystals", str(section), "--force"])
    store = CrystalStore(Section(section))
    found = state_of_crystals(store) | {"aside": [one.entry.n for one in store.aside()]}
    store.close()
    return found


def _thin(channels: int, train: Callable[[], None]) -> None:
    """Train a network of which only the first channels of each layer (of 64) have weights."""
    module = napari_olivine.networks.build
    build = module.build_network

    def build_thin(name: str, seed: int = 0, classes: int = 1) -> Any:
        network = build(name, seed, classes)
        convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]

        def cut(layer: torch.nn.Conv2d, inputs: tuple[torch.Tensor]) -> None:
            empty = inputs[0].abs().amax((0, 2, 3)) == 0
            keep = max(1, layer.out_channels * channels // 64)
            with torch.no_grad():
                layer.weight[:, empty] = 0
                if layer is not convolutions[-1]:
                    layer.weight[keep:] = 0

        statistics = {
            key: value.clone() for key, value in network.state_dict().items() if "bn" in key
        }
        hooks = [layer.register_forward_pre_hook(cut) for layer in convolutions]
        with torch.no_grad():
            network.train()(torch.randn(2, 1, 64, 64))
        for hook in hooks:
            hook.remove()
        network.load_state_dict(statistics, strict=False)
        return network

    module.build_network = build_thin
    try:
        train()
    finally:
        module.build_network = build


def _run(product: str, folder: Path) -> None:
    place = str(folder / "section")
    _command([place if word == "SECTION" else word for word in COMMANDS[product]])


def _command(words: list[str]) -> None:
    print("napari-olivine", *words, flush=True)
    if code := command_line([*words, "--device", "cpu"]):
        sys.exit(code)


def _copy(folder: Path) -> Path:
    shutil.rmtree(folder / "copy", ignore_errors=True)
    return Path(shutil.copytree(folder / "section", folder / "copy"))


def _commit() -> str:
    checkout = Path(napari_olivine.__file__).parent
    words = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def _pack(folder: Path, archive: Path) -> None:
    """Pack source and section without locks, in order and with one time."""
    archive.unlink(missing_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA) as members:
        for top in PARTS:
            for file in sorted((folder / top).rglob("*")):
                inside = file.relative_to(folder)
                if file.is_dir() or "work" in inside.parts or file.name in ("lock", "holder.txt"):
                    continue
                member = zipfile.ZipInfo(inside.as_posix(), (2026, 1, 1, 0, 0, 0))
                member.external_attr = 0o644 << 16
                members.writestr(member, file.read_bytes(), zipfile.ZIP_LZMA)


if __name__ == "__main__":
    main()
