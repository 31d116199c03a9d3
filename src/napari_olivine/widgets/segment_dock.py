"""The Segment dock: a trained network over the whole section."""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import override

from napari_olivine.widgets.step_dock import StepDock
from napari_olivine.widgets.train_dock import model_names


class SegmentDock(StepDock):
    """Run a model over the section: probability, and olivine where it is high enough."""

    step = "segment"
    products = ("probability", "segmentation")
    explanation = (
        "A trained network gives each pixel of the section its probability of being olivine."
    )

    @override
    def choices(self) -> dict[str, Sequence[str]]:
        return {"model": model_names(self.session.section)}

    @override
    def on_section_opened(self) -> None:
        self._fill_models()

    @override
    def on_product_changed(self, product: str) -> None:
        if product.startswith("models/"):
            self._fill_models()

    @override
    def on_finished(self) -> None:
        layer = self.session.layer("probability", "olivine")
        if layer is not None:
            layer.visible = False

    def _fill_models(self) -> None:
        names = model_names(self.session.section)
        self.form.set_choices("model", names, names[-1] if names else None)
