"""The thin section on disk: one folder that holds every product and says where it came from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.registry import annotations_of, folders_of_several, lasts, maker_of
from napari_olivine.section.annotations import (
    MASK_CORRECTIONS,
    OUTLINES,
    REGIONS,
    check_outlines,
    check_placements,
    check_regions,
    missing_annotation,
    read_annotation,
    sessions_of,
)
from napari_olivine.section.atomic_io import PARTIAL, write_atomically
from napari_olivine.section.draft import Draft, open_draft, put_in_place
from napari_olivine.section.elsewhere import place_elsewhere
from napari_olivine.section.phase_names import its_phase
from napari_olivine.section.provenance import RECORD, Product, Recipe, fingerprint_of_bytes
from napari_olivine.section.raster import Raster
from napari_olivine.section.sessions import Session, measured
from napari_olivine.section.submaps import Submaps
from napari_olivine.section.tables import read_table
from napari_olivine.section.tiles import Tiles
from napari_olivine.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

FORMAT = 1
"""Version of the folder's layout; a section of a newer one is refused."""

State = Literal["missing", "fresh", "stale"]

LARGE = 100_000
"""Bytes of an annotation from which on its fingerprint is remembered while the file is the same."""

NOTHING = ("zarr.json", "Thumbs.db", "desktop.ini", "lost+found")
"""Files that may lie in the folder of a new section, beside those whose names begin with a full
stop: ``zarr.json`` of an import that was killed at once, the rest of operating systems."""

REVIEW = "annotations/review"
"""The journal of a person's edits, as an input of products."""

LINES = {
    REVIEW: "review/journal.jsonl",
    f"annotations/{MASK_CORRECTIONS}": f"annotations/{MASK_CORRECTIONS}.jsonl",
}
"""Files of the annotations that are no tables: lines of JSON, of which only whole ones count."""


class SectionRecord(BaseModel):
    """Record of a section, readable by a person (``section.json``)."""

    model_config = ConfigDict(extra="forbid")

    format: int = FORMAT
    name: str
    pixel_size_um: float = Field(gt=0)
    shape: tuple[int, int]
    signals: list[str]
    tile_shape: tuple[int, int] | None = None
    source: str = ""
    accelerating_voltage_kv: float | None = None


