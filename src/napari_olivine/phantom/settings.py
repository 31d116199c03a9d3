"""Settings of a phantom thin section: size, sessions, crystals and instrument.

Leichter et al. (2022) is doi 10.3389/feart.2022.740638.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import model_validator

from napari_olivine.errors import InputError
from napari_olivine.settings import Settings, setting

ROLES = ("train", "val", "test", "none")
RockName = Literal["andesite", "tephra", "cumulate", "basalt"]
#: Settings of the andesite's crystals: the other rocks draw theirs from the seed.
OF_ANDESITE = (
    "phenocrysts_per_mm2", "largest_phenocryst_um2", "microphenocrysts_per_mm2",
    "microlites_per_mm2", "pyroxenes_per_mm2", "orthopyroxenes_per_mm2", "plagioclase_percent",
    "clinopyroxene_percent", "oxide_percent", "vesicles_per_mm2",
)  # fmt: skip


class PhantomSettings(Settings):
    """Settings of :func:`~napari_olivine.phantom.make_phantom`.

    The defaults make the section of the demonstration: 6 x 9 tiles, as large as in Leichter et al.
    2022, in three sessions (train, val, test).
    """

    rock: RockName = setting(
        "andesite",
        "Rock",
        "andesite: olivine phenocrysts in a fine groundmass, as in Leichter et al. 2022. tephra: "
        "glassy clasts in resin, olivine darker than the glass. cumulate: olivine in contact. "
        "basalt: a coarse groundmass. All but the andesite differ widely from seed to seed.",
    )
    rows: int = setting(6, "Tile rows", "Rows of tiles in the mosaic.", ge=1, le=100)
    cols: int = setting(9, "Tile columns", "Columns of tiles in the mosaic.", ge=1, le=100)
    tile_height_px: int = setting(
        338,
        "Tile height",
        "Rows of one tile; 338 as in Leichter et al. 2022.",
        unit="px",
        ge=64,
        le=8192,
    )
    tile_width_px: int = setting(
        512,
        "Tile width",
        "Columns of one tile; 512 as in Leichter et al. 2022.",
        unit="px",
        ge=64,
        le=8192,
    )
    pixel_size_um: float = setting(
        1.0,
        "Pixel size",
        "Side of a pixel; 1 as in Leichter et al. 2022.",
        unit="um",
        ge=0.25,
        le=4.0,
    )
    sessions: int = setting(
        3,
        "Sessions",
        "Measuring sessions, side by side as blocks of tile columns, with the roles train, val, "
        "test, none in turn. Each drifts by itself; the first is the reference.",
        ge=1,
        le=20,
    )
    profiles_per_session: int = setting(
        3,
        "Profiles per session",
        "Microprobe traverses in each session: calibrate, test, calibrate, ... in turn.",
        ge=1,
        le=20,
    )
    seed: int = setting(0, "Seed", "Same seed, same bytes.", ge=0)
    phenocrysts_per_mm2: float = setting(
        3.0, "Phenocrysts", "Olivine phenocrysts per area.", unit="1/mm2", ge=0, le=20
    )
    phenocrysts_at_least: int = setting(
        3,
        "Phenocrysts at least",
        "Phenocrysts that lie whole in each session whatever the density; the first three are "
        "normal, reversed and unzoned, so that profiles can be laid.",
        ge=1,
        le=50,
    )
    largest_phenocryst_um2: float = setting(
        90_000.0,
        "Largest phenocryst",
        "Largest area; phenocrysts begin at 10 000 um2 as in Leichter et al. 2022.",
        unit="um2",
        ge=14_000,
        le=400_000,
    )
    microphenocrysts_per_mm2: float = setting(
        2.5, "Microphenocrysts", "Olivines of 1000 to 10 000 um2.", unit="1/mm2", ge=0, le=50
    )
    microlites_per_mm2: float = setting(
        25.0, "Microlites", "Olivines under 500 um2.", unit="1/mm2", ge=0, le=400
    )
    pyroxenes_per_mm2: float = setting(
        0.7, "Augite phenocrysts", "Augite phenocrysts per area.", unit="1/mm2", ge=0, le=10
    )
    orthopyroxenes_per_mm2: float = setting(
        0.4,
        "Orthopyroxenes",
        "Orthopyroxene crystals per area, but one in each session at least: the rule of Leichter"
        " et al. (2022) takes part of them for olivine.",
        unit="1/mm2",
        ge=0,
        le=10,
    )
    plagioclase_percent: float = setting(
        14.0, "Plagioclase laths", "Laths in the groundmass, by area.", unit="%", ge=0, le=40
    )
    clinopyroxene_percent: float = setting(
        10.0, "Augite microlites", "Augite in the groundmass, by area.", unit="%", ge=0, le=40
    )
    oxide_percent: float = setting(
        0.5, "Oxides", "Fe-Ti oxides in the groundmass, by area.", unit="%", ge=0, le=5
    )
    vesicles_per_mm2: float = setting(
        2.0, "Vesicles", "Vesicles, filled with epoxy, per area.", unit="1/mm2", ge=0, le=50
    )
    drift: float = setting(
        1.0,
        "Drift",
        "Drift between sessions; 1 is up to 3.5 % in BSE contrast, 7 levels in the grey of the "
        "glass and 4 % in X-ray counts, 0 is none.",
        ge=0,
        le=5,
    )
    bse_noise_grey: float | None = setting(
        None,
        "BSE noise",
        "Standard deviation of a pixel's grey; if empty 2.6 in andesite, else 1.3 to 2.6 by the "
        "seed.",
        unit="grey",
        ge=0,
        le=30,
    )
    mg_counts: float | None = setting(
        None,
        "Mg counts",
        "X-ray counts of Mg in a pixel of Fo85, which go by the dwell time; the other counts "
        "follow. If empty 92 in andesite, else 46 to 184 by the seed.",
        unit="counts",
        ge=5,
        le=200,
    )
    placement_error_px: float = setting(
        4.0,
        "Placement error",
        "How far a person misses the ends of a traverse (standard deviation in x and in y).",
        unit="px",
        ge=0,
        le=20,
    )

    @model_validator(mode="after")
    def _only_what_the_rock_knows(self) -> Self:
        if self.rock == "andesite":
            return self
        fields = type(self).model_fields
        given = [name for name in OF_ANDESITE if getattr(self, name) != fields[name].default]
        if given:
            names = ", ".join(f"{{setting:{name}}}" for name in given)
            raise ValueError(
                f"{names} belongs to the andesite: a {self.rock} draws its crystals from the seed. "
                "Leave it out, or choose {setting:rock} andesite"
            )
        return self

    @classmethod
    def small(cls, **changes: Any) -> PhantomSettings:
        """Give a section of 3 x 3 tiles in three sessions, for tests and quick looks."""
        values: dict[str, Any] = {
            "rows": 3,
            "cols": 3,
            "profiles_per_session": 2,
        }
        if changes.get("rock", "andesite") == "andesite":
            values |= {"phenocrysts_per_mm2": 7.5, "largest_phenocryst_um2": 30_000.0}
        return cls(**(values | changes))

    @property
    def tile_shape(self) -> tuple[int, int]:
        """Rows and columns of a tile in pixels."""
        return self.tile_height_px, self.tile_width_px

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the whole mosaic in pixels."""
        return self.rows * self.tile_height_px, self.cols * self.tile_width_px

    @property
    def area_mm2(self) -> float:
        """Area of the section."""
        height, width = self.shape
        return height * width * (self.pixel_size_um / 1000.0) ** 2

    def session_columns(self) -> list[tuple[int, int]]:
        """First and last tile column of each session.

        Raises
        ------
        InputError
            If there are more sessions than tile columns.
        """
        if self.sessions > self.cols:
            raise InputError(
                f"{self.sessions} sessions do not fit on {self.cols} tile columns: each needs one "
                "column at least. Ask for fewer sessions or more columns."
            )
        bounds = [self.cols * k // self.sessions for k in range(self.sessions + 1)]
        return [(first, last - 1) for first, last in pairwise(bounds)]

    def session_roles(self) -> list[str]:
        """Role of each session: train, val, test, none in turn."""
        return [ROLES[k % len(ROLES)] for k in range(self.sessions)]
