"""Microprobe traverses across phenocrysts, and how a person would place them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.phantom.compositions import OLIVINE_CAO_WT_PCT, OLIVINE_MNO_WT_PCT
from napari_olivine.phantom.scene import Crystal, Scene
from napari_olivine.phantom.settings import PhantomSettings

MASS_SIO2, MASS_FEO, MASS_MGO = 60.0843, 71.8464, 40.3044
#: Relative errors of one analysis; with them mg# errs by about 0.002.
ERRORS = {"SiO2": 0.005, "FeO": 0.010, "MgO": 0.007, "CaO": 0.11, "MnO": 0.15}
STEPS_UM = (2.0, 3.0, 4.0)
CRACK_SEEN = 60


@dataclass(frozen=True)
class Traverse:
    """One line of analyses: the true line, its table and where a person puts it.

    Coordinates are in mosaic pixels, (0, 0) being the centre of the first pixel.
    """

    name: str
    crystal: int
    session: int
    use: str
    start_xy: tuple[float, float]
    end_xy: tuple[float, float]
    step_um: float
    table: pd.DataFrame
    placed: tuple[float, float, float, float]


def lay_traverses(
    rng: np.random.Generator, scene: Scene, settings: PhantomSettings
) -> list[Traverse]:
    """Lay the traverses of all sessions, the most strongly zoned crystals first.

    Parameters
    ----------
    rng
        Random numbers.
    scene
        The section.
    settings
        Traverses of each session.

    Returns
    -------
    list of Traverse
        With analyses and placed ends.

    Raises
    ------
    InputError
        If a session has no crystal across which a traverse can be laid.
    """
    found: list[Traverse] = []
    for session, uses in enumerate(_uses(settings), start=1):
        chosen = _crystals_for(scene, session)
        if not chosen:
            raise InputError(
                f"Session {session} of the phantom has no phenocryst for a traverse; ask for more "
                "phenocrysts."
            )
        for number, use in enumerate(uses):
            crystal = chosen[number % len(chosen)]
            step = float(rng.choice(STEPS_UM))
            found.append(
                _lay(rng, scene, settings, crystal, f"profile_{len(found) + 1:02d}", use, step)
            )
    return found


def olivine_oxides(
    rng: np.random.Generator, mg: NDArray[np.floating], crack: NDArray[np.bool_]
) -> pd.DataFrame:
    """Analyses of stoichiometric olivine with the errors of the instrument.

    Parameters
    ----------
    rng
        Source of chance.
    mg
        True mg# of each point, a fraction.
    crack
        Points that lie on a crack: their totals are low.

    Returns
    -------
    pandas.DataFrame
        SiO2, FeO, MgO, CaO, MnO, Total in wt%.
    """
    mg = np.asarray(mg, dtype=np.float64)
    silica = np.full_like(mg, MASS_SIO2)
    iron, magnesia = 2 * (1 - mg) * MASS_FEO, 2 * mg * MASS_MGO
    share = (100.0 - OLIVINE_CAO_WT_PCT - OLIVINE_MNO_WT_PCT) / (silica + iron + magnesia)
    true = {
        "SiO2": silica * share,
        "FeO": iron * share,
        "MgO": magnesia * share,
        "CaO": np.full_like(mg, OLIVINE_CAO_WT_PCT),
        "MnO": np.full_like(mg, OLIVINE_MNO_WT_PCT),
    }
    lost = np.where(crack, rng.uniform(0.78, 0.93, mg.size), 1.0)
    table = pd.DataFrame(
        {
            name: np.round(wt * lost * rng.normal(1.0, ERRORS[name], mg.size), 3)
            for name, wt in true.items()
        }
    )
    table["Total"] = table.sum(axis=1).round(3)
    return table


def _uses(settings: PhantomSettings) -> list[list[str]]:
    """Give what each session's traverses are for: at least one of all is a test."""
    uses = [
        ["calibrate" if k % 2 == 0 else "test" for k in range(settings.profiles_per_session)]
        for _ in range(settings.sessions)
    ]
    if not any("test" in session for session in uses):
        roles = settings.session_roles()
        uses[roles.index("test") if "test" in roles else -1].append("test")
    return uses


def _crystals_for(scene: Scene, session: int) -> list[Crystal]:
    whole = [c for c in scene.table if c.session == session and c.whole and c.kind != "micro"]
    large = [c for c in whole if c.kind in ("normal", "reversed")] or whole
    return sorted(large, key=lambda c: -abs(c.core - c.rim) * np.sqrt(c.area_px))


