"""The process that reads .h5oina files for `h5oina`."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from napari_olivine.readers.base import Image
from napari_olivine.readers.formats import Message, serve
from napari_olivine.readers.formats.h5oina import content

MEMORY = 4 << 30
"""Memory of this process, bytes."""


def answer(question: Message) -> Any:
    """Answer one question: ``do`` is ``recognise``, ``images``, ``fields`` or ``rows``."""
    file = Path(question["file"])
    what = question["do"]
    if what == "recognise":
        return content.is_ours(file)
    if what == "fields":
        return content.montage_fields(file).to_dict("list")
    if what == "images":
        _images.cache_clear()  # the file may have changed
        return [_described(image) for image in _images(file)]
    rows = _images(file)[question["number"]].load(question["start"], question["stop"])
    np.save(question["out"], rows)
    return list(rows.shape)


@lru_cache(maxsize=8)
def _images(file: Path) -> list[Image]:
    return content.open_images(file)


def _described(image: Image) -> Message:
    said = asdict(image.acquisition)
    said["taken"] = said["taken"].isoformat() if said["taken"] else None
    return {
        "shape": image.shape,
        "dtype": image.dtype.str,
        "signal": image.signal,
        "acquisition": said,
    }


if __name__ == "__main__":
    serve(answer, MEMORY)
