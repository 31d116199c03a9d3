"""The rocks that a phantom can be of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from napari_olivine.job import Job
from napari_olivine.phantom import andesite, basalt, cumulate, tephra
from napari_olivine.phantom.compositions import ENDS, PHASES, Composition
from napari_olivine.phantom.instrument import Instrument, any_instrument, standard_instrument
from napari_olivine.phantom.scene import Scene
from napari_olivine.phantom.settings import PhantomSettings

_LAVA = ("vesicle", "glass", "plagioclase", "clinopyroxene", "orthopyroxene", "oxide", "olivine")


@dataclass(frozen=True)
class Rock:
    """What makes a rock.

    Parameters
    ----------
    lay
        Lays out a section.
    phases
        Names of the phases that it may have.
    ends
        Compositions of its phases where they are not those of `compositions.ENDS`.
    instrument
        Draws how it is imaged.
    bytes_per_pixel
        Peak memory for each pixel of the section, measured.
    """

    lay: Callable[[np.random.Generator, PhantomSettings, Scene, Job], None]
    phases: tuple[str, ...]
    ends: Mapping[int, tuple[Composition, Composition]]
    instrument: Callable[[np.random.Generator, PhantomSettings], Instrument] = any_instrument
    bytes_per_pixel: int = 28

    @property
    def codes(self) -> dict[str, int]:
        """Codes of its phases in the truth."""
        return {name: PHASES[name] for name in self.phases}


ROCKS = {
    "andesite": Rock(andesite.lay_andesite, _LAVA, ENDS, standard_instrument, 22),
    "tephra": Rock(tephra.lay_tephra, (*_LAVA, "resin"), ENDS | tephra.ENDS),
    "cumulate": Rock(
        cumulate.lay_cumulate, (*_LAVA, "serpentine"), ENDS | cumulate.ENDS, bytes_per_pixel=52
    ),
    "basalt": Rock(basalt.lay_basalt, _LAVA, ENDS | basalt.ENDS, bytes_per_pixel=52),
}
