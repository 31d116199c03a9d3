"""Corrections painted over the rule's mask, tile by tile, and taken off again.

What the rule says under a correction is kept beside the images. So a correction is painted, and
taken back, where it is, and the rule is never run for it.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import filelock
import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.masks import ALTERED
from napari_olivine.masks.corrections.correction import CODES, NOTHING
from napari_olivine.masks.corrections.journal import PATIENCE_S, MaskCorrections, Tile
from napari_olivine.masks.corrections.named_phases import (
    NamedPhase,
    codes_of,
    phase_key,
    phases_of,
)
from napari_olivine.section import (
    MASK_CORRECTIONS,
    PIECE,
    Product,
    Raster,
    Section,
    blocks,
    lock_of,
    write_arrays,
    write_atomically,
)

CORRECTIONS_INPUT = f"annotations/{MASK_CORRECTIONS}"
"""The corrections as an input of the mask."""

EDITS, PAINTED = "edits", "painted.json"
"""Folder in the mask for the rule's pixels under corrections, and what was painted where."""

MASK, PHASES, CERTAINTY = "olivine", "phases", "certainty"
"""Images of the mask, the first of which is always there."""

OLIVINE, OTHER = CODES["olivine"], CODES["other"]

SURE = 100
"""Certainty of what a person said, per cent."""

COUNTED_PX = 2048
"""Side of the blocks in which the pixels of a mask of an older version are counted."""

Pixels = dict[str, NDArray[np.uint8]]
"""Pixels of a tile by the name of the image."""

Gains = Mapping[str, Mapping[str, int]]
"""Pixels that each code of each image has more than by the rule alone."""


@dataclass(frozen=True)
class PaintedTile:
    """What was painted in a tile.

    Parameters
    ----------
    mark
        Hash of the corrections.
    corrected
        Pixels that a person said something of.
    gains
        See `Gains`.
    """

    mark: str
    corrected: int
    gains: Gains


def corrections_input(section: Section) -> list[str]:
    """Name the corrections as an input of the mask, if there are any."""
    return [CORRECTIONS_INPUT] if section.fingerprint(CORRECTIONS_INPUT) else []


def is_corrected(section: Section) -> bool:
    """Tell whether the mask that is there shows the corrections as they are; also if it is none."""
    product = section.product("mask")
    if product is None:
        return True
    mark = product.recipe.inputs.get(CORRECTIONS_INPUT, "")
    return mark == section.fingerprint(CORRECTIONS_INPUT)


def correct_mask(
    section: Section, job: Job | None = None, corrections: MaskCorrections | None = None
) -> Product | None:
    """Bring the mask that is there up to date with the corrections, in the tiles that they touch.

    Parameters
    ----------
    section
        The section.
    job
        Running job; when it is stopped, the next call goes on.
    corrections
        The corrections, if they are read already.

    Returns
    -------
    Product or None
        The mask; `None` if there is none.

    Raises
    ------
    SectionError
        If the mask is being made right now, or a file cannot be read.
    """
    job = job or Job()
    if is_corrected(section):
        return section.product("mask")
    try:
        with lock_of(section.path, "mask").acquire(timeout=PATIENCE_S):
            product = section.require("mask", stale_ok=True)
            corrections = corrections or MaskCorrections(section)
            notes = _corrected_notes(
                product.path, _rasters(product.path), product.notes, corrections, job
            )
            inputs = {k: v for k, v in product.recipe.inputs.items() if k != CORRECTIONS_INPUT}
            if corrections.edits:
                inputs[CORRECTIONS_INPUT] = corrections.fingerprint
            product = replace(product, notes=notes, recipe=replace(product.recipe, inputs=inputs))
            product.write()
    except filelock.Timeout as error:
        raise SectionError(
            f"The mask of {section.path} is being made right now.",
            remedy="The corrections are kept, and painted when it is finished.",
        ) from error
    return product


def correct_draft(
    section: Section, folder: Path, images: Mapping[str, Raster], notes: dict[str, Any], job: Job
) -> None:
    """Paint the corrections over a mask that has just been made by a rule.

    Parameters
    ----------
    section
        The section.
    folder
        Folder of the draft.
    images
        Its images by name, with their overviews.
    notes
        Its notes, which are changed.
    job
        Running job.
    """
    corrections = MaskCorrections(section)
    if corrections.edits:
        corrected = _corrected_notes(folder, images, notes, corrections, job)
        notes.clear()
        notes.update(corrected)
        told = notes["corrections"]
        job.say(
            f"{told['count']} corrections by hand, of {told['corrected_px']} pixels, lie over it."
        )
        if missing := told.get("missing_phases"):
            job.warn(
                missing_words(missing),
                remedy="Give a rule book that has it as {setting:book}, or correct it anew.",
                setting="book",
            )


