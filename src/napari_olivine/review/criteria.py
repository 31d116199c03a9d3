"""Criteria by which a crystal is uncertain: each a strength from 0 to 1 and words for it.

All limits and weights are ours: features that a petrologist would look at twice. They were tried
on synthetic sections, and are not fitted to them.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import (
    KIND,
    RECOGNISED,
    CrystalsSettings,
    classify_sizes,
    without_spelling,
)
from napari_olivine.crystals.instances import near_pairs
from napari_olivine.review.criterion import (
    Criterion,
    Floats,
    numbers,
    ramp,
    robust_z,
    weighted_quantile,
)

EVOLVED_MG = 0.05
"""By how much the mg# of microlites may lie below that of the rims of phenocrysts."""

NO_OLIVINE = frozenset({
    "pyroxene", "clinopyroxene", "orthopyroxene", "augite", "diopside", "pigeonite", "enstatite",
    "hypersthene", "cpx", "opx", "px", "plagioclase", "feldspar", "plag", "fsp", "quartz", "spinel",
    "chromite", "magnetite", "ilmenite", "titanomagnetite", "oxide", "amphibole", "hornblende",
    "biotite", "apatite", "sulfide", "sulphide", "metal", "glass", "melt", "void", "vesicle",
    "hole", "bubble", "crack", "resin", "epoxy", "artefact", "artifact", "dust", "scratch",
})  # fmt: skip
"""Names of other minerals, and of what is no crystal (ours)."""

NEAR_PX = 8
"""Rows or columns between the boxes of neighbours that may be pieces of one crystal, at most."""


def network(table: pd.DataFrame) -> list[Criterion]:
    """Little probability of olivine."""
    probability = numbers(table, "mean_probability")
    return [
        Criterion(
            "doubt_probability", 0.8, 1 - probability,
            lambda row: f"mean probability of olivine only {probability[row]:.2f}",
        )
    ]  # fmt: skip


def boundary(table: pd.DataFrame) -> list[Criterion]:
    """Outlines of low contrast.

    Olivine backscatters more than its usual surroundings: glass, plagioclase and augite. Where a
    crystal is too small for its own noise to be measured, that of the others is taken.
    """
    step, contrast = numbers(table, "boundary_grey_step"), numbers(table, "boundary_contrast")
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = step / contrast
    usual = float(np.median(noise[np.isfinite(noise)])) if np.isfinite(noise).any() else np.nan
    contrast = np.where(np.isfinite(contrast), contrast, step / usual)
    fading = numbers(table, "boundary_probability_step")

    def grey(row: int) -> str:
        if contrast[row] < 0:
            return f"darker than its surroundings in BSE ({step[row]:.1f} grey)"
        return f"hardly stands out in BSE (by {contrast[row]:.1f} times the noise)"

    return [
        Criterion("doubt_boundary", 0.4, ramp(contrast, 6, 0), grey),
        Criterion(
            "doubt_boundary", 0.4, ramp(fading, 0.7, 0.1),
            lambda row: f"probability fades out over its outline (a step of {fading[row]:.2f})",
        ),
    ]  # fmt: skip


def shape(table: pd.DataFrame) -> list[Criterion]:
    """Shapes that are odd among crystals of the same size class."""
    sizes = _sizes(table)
    features = (
        ("solidity", -1, 0.02, "embayed or branched for its size (solidity {:.2f})"),
        ("circularity", -1, 0.05, "rugged for its size (circularity {:.2f})"),
        ("slenderness", -1, 0.05, "thin for its area (slenderness {:.2f})"),
        ("aspect_ratio", 1, 0.2, "long for an olivine of its size (aspect ratio {:.1f})"),
        ("hole_fraction", 1, 0.01, "many holes for its size ({:.0%})"),
        ("crack_fraction", 1, 0.02, "many cracks for its size ({:.0%})"),
    )
    return [
        Criterion(
            "doubt_shape", 0.25, ramp(sign * robust_z(values, sizes, least), 2, 6),
            lambda row, values=values, words=words: words.format(values[row]),  # type: ignore[misc]
        )
        for name, sign, least, words in features
        for values in [numbers(table, name)]
    ]  # fmt: skip