class Section:
    """An open thin section.

    Layout of the folder: ``section.json`` (this record), one folder a product
    (``images/``, ``epma/``, ``mask/``, ``models/NAME/``, ``probability/``, ``compare/NAME/``
    (probabilities of other models), ``segmentation/``, ``joint/``, ``calibration/``,
    ``mg/``, ``crystals/``, ``corrections/``), ``annotations/`` (what a person sets by hand:
    sessions, traverse placements, outlines of crystals, region of study), ``review/`` (the journal
    of edits of crystals) and ``work/`` (unfinished products; may be deleted when nothing runs).

    Parameters
    ----------
    path
        Folder of the section.

    Raises
    ------
    SectionError
        If there is no section, it is damaged, or a newer version of the program wrote it.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).resolve()
        self.record = _read_record(self.path)
        self._rasters: dict[Path, tuple[Raster, tuple[int, ...]]] = {}

    @classmethod
    def create(cls, path: Path | str, record: SectionRecord) -> Section:
        """Start a section, or open the one that is there if its record is the same.

        Raises
        ------
        SectionError
            If the folder holds something else.
        """
        path = Path(path).resolve()
        file = path / "section.json"
        if file.exists():
            section = cls(path)
            if section.record != record:
                if (path / "images").exists():
                    raise SectionError(
                        f"{path} already holds the section {section.record.name!r}, imported from "
                        f"{section.record.source or 'elsewhere'}.",
                        remedy="Choose another folder.",
                    )
                write_atomically(file, record.model_dump_json(indent=1) + "\n")
            return cls(path)
        if (path / "images" / RECORD).exists():
            raise SectionError(
                f"{path} holds images of a section whose section.json is lost.",
                remedy="Put that file back from a copy, or import into another folder.",
                file=file,
            )
        if path.exists() and any(_is_foreign(one) for one in path.iterdir()):
            raise SectionError(
                f"{path} is not empty and holds no section.", remedy="Choose another folder."
            )
        path.mkdir(parents=True, exist_ok=True)
        make_root(path)
        write_atomically(file, record.model_dump_json(indent=1) + "\n")
        return cls(path)

    # ------------------------------------------------------------------ products

    def product(self, name: str) -> Product | None:
        """Return a finished product, or `None`."""
        path = self.path / name
        try:
            return Product.read(path) if (path / RECORD).exists() else None
        except SectionError:
            if (path / RECORD).exists():
                raise
            return None  # it was taken away while it was read

    def products(self) -> list[Product]:
        """Return every finished product."""
        found = sorted(self.path.glob(f"*/{RECORD}"))
        for several in folders_of_several():
            found += sorted(self.path.glob(f"{several}/*/{RECORD}"))
        names = [file.parent.relative_to(self.path).as_posix() for file in found]
        return [product for name in names if (product := self.product(name)) is not None]

    def require(self, name: str, *, stale_ok: bool = False) -> Product:
        """Return a product that a step needs.

        Raises
        ------
        SectionError
            If it is missing, or stale and `stale_ok` is not set; says which step makes it.
        """
        step = maker_of(name)
        product = self.product(name)
        if product is None:
            raise SectionError(f"{self.path} has no {name!r} yet.", step=step)
        if not stale_ok and self.state(name) == "stale":
            raise SectionError(
                f"{name!r} of {self.path} is out of date: an input of it has changed.",
                remedy=f"Run {{step:{step}}} again{its_phase(name)}.",
                step=step,
            )
        return product

    def state(self, name: str) -> State:
        """Tell whether a product is missing, up to date, or made from inputs that changed."""
        product = self.product(name)
        if product is None:
            return "missing"
        for source, fingerprint in followed(product).items():
            if self.fingerprint(source) != fingerprint:
                return "stale"
            if not self.serves(source):
                return "stale"
        return "fresh"

    def serves(self, source: str) -> bool:
        """Tell whether an input may be used as it is: an annotation, or what is not out of date.

        A model serves on when its mask has changed: what it sees is what it saw before.
        """
        if place := place_elsewhere(source):
            other = _section_at(place[0])
            return other is not None and other.serves(place[1])
        if source.startswith("annotations/"):
            return True
        state = self.state(source)
        return state == "fresh" or (state == "stale" and lasts(source))

    def fingerprint(self, name: str) -> str:
        """Fingerprint of a product or annotation as it is now, empty if there is none.

        It may lie in another section, see `input_elsewhere`.
        """
        if place := place_elsewhere(name):
            other = _section_at(place[0])
            return other.fingerprint(place[1]) if other is not None else ""
        if name.startswith("annotations/"):
            file = self.path / LINES.get(name, f"{name}.csv")
            if not file.exists():
                return ""
            found = file.stat()
            if found.st_size < LARGE:
                return _fingerprint_of_file(file, name in LINES)
            return _remembered(file, name in LINES, found.st_size, found.st_mtime_ns)
        product = self.product(name)
        return product.fingerprint if product else ""

    def recipe(
        self,
        step: str,
        settings: Settings,
        inputs: Iterable[str],
        *,
        seed: int | None = None,
        method: int = 1,
        extra: dict[str, str] | None = None,
    ) -> Recipe:
        """Write the recipe of a product from the inputs as they are now.

        Parameters
        ----------
        step
            Name of the step.
        settings
            Its settings.
        inputs
            Names of products and annotations that it reads; products must be up to date, but for
            models.
        seed
            Seed, where the step draws random numbers.
        method
            Number of the step's method.
        extra
            Fingerprints of inputs from outside the section, by names that start with ``source``,
            which are not followed when they change, or of `input_elsewhere`, which are.
        """
        fingerprints = {}
        for name in inputs:
            if not name.startswith("annotations/"):
                self.require(name, stale_ok=lasts(name))
            fingerprints[name] = self.fingerprint(name)
        return Recipe(
            step, settings.model_dump(mode="json"), fingerprints | (extra or {}), seed, method
        )

    def finished(self, name: str, recipe: Recipe, job: Job) -> Product | None:
        """Return the product if it was already made by the same recipe.

        Parameters
        ----------
        name
            Name of the product.
        recipe
            Recipe that it must have.
        job
            Running job; with `force` nothing counts as finished.
        """
        if not job.force:
            put_in_place(self.path, name, recipe)
        product = self.product(name)
        if product is None or job.force or product.recipe.fingerprint != recipe.fingerprint:
            return None
        job.say(f"{name} is up to date.")
        return product

    def draft(self, name: str, recipe: Recipe, job: Job) -> AbstractContextManager[Draft]:
        """Make a product; see `napari_olivine.section.draft.open_draft`.

        Parameters
        ----------
        name
            Name of the product.
        recipe
            Provenance of the product.
        job
            Running job.
        """
        return open_draft(self.path, name, recipe, job)

    # ------------------------------------------------------------------ contents

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns at full resolution."""
        return self.record.shape

    @property
    def pixel_size_um(self) -> float:
        """Side of a pixel, um."""
        return self.record.pixel_size_um

    def raster(self, product: str, name: str) -> Raster:
        """Open an image of a product, e.g. ``raster("images", "BSE")``.

        Raises
        ------
        SectionError
            If the product is missing or has no such image.
        """
        folder = self.require(product, stale_ok=True).path / name
        if not folder.exists() and (product, name) == ("images", "BSE"):
            raise SectionError(
                f"{self.path} has no BSE image, only the maps {', '.join(self.record.signals)}: "
                "levelling, training, segmentation, crystals and calibration need BSE.",
                remedy="Import the maps together with a BSE image of the same field into another "
                "section.",
                step="import",
            )
        if not folder.exists():
            there = sorted(p.parent.name for p in folder.parent.glob("*/zarr.json"))
            raise SectionError(f"{folder.parent} has no image {name!r}; it has {', '.join(there)}.")
        mark = _mark(folder)
        known, seen = self._rasters.get(folder, (None, ()))
        if known is None or seen != mark:  # opening takes some 10 ms
            known = Raster(folder)
            self._rasters[folder] = known, mark
        return known

    def unit_of(self, signal: str) -> str:
        """Return the unit of an element map: ``"counts"``, ``"wt%"`` or ``"at%"``."""
        images = self.product("images")  # an import that was stopped has none yet
        units = images.notes.get("units", {}) if images is not None else {}
        return str(units.get(signal, "counts"))

    def table(self, product: str, name: str) -> pd.DataFrame:
        """Read a table (Parquet) of a product, e.g. ``table("crystals", "crystals")``.

        Raises
        ------
        SectionError
            If the product is missing, or the table is missing or damaged.
        """
        return read_table(self.require(product, stale_ok=True).path / f"{name}.parquet")

    def annotation(self, name: str) -> pd.DataFrame:
        """Read a table that a person set by hand, e.g. ``"sessions"`` or ``"placements"``.

        Raises
        ------
        SectionError
            If there is no such file, or it is not what it should be.
        """
        file = self.path / "annotations" / f"{name}.csv"
        if not file.exists():
            raise missing_annotation(name, file, self.path, self.shape)
        table = read_annotation(file)
        if name == "placements":
            check_placements(table, file)
        elif name == OUTLINES:
            check_outlines(table, file)
        elif name == REGIONS:
            check_regions(table, file)
        return table

    def has_annotation(self, name: str) -> bool:
        """Tell whether there is a table of that name that a person set by hand."""
        return (self.path / "annotations" / f"{name}.csv").exists()

    def annotate(self, name: str, table: pd.DataFrame) -> None:
        """Replace a table that a person set by hand, all or nothing.

        Outlines and regions that are empty leave no file: the section is as it was before the first
        one.
        """
        folder = self.path / "annotations"
        folder.mkdir(exist_ok=True)
        if name in (OUTLINES, REGIONS) and table.empty:
            (folder / f"{name}.csv").unlink(missing_ok=True)
            return
        write_atomically(folder / f"{name}.csv", table.to_csv(index=False))

    def tiles(self) -> Tiles | None:
        """Return the tiles of the mosaic, `None` for a section of whole images."""
        found = Tiles.read(self.path / "images")
        shape = self.record.tile_shape
        if found is not None or shape is None:
            return found
        grid = (self.shape[0] // shape[0], self.shape[1] // shape[1])
        return Tiles.of_grid(grid, shape)  # sections of before tiles were listed

    def tile_edges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """Return the borders of the rows and columns of tiles, px; `None` without tiles."""
        import numpy as np

        tiles = Tiles.read(self.path / "images")
        if tiles is not None and len(tiles):
            edges = [tiles.edges(axis) for axis in (0, 1)]
        elif self.record.tile_shape is not None:
            steps = zip(self.shape, self.record.tile_shape, strict=True)
            edges = [np.arange(0, size + step, step, dtype=np.int64) for size, step in steps]
        else:
            return None
        for edge, size in zip(edges, self.shape, strict=True):
            edge[0], edge[-1] = 0, size  # tiles that jitter leave strips at the outer edges
        return edges[0], edges[1]

    def fields(self) -> Submaps | None:
        """Return where maps of parts of the section lie, `None` if every map is of all of it."""
        return Submaps.read(self.path / "images")

    def sessions(self) -> list[Session]:
        """Return the analytical sessions and their roles."""
        file = self.path / "annotations" / "sessions.csv"
        return sessions_of(self.annotation("sessions"), file)

    def measured_sessions(self) -> list[Session]:
        """Return the sessions that drift by themselves, without the areas within them."""
        return measured(self.sessions())


def followed(product: Product) -> dict[str, str]:
    """Return the inputs that make a product out of date when they change, with their fingerprints.

    An annotation that was not there when the product was made, or that the program did not know
    then, has an empty one.
    """
    inputs = dict.fromkeys(annotations_of(product.name), "") | product.recipe.inputs
    return {name: mark for name, mark in inputs.items() if not name.startswith("source")}


def _section_at(folder: Path) -> Section | None:
    """Open another section; `None` where it is no longer there, or cannot be read."""
    try:
        return Section(folder)
    except (SectionError, OSError):
        return None


def _fingerprint_of_file(file: Path, lines: bool) -> str:
    content = file.read_bytes()
    if lines:  # a crash may have cut the last one off
        content = content[: content.rfind(b"\n") + 1]
    return fingerprint_of_bytes(content) if content else ""


@lru_cache(maxsize=16)
def _remembered(file: Path, lines: bool, _size: int, _changed: int) -> str:
    """Return the fingerprint of a file that is large to be read for every product."""
    return _fingerprint_of_file(file, lines)


def make_root(path: Path) -> None:
    """Make the folder of a section a group that zarr opens, if it is none."""
    import zarr

    zarr.open_group(path, mode="a", zarr_format=3)


def _is_foreign(path: Path) -> bool:
    return not (path.name in NOTHING or path.name.startswith(".") or path.name.endswith(PARTIAL))


def _mark(image: Path) -> tuple[int, ...]:
    """Tell an image from another that took its place, or was written anew in it."""
    found = [image, image / "zarr.json", image / "0" / "zarr.json"]
    stats = [file.stat() for file in found if file.exists()]
    return tuple(value for stat in stats for value in (stat.st_ino, stat.st_mtime_ns))


def _read_record(path: Path) -> SectionRecord:
    file = path / "section.json"
    if not file.exists():
        raise SectionError(
            f"{path} is not a section: it has no section.json.",
            remedy="Open the folder of a section, or run {step:import} to make one.",
            step="import",
            file=file,
        )
    try:
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if int(values.get("format", -1)) > FORMAT:
            raise SectionError(
                f"{path} was written by a newer version of napari-olivine (layout "
                f"{values['format']}, this one knows {FORMAT}).",
                remedy="Update napari-olivine.",
                file=file,
            )
        return SectionRecord(**values)
    except (ValueError, TypeError, AttributeError, ValidationError) as error:
        raise SectionError(
            f"{file} is damaged or no section's record: {error}", file=file
        ) from error