def missing_words(missing: Mapping[str, int]) -> str:
    """Tell a person which phases of corrections a mask lacks, and what is there instead.

    Parameters
    ----------
    missing
        Names of the phases, and how many corrections name them.
    """
    phases = ", ".join(f"{name} ({count})" for name, count in missing.items())
    return f"Corrections say {phases}; this mask does not tell it: not olivine counts there."


def _rasters(folder: Path) -> dict[str, Raster]:
    names = (MASK, PHASES, CERTAINTY)
    return {name: Raster(folder / name) for name in names if (folder / name).exists()}


# ---------------------------------------------------------------------- pixels


def paint_corrections(
    folder: Path,
    images: Mapping[str, Raster],
    corrections: MaskCorrections,
    codes: Mapping[str, int],
    job: Job,
) -> dict[Tile, PaintedTile]:
    """Paint the tiles whose corrections are others than those that are painted there.

    Carried out twice it gives the same as once: a process that is killed leaves tiles that are not
    yet listed as painted, and the next one paints them again over the rule's pixels.

    Parameters
    ----------
    folder
        Folder of the mask.
    images
        Its images by name.
    corrections
        All corrections.
    codes
        Codes of the mask's phases other than olivine, see `codes_of`.
    job
        Running job.

    Returns
    -------
    dict
        What is painted in each tile that has corrections.
    """
    marks, edits = corrections.marks(), folder / EDITS
    painted = _read_painted(edits)
    kept = {_tile_of(file) for file in edits.glob("*.npz") if not file.name.startswith(".")}
    # Corrections that are gone, and tiles that a killed process had begun with.
    due = {tile for tile in {*marks, *painted} if marks.get(tile) != _mark(painted.get(tile))}
    due |= kept - set(painted)
    if not due:
        return painted
    edits.mkdir(exist_ok=True)
    written: set[Tile] = set()
    for number, tile in enumerate(sorted(due)):
        job.progress(number, len(due), "Correcting the mask")
        painted.pop(tile, None)
        rows, columns = _window(tile, corrections.shape)
        said = corrections.labels(rows, columns, codes)
        file = edits / f"{tile[0]}-{tile[1]}.npz"
        by_rule = _by_rule(file, images, rows, columns)
        if (said != NOTHING).any() and not file.exists():
            write_arrays(by_rule, file)
        pixels = _painted(by_rule, said)
        if file.exists():
            for name, image in images.items():
                image.write(rows.start, columns.start, pixels[name])
            written.add(tile)
        if tile in marks:
            corrected = int((said != NOTHING).sum())
            painted[tile] = PaintedTile(marks[tile], corrected, _gains(by_rule, pixels))
    for image in images.values():
        image.update_overviews({(row // 2, column // 2) for row, column in written}, job)
    _write_painted(edits, painted)
    for tile in due | kept:
        if tile not in painted or not painted[tile].corrected:
            (edits / f"{tile[0]}-{tile[1]}.npz").unlink(missing_ok=True)
    if not painted:
        with suppress(OSError):  # a killed process left something
            edits.rmdir()
    return painted


def _by_rule(file: Path, images: Mapping[str, Raster], rows: slice, columns: slice) -> Pixels:
    if not file.exists():
        return {name: image.read(rows, columns) for name, image in images.items()}
    try:
        with np.load(file) as arrays:
            return {name: arrays[name] for name in images}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise SectionError(
            f"{file} is damaged: it holds what the rule says under corrections.",
            remedy="Make the mask anew: run {step:mask} with force. The corrections are kept.",
            step="mask",
            file=file,
        ) from error


def _painted(by_rule: Pixels, said: NDArray[np.uint8]) -> Pixels:
    """Return the pixels of a tile with what a person said of them."""
    known = said != NOTHING
    pixels = {MASK: np.where(known, said == OLIVINE, by_rule[MASK]).astype(np.uint8)}
    if PHASES in by_rule:
        phases = np.where(known & (said != OTHER), said, by_rule[PHASES])
        # Another mineral of the rule book stays what it is: a person said only what it is not.
        phases[(said == OTHER) & ((phases == OLIVINE) | (phases == NOTHING))] = OTHER
        pixels[PHASES] = phases
    if CERTAINTY in by_rule:
        pixels[CERTAINTY] = np.where(known, np.uint8(SURE), by_rule[CERTAINTY])
    return pixels


def _gains(by_rule: Pixels, pixels: Pixels) -> Gains:
    gains = {}
    for name in by_rule:
        if name != CERTAINTY:
            more = np.bincount(pixels[name].ravel(), minlength=256)
            more -= np.bincount(by_rule[name].ravel(), minlength=256)
            gains[name] = {str(code): int(more[code]) for code in np.flatnonzero(more)}
    return gains


def _window(tile: Tile, shape: tuple[int, int]) -> tuple[slice, slice]:
    row, column = (
        slice(place * PIECE, min((place + 1) * PIECE, length))
        for place, length in zip(tile, shape, strict=True)
    )
    return row, column


# ---------------------------------------------------------------------- the list of tiles


def _mark(tile: PaintedTile | None) -> str | None:
    return tile.mark if tile is not None else None


def _tile_of(file: Path) -> Tile:
    row, column = file.stem.split("-")
    return int(row), int(column)


def _read_painted(edits: Path) -> dict[Tile, PaintedTile]:
    """Read what is painted; where that cannot be read, all tiles are painted again."""
    try:
        tiles = json.loads((edits / PAINTED).read_text(encoding="utf-8"))
        return {_tile_of(Path(f"{place}.npz")): PaintedTile(**one) for place, one in tiles.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write_painted(edits: Path, painted: Mapping[Tile, PaintedTile]) -> None:
    if not painted:
        (edits / PAINTED).unlink(missing_ok=True)
        return
    tiles = {f"{row}-{column}": vars(painted[row, column]) for row, column in sorted(painted)}
    write_atomically(edits / PAINTED, json.dumps(tiles, indent=0) + "\n")


# ---------------------------------------------------------------------- numbers in the record


def _corrected_notes(
    folder: Path,
    images: Mapping[str, Raster],
    notes: Mapping[str, Any],
    corrections: MaskCorrections,
    job: Job,
) -> dict[str, Any]:
    """Paint the corrections, and return the notes of the mask with what they changed."""
    by_rule: Gains = notes.get("pixels_by_rule") or _counted(images, job)
    phases = phases_of(notes) if PHASES in images else []
    codes = codes_of(phases)
    painted = paint_corrections(folder, images, corrections, codes, job)
    more: dict[str, Counter[str]] = {name: Counter() for name in by_rule}
    for tile in painted.values():
        for name, gains in tile.gains.items():
            more[name].update(gains)
    found = {**notes, "pixels_by_rule": by_rule}
    pixels = {name: Counter(codes) for name, codes in by_rule.items()}
    for name, gained in more.items():
        pixels[name].update(gained)
    found["phase_percent"] = round(round(_percent(pixels[MASK], OLIVINE), 3), 2)
    if "modes" in notes and PHASES in pixels:
        found["modes"] = [
            {**mode, "percent": round(_percent(pixels[PHASES], mode["code"]), 3)}
            for mode in _with_altered(notes["modes"], phases, by_rule[PHASES], pixels[PHASES])
        ]
    found.pop("corrections", None)
    if corrections.edits:
        found["corrections"] = {
            "count": len(corrections),
            "corrected_px": sum(tile.corrected for tile in painted.values()),
            "olivine_px": more[MASK][str(OLIVINE)],
        }
        if named := corrections.phases():
            keys = {phase_key(name) for name in named}
            found["corrections"] |= {
                "phases_px": {
                    one.name: more[PHASES][str(one.code)]
                    for one in phases
                    if phase_key(one.name) in keys
                },
                "missing_phases": {k: n for k, n in named.items() if phase_key(k) not in codes},
            }
    return found


def _with_altered(
    modes: Sequence[Mapping[str, Any]],
    phases: Sequence[NamedPhase],
    by_rule: Mapping[str, int],
    pixels: Mapping[str, int],
) -> list[dict[str, Any]]:
    """Return the modes, with altered olivine where the rule or a person has it."""
    code = str(ALTERED)
    found = [dict(mode) for mode in modes if mode["code"] != ALTERED]
    known = [dict(mode) for mode in modes if mode["code"] == ALTERED]
    if by_rule.get(code):
        return found + known
    if pixels.get(code):
        (altered,) = (one for one in phases if one.code == ALTERED)
        found.append({**vars(altered), "percent": 0.0, "error": None})
    return found


def _percent(pixels: Mapping[str, int], code: int) -> float:
    measured = sum(count for one, count in pixels.items() if int(one) != NOTHING)
    return 100 * float(pixels.get(str(code), 0) / max(1, measured))


def _counted(images: Mapping[str, Raster], job: Job) -> Gains:
    """Count the pixels of each code in a mask of a version that did not note them."""
    counts: dict[str, dict[str, int]] = {}
    for name in (one for one in (MASK, PHASES) if one in images):
        total = np.zeros(256, np.int64)
        for rows, columns in blocks(images[name].shape, COUNTED_PX, COUNTED_PX):
            job.check()
            total += np.bincount(images[name].read(rows, columns).ravel(), minlength=256)
        counts[name] = {str(code): int(total[code]) for code in np.flatnonzero(total)}
    return counts
