"""Composition of each phase, its BSE grey and its X-ray counts.

Mean atomic number is averaged by mass (Castaing). X-ray counts are relative to 100 for Mg in
Fo85 at 15 kV and 35 degrees take-off, computed with the XPP model of Pouchou and Pichoir (1991,
in Heinrich & Newbury, Electron Probe Quantitation, 31-75) for the compositions named below;
counts of a similar composition follow from counts per wt% of the element.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VESICLE, GLASS, PLAGIOCLASE, CLINOPYROXENE, ORTHOPYROXENE, OXIDE, OLIVINE = range(7)
SERPENTINE, RESIN = 7, 8
PHASES = {
    "vesicle": VESICLE,
    "glass": GLASS,
    "plagioclase": PLAGIOCLASE,
    "clinopyroxene": CLINOPYROXENE,
    "orthopyroxene": ORTHOPYROXENE,
    "oxide": OXIDE,
    "olivine": OLIVINE,
    "serpentine": SERPENTINE,
    "resin": RESIN,
}
ELEMENTS = ("Mg", "Fe", "Ca", "Al", "Si")

#: Atomic number and mass.
_ATOMS = {
    "H": (1, 1.008), "C": (6, 12.011), "O": (8, 15.999), "Na": (11, 22.990),
    "Mg": (12, 24.305), "Al": (13, 26.982), "Si": (14, 28.086), "Cl": (17, 35.453),
    "K": (19, 39.098), "Ca": (20, 40.078), "Ti": (22, 47.867), "Cr": (24, 51.996),
    "Mn": (25, 54.938), "Fe": (26, 55.845),
}  # fmt: skip
#: Cations and oxygens of an oxide.
_OXIDES = {
    "SiO2": ("Si", 1, 2), "TiO2": ("Ti", 1, 2), "Al2O3": ("Al", 2, 3), "Cr2O3": ("Cr", 2, 3),
    "Fe2O3": ("Fe", 2, 3), "FeO": ("Fe", 1, 1), "MnO": ("Mn", 1, 1), "MgO": ("Mg", 1, 1),
    "CaO": ("Ca", 1, 1), "Na2O": ("Na", 2, 1), "K2O": ("K", 2, 1), "H2O": ("H", 2, 1),
}  # fmt: skip


@dataclass(frozen=True)
class Composition:
    """One end of a phase's range.

    Parameters
    ----------
    wt_pct
        Elements, wt%.
    counts_per_wt_pct
        Relative counts for one wt% of each element in this matrix.
    source
        Where the numbers are from.
    """

    wt_pct: Mapping[str, float]
    counts_per_wt_pct: Mapping[str, float]
    source: str

    @property
    def mean_atomic_number(self) -> float:
        """Mass-averaged atomic number."""
        total = sum(self.wt_pct.values())
        return sum(wt * _ATOMS[name][0] for name, wt in self.wt_pct.items()) / total

    def counts(self, element: str) -> float:
        """Relative counts of an element (Mg in Fo85 is 100)."""
        return self.wt_pct.get(element, 0.0) * self.counts_per_wt_pct.get(element, 0.0)


def elements_of(**oxides: float) -> dict[str, float]:
    """Give the elements, wt%, of an analysis in oxides, wt%."""
    elements: dict[str, float] = {"O": 0.0}
    for oxide, wt in oxides.items():
        cation, cations, oxygens = _OXIDES[oxide]
        mass = cations * _ATOMS[cation][1] + oxygens * _ATOMS["O"][1]
        elements[cation] = elements.get(cation, 0.0) + wt * cations * _ATOMS[cation][1] / mass
        elements["O"] += wt * oxygens * _ATOMS["O"][1] / mass
    return elements


GLASS_YIELD = {"Mg": 3.456, "Fe": 0.932, "Ca": 2.700, "Al": 3.831, "Si": 4.104}
PYROXENE_YIELD = {"Mg": 3.54, "Fe": 0.932, "Ca": 2.730, "Al": 3.60, "Si": 4.170}
ORTHOPYROXENE_YIELD = {"Mg": 3.591, "Fe": 0.932, "Ca": 2.730, "Al": 3.60, "Si": 3.982}
PLAGIOCLASE_YIELD = {"Ca": 2.690, "Al": 4.085, "Si": 3.957}

Pair = tuple[Composition, Composition]
Ends = Mapping[int, Pair]
_EPOXY = Composition({"C": 64.2, "H": 6.4, "Cl": 9.0, "O": 20.4}, {}, "epoxy C21H25ClO5")

#: The two ends between which each phase varies; olivine goes by its mg# instead.
ENDS: dict[int, Pair] = {
    VESICLE: (_EPOXY, _EPOXY),
    RESIN: (_EPOXY, _EPOXY),
    GLASS: (
        Composition(
            elements_of(SiO2=67.6, TiO2=0.7, Al2O3=15.4, FeO=3.6, MgO=0.9, CaO=3.2, Na2O=4.6,
                        K2O=3.4),
            GLASS_YIELD,
            "residual dacitic glass of a basaltic andesite (typical); yields of basaltic andesite",
        ),
        Composition(
            elements_of(SiO2=61.8, TiO2=1.2, Al2O3=15.2, FeO=6.6, MgO=2.1, CaO=5.2, Na2O=4.2,
                        K2O=2.6),
            GLASS_YIELD,
            "less evolved residual glass (typical); yields of basaltic andesite",
        ),
    ),
    PLAGIOCLASE: (
        Composition(
            {"Ca": 8.847, "Na": 3.383, "Al": 15.883, "Si": 24.799, "O": 47.089},
            PLAGIOCLASE_YIELD,
            "An60, stoichiometric",
        ),
        Composition(
            {"Ca": 11.659, "Na": 1.672, "Al": 17.66, "Si": 22.468, "O": 46.541},
            PLAGIOCLASE_YIELD,
            "An80, stoichiometric",
        ),
    ),
    CLINOPYROXENE: (
        Composition(
            elements_of(SiO2=53.2, TiO2=0.3, Al2O3=2.3, Cr2O3=0.6, FeO=3.4, MgO=17.6, CaO=22.2,
                    Na2O=0.4),
            PYROXENE_YIELD,
            "chromian diopside of mg# 0.90 (typical); yields of augite",
        ),
        Composition(
            {"Si": 23.863, "O": 42.474, "Ti": 0.54, "Al": 1.166, "Fe": 9.337, "Mn": 0.233,
             "Mg": 8.572, "Ca": 13.593, "Na": 0.223},
            PYROXENE_YIELD,
            "augite of mg# 0.68",
        ),
    ),
    ORTHOPYROXENE: (
        Composition(
            elements_of(SiO2=55.2, TiO2=0.2, Al2O3=2.5, FeO=9.2, MnO=0.2, MgO=30.5, CaO=2.2),
            ORTHOPYROXENE_YIELD,
            "En85 with the Ca and Al of a magmatic enstatite (typical); yields of En80",
        ),
        Composition(
            elements_of(SiO2=53.9, TiO2=0.3, Al2O3=2.4, FeO=14.6, MnO=0.3, MgO=26.4, CaO=2.1),
            ORTHOPYROXENE_YIELD,
            "En76 with the Ca and Al of a magmatic enstatite (typical); yields of En80",
        ),
    ),
    OXIDE: (
        Composition(
            {"Ti": 6.243, "O": 25.882, "Al": 2.205, "Fe": 63.156, "Mg": 2.513},
            {"Mg": 2.479, "Fe": 1.046, "Al": 3.057},
            "titanomagnetite",
        ),
        Composition(
            {"Cr": 29.934, "O": 32.142, "Al": 7.718, "Fe": 22.672, "Mg": 6.91, "Ti": 0.624},
            {"Mg": 2.834, "Fe": 0.985, "Al": 3.222},
            "chromian spinel, as included in olivine",
        ),
    ),
    SERPENTINE: (
        Composition(
            elements_of(SiO2=42.0, Al2O3=0.6, FeO=3.5, MgO=40.0, H2O=13.0),
            ORTHOPYROXENE_YIELD,
            "lizardite (typical); yields of En80",
        ),
        Composition(
            elements_of(SiO2=40.0, Al2O3=1.2, FeO=9.0, MgO=36.5, H2O=13.0),
            ORTHOPYROXENE_YIELD,
            "ferroan serpentine (typical); yields of En80",
        ),
    ),
}  # fmt: skip

#: Glass of basalts, brighter than their olivine.
BASALTIC_GLASS: Pair = (
    Composition(
        elements_of(SiO2=49.6, TiO2=1.9, Al2O3=14.2, FeO=11.6, MgO=6.8, CaO=11.9, Na2O=2.4,
                    K2O=0.3),
        GLASS_YIELD,
        "basaltic glass (typical of Icelandic tephra); yields of basaltic andesite",
    ),
    Composition(
        elements_of(SiO2=49.2, TiO2=3.2, Al2O3=12.8, FeO=14.8, MgO=5.2, CaO=10.0, Na2O=2.8,
                    K2O=0.7),
        GLASS_YIELD,
        "ferrobasaltic glass (typical of Icelandic tephra); yields of basaltic andesite",
    ),
)  # fmt: skip

#: Relative counts of Mg, Fe, Si in stoichiometric olivine against mg#.
_OLIVINE_MG = np.array([0.50, 0.60, 0.70, 0.75, 0.80, 0.85, 0.88, 0.90, 0.92, 0.95, 1.0])
_OLIVINE_COUNTS = {
    "Mg": [43.18, 56.08, 71.30, 79.97, 89.50, 100.0, 106.83, 111.63, 116.65, 124.59, 139.11],
    "Fe": [31.62, 25.97, 20.01, 16.91, 13.72, 10.43, 8.42, 7.05, 5.68, 3.58, 0.0],
    "Si": [63.09, 64.97, 66.95, 67.98, 69.04, 70.12, 70.79, 71.23, 71.68, 72.37, 73.53],
}
OLIVINE_CAO_WT_PCT = 0.20
OLIVINE_MNO_WT_PCT = 0.20


def olivine_atomic_number(mg: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mass-averaged atomic number of (Mg, Fe)2SiO4.

    Parameters
    ----------
    mg
        mg#, a fraction; any shape.
    """
    mg = np.asarray(mg, dtype=np.float64)
    total = np.zeros_like(mg)
    weighted = np.zeros_like(mg)
    for name, atoms in (("Mg", 2 * mg), ("Fe", 2 * (1 - mg)), ("Si", 1.0), ("O", 4.0)):
        number, mass = _ATOMS[name]
        total += atoms * mass
        weighted += atoms * mass * number
    return weighted / total


