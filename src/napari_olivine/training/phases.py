"""The phases of a mask as labels of training: which there are, and what their pixels say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.masks.corrections import phase_key
from napari_olivine.networks import ModelPhase, network_spec
from napari_olivine.section import Raster, Section
from napari_olivine.training.settings import TrainSettings
from napari_olivine.training.windows import FIRST_PHASE, IGNORE, MOST_PHASES

OLIVINE_CODE = 1
"""Code of olivine in the image ``phases``; 0 is what no rule takes."""

PHASES = "phases"


UNCLASSIFIED_CODE = 0


@dataclass(frozen=True)
class MaskPhases:
    """The phases of a mask, among those of a training.

    Parameters
    ----------
    phases
        All of the training, with what no rule takes: resin, glass and minerals of no rule are a
        class too, as a network has to call them something.
    image
        Codes of phases, uint8.
    codes
        Code of each of `phases` in `image`; `None` of one that the mask does not tell.
    """

    phases: Sequence[ModelPhase]
    image: Raster
    codes: Sequence[int | None]

    @property
    def olivine(self) -> int:
        """Number of olivine among the phases."""
        return [phase.code for phase in self.phases].index(OLIVINE_CODE)

    @property
    def others(self) -> list[tuple[int, ModelPhase]]:
        """Label and phase of all but olivine."""
        numbered = enumerate(self.phases, start=FIRST_PHASE)
        return [(label, phase) for label, phase in numbered if phase.code != OLIVINE_CODE]

    def label(self, mask: NDArray[np.uint8], rows: slice, columns: slice) -> NDArray[np.uint8]:
        """Say which phase the pixels are that the mask calls no olivine.

        Parameters
        ----------
        mask
            0, 1 or 255, shape (rows, columns).
        rows, columns
            Where it lies.

        Returns
        -------
        ndarray of uint8, shape (rows, columns)
            Labels, see `napari_olivine.training.windows`.
        """
        named = self._labels[self.image.read(rows, columns)]
        return np.where(mask == 0, named, mask).astype(np.uint8)

    @cached_property
    def _labels(self) -> NDArray[np.uint8]:
        """Label of each code; 0 of a code that is none of the phases."""
        table = np.zeros(256, np.uint8)
        for label, code in enumerate(self.codes, start=FIRST_PHASE):
            if code not in (None, OLIVINE_CODE):
                table[code] = label
        table[IGNORE] = IGNORE
        return table


def labels_by_name(phases: Sequence[ModelPhase]) -> dict[str, int]:
    """Return the label of each phase but olivine that a person can name in a correction.

    Parameters
    ----------
    phases
        Outputs of the network.

    Returns
    -------
    dict
        Labels by the keys of the names, see `napari_olivine.masks.corrections.phase_key`.
    """
    fixed = (OLIVINE_CODE, UNCLASSIFIED_CODE)
    numbered = enumerate(phases, start=FIRST_PHASE)
    return {phase_key(one.name): label for label, one in numbered if one.code not in fixed}


def target_of(settings: TrainSettings) -> Literal["phases", "olivine"]:
    """Return what a network is to learn, where the mask has it."""
    if settings.target == "auto":
        return network_spec(settings.network).preset.target
    return settings.target


def phases_of_mask(section: Section) -> MaskPhases | None:
    """Return the phases of the mask, `None` where it was made without a rule book.

    Parameters
    ----------
    section
        Section with ``mask``.
    """
    product = section.product("mask")
    modes = product.notes.get("modes") if product is not None else None
    if not modes or OLIVINE_CODE not in [mode["code"] for mode in modes]:
        return None
    phases = [
        ModelPhase(name=mode["name"], code=mode["code"], colour=mode["colour"]) for mode in modes
    ]
    return MaskPhases(phases, section.raster("mask", PHASES), [phase.code for phase in phases])


def join_phases(masks: Sequence[MaskPhases]) -> list[MaskPhases]:
    """Put the phases of several masks together by their names.

    A code of the joined phases is that of the first mask that has the phase, or the next free one.
    What no rule takes is a class only in masks that tell every phase: in another one it may be a
    phase that its rule book lacks, so that only "no olivine" is known of it.

    Parameters
    ----------
    masks
        With their own phases.

    Returns
    -------
    list of MaskPhases
        The same masks with the phases of all.

    Raises
    ------
    InputError
        If they are too many.
    """
    phases: dict[str, ModelPhase] = {}
    for mask in masks:
        for phase in mask.phases:
            taken = {one.code for one in phases.values()}
            code = next(code for code in (phase.code, *range(1, IGNORE)) if code not in taken)
            phases.setdefault(_key(phase), phase.model_copy(update={"code": code}))
    if len(phases) > MOST_PHASES:
        raise InputError(
            f"The masks tell {len(phases)} phases; a network learns {MOST_PHASES} at most.",
            remedy="Make the masks with a shorter rule book, or set {setting:target} to olivine.",
            setting="target",
        )
    return [_among(mask, phases) for mask in masks]


def _among(mask: MaskPhases, phases: Mapping[str, ModelPhase]) -> MaskPhases:
    own = {_key(phase): phase.code for phase in mask.phases}
    codes = [own.get(key) for key in phases]
    if None in codes:
        codes = [None if code == UNCLASSIFIED_CODE else code for code in codes]
    return MaskPhases(tuple(phases.values()), mask.image, codes)


def _key(phase: ModelPhase) -> str:
    """Tell phases of several masks apart by name; olivine and what no rule takes by their codes."""
    fixed = {OLIVINE_CODE: "olivine", UNCLASSIFIED_CODE: "unclassified"}
    return fixed.get(phase.code, phase.name.strip().casefold())
