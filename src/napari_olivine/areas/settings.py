"""Settings of the step that suggests areas."""

from __future__ import annotations

from typing import Literal

from napari_olivine.settings import Settings, setting


class AreasSettings(Settings):
    """Settings of :func:`~napari_olivine.areas.suggest_areas`."""

    by: Literal["auto", "mask", "grey"] = setting(
        "auto",
        "Chosen by",
        "mask: areas that show every mineral and every size of its crystals, for training. grey: "
        "areas whose grey and texture in BSE stand for the whole section, to be measured. auto: "
        "mask where there is one ({step:mask}), else grey.",
    )
    share: float | None = setting(
        None,
        "Share",
        "How much of the tiles that are looked at is suggested, training and validation together. "
        "If empty, by the mask as few as show everything, by the grey 20 %.",
        unit="%",
        gt=0,
        le=100,
    )
    tiles: int | None = setting(
        None,
        "Tiles",
        "How many tiles are suggested instead of {setting:share}, training and validation "
        "together.",
        ge=1,
    )
    pieces: int = setting(
        3,
        "Crystals of a kind",
        "So many crystals of each mineral and size are enough, or half of all where there are few, "
        "if neither {setting:share} nor {setting:tiles} is given (ours).",
        ge=1,
    )
    validation: float = setting(
        20.0,
        "For validation",
        "Part of the suggested tiles that gets the role val; one tile at least, none with 0. Ours: "
        "as much as training keeps back where no session validates.",
        unit="%",
        ge=0,
        le=50,
    )
    sessions: list[str] = setting(
        [],
        "Sessions",
        "Names of the sessions that are looked at; if empty all that are not for test. What lies "
        "in no session is looked at only if empty.",
    )
    apply: bool = setting(
        False,
        "Make them sessions",
        "Store the areas as sessions with the roles train and val; the sessions that were looked "
        "at get the role none, and areas of an earlier time are replaced. Those for test stay.",
    )
