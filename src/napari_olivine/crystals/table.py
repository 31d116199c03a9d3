"""The table of crystals: its columns, and those that are derived from the measurements."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_olivine.crystals.settings import SIZE_CLASSES, ZONING_CLASSES, CrystalsSettings
from napari_olivine.crystals.zoning import classify_sizes, classify_zoning
from napari_olivine.section import Section, session_index

IDENTITY = ["id", "x_um", "y_um", "row0", "row1", "col0", "col1", "area_px", "area_um2"]
CLASSES = [
    "size_class", "zoning_class", "zone_class", "zone_probability", "zone_second", "zone_because",
    "mantled", "fragment", "off_centre", "habit",
]  # fmt: skip
COMPOSITION = [
    "mg_core", "mg_core_se", "mg_rim", "mg_rim_se", "mg_mantle", "mg_mantle_se", "mg_mean",
    "mg_q05", "mg_q25", "mg_q50", "mg_q75", "mg_q95", "mg_difference", "mg_difference_se",
    "core_rim_ratio",
]  # fmt: skip
ZONES = [
    "zones", "extrema", "mg_centre", "mg_outer", "centre_outer", "centre_outer_se",
    "mantle_excess", "mantle_chord", "mantle_depth_um", "rim_width_um", "rim_extent_um",
    "gradient_max_per_um", "coherence", "patchiness", "asymmetry", "slenderness",
    "core_gradient", "fragment_score", "p_unzoned", "p_quench_rim", "p_normal", "p_reversed",
    "p_mg_rich_mantle", "p_fe_rich_mantle", "p_oscillatory", "p_patchy",
]  # fmt: skip
SHAPE = [
    "filled_area_um2", "equivalent_diameter_um", "perimeter_um", "major_axis_um", "minor_axis_um",
    "long_axis_angle_deg", "feret_max_um", "feret_max_angle_deg", "feret_min_um", "box_length_um",
    "box_width_um", "hull_area_um2", "aspect_ratio", "circularity", "solidity", "rounding",
    "hole_fraction", "crack_fraction",
]  # fmt: skip
PLACE = [
    "mean_probability", "agreement", "boundary_grey_step", "boundary_contrast",
    "boundary_probability_step", "touches_edge", "edge_contact", "gap_contact",
    "session", "rock_area_um2", "vesicle_fraction", "seen_fraction",
]  # fmt: skip

REVIEW = [
    "verdict", "reviewed_class", "kind", "corrected", "note", "reviewer", "reviewed_at",
]  # fmt: skip
"""Review by a person: "accepted", "rejected" or empty; the class of the radial profile where a
person set it; the kind that a person gave; whether a person changed the outline; a note; who and
when (ISO 8601)."""

REGION_SHARE = "region_share"
"""Share of a crystal inside the region of study; there is no such column where there is none."""

COUNTED_SHARE = 0.5
"""Share from which a crystal belongs to the region of study: its larger part."""

CLUSTER_SOLIDITY = 0.6
"""Share of its convex hull that a crystal fills at least (ours): on a phantom of basalt, seed 101,
no olivine and 0.2 % of the oxide's area were below, and half of the plagioclase's."""

CLUSTERS_TOLD_FROM = 10.0
"""Share of the area in clusters from which it is told, percent (ours)."""

COLUMNS = IDENTITY + CLASSES + REVIEW + COMPOSITION + ZONES + SHAPE + PLACE
"""Columns of the table, in order; `REGION_SHARE` follows where there is a region of study."""

OF_OLIVINE = [
    *(name for name in CLASSES if name not in ("size_class", "habit")),
    *(name for name in COMPOSITION if name != "core_rim_ratio"),
    *REVIEW,
    *ZONES,
]
"""Columns that crystals of other phases lack: what follows from mg#, and what a person found."""

TEXT = (
    "zone_class", "zone_second", "zone_because", "habit",
    "verdict", "reviewed_class", "kind", "note", "reviewer", "reviewed_at",
)  # fmt: skip
FLAGS = ("fragment", "off_centre", "corrected")


