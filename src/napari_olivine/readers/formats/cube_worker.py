"""The process that reads spectrum images with RosettaSciIO.

Its decoders trust a file: a damaged one may need any memory and time, or end the process. So they
run here, with a limit of memory, and `hyperspectral` asks by lines of JSON. RosettaSciIO is GPL-3
and an optional extra; no other module imports it.
"""

from __future__ import annotations

import json
import logging
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from napari_olivine.readers.formats.spectrum_windows import windows

LARGEST_CUBE = 4 << 30
"""Spectra of a file that are unpacked at once, bytes."""

MEMORY = LARGEST_CUBE + (4 << 30)
"""Memory of this process: the spectra, their source and the libraries, bytes."""

MOST_PIXELS = 1 << 31

HIGHEST_KEV = 9.2
"""Channels above are not read: no line of `spectrum_windows` lies there."""


class Refused(Exception):
    """What a person can mend; its text names no file."""


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Answer one question.

    Parameters
    ----------
    question
        ``do``: ``"describe"`` or ``"maps"``; ``file``; ``folder`` for arrays; ``kind``:
        ``"bruker"``, ``"jeol"`` or ``"edax"``.

    Returns
    -------
    answer
        ``images`` of a description: each with ``title``, ``shape``, ``array`` (file of an electron
        image, or nothing for an element map), ``element`` and what the instrument says. ``arrays``:
        file of the map of each element, of a description only where it cost nothing more.
    """
    signals = list(_read(question))
    if question["do"] == "maps":
        return {"arrays": _write_maps(signals, Path(question["folder"]))}
    images = []
    unpacked = any(_is_cube(one) and isinstance(one["data"], np.ndarray) for one in signals)
    arrays = _write_maps(signals, Path(question["folder"])) if unpacked else {}
    for number, signal in enumerate(signals):
        said = _said(signal)
        if _is_cube(signal):
            for window in _windows(signal):
                line = f"{window.element} {window.line}a"
                images.append(
                    said
                    | {"element": window.element, "title": line, "shape": signal["data"].shape[:2]}
                )
        elif signal["data"].ndim == 2 and signal["data"].dtype.kind in "uf":
            array = Path(question["folder"]) / f"image{number}.npy"
            np.save(array, np.asarray(signal["data"]))
            title = str(signal["metadata"].get("General", {}).get("title", ""))
            if title.startswith("S(T)EM Image extracted from"):  # JEOL does not say by what
                title = "SEM"
            images.append(
                said | {"array": array.name, "title": title, "shape": signal["data"].shape}
            )
    return {"images": images, "arrays": arrays}


def _read(question: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Go through the images and spectrum images of a file, as RosettaSciIO gives them."""
    file, kind = question["file"], question["kind"]
    if kind == "bruker":
        from rsciio.bruker import file_reader

        _check_pieces(Path(file))
        signals = file_reader(file, lazy=True, cutoff_at_kV=HIGHEST_KEV)
    elif kind == "jeol":
        from rsciio.jeol import file_reader

        # Its lazy form lists every photon, which needs more memory than the spectra.
        signals = file_reader(
            file, cutoff_at_kV=HIGHEST_KEV, SI_dtype=np.uint16, read_em_image=True
        )
    else:
        from rsciio.edax import file_reader

        _check_length(Path(file))
        signals = file_reader(file, lazy=True)
    for signal in signals:
        name = signal["original_metadata"].get("asw_viewdata", {}).get("Filename", "")
        if ".." in str(name) or ":" in str(name) or str(name).startswith(("/", "\\")):
            raise Refused(f"names a file outside its folder ({str(name)[:80]})")
        shape = signal["data"].shape
        if any(side < 1 for side in shape) or np.prod([float(side) for side in shape[:2]]) > (
            MOST_PIXELS
        ):
            raise Refused(f"says that an image has {' x '.join(map(str, shape))} pixels")
        yield signal


def _check_pieces(bcf: Path) -> None:
    """Refuse a .bcf that is shorter than the pieces that its container says it has."""
    with bcf.open("rb") as stream:
        head = stream.read(0x150)
    (piece,), (pieces,) = (
        struct.unpack("<I", head[0x128:0x12C]),
        struct.unpack("<I", head[0x148:0x14C]),
    )
    if piece < 64 or bcf.stat().st_size + piece < 0x118 + piece * pieces:
        raise Refused("is truncated or damaged: pieces of it are missing")


