"""Settings of scoring."""

from __future__ import annotations

from napari_olivine.settings import Settings, setting


class ScoreSettings(Settings):
    """Settings of :func:`~napari_olivine.scoring.score_section`."""

    olivine_code: int = setting(
        6, "Code of olivine", "Value of olivine in the truth's phase.tif.", ge=0, le=255
    )
    orthopyroxene_code: int = setting(
        4, "Code of orthopyroxene", "Value of orthopyroxene in the truth's phase.tif.", ge=0, le=255
    )
    found_iou: float = setting(
        0.5,
        "Found from",
        "A true crystal is found if it and one label have an intersection over union above this; "
        "from 0.5 on no two labels can find the same crystal (ours).",
        ge=0.5,
        lt=1,
    )
    microphenocryst_from_um2: float = setting(
        1000.0, "Microphenocrysts from", "True area of a microphenocryst.", unit="um2", gt=0
    )
    phenocryst_from_um2: float = setting(
        10_000.0, "Phenocrysts from", "True area of a phenocryst.", unit="um2", gt=0
    )
