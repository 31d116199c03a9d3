"""Elements in wt% into oxides in wt%."""

from __future__ import annotations

from functools import lru_cache

from napari_olivine.readers.epma.column_headers import OXIDES

ATOMIC_MASS = {
    "O": 15.999, "Si": 28.085, "Ti": 47.867, "Al": 26.982, "Cr": 51.996, "V": 50.942,
    "Fe": 55.845, "Mn": 54.938, "Ni": 58.693, "Co": 58.933, "Zn": 65.38, "Mg": 24.305,
    "Ca": 40.078, "Sr": 87.62, "Ba": 137.33, "Na": 22.990, "K": 39.098, "P": 30.974, "S": 32.06,
}  # fmt: skip
"""g/mol: abridged standard atomic weights (IUPAC 2021)."""

_FORMULAS = {
    "Si": ("SiO2", 1, 2), "Ti": ("TiO2", 1, 2), "Al": ("Al2O3", 2, 3), "Cr": ("Cr2O3", 2, 3),
    "V": ("V2O3", 2, 3), "Fe": ("FeO", 1, 1), "Mn": ("MnO", 1, 1), "Ni": ("NiO", 1, 1),
    "Co": ("CoO", 1, 1), "Zn": ("ZnO", 1, 1), "Mg": ("MgO", 1, 1), "Ca": ("CaO", 1, 1),
    "Sr": ("SrO", 1, 1), "Ba": ("BaO", 1, 1), "Na": ("Na2O", 2, 1), "K": ("K2O", 2, 1),
    "P": ("P2O5", 2, 5), "S": ("SO3", 1, 3),
}  # fmt: skip

FEO_IN_FE2O3 = (
    2 * (ATOMIC_MASS["Fe"] + ATOMIC_MASS["O"]) / (2 * ATOMIC_MASS["Fe"] + 3 * ATOMIC_MASS["O"])
)
"""wt% FeO for 1 wt% Fe2O3 (0.8998)."""

ALL_IRON = {"FeOt": 1.0, "Fe2O3t": FEO_IN_FE2O3}
"""wt% FeO for 1 wt% of what a table calls all iron."""

CATIONS = {
    oxide: (cations, oxygens, cations * ATOMIC_MASS[element] + oxygens * ATOMIC_MASS["O"])
    for element, (oxide, cations, oxygens) in (*_FORMULAS.items(), ("Fe", ("Fe2O3", 2, 3)))
}
"""Cations, oxygens and molar mass (g/mol) of each oxide."""


@lru_cache
def oxide_of(element: str) -> tuple[str, float]:
    """Oxide of an element, and wt% of it for 1 wt% of the element; all iron as FeO.

    Examples
    --------
    >>> oxide, factor = oxide_of("Mg")
    >>> oxide, round(factor, 4)
    ('MgO', 1.6583)
    """
    if element in OXIDES:  # halogens are kept as they are
        return element, 1.0
    if element in ALL_IRON:
        return "FeO", ALL_IRON[element]
    oxide, cations, oxygens = _FORMULAS[element]
    cation = cations * ATOMIC_MASS[element]
    return oxide, (cation + oxygens * ATOMIC_MASS["O"]) / cation
