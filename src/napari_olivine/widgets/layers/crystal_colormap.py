"""Colours of a label layer by crystal, looked up in an array while a person types a filter."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from napari.utils.colormaps.standardize_color import transform_color
from numpy.typing import NDArray
from pydantic import PrivateAttr
from typing_extensions import override

UNKNOWN_PLACE, NO_CRYSTAL = 0, 1
"""Places of the colour of ids that the table lacks, and of pixels without a crystal."""


class CrystalColormap(DirectLabelColormap):
    """Colours by the ids of crystals.

    napari keeps such colours in dictionaries: for 100,000 crystals it takes a second to make them,
    and beyond 65,536 it needs numba. Here an array gives the place of each crystal's colour among
    the few that there are.
    """

    _places: NDArray[Any] = PrivateAttr()
    _shades: NDArray[np.float32] = PrivateAttr()

    @classmethod
    def of(
        cls, ids: NDArray[Any], codes: NDArray[np.intp], colours: list[str], unknown: str
    ) -> CrystalColormap:
        """Make the look-up.

        Parameters
        ----------
        ids
            Of the crystals, from 1, shape (crystals,).
        codes
            Place of each crystal's colour in `colours`, shape (crystals,).
        colours
            Distinct colours, ``#RRGGBB`` or ``#RRGGBBAA``.
        unknown
            Colour of ids that are not among `ids`.

        Returns
        -------
        CrystalColormap
            Colours for a label layer.
        """
        # napari takes a layer whose dictionary holds nothing more for one without colours.
        some = {int(crystal): colours[code] for crystal, code in zip(ids[:1], codes, strict=False)}
        made = cls(color_dict={None: unknown, 0: "transparent", **some})
        made._shades = transform_color([unknown, "transparent", *colours]).astype(np.float32)
        # The type that napari draws so many colours with; the last place is for all larger ids.
        kind = np.uint8 if len(made._shades) + 2 <= 255 else np.uint16
        made._places = np.full(int(ids.max(initial=0)) + 2, UNKNOWN_PLACE, kind)
        made._places[0] = NO_CRYSTAL
        made._places[ids] = codes + 2
        return made

    @override
    def map(self, values: Any) -> NDArray[np.float32]:
        found = self._shades[self._place_of(values)]
        if self.use_selection:
            found = np.where(np.asarray(values)[..., np.newaxis] == self.selection, found, 0)
        return np.asarray(found, np.float32)

    def _place_of(self, values: Any) -> NDArray[Any]:
        return np.take(self._places, values, mode="clip")

    # ------------------------------------------------------------------ what napari draws with

    @override
    def _data_to_texture(self, values: Any) -> Any:
        if self.use_selection:
            return np.asarray(values == self.selection).astype(np.uint8)[()]
        return self._place_of(values)

    @override
    def _map_without_cache(self, values: NDArray[Any]) -> NDArray[np.float32]:
        return np.asarray(self._shades[self._place_of(values)], np.float32)

    @override
    def _values_mapping_to_minimum_values_set(
        self, apply_selection: bool = True
    ) -> tuple[dict[int | None, int], dict[int, NDArray[np.float32]]]:
        if self.use_selection and apply_selection:
            chosen = np.asarray(self._shades[self._place_of(self.selection)])
            return {None: 0, self.selection: 1}, {0: np.zeros(4, np.float32), 1: chosen}
        return {None: UNKNOWN_PLACE, 0: NO_CRYSTAL}, dict(enumerate(self._shades))

    @property
    @override
    def _num_unique_colors(self) -> int:
        return len(self._shades)