def complete(section: Section, table: pd.DataFrame, settings: CrystalsSettings) -> pd.DataFrame:
    """Add the derived columns: units, classes, sessions.

    Parameters
    ----------
    section
        Section of the crystals.
    table
        Places and measurements of the crystals; measurements that are missing are left empty.
    settings
        Thresholds of the classes.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`, and `REGION_SHARE` where it was measured.
    """
    pixel_um = section.pixel_size_um
    height, width = section.shape
    table = table.assign(
        area_um2=table["area_px"] * pixel_um**2,
        x_um=table["col"] * pixel_um,
        y_um=table["row"] * pixel_um,
        touches_edge=(table[["row0", "col0"]] == 0).any(axis=1)
        | (table["row1"] == height)
        | (table["col1"] == width),
        session=_sessions(section, table),
    )
    if REGION_SHARE in table:
        cut = (table[REGION_SHARE] > 0) & (table[REGION_SHARE] < 1)
        table["touches_edge"] |= cut
    table = complete_columns(table)
    table["size_class"] = classify_sizes(table["area_um2"], settings)
    table["mantled"] = table["zone_class"].str.endswith("mantle") & (
        table["size_class"] == "phenocryst"
    )
    table["zoning_class"] = classify_zoning(table, settings)
    return in_order(table).reset_index(drop=True)


def complete_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Add the columns that a table of an older version lacks, empty."""
    table = table.reindex(columns=[*table.columns, *(c for c in COLUMNS if c not in table)])
    for name in TEXT:
        table[name] = table[name].astype(object).fillna("").astype("str")
    for name in FLAGS:
        table[name] = table[name].eq(True)
    return table


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of the table in their order, without others."""
    return table[[*COLUMNS, *(name for name in (REGION_SHARE,) if name in table)]]


def of_other_phase(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table of crystals that are no olivine: without the columns of olivine alone."""
    return table.drop(columns=OF_OLIVINE)


def clusters_percent(table: pd.DataFrame) -> float:
    """Return the share of the crystals' area that lies in clusters, percent.

    A crystal that fills less than `CLUSTER_SOLIDITY` of its convex hull is taken for crystals that
    intergrow and were not parted, as laths of plagioclase.
    """
    table = counted(table)
    area, ragged = table["area_um2"], table["solidity"] < CLUSTER_SOLIDITY
    return round(100 * float(area[ragged].sum() / max(area.sum(), 1e-9)), 1)


def outside(table: pd.DataFrame) -> pd.Series:
    """Tell which crystals lie with their larger part outside the region of study."""
    if REGION_SHARE not in table:
        return pd.Series(False, table.index)
    return table[REGION_SHARE] < COUNTED_SHARE


def left_out(table: pd.DataFrame) -> pd.Series:
    """Tell which crystals do not count: a person rejected them, or they lie outside the region."""
    away = outside(table)
    return away | (table["verdict"] == "rejected") if "verdict" in table else away


def counted(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out the crystals that do not count, see `left_out`."""
    return table[~left_out(table)]


def summary(table: pd.DataFrame) -> dict[str, int]:
    """Count the crystals of each class: by size, and of olivine by zoning.

    Those that a person rejected, or that lie outside the region of study, do not count; how many
    lie outside is told where there is a region.
    """
    away = {"outside_region": int(outside(table).sum())} if REGION_SHARE in table else {}
    table = counted(table)
    sizes = {f"{name}s": int((table["size_class"] == name).sum()) for name in SIZE_CLASSES}
    zoning = {}
    if "zoning_class" in table:
        of = table["zoning_class"].value_counts()
        zoning = {f"phenocrysts_{name}": int(of.get(name, 0)) for name in ZONING_CLASSES}
    return {"crystals": len(table)} | sizes | zoning | away


def _sessions(section: Section, table: pd.DataFrame) -> pd.Series:
    """Session in which the centre of each crystal lies, empty for none."""
    if not section.fingerprint("annotations/sessions"):
        return pd.Series("", table.index, dtype="str")
    sessions = section.measured_sessions()
    names = np.array([*(session.session for session in sessions), ""], dtype=object)
    rows, columns = (table[name].round().to_numpy(np.int64) for name in ("row", "col"))
    return pd.Series(names[session_index(sessions, rows, columns)], table.index, dtype="str")