def _check_length(spd: Path) -> None:
    """Refuse an .spd whose header promises more spectra than it holds."""
    with spd.open("rb") as stream:
        _, _, points, lines, channels, counts, offset = struct.unpack("<7i", stream.read(44)[16:])
    needed = offset + points * lines * channels * counts
    if min(points, lines, channels, counts) < 1 or offset < 44 or needed > spd.stat().st_size:
        raise Refused(
            f"is truncated or damaged: its header says {points} x {lines} spectra of {channels} "
            "channels"
        )


def _is_cube(signal: dict[str, Any]) -> bool:
    return bool(signal["data"].ndim == 3 and signal["axes"][-1]["name"] == "Energy")


def _windows(signal: dict[str, Any]) -> list[Any]:
    energy = signal["axes"][-1]
    if energy.get("units") != "keV" or not energy.get("scale"):
        raise Refused(
            "does not say which energy its channels have; for EDAX keep the .spc file of the same "
            "name beside the .spd"
        )
    sample = signal["metadata"].get("Sample", {})
    return windows(
        sample.get("elements") or (),
        sample.get("xray_lines") or (),
        _said(signal)["kv"],
        float(energy["offset"]) * 1000,
        float(energy["scale"]) * 1000,
        signal["data"].shape[-1],
    )


def _write_maps(signals: list[dict[str, Any]], folder: Path) -> dict[str, str]:
    cubes = [signal for signal in signals if _is_cube(signal)]
    arrays: dict[str, str] = {}
    for cube in cubes[:1]:
        data = cube["data"]
        found = _windows(cube)
        used = max((window.last for window in found), default=0)
        lazy = hasattr(data, "dask")
        packed = lazy and all(len(sizes) == 1 for sizes in data.chunks)
        size = np.prod([float(side) for side in data.shape]) * data.dtype.itemsize
        if packed and size > LARGEST_CUBE:
            raise Refused(
                f"holds {size / (1 << 30):.1f} GB of spectra, which can only be unpacked at once "
                f"({LARGEST_CUBE >> 30} GB at most). Export the element maps as grey TIFF"
            )
        sums = _sums(data if packed else data[..., :used], found)
        for window, counts in zip(found, sums, strict=True):
            array = folder / f"{window.element}.npy"
            np.save(array, counts)
            arrays[window.element] = array.name
    return arrays


def _sums(data: Any, found: list[Any]) -> list[Any]:
    """Sum the channels of each window, all in one pass over the spectra."""
    totals = [data[..., one.first : one.last].sum(axis=-1, dtype=np.uint32) for one in found]
    if hasattr(data, "dask"):
        import dask

        with dask.config.set(scheduler="synchronous"):
            totals = list(dask.compute(*totals))  # type: ignore[attr-defined, no-untyped-call]
    return [np.asarray(total, np.uint32) for total in totals]


def _said(signal: dict[str, Any]) -> dict[str, Any]:
    """Return what the instrument says, in um, kV and as ISO dates."""
    axes = signal["axes"][:2]
    scale, other = (axis.get("scale") for axis in axes) if len(axes) == 2 else (None, None)
    units = axes[0].get("units") if axes else None
    metadata = signal["metadata"]
    instruments = metadata.get("Acquisition_instrument", {})
    instrument = next((value for value in instruments.values() if isinstance(value, dict)), {})
    stage = signal["original_metadata"].get("Stage") or {}
    general = metadata.get("General", {})
    return {
        "pixel_um": [float(scale), float(other)] if units == "µm" and scale and other else None,
        "kv": _float(instrument.get("beam_energy")),
        "stage_um": [_float(stage.get("X")), _float(stage.get("Y"))],
        "taken": f"{general['date']}T{general['time']}" if "date" in general else "",
    }


def _float(value: Any) -> float | None:
    with suppress(TypeError, ValueError):
        number = float(value)
        return number if np.isfinite(number) else None
    return None


def _limit_memory() -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


def main() -> None:
    """Answer the questions on standard input until it ends."""
    # Whatever a library prints must not stand among the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    _limit_memory()
    for line in sys.stdin:
        try:
            told: dict[str, Any] = answer(json.loads(line))
        except Refused as error:
            told = {"refused": str(error)}
        except ImportError as error:
            told = {"missing": error.name or str(error)}
        except MemoryError:
            told = {"damaged": "it needs more memory than any file of this kind should"}
        except Exception as error:  # noqa: BLE001 - a decoder may raise anything
            told = {"damaged": str(error).splitlines()[0] if str(error) else type(error).__name__}
        answers.write(json.dumps(told) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