def olivine_counts(element: str, mg: NDArray[np.floating]) -> NDArray[np.float64]:
    """Relative counts of an element in olivine (Mg in Fo85 is 100); mg# as a fraction."""
    mg = np.asarray(mg, dtype=np.float64)
    if element in _OLIVINE_COUNTS:
        return np.asarray(np.interp(mg, _OLIVINE_MG, _OLIVINE_COUNTS[element]))
    calcium = elements_of(CaO=OLIVINE_CAO_WT_PCT)["Ca"] * PYROXENE_YIELD["Ca"]
    return np.full_like(mg, calcium if element == "Ca" else 0.0)


def atomic_number_table(ends: Ends = ENDS) -> NDArray[np.float32]:
    """Mean atomic number for (phase, mix): mix 0-255 goes from the first end to the second."""
    return _table(ends, lambda end: end.mean_atomic_number)


def counts_table(element: str, ends: Ends = ENDS) -> NDArray[np.float32]:
    """Relative counts of an element for (phase, mix)."""
    return _table(ends, lambda end: end.counts(element))


def _table(ends: Ends, value: Callable[[Composition], float]) -> NDArray[np.float32]:
    mix = np.linspace(0.0, 1.0, 256)
    table = np.zeros((len(PHASES), 256), dtype=np.float32)
    for phase, (first, second) in ends.items():
        table[phase] = value(first) * (1 - mix) + value(second) * mix
    return table
