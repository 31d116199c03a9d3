"""Oxygen fugacity of mineral buffers.

References
----------
Frost B.R. (1991) Reviews in Mineralogy 25, 1-9.
O'Neill H.St.C., Pownceby M.I. (1993) Contrib. Mineral. Petrol. 114, 296-314.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from napari_olivine.diffusion.law import GAS_CONSTANT, LN10, PA_OF_BAR, Numbers

Buffer = Literal["NNO", "QFM", "IW", "NNO-1993"]

FROST = {
    "NNO": (-24_930.0, 9.36, 0.046),
    "QFM": (-25_096.3, 8.735, 0.110),
    "IW": (-27_489.0, 6.702, 0.055),
}
"""a, b, c of log10 fO2 (bar) = a / T + b + c (P - 1) / T, T in K and P in bar."""


def log_fo2_bar(buffer: Buffer, temperature_k: Numbers, pressure_pa: Numbers) -> Any:
    """log10 of the oxygen fugacity of a buffer, in bar.

    Parameters
    ----------
    buffer
        ``NNO``, ``QFM``, ``IW`` by Frost (1991), ``NNO-1993`` by O'Neill and Pownceby (1993), which
        is for 1 bar.
    temperature_k
        Temperature, K.
    pressure_pa
        Pressure, Pa.

    Returns
    -------
    float or ndarray
        log10 fO2, bar.
    """
    temperature = np.asarray(temperature_k, np.float64)
    if buffer == "NNO-1993":
        energy = -478_967 + 248.514 * temperature - 9.7961 * temperature * np.log(temperature)
        return energy / (GAS_CONSTANT * temperature * LN10)
    a, b, c = FROST[buffer]
    pressure_bar = np.asarray(pressure_pa) / PA_OF_BAR
    return a / temperature + b + c * (pressure_bar - 1) / temperature
