"""The process that reads spectrum images with RosettaSciIO.

Its decoders trust a file: a damaged one may need any memory and time, or end the process. So they
run here, with a limit of memory, and `hyperspectral` asks by lines of JSON. RosettaSciIO is GPL-3
and an optional extra; no other module imports it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.base import Unreadable
from napari_olivine.readers.formats import Message, serve
from napari_olivine.readers.formats.spectra.xray_windows import Window, windows

LARGEST_CUBE = 4 << 30
"""Spectra of a file that are unpacked at once, bytes."""

MEMORY = LARGEST_CUBE + (4 << 30)
"""Memory of this process: the spectra, their source and the libraries, bytes."""

BLOCK_BYTES = 64 << 20

MOST_PIXELS = 1 << 31

HIGHEST_KEV = 9.2
"""Channels above are not read: no line of `xray_windows` lies there."""


def describe(file: Path, kind: str, folder: str) -> Message:
    """Describe the electron images and the element maps of a file.

    Parameters
    ----------
    file
        The file.
    kind
        ``"bruker"``, ``"jeol"`` or ``"edax"``.
    folder
        Folder for arrays.

    Returns
    -------
    description
        ``images``, each with ``title``, ``shape``, ``array`` (file of an electron image) or
        ``element`` (of a map), and the values of its acquisition. ``arrays``: file of the map of
        each element, where the spectra are unpacked anyway.
    """
    signals = list(_read(file, kind))
    images = []
    unpacked = any(_is_cube(one) and isinstance(one["data"], np.ndarray) for one in signals)
    arrays = _write_maps(signals, Path(folder)) if unpacked else {}
    for number, signal in enumerate(signals):
        acquisition = _acquisition(signal)
        if _is_cube(signal):
            for window in _windows(signal):
                line = f"{window.element} {window.line}a"
                images.append(
                    acquisition
                    | {"element": window.element, "title": line, "shape": signal["data"].shape[:2]}
                )
        elif signal["data"].ndim == 2 and signal["data"].dtype.kind in "uf":
            array = Path(folder) / f"image{number}.npy"
            np.save(array, np.asarray(signal["data"]))
            title = str(signal["metadata"].get("General", {}).get("title", ""))
            if title.startswith("S(T)EM Image extracted from"):  # JEOL does not say by what
                title = "SEM"
            images.append(
                acquisition | {"array": array.name, "title": title, "shape": signal["data"].shape}
            )
    return {"images": images, "arrays": arrays}


def make_maps(file: Path, kind: str, folder: str) -> dict[str, str]:
    """Write the map of each element.

    Parameters
    ----------
    file, kind, folder
        As for `describe`.

    Returns
    -------
    arrays
        File in the folder by element.
    """
    return _write_maps(list(_read(file, kind)), Path(folder))


def _read(file: Path, kind: str) -> Iterator[Message]:
    """Go through the images and spectrum images of a file, as RosettaSciIO gives them."""
    if kind == "bruker":
        from rsciio.bruker import file_reader

        _check_pieces(file)
        signals = file_reader(str(file), lazy=True, cutoff_at_kV=HIGHEST_KEV)
    elif kind == "jeol":
        from rsciio.jeol import file_reader

        # Its lazy form lists every photon, which needs more memory than the spectra.
        signals = file_reader(
            str(file), cutoff_at_kV=HIGHEST_KEV, SI_dtype=np.uint16, read_em_image=True
        )
    else:
        from rsciio.edax import file_reader

        _check_length(file)
        signals = file_reader(str(file), lazy=True)
    for signal in signals:
        name = signal["original_metadata"].get("asw_viewdata", {}).get("Filename", "")
        if ".." in str(name) or ":" in str(name) or str(name).startswith(("/", "\\")):
            raise InputError(f"{file} names a file outside its folder ({str(name)[:80]}).")
        shape = signal["data"].shape
        if any(side < 1 for side in shape) or np.prod([float(side) for side in shape[:2]]) > (
            MOST_PIXELS
        ):
            raise InputError(f"{file} says that an image has {' x '.join(map(str, shape))} pixels.")
        yield signal | {"file": file}


def _check_pieces(bcf: Path) -> None:
    """Refuse a .bcf that is shorter than the pieces that its container says it has."""
    with bcf.open("rb") as stream:
        head = stream.read(0x150)
    (piece,), (pieces,) = (
        struct.unpack("<I", head[0x128:0x12C]),
        struct.unpack("<I", head[0x148:0x14C]),
    )
    if piece < 64 or bcf.stat().st_size + piece < 0x118 + piece * pieces:
        raise Unreadable(f"{bcf} is truncated or damaged: pieces of it are missing.")


def _check_length(spd: Path) -> None:
    """Refuse an .spd whose header promises more spectra than it holds."""
    with spd.open("rb") as stream:
        points, lines, channels, counts, offset = _spd_header(stream)
    needed = offset + points * lines * channels * counts
    sensible = min(points, lines, channels) >= 1 and counts in (1, 2, 4) and offset >= 44
    if not sensible or needed > spd.stat().st_size:
        raise Unreadable(
            f"{spd} is truncated or damaged: its header says {points} x {lines} spectra of "
            f"{channels} channels."
        )


def _spd_header(stream: BinaryIO) -> tuple[int, int, int, int, int]:
    """Pixels of a line, lines, channels, bytes of a count, and where the spectra begin."""
    stream.seek(16)
    _, _, points, lines, channels, counts, offset = struct.unpack("<7i", stream.read(28))
    return points, lines, channels, counts, offset


def _is_cube(signal: Message) -> bool:
    return bool(signal["data"].ndim == 3 and signal["axes"][-1]["name"] == "Energy")


def _windows(signal: Message) -> list[Window]:
    energy = signal["axes"][-1]
    if energy.get("units") != "keV" or not energy.get("scale"):
        raise InputError(
            f"{signal['file']} does not say which energy its channels have; for EDAX keep the .spc "
            "file of the same name beside the .spd."
        )
    sample = signal["metadata"].get("Sample", {})
    return windows(
        sample.get("elements") or (),
        sample.get("xray_lines") or (),
        _acquisition(signal)["kv"],
        float(energy["offset"]) * 1000,
        float(energy["scale"]) * 1000,
        signal["data"].shape[-1],
    )


def _write_maps(signals: list[Message], folder: Path) -> dict[str, str]:
    cube = next((signal for signal in signals if _is_cube(signal)), None)
    if cube is None:
        return {}
    found = _windows(cube)
    arrays: dict[str, str] = {}
    for window, counts in zip(found, _sums(cube, found), strict=True):
        array = folder / f"{window.element}.npy"
        np.save(array, counts)
        arrays[window.element] = array.name
    return arrays


def _sums(cube: Message, found: list[Window]) -> list[NDArray[np.uint32]]:
    """Sum the channels of each window, all in one pass over the spectra."""
    data, file = cube["data"], cube["file"]
    if file.suffix.lower() == ".spd":
        return _sums_of_spd(file, found)
    size = np.prod([float(side) for side in data.shape]) * data.dtype.itemsize
    if size > LARGEST_CUBE:
        raise InputError(
            f"{file} holds {size / (1 << 30):.1f} GB of spectra, which can only be unpacked at "
            f"once ({LARGEST_CUBE >> 30} GB at most).",
            remedy="Export the element maps as grey TIFF.",
        )
    spectra = np.asarray(data)
    return [spectra[..., one.first : one.last].sum(axis=-1, dtype=np.uint32) for one in found]


def _sums_of_spd(spd: Path, found: list[Window]) -> list[NDArray[np.uint32]]:
    """Sum the spectra of EDAX block by block: they lie one after the other in the file."""
    with spd.open("rb") as stream:
        points, lines, channels, counts, offset = _spd_header(stream)
        totals = [np.empty(points * lines, np.uint32) for _ in found]
        stream.seek(offset)
        step = max(1, BLOCK_BYTES // (channels * counts))
        for start in range(0, points * lines, step):
            number = min(step, points * lines - start)
            raw = stream.read(number * channels * counts)
            spectra = np.frombuffer(raw, f"<u{counts}").reshape(number, channels)
            for one, total in zip(found, totals, strict=True):
                inside = spectra[:, one.first : one.last]
                total[start : start + number] = inside.sum(axis=1, dtype=np.uint32)
    return [total.reshape(lines, points) for total in totals]


def _acquisition(signal: Message) -> Message:
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


if __name__ == "__main__":
    serve({"describe": describe, "maps": make_maps}, MEMORY)
