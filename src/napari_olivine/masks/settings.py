"""What a person sets for the mask, and what follows from it."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import field_validator

from napari_olivine.masks.beside_bse import KEEP
from napari_olivine.masks.reference import Spot
from napari_olivine.masks.rule_book import STANDARD
from napari_olivine.masks.rules import COUNTS, Rule
from napari_olivine.settings import Settings, setting

OLIVINE_RULE: Final = "olivine"
PAPER_RULE: Final = "olivine-paper"
BY_RULE: Final = "rule"
AUTOMATIC: Final = "automatic"
LEAVE: Final = "leave"
_NOTHING: Final[tuple[str, ...]] = ()


class MaskSettings(Settings):
    """Settings of the mask step."""

    rule: str = setting(
        "olivine",
        "Rule",
        "'olivine-paper' (Ca/Mg < 0.1, Al/Mg < 0.1, Mg > 30), 'olivine' (these two ratios and "
        "0.3 < Si/(Mg + Fe) < 0.85, which keeps orthopyroxene and oxides out whatever the dwell "
        "time; for maps in wt% its conditions follow "
        "from stoichiometry), or conditions of your own such as 'Al > 900 and Si < 1300'.",
    )
    limits: Literal["rule", "valleys"] = setting(
        BY_RULE,
        "Limits",
        "'rule': as the rule says. 'valleys': each limit is moved into the valley between two "
        "populations in the histogram of these maps, for other detectors and dwell times than the "
        "rule was written for.",
        exclude_if=BY_RULE.__eq__,  # masks that were made before this setting stay up to date
    )
    reference: tuple[str, ...] = setting(
        (),
        "Picked olivine",
        "Places of a mineral that you are sure of, as X,Y or X,Y,RADIUS in um from the upper left "
        "corner. The limits of a named rule on counts are then relative to what it has itself "
        "(olivine: Mg > 0.5 ref, Si/(Mg + Fe) < 1.4 ref), and conditions of your own may be "
        "written so ('Si/Mg within 15 % of ref').",
        exclude_if=_NOTHING.__eq__,
    )
    smoothing_px: float | None = setting(
        None,
        "Smoothing",
        "Standard deviation of the Gaussian that averages the Poisson significance of each "
        "condition over neighbours; 0 decides pixel by pixel. Automatic: 0 for olivine-paper, as "
        "published, 1 px otherwise (ours).",
        unit="px",
        ge=0,
        le=10,
    )
    outlines: Literal["automatic", "half", "rule"] = setting(
        AUTOMATIC,
        "Outlines",
        "'half': where half of the signal of a pixel comes from the mineral, by the counts on both "
        "sides. 'rule': where the rule still holds, which is 1 to 2 um further inside. Automatic: "
        "rule for olivine-paper, as published, half otherwise (ours).",
    )
    xray_blur_um: float | None = setting(
        None,
        "X-ray blur",
        "Standard deviation of the blur of the element maps, for outlines at half. Automatic: "
        "measured on the outlines themselves.",
        unit="um",
        ge=0,
        le=20,
    )
    alteration: Literal["automatic", "keep"] = setting(
        AUTOMATIC,
        "Altered olivine",
        "Automatic: veins that are dark in BSE and whose counts lie on the side of serpentine are "
        "taken out of olivine, with the rule 'olivine' on counts, in sections that hold such "
        "veins; wider ones by their counts alone where BSE does not tell them from cracks. 'keep': "
        "only the rule decides, which takes most narrow veins for olivine.",
    )
    cracks: Literal["olivine", "background", "ignore"] = setting(
        KEEP,
        "Cracks in olivine",
        "What open cracks and specks within the mask count as, which BSE shows and the coarser "
        "element maps do not. olivine: as the counts have them, so that a crack does not split a "
        "crystal. background or ignore: for the bare mineral.",
        exclude_if=KEEP.__eq__,
    )
    book: str = setting(
        STANDARD,
        "Rule book",
        "Other minerals that claim what the rule leaves, for modal percentages and the image of "
        "phases: 'standard', a YAML file of your own, or 'none'.",
    )
    unclassified: Literal["leave", "mixture", "forest"] = setting(
        LEAVE,
        "What no rule takes",
        "leave: it stays unclassified. mixture: it goes to the mineral whose sure pixels it "
        "resembles (a Gaussian mixture a mineral), or to none if it resembles none. forest: a "
        "random forest decides, which has no such answer. Olivine that you painted shows what "
        "olivine looks like, too. Needs a rule book.",
        exclude_if=LEAVE.__eq__,
    )
    edge_ignore_px: int = setting(
        0,
        "Ignored edge",
        "Half width of a band along every outline that is not used in training, because X-rays "
        "come from a wider volume than backscattered electrons.",
        unit="px",
        ge=0,
        le=20,
    )

    @field_validator("reference")
    @classmethod
    def _check_spots(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(Spot.parse(text)) for text in value)


def is_olivine(settings: MaskSettings) -> bool:
    """Tell whether the rule is our named one for olivine."""
    return settings.rule.strip() == OLIVINE_RULE


def stands_beside_olivine(rule: Rule, settings: MaskSettings) -> bool:
    """Tell whether a limit of the rule is put beside the olivine that the maps hold."""
    return is_olivine(settings) and rule.unit == COUNTS and not settings.reference


def leaves_outlines(settings: MaskSettings) -> bool:
    """Tell whether outlines stay where the rule puts them."""
    if settings.outlines == AUTOMATIC:
        return settings.rule.strip() == PAPER_RULE
    return settings.outlines == "rule"


def smoothing_of(settings: MaskSettings) -> float:
    """Return the standard deviation of the smoothing, px."""
    if settings.smoothing_px is not None:
        return settings.smoothing_px
    return 0.0 if settings.rule.strip() == PAPER_RULE else 1.0
