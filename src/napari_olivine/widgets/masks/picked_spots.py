"""The spots of a picked mineral while a person edits them: undo comes with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from typing_extensions import override

from napari_olivine.history import EditedTable, History
from napari_olivine.masks import Spot

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["spot"]


class PickedSpots(EditedTable):
    """Spots in the order in which they were picked; each is kept as `Spot` writes itself.

    Parameters
    ----------
    spots
        The spots that there are.
    history
        History of the window.
    """

    target_kind = "spot"

    def __init__(self, spots: Sequence[str] = (), history: History | None = None) -> None:
        super().__init__(_table(spots), history)

    @override
    @staticmethod
    def ordered(table: pd.DataFrame) -> pd.DataFrame:
        return table[COLUMNS].astype(object).reset_index(drop=True)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def texts(self) -> tuple[str, ...]:
        """The spots as the setting has them."""
        return tuple(str(text) for text in self.table["spot"])

    @property
    def spots(self) -> list[Spot]:
        """The spots."""
        return [Spot.parse(text) for text in self.texts]

    def add(self, spot: Spot) -> None:
        """Add a spot behind the others."""
        self.edit(_table([*self.texts, str(spot)]), "olivine picked", "", str(len(self)))

    def move(self, spots: Mapping[int, Spot]) -> None:
        """Put other spots in the place of some."""
        texts = [str(spots.get(place, text)) for place, text in enumerate(self.texts)]
        first = str(min(spots))
        self.edit(_table(texts), "picked spot moved", first, first)

    def remove(self, places: Sequence[int]) -> None:
        """Take spots away."""
        texts = [text for place, text in enumerate(self.texts) if place not in places]
        self.edit(_table(texts), "picked spot deleted", str(min(places)), "")


def _table(spots: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"spot": list(spots)}, dtype=object)
