"""Tables of crystals as a review gets them, without a section behind."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_olivine.crystals import CrystalsSettings, classify_sizes


def plain_crystals(count: int = 60, seed: int = 0) -> pd.DataFrame:
    """Olivines that nobody would doubt, a third of each size class, far apart."""
    random = np.random.default_rng(seed)
    area = np.array([400.0, 4000.0, 40_000.0])[np.arange(count) % 3] * random.uniform(
        0.95, 1.05, count
    )
    mg = random.uniform(0.78, 0.86, count)
    side = np.sqrt(area).astype(int)
    row0 = np.arange(count) * 1000
    table = pd.DataFrame(
        {
            "id": np.arange(1, count + 1),
            "area_px": area.astype(int),
            "area_um2": area,
            "row0": row0, "row1": row0 + side, "col0": 0, "col1": side,
            "zone_class": "normal", "zone_second": "", "zone_probability": 1.0, "p_patchy": 0.0,
            "verdict": "", "reviewed_class": "", "corrected": False,
            "mg_q05": mg - 0.02, "mg_q50": mg, "mg_q95": mg + 0.02,
            "centre_outer": 0.05, "centre_outer_se": 0.001, "mantle_excess": 0.0,
            "patchiness": random.uniform(0.001, 0.003, count), "coherence": 0.95,
            "solidity": random.normal(0.97, 0.005, count),
            "circularity": random.normal(0.8, 0.02, count),
            "aspect_ratio": random.normal(1.4, 0.05, count),
            "slenderness": random.normal(0.8, 0.02, count),
            "hole_fraction": 0.0, "crack_fraction": 0.01,
            "mean_probability": random.uniform(0.93, 0.97, count),
            "boundary_grey_step": random.normal(30.0, 1.0, count),
            "boundary_contrast": random.normal(12.0, 0.2, count),
            "boundary_probability_step": random.uniform(0.75, 0.85, count),
            "edge_contact": 0.0, "gap_contact": 0.0,
        }
    )  # fmt: skip
    table["size_class"] = classify_sizes(table["area_um2"], CrystalsSettings())
    return table
