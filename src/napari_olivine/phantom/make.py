"""Make a whole phantom section on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.new_folder import new_folder, require_free
from napari_olivine.phantom.settings import PhantomSettings

#: Peak memory, measured: for each pixel of one row of tiles; that of the section is the rock's.
BYTES_PER_STRIP_PIXEL = 40
BYTES_AT_LEAST = 150 << 20


def make_phantom(
    folder: Path,
    settings: PhantomSettings = PhantomSettings(),  # noqa: B008 - settings are frozen
    job: Job | None = None,
) -> Path:
    """Write a synthetic thin section with known truth, as an instrument would leave it.

    The folder holds section.json, sessions.csv, tiles/<signal>/r##_c##.tif (uint8 BSE, Mg, Fe,
    Ca, Al, Si), epma/ (traverses and where a person would place them) and truth/, which is for
    scoring alone.

    Parameters
    ----------
    folder
        Folder to make; it must not exist, or be empty.
    settings
        Size, sessions, crystals, instrument and seed. Same settings, same bytes.
    job
        Budget, progress, cancel.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If the folder holds something, the section needs more memory than the job allows, or the
        crystals do not fit.
    Cancelled
        If the job is stopped; nothing is left behind then.
    """
    job = Job() if job is None else job
    folder = Path(folder).absolute()
    require_free(folder)
    settings.session_columns()
    _check_memory(settings, job)
    with new_folder(folder, "The phantom") as draft:
        _write(draft, settings, job)
    return folder


def memory_needed(settings: PhantomSettings) -> int:
    """Bytes that making this section takes at most."""
    height, width = settings.shape
    strip = settings.tile_height_px * width
    return (
        BYTES_AT_LEAST + _bytes_per_pixel(settings) * height * width + BYTES_PER_STRIP_PIXEL * strip
    )


def _bytes_per_pixel(settings: PhantomSettings) -> int:
    from napari_olivine.phantom.rocks import ROCKS

    return ROCKS[settings.rock].bytes_per_pixel


def _write(folder: Path, settings: PhantomSettings, job: Job) -> None:
    from napari_olivine.phantom import files, imaging
    from napari_olivine.phantom.rocks import ROCKS
    from napari_olivine.phantom.scene import STEPS_BEFORE_TILES, Scene
    from napari_olivine.phantom.traverses import lay_traverses

    steps = STEPS_BEFORE_TILES + settings.rows
    job.progress(0, steps, "phantom: groundmass")
    seed = settings.seed
    rock, scene = ROCKS[settings.rock], Scene.blank(settings.shape)
    rock.lay(np.random.default_rng([seed, 0]), settings, scene, job)
    job.progress(8, steps, "phantom: traverses and truth")
    instrument = rock.instrument(np.random.default_rng([seed, 6]), settings)
    drifts = imaging.draw_drift(np.random.default_rng([seed, 1]), settings, instrument.grey_at)
    files.write_description(folder, settings)
    files.write_truth(folder, scene, drifts, instrument, rock.codes)
    files.write_traverses(folder, lay_traverses(np.random.default_rng([seed, 3]), scene, settings))
    microscope = imaging.Microscope(scene, settings, drifts, seed, instrument, rock.ends)
    for row in range(settings.rows):
        job.progress(
            STEPS_BEFORE_TILES + row, steps, f"phantom: tiles of row {row + 1} of {settings.rows}"
        )
        for signal, image in microscope.tile_row(row):
            files.write_tile_row(folder, signal, row, image, settings)
            job.check()
    job.progress(steps, steps, "phantom: done")


def _check_memory(settings: PhantomSettings, job: Job) -> None:
    needed = memory_needed(settings)
    if needed <= job.memory_bytes:
        return
    height, width = settings.tile_shape
    left = max(0, job.memory_bytes - BYTES_AT_LEAST - BYTES_PER_STRIP_PIXEL * height * width)
    rows = int(left / (height * width) / _bytes_per_pixel(settings) / settings.cols)
    advice = (
        f"{rows} rows of tiles of this width would fit"
        if rows >= 1
        else "not even one row of tiles of this width would fit: use fewer columns"
    )
    raise InputError(
        f"A phantom of {settings.rows} x {settings.cols} tiles needs {needed / 2**30:.2f} GB of "
        f"memory and {job.memory_bytes / 2**30:.2f} GB are allowed; {advice}."
    )
