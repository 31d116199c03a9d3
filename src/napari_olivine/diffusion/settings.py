"""Settings of diffusion chronometry."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import field_validator

from napari_olivine.diffusion.buffers import Buffer
from napari_olivine.diffusion.problem import Start
from napari_olivine.diffusion.solver import Boundary
from napari_olivine.settings import Settings, setting

SQUARES_TOLERANCE = 0.05
"""How far the squared cosines of three measured angles may be from adding up to 1."""


class DiffuseSettings(Settings):
    """Conditions, assumptions and errors of :func:`~napari_olivine.diffusion.diffuse`."""

    temperature_c: float = setting(
        1180.0,
        "Temperature",
        "At which the step spread. Default: of Fig. 8B of Leichter et al. 2022; give your own.",
        unit="deg C",
        ge=500,
        le=1600,
    )
    temperature_se_c: float = setting(
        15.0, "Error of the temperature", "Standard error (ours: that of glass thermometers).",
        unit="deg C", ge=0, le=200,
    )  # fmt: skip
    pressure_mpa: float = setting(0.1, "Pressure", "1 bar is 0.1 MPa.", unit="MPa", gt=0, le=5000)
    pressure_se_mpa: float = setting(
        0.0, "Error of the pressure", "Standard error.", unit="MPa", ge=0, le=2000
    )
    log_fo2_bar: float | None = setting(
        None,
        "log10 fO2",
        "Oxygen fugacity, log10 of bar, the same at every temperature. Empty: that of the buffer.",
        unit="log10 bar",
        ge=-25,
        le=0,
    )
    buffer: Buffer = setting(
        "NNO",
        "Buffer",
        "NNO, QFM, IW by Frost (1991), NNO-1993 by O'Neill and Pownceby (1993); worked out at the "
        "temperature of each draw. Counts where {setting:log_fo2_bar} is empty.",
    )
    fo2_offset: float = setting(
        0.0, "Above the buffer", "Log units above it (below: negative).", unit="log10", ge=-6, le=6
    )
    fo2_se: float = setting(
        0.3, "Error of log10 fO2", "Standard error (ours).", unit="log10", ge=0, le=5
    )
    angles: tuple[float, float, float] | None = setting(
        None,
        "Angles",
        "Of the traverse to [100], [010] and [001], from EBSD, e.g. 33,120,102. Empty: not known; "
        "all directions count, which makes the error larger.",
        unit="deg",
    )
    law: Literal["dohmen-chakraborty", "mutch"] = setting(
        "dohmen-chakraborty",
        "Law",
        "dohmen-chakraborty: Dohmen and Chakraborty (2007) with the erratum. mutch: the refit of "
        "DFENS (Mutch et al. 2019), about twice as fast. The other one is told as well.",
    )
    law_se: float = setting(
        0.2, "Error of log10 D", "Scatter of the experiments about the law.", unit="log10",
        ge=0, le=1,
    )  # fmt: skip
    start: Start = setting(
        "step",
        "Beginning",
        "step: a step somewhere in the profile. rim: a homogeneous crystal whose rim changed at "
        "once. ramp: a step that was {setting:ramp_um} wide at first.",
    )
    ramp_um: float = setting(0.0, "Width of the ramp", "At first.", unit="um", ge=0)
    step_um: float | None = setting(
        None, "Place of the step", "Where it was at first. Empty: it is fitted.", unit="um"
    )
    fo_left: float | None = setting(
        None, "Fo before the step", "A fraction. Empty: it is fitted.", gt=0, lt=1
    )
    fo_right: float | None = setting(
        None, "Fo beyond the step", "A fraction. Empty: it is fitted.", gt=0, lt=1
    )
    left: Boundary = setting(
        "fixed",
        "First end",
        "Where the distances begin, usually the rim. fixed: it stays as it was at first (melt, or "
        "a large mantle). free: nothing passes.",
    )
    right: Boundary = setting(
        "free", "Last end", "The same where the distances end, usually the core."
    )
    blur_um: float = setting(
        0.5,
        "Blur",
        "Standard deviation of what one point sees along the profile: beam, excited volume, pixel "
        "(ours: BSE at 15 kV, or a microprobe of 1 um).",
        unit="um",
        ge=0,
        le=50,
    )
    fo_error: float | None = setting(
        None,
        "Error of Fo",
        "Standard error of each point, a fraction, where the table has none. Empty: from the "
        "scatter of neighbours.",
        gt=0,
        le=0.1,
    )
    draws: int = setting(10_000, "Draws", "Of the Monte Carlo.", ge=100, le=1_000_000)

    @field_validator("angles", mode="before")
    @classmethod
    def _split(cls, angles: Any) -> Any:
        """Take ``33,120,102`` as a script writes it."""
        one = angles[0] if isinstance(angles, list | tuple) and len(angles) == 1 else angles
        return tuple(one.split(",")) if isinstance(one, str) else angles

    @field_validator("angles")
    @classmethod
    def _fit_together(cls, angles: Any) -> Any:
        if angles is not None:
            total = float((np.cos(np.deg2rad(angles)) ** 2).sum())
            if abs(total - 1) > SQUARES_TOLERANCE:
                raise ValueError(
                    f"the squared cosines of angles to three axes add up to 1, these to {total:.3f}"
                )
        return angles