def composition(table: pd.DataFrame) -> list[Criterion]:
    """Composition unlike that of the section's olivine.

    The composition of the section's olivine is the range of mg# of cores and rims in most of the
    area of crystals that the network is sure of. Microlites, from the last melt, may be richer in
    iron. Other minerals get an mg# from their grey too, and minerals darker than olivine (glass,
    plagioclase, orthopyroxene) a high one. Their zoning is not concentric: cleavage, exsolution
    and intergrowths look like patches.
    """
    middle = numbers(table, "mg_q50")
    low, high = numbers(table, "mg_q05"), numbers(table, "mg_q95")
    area = numbers(table, "area_um2")
    sure = np.nan_to_num(numbers(table, "mean_probability"), nan=1.0)
    there = np.isfinite(middle) & np.isfinite(area)
    if not there.any():
        return []
    weight = (area * sure**2)[there]
    first = weighted_quantile(np.fmin(low, middle)[there], weight, 0.05)
    last = weighted_quantile(np.fmax(high, middle)[there], weight, 0.95)
    beyond = np.fmax(first - EVOLVED_MG - middle, middle - last)
    patchy = numbers(table, "p_patchy")
    scatter, coherence = numbers(table, "patchiness"), numbers(table, "coherence")
    unordered = ramp(scatter, 0.004, 0.012) * ramp(coherence, 0.6, 0.2)
    unknown = ~np.isfinite(middle)

    def off(row: int) -> str:
        side = "above" if middle[row] > last else "below"
        span = f"{first:.2f}-{last:.2f}"
        return f"mg# {middle[row]:.2f} lies {side} that of the section's olivine ({span})"

    return [
        Criterion("doubt_composition", 0.7, ramp(beyond, 0, max((last - first) / 2, 0.03)), off),
        Criterion(
            "doubt_composition", 0.6, np.fmax(patchy, unordered),
            lambda row: "mg# is patchy, not concentric: another mineral, or several crystals?",
        ),
        Criterion(
            # Where few crystals have an mg#, a missing mg# is no evidence.
            "doubt_composition", 0.4 * float(there.mean()), unknown.astype(np.float64),
            lambda row: "grey of no calibrated mg#",
        ),
    ]  # fmt: skip


def threshold(table: pd.DataFrame, settings: CrystalsSettings) -> list[Criterion]:
    """Classes that a small change of the measurements, or of a setting, would change."""
    area = numbers(table, "area_um2")
    bounds = np.array([settings.microphenocryst_from_um2, settings.phenocryst_from_um2])
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.abs(np.log(area[:, np.newaxis] / bounds)).min(axis=1)
    sure = numbers(table, "zone_probability")
    names = table.get("zone_class", pd.Series("", table.index)).astype(str).to_numpy()
    seconds = table.get("zone_second", pd.Series("", table.index)).astype(str).to_numpy()
    difference, error = numbers(table, "centre_outer"), numbers(table, "centre_outer_se")
    mantle = numbers(table, "mantle_excess")
    edge = np.fmax(numbers(table, "edge_contact"), 0) + np.nan_to_num(numbers(table, "gap_contact"))

    def zoning(row: int) -> str:
        other = f", or {seconds[row].replace('_', ' ')}" if seconds[row] else ""
        return f"zoning uncertain ({names[row].replace('_', ' ')} {sure[row]:.2f}{other})"

    def near(values: Floats, limit: float) -> Floats:
        """Chance that noise puts a value on the other side of a limit, times two."""
        return np.exp(-0.5 * ((np.abs(values) - limit) / np.fmax(error, 1e-4)) ** 2)

    return [
        Criterion("doubt_class", 0.3, ramp(sure, 0.95, 0.5), zoning),
        Criterion(
            "doubt_class", 0.1, near(difference, settings.zoning_threshold),
            lambda row: f"centre and rim differ by {abs(difference[row]):.3f} of mg#, near the "
            "threshold of zoning",
        ),
        Criterion(
            "doubt_class", 0.1, near(mantle, settings.mantle_threshold),
            lambda row: f"a mantle of {abs(mantle[row]):.3f} of mg#, near its threshold",
        ),
        Criterion(
            "doubt_class", 0.05, ramp(size, np.log(1.1), 0),
            lambda row: f"area ({area[row]:.0f} um2) near the limit of two size classes",
        ),
        Criterion(
            "doubt_class", 0.15, ramp(edge, 0.02, 0.3),
            lambda row: f"{min(edge[row], 1):.0%} of its outline is cut by an edge of the image",
        ),
    ]  # fmt: skip


def size(table: pd.DataFrame) -> list[Criterion]:
    """Crystals of too few pixels to be classified."""
    pixels = np.maximum(numbers(table, "area_px"), 1)
    return [
        Criterion(
            "doubt_size", 0.4, ramp(np.log(pixels), np.log(300), np.log(20)),
            lambda row: f"only {pixels[row]:.0f} pixels",
        )
    ]  # fmt: skip


def pieces(table: pd.DataFrame) -> list[Criterion]:
    """Neighbours so close, and so alike, that they may be pieces of one crystal.

    Crystals are compact: the boxes of two that merely lie side by side hardly overlap. Those of
    pieces that a crack or a gap of the segmentation separates do.
    """
    boxes = np.stack([numbers(table, name) for name in ("row0", "row1", "col0", "col1")], axis=1)
    known = np.flatnonzero(np.isfinite(boxes).all(axis=1))
    a, b = known[near_pairs(boxes[known].astype(np.int64), NEAR_PX)].T
    height, width = (
        np.fmin(boxes[a, k + 1], boxes[b, k + 1]) - np.fmax(boxes[a, k], boxes[b, k])
        for k in (0, 2)
    )
    whole = (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2])
    inside = np.fmax(height, 0) * np.fmax(width, 0) / np.fmin(whole[a], whole[b])
    # A box that another only comes near to counts as a little overlap.
    inside = np.fmax(inside, 0.1)
    mg = numbers(table, "mg_q50")
    alike = 1 - ramp(np.nan_to_num(np.abs(mg[a] - mg[b])), 0.01, 0.04)
    strength, other = np.zeros(len(table)), np.zeros(len(table), np.int64)
    for one, two in ((a, b), (b, a)):
        order = np.argsort(inside * alike, kind="stable")
        best, found = one[order], (inside * alike)[order]
        stronger = found > strength[best]
        best, found, order = best[stronger], found[stronger], order[stronger]
        strength[best], other[best] = found, two[order]
    ids = table["id"].to_numpy()
    return [
        Criterion(
            "doubt_pieces", 0.4, strength,
            lambda row: f"perhaps one crystal with its neighbour {ids[other[row]]}",
        )
    ]  # fmt: skip