def _lay(
    rng: np.random.Generator,
    scene: Scene,
    settings: PhantomSettings,
    crystal: Crystal,
    name: str,
    use: str,
    step_um: float,
) -> Traverse:
    start, end = _best_line(rng, scene, crystal)
    pixel = settings.pixel_size_um
    length_um = float(np.hypot(*(end - start))) * pixel
    distance = np.arange(0.0, length_um + 1e-9, step_um)
    points = start + (end - start) * (distance / length_um)[:, None]
    mg, crack = _sample(scene, crystal, points)
    analyses = olivine_oxides(rng, mg, crack)
    analyses.insert(0, "distance_um", np.round(distance, 2))
    analyses.insert(0, "point", np.arange(1, len(distance) + 1))
    hand = rng.normal(0, settings.placement_error_px, 4) + np.concatenate([start, end])
    height, width = scene.phase.shape
    hand = np.clip(hand, 0, [width - 1, height - 1, width - 1, height - 1])
    return Traverse(
        name, crystal.id, crystal.session, use,
        (round(float(start[0]), 2), round(float(start[1]), 2)),
        (round(float(end[0]), 2), round(float(end[1]), 2)),
        step_um, analyses,
        tuple(round(float(v), 1) for v in hand),  # type: ignore[arg-type]
    )  # fmt: skip


def _best_line(
    rng: np.random.Generator, scene: Scene, crystal: Crystal
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Choose among lines through the middle: all on olivine, long, over a crack or two."""
    box = crystal.box
    mine = scene.crystals[box] == crystal.id
    points = np.argwhere(mine)
    middle = points.mean(axis=0)
    best: tuple[float, NDArray[np.float64], NDArray[np.float64]] | None = None
    reach = float(np.hypot(*mine.shape))
    along = np.arange(-reach, reach, 0.5)
    for _ in range(40):
        angle = rng.uniform(0, 2 * np.pi)
        seed = middle + rng.normal(0, 0.06 * np.sqrt(len(points)), 2)
        rows = np.rint(seed[0] + along * np.sin(angle)).astype(int)
        cols = np.rint(seed[1] + along * np.cos(angle)).astype(int)
        inside = (rows >= 0) & (rows < mine.shape[0]) & (cols >= 0) & (cols < mine.shape[1])
        on = np.zeros(along.size, bool)
        on[inside] = mine[rows[inside], cols[inside]]
        first, last = _longest_run(on)
        if last - first < 40:
            continue
        first, last = first + 4, last - 4
        spots = slice(first, last)
        crack = scene.cracks[box][rows[spots], cols[spots]] > CRACK_SEEN
        score = (last - first) * (1.3 if 0 < crack.sum() <= 16 else 1.0)
        if best is None or score > best[0]:
            origin = np.array([box[1].start + seed[1], box[0].start + seed[0]])
            heading = np.array([np.cos(angle), np.sin(angle)])
            line = origin + along[[first, last], None] * heading
            best = (score, np.round(line[0], 2), np.round(line[1], 2))
    if best is None:
        raise InputError(
            f"No traverse fits across crystal {crystal.id}; use smaller pixels or larger crystals."
        )
    return best[1], best[2]


def _longest_run(on: NDArray[np.bool_]) -> tuple[int, int]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(np.int8), [0]])))
    if not len(edges):
        return 0, 0
    starts, stops = edges[::2], edges[1::2]
    longest = int(np.argmax(stops - starts))
    return int(starts[longest]), int(stops[longest]) - 1


def _sample(
    scene: Scene, crystal: Crystal, points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """mg# and whether there is a crack at points (x, y), from the pixels around each."""
    base = np.floor(points).astype(int)
    part = points - base
    total, weight = np.zeros(len(points)), np.zeros(len(points))
    for dy in (0, 1):
        for dx in (0, 1):
            rows = np.clip(base[:, 1] + dy, 0, scene.mg.shape[0] - 1)
            cols = np.clip(base[:, 0] + dx, 0, scene.mg.shape[1] - 1)
            near = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1])
            near = near * (scene.crystals[rows, cols] == crystal.id)
            total += near * scene.mg[rows, cols] / 10_000.0
            weight += near
    nearest = np.rint(points).astype(int)
    crack = scene.cracks[nearest[:, 1], nearest[:, 0]] > CRACK_SEEN
    return total / np.maximum(weight, 1e-9), crack
