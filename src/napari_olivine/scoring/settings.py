"""Settings of scoring."""

from __future__ import annotations

from napari_olivine.errors import InputError
from napari_olivine.settings import Settings, setting

MOST_CODE = 255


class ScoreSettings(Settings):
    """Settings of :func:`~napari_olivine.scoring.score_section`."""

    olivine_code: int = setting(
        6, "Code of olivine", "Value of olivine in the truth's phase.tif.", ge=0, le=255
    )
    orthopyroxene_code: int = setting(
        4, "Code of orthopyroxene", "Value of orthopyroxene in the truth's phase.tif.", ge=0, le=255
    )
    phase_codes: tuple[str, ...] = setting(
        (),
        "Codes of other phases",
        "Values of phases other than olivine in the truth's phase.tif, each as NAME=CODE with the "
        "name that the section uses; those of phases.csv in the truth if there are none.",
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

    def named_codes(self) -> dict[str, int]:
        """Return `phase_codes` by the name of the phase.

        Raises
        ------
        InputError
            If one of them is not NAME=CODE.
        """
        codes = {}
        for text in self.phase_codes:
            name, _, code = text.rpartition("=")
            if not name.strip() or not code.strip().isdecimal() or int(code) > MOST_CODE:
                raise InputError(
                    f"{text!r} is no code of a phase.",
                    remedy="Give {setting:phase_codes} as NAME=CODE, e.g. plagioclase=2.",
                    setting="phase_codes",
                    expected=f"NAME=CODE, with a whole number from 0 to {MOST_CODE}",
                )
            codes[name.strip()] = int(code)
        return codes