def disagreement(
    table: pd.DataFrame,
    cuts: pd.DataFrame | None,
    gaps: pd.DataFrame | None,
    second_opinion: pd.Series | None,
) -> list[Criterion]:
    """Rate decisions near their threshold, and a second classification that differs.

    Parameters
    ----------
    table
        Crystals.
    cuts, gaps
        Decisions to split and to merge.
    second_opinion
        Share of each crystal that another product classifies as olivine, by id.

    Returns
    -------
    list of Criterion
        One for each kind of decision, and one for the second opinion.
    """
    reasons = []
    judged = (
        (cuts, "kept", "a cut from its neighbour", "a cut through it"),
        (gaps, "joined", "a crack that it was joined over", "a crack to its neighbour"),
    )
    for decisions, made, done, not_done in judged:
        if decisions is None or not len(decisions) or "probability" not in decisions:
            continue
        near, chance, was = _least_sure(table, decisions, made)

        def words(
            row: int, chance: Floats = chance, was: NDArray[np.bool_] = was,
            done: str = done, not_done: str = not_done,
        ) -> str:  # fmt: skip
            what = f"{done} is" if was[row] else f"{not_done} was left, but is"
            return f"{what} uncertain (probability {chance[row]:.2f})"

        reasons.append(Criterion("doubt_disagreement", 0.5, near, words))
    if second_opinion is not None:
        share = second_opinion.reindex(table["id"]).to_numpy(np.float64, na_value=np.nan)
        reasons.append(
            Criterion(
                "doubt_disagreement", 0.8, 1 - share,
                lambda row: f"the second opinion takes only {share[row]:.0%} of it for olivine",
            )
        )  # fmt: skip
    return reasons


def kinds(table: pd.DataFrame) -> list[Criterion]:
    """Crystals that a classifier recognised as no olivine.

    A kind is no olivine where it has the name of another mineral or of what is no crystal
    (`NO_OLIVINE`), or where a person has rejected most of the crystals to which it was given: a
    habit such as "skeletal" says nothing against a crystal. Crystals with a kind that a person gave
    are not doubted for what a classifier says.
    """
    if RECOGNISED[0] not in table:
        return []
    found = table[RECOGNISED[0]].fillna("").astype(str)
    given = table.get(KIND, pd.Series("", table.index)).fillna("").astype(str)
    others = {name for name in found.unique() if is_no_olivine(name)}
    if "verdict" in table:
        judged = given[(given != "") & (table["verdict"].fillna("") != "")]
        rejected = table["verdict"].reindex(judged.index).eq("rejected").groupby(judged).mean()
        others |= set(rejected.index[rejected > 0.5])
    probability = numbers(table, RECOGNISED[1])
    strength = np.where(found.isin(others) & (given == ""), probability, 0.0)
    names = found.to_numpy(object)
    return [
        Criterion(
            "doubt_disagreement", 0.8, strength,
            lambda row: f"recognised as {names[row]} ({probability[row]:.0%})",
        )
    ]  # fmt: skip


def is_no_olivine(kind: str) -> bool:
    """Tell whether a kind has the name of another mineral, or of what is no crystal.

    The last word decides: "large pyroxene" is one, "melt inclusion bearing" is none.
    """
    words = re.split(r"[^a-z]+", without_spelling(kind))
    return words[-1] in NO_OLIVINE or words[-1].removesuffix("s") in NO_OLIVINE


def _sizes(table: pd.DataFrame) -> NDArray[np.object_]:
    if "size_class" in table:
        return table["size_class"].astype(str).to_numpy(object)
    return classify_sizes(pd.Series(numbers(table, "area_um2")), CrystalsSettings()).to_numpy(
        object
    )


def _least_sure(
    table: pd.DataFrame, decisions: pd.DataFrame, made: str
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Of the decisions on each crystal the least sure: nearness to 1/2, p, and if made."""
    both = pd.concat(
        [decisions[[side, "probability", made]].rename(columns={side: "id"}) for side in ("a", "b")]
    )
    both["near"] = 1 - 2 * (both["probability"] - 0.5).abs()
    both = both.dropna(subset="near").sort_values("near").drop_duplicates("id", keep="last")
    of = both.set_index("id").reindex(table["id"])
    return (
        of["near"].to_numpy(np.float64),
        of["probability"].to_numpy(np.float64),
        of[made].eq(True).to_numpy(bool),
    )
