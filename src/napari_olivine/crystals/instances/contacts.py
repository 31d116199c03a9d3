"""Grains that share boundaries are parted: which borders between pieces are contacts.

Necks (:mod:`~napari_olivine.crystals.instances.splitting`) part what narrows between crystals. In a
cumulate grains share a network of boundaries without narrowing. Here a region is cut into many
pieces along everything that a contact may look like; then the border that is least likely a contact
is opened again and again, the evidence on the borders around it being gathered anew each time,
until all that are left are likely contacts.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.crystals.instances.contact_fields import contact_fields
from napari_olivine.crystals.instances.contact_graph import EUCLIDEAN, ContactGraph, Evidence
from napari_olivine.crystals.instances.decision import Decision, decide
from napari_olivine.crystals.instances.evidence import Mask, hull_area, outer_points
from napari_olivine.crystals.instances.grain_pieces import pieces_between
from napari_olivine.settings import Settings, setting

WEIGHTS = Evidence(
    step=0.36, step_sure=0.228, slope=0.059, kink=0.374, dark_share=0.993, unknown_share=-1.717,
    solidity=4.405, solidity_gain=8.154, notch=1.681, contact_ratio=-0.553, shared=-4.116,
    area_small=0.115, area_large=0.778,
)  # fmt: skip
"""Log odds of a contact for each unit of evidence, and (`PRIOR`) without any: a logistic
regression on phantoms, cumulates 1 to 8 and the other rocks 1 to 6
(`benchmarks/fit_contacts.py`)."""

PRIOR = -13.99

NETWORK = 1.0
"""Log odds added to these: a grain cut in two is found by its larger part, two grains in one by
neither. Chosen on the cumulates 1 to 8 (ours)."""

TOLD_FROM = 0.1
"""Probability from which a border that is no contact stands in the table (ours)."""


class ContactSettings(Settings):
    """Settings of :func:`part_contacts`; the defaults are ours."""

    from_um2: float = setting(
        2000.0,
        "Smallest region",
        "Smaller regions are looked at for necks alone (ours).",
        unit="um2",
        ge=0,
    )
    solid: float = setting(
        0.92,
        "Solid",
        "Regions that fill this much of their hull are taken for one crystal (ours).",
        gt=0,
        le=1,
    )
    largest_um2: float = setting(
        250_000.0,
        "Largest crystal",
        "Larger regions are looked at even if they fill their hull: a section of nothing but "
        "olivine does (ours).",
        unit="um2",
        ge=0,
    )
    least_area_um2: float = setting(
        100.0,
        "Smallest grain",
        "Smaller pieces go to the neighbour that they are least likely to be in contact with "
        "(ours).",
        unit="um2",
        ge=0,
    )
    least_width_px: float = setting(
        4.0, "Narrowest grain", "Narrower pieces do so too (ours).", unit="px", ge=0
    )
    least_compactness: float = setting(
        0.25,
        "Least compactness",
        "Pieces of which twice the area over the outline of the hull is a smaller part of the "
        "square root of the area, as of strips along a rim, do so too (ours; a disc has 0.56, a "
        "square 0.5).",
        ge=0,
        lt=0.5,
    )
    enclosed: float = setting(
        0.85,
        "Enclosed",
        "A piece that shares so much of its outline with one other lies inside that (ours).",
        gt=0,
    )
    part_from: float = setting(
        0.5, "Part from", "Probability from which a border is a contact (ours).", gt=0, le=1
    )
    few: int = setting(
        5,
        "Few grains",
        "A region of so many grains at most is rather a single crystal with cracks and embayments "
        "than a network of grains (ours).",
        ge=0,
    )
    part_few_from: float = setting(
        0.95,
        "Part few from",
        "Probability from which a border in such a region is a contact (ours).",
        gt=0,
        le=1,
    )


@dataclass(frozen=True)
class Contact(Decision):
    """Evidence on a border inside a region, and whether it is a contact of two grains."""

    a: int
    b: int
    """Labels of the two grains; the same label where it is no contact."""
    row0: float
    """Ends of the border, in rows and columns of the window."""
    col0: float
    row1: float
    col1: float
    contact_um: float
    """Length along its way."""
    contact_ratio: float
    """See :class:`~napari_olivine.crystals.instances.contact_graph.Evidence`, as those below."""
    step: float
    step_sure: float
    kink: float
    dark_share: float
    solidity_gain: float
    kept: bool = False


Judge = Callable[[Sequence[Evidence]], NDArray[np.float64]]
Listener = Callable[[Sequence[tuple[int, int]], Sequence[Evidence]], None]


def may_hold_contacts(
    region: Mask, pixel_um: float, settings: ContactSettings | None = None
) -> bool:
    """Tell by size and outline, which is fast, whether a region may be several grains.

    Parameters
    ----------
    region
        The region in its box.
    pixel_um
        Side of a pixel.
    settings
        See :class:`ContactSettings`.

    Returns
    -------
    bool
        False for small regions and for those that fill their hull as one crystal does.
    """
    settings = settings or ContactSettings()
    area = np.count_nonzero(region)
    if area * pixel_um**2 < settings.from_um2:
        return False
    if area * pixel_um**2 > settings.largest_um2:
        return True
    return bool(area < settings.solid * hull_area(outer_points(region)))


def part_contacts(
    region: Mask,
    pixel_um: float,
    settings: ContactSettings | None = None,
    *,
    grey: NDArray[Any] | None = None,
    mg: NDArray[np.float32] | None = None,
    check: Callable[[], None] | None = None,
) -> tuple[NDArray[np.int32], list[Contact]]:
    """Part a region, or all regions of a window, into grains.

    Parameters
    ----------
    region
        Pixels of olivine, shape (rows, columns).
    pixel_um
        Side of a pixel.
    settings
        See :class:`ContactSettings`.
    grey
        BSE grey of the window, in any unit.
    mg
        mg# (fraction) of the window, NaN where unknown.
    check
        Called now and then; it raises where the work is to stop.

    Returns
    -------
    parts
        int32, grains 1, 2, ..., 0 outside the region.
    contacts
        The borders that were judged; ``a`` and ``b`` are grains.
    """
    settings = settings or ContactSettings()
    fields = contact_fields(region, grey, mg)
    if fields is None:
        return region.astype(np.int32), []
    check = check or _go_on
    check()
    pieces = pieces_between(fields.edges, region)
    check()
    graph = ContactGraph(pieces, fields, pixel_um)

    def judge(evidence: Sequence[Evidence]) -> NDArray[np.float64]:
        check()
        return probabilities(evidence)

    went_to, opened = merge_pieces(graph, judge, settings)
    if len(np.unique(went_to[1:])) <= settings.few:
        settings = settings.model_copy(update={"part_from": settings.part_few_from})
        again, more = merge_pieces(graph, judge, settings)
        went_to, opened = again[went_to], opened + more
    found = [
        _contact(graph, a, b, float(probabilities([graph.evidence(a, b)])[0]), settings)
        for a in range(1, len(graph.borders))
        for b in graph.borders[a]
        if a < b
    ]
    numbers = np.zeros(len(went_to), np.int32)
    left = np.unique(went_to[1:])
    numbers[left] = np.arange(1, len(left) + 1)
    of_piece = numbers[went_to]
    of_piece[0] = 0
    return of_piece[pieces], [_renamed(contact, of_piece) for contact in [*found, *opened]]


def _go_on() -> None:
    pass


def probabilities(evidence: Sequence[Evidence]) -> NDArray[np.float64]:
    """Give each border the probability that it is a contact.

    Parameters
    ----------
    evidence
        Evidence on each border.

    Returns
    -------
    ndarray, shape (borders,)
        By a logistic model with the weights `WEIGHTS`.
    """
    log_odds = np.asarray(evidence, np.float64) @ np.asarray(WEIGHTS) + PRIOR + NETWORK
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def merge_pieces(
    graph: ContactGraph, judge: Judge, settings: ContactSettings, listen: Listener | None = None
) -> tuple[NDArray[np.int64], list[Contact]]:
    """Open the borders that are no contacts, the least likely first.

    Parameters
    ----------
    graph
        Pieces; they are merged in place.
    judge
        Probability of borders.
    settings
        From which probability a border stays, and how small a grain may be.
    listen
        Called with the pairs of pieces that are judged, and their evidence.

    Returns
    -------
    went_to
        For each piece the one that it went into, itself if it is left.
    opened
        Borders that were opened though they were not quite unlikely; ``a`` and ``b`` are pieces.
    """
    parent = np.arange(len(graph.borders))
    version = np.zeros(len(graph.borders), np.int64)
    heap: list[tuple[float, int, int, int, int]] = []
    opened: list[Contact] = []
    least = settings.least_area_um2 / graph.pixel_um**2

    def push(pairs: Sequence[tuple[int, int]]) -> None:
        if not pairs:
            return
        evidence = [graph.evidence(a, b) for a, b in pairs]
        if listen is not None:
            listen(pairs, evidence)
        for (a, b), likely in zip(pairs, judge(evidence).tolist(), strict=True):
            heapq.heappush(heap, (likely, a, b, int(version[a]), int(version[b])))

    def merge(a: int, b: int, likely: float) -> None:
        if len(graph.borders[a]) < len(graph.borders[b]):
            a, b = b, a
        if likely >= TOLD_FROM and min(graph.area[a], graph.area[b]) >= least:
            opened.append(_contact(graph, a, b, likely, settings, kept=False))
        graph.merge(a, b)
        parent[b] = a
        version[[a, b]] += 1
        push([(min(a, other), max(a, other)) for other in graph.borders[a]])

    push([(a, b) for a in range(len(graph.borders)) for b in graph.borders[a] if a < b])
    while heap:
        likely, a, b, version_a, version_b = heapq.heappop(heap)
        if (version[a], version[b]) != (version_a, version_b):
            continue
        if not decide(likely, settings.part_from) or _is_no_grain(graph, a, b, settings):
            merge(a, b, likely)
    for piece in range(len(parent)):
        root = piece
        while parent[root] != root:
            root = int(parent[root])
        parent[piece] = root
    return parent, opened


def _is_no_grain(graph: ContactGraph, a: int, b: int, settings: ContactSettings) -> bool:
    """Tell whether either of two pieces is too small or narrow, or lies in the other."""
    least = settings.least_area_um2 / graph.pixel_um**2
    for piece in (a, b):
        area = float(graph.area[piece])
        width = 2 * area / max(float(graph.outline[piece]) * EUCLIDEAN, 1.0)
        if area < least or width < settings.least_width_px:
            return True
        if graph.compactness(piece) < settings.least_compactness:
            return True
    return graph.share(a, b) >= settings.enclosed


def _contact(
    graph: ContactGraph,
    a: int,
    b: int,
    likely: float,
    settings: ContactSettings,
    kept: bool | None = None,
) -> Contact:
    seen = graph.evidence(a, b)
    (row0, col0), (row1, col1) = graph.ends(a, b).tolist()
    return Contact(
        a, b, row0, col0, row1, col1, graph.contact_um(a, b), seen.contact_ratio,
        seen.step, seen.step_sure, seen.kink, seen.dark_share, seen.solidity_gain,
        decide(likely, settings.part_from) if kept is None else kept, probability=likely,
    )  # fmt: skip


def _renamed(contact: Contact, names: NDArray[np.int32]) -> Contact:
    return replace(contact, a=int(names[contact.a]), b=int(names[contact.b]))
