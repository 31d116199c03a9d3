"""The open section of one viewer, which the docks show and listen to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary, ref

from psygnal import Signal

from napari_olivine.errors import SectionError
from napari_olivine.history import History
from napari_olivine.registry import layered
from napari_olivine.section import OUTLINES, REGIONS, Section
from napari_olivine.widgets.layers import (
    LAYER_KEY,
    LEVELLED,
    OUT_OF_DISTRIBUTION,
    first_to_look_at,
    image_names,
    images_to_show,
    install_readout,
    layer_data,
    layer_name,
    section_of,
    version_mark,
    widest_limits,
)
from napari_olivine.widgets.state.deferred_layers import DeferredLayers

if TYPE_CHECKING:
    import pandas as pd
    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_olivine.widgets.jobs import Jobs


class OpenSection:
    """The section that a viewer shows; there is one object for each viewer.

    Layers and tables are views of it: they may be closed without loss. Get it by :meth:`of`,
    never by the class.
    """

    section_opened = Signal(object)
    """The section, right after it was opened."""
    product_changed = Signal(str)
    """Name of a product that was made, remade or deleted."""
    annotations_changed = Signal(str)
    """``"sessions"``, ``"placements"``, ``"outlines"`` or ``"regions"``."""
    selection_changed = Signal(int)
    """Id of the selected crystal, 0 for none."""
    result_comes = Signal()
    """A result is about to be shown alone on BSE."""
    crystals_chosen = Signal(str)
    """Product whose crystals are looked at from now on."""
    crystals_edited = Signal(object, object)
    """Table of crystals and radial profiles after an edit by a person, not yet written."""

    _sessions: ClassVar[WeakKeyDictionary[Any, OpenSection]] = WeakKeyDictionary()

    @classmethod
    def of(cls, viewer: ViewerModel) -> OpenSection:
        """Return the open section of a viewer; adopts layers that are shown already."""
        # Docks are handed a proxy of the viewer, another object each time.
        viewer = getattr(viewer, "__wrapped__", viewer)
        if viewer not in cls._sessions:
            session = cls._sessions[viewer] = cls(viewer)
            for layer in list(viewer.layers):
                session._adopt(layer)
        return cls._sessions[viewer]

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = ref(viewer)
        self._jobs: Jobs | None = None
        self._known: dict[str, str] = {}
        self._expected: Path | None = None
        self.deferred = DeferredLayers(self)
        self.section: Section | None = None
        self.history = History()
        """Edits of the open section in this window."""
        self.selected = 0
        self.crystals = "crystals"
        """Product whose crystals are looked at and selected: those of olivine or another phase."""
        self.editor = ""
        """Dock of this window that edits crystals now; there is one at most."""
        self.outlined: tuple[Any, ...] = ()
        """The crystal around which a line is drawn."""
        viewer.layers.events.inserted.connect(self._on_layer_inserted)

    @property
    def viewer(self) -> ViewerModel:
        """The viewer."""
        viewer = self._viewer()
        if viewer is None:
            raise RuntimeError("the viewer was closed")
        return viewer

    @property
    def jobs(self) -> Jobs:
        """Runner of the steps, made at its first use because it needs Qt."""
        if self._jobs is None:
            from napari_olivine.widgets.jobs import Jobs

            self._jobs = Jobs()
            self._jobs.ended.connect(self.refresh)
        return self._jobs

    # ------------------------------------------------------------------ section

    def open(self, path: Path | str, *, deferred_layers: bool = False) -> Section:
        """Open a section, show its images, and close the one that was open.

        Parameters
        ----------
        path
            Folder of the section.
        deferred_layers
            Whether the layers follow one by one, so that the window answers in between, BSE first;
            otherwise all of them are there on return.

        Raises
        ------
        SectionError
            If there is no section, or a step of the open one still runs.
        """
        section = Section(path)
        self._begin(section)
        if deferred_layers:
            self.section_opened.emit(section)
            self.deferred.begin()
            return section
        for product, name in images_to_show(section):
            self.show(product, name)
        self.show_scale()
        self.viewer.reset_view()
        self.section_opened.emit(section)
        self.prefer_bse()
        return section

    def expect(self, section: Section) -> None:
        """Add the other layers of a section one by one when napari adds the first one of them."""
        self._expected = section.path

    def require(self) -> Section:
        """Return the open section.

        Raises
        ------
        SectionError
            If none is open.
        """
        if self.section is None:
            raise SectionError(
                "No section is open: open one in the Section dock, or drop its folder on the "
                "window."
            )
        return self.section

    def refresh(self) -> None:
        """Read the folder again: show new products, and signal what changed."""
        if self.section is None:
            return
        now = _fingerprints(self.section)
        before = self._known
        changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        self._known = now
        if "joint" in changed:
            self._rename("segmentation")
        for folder in layered():
            for name in changed:
                if name == folder or name.startswith(f"{folder}/"):
                    self._refresh_layers(name)
        for name in changed:
            if name.startswith("annotations/"):
                self.annotations_changed.emit(name.removeprefix("annotations/"))
            else:
                self.product_changed.emit(name)

    def annotate(self, name: str, table: pd.DataFrame) -> None:
        """Store an annotation, and signal it."""
        self.require().annotate(name, table)
        self.refresh()

    def select(self, crystal: int) -> None:
        """Select a crystal by its id, 0 for none."""
        if crystal != self.selected:
            self.selected = int(crystal)
            self.selection_changed.emit(self.selected)

    def look_at_crystals(self, product: str) -> None:
        """Look at the crystals of another phase; none of them is selected at first.

        Parameters
        ----------
        product
            Product that holds them, or would hold them.
        """
        if product != self.crystals:
            self.select(0)
            self.crystals = product
            self.crystals_chosen.emit(product)

    def redraw(self, product: str, name: str) -> None:
        """Show the pixels of an image that were changed in place."""
        layer = self.layer(product, name)
        if layer is not None:
            layer.refresh(extent=False)

    def edited(self, table: pd.DataFrame, profiles: pd.DataFrame) -> None:
        """Show the table of crystals after edits by a person.

        Parameters
        ----------
        table, profiles
            As they are now.
        """
        self.crystals_edited.emit(table, profiles)
        layer = self.layer("crystals", "crystals")
        if layer is not None and not len(self.crystals_edited):
            from napari_olivine.widgets.layers import colour_map

            layer.colormap = colour_map(table)

    def noted(self, product: str) -> None:
        """Accept the present state of a product, which this window has changed itself."""
        if self.section is None:
            return
        mark = version_mark(self.section, product)
        self._known[product] = mark
        for layer in self.viewer.layers:
            if layer.metadata.get(LAYER_KEY, {}).get("product") == product:
                layer.metadata[LAYER_KEY]["made"] = mark

    # ------------------------------------------------------------------ layers

    def layer(self, product: str, name: str) -> Layer | None:
        """Return the layer that shows an image, `None` if it is not shown."""
        for layer in self.viewer.layers:
            mark = layer.metadata.get(LAYER_KEY)
            if mark and (mark["product"], mark["name"]) == (product, name):
                return layer
        return None

    def show(self, product: str, name: str, **properties: Any) -> Layer:
        """Show an image; one that is shown already is read again and keeps its look.

        Parameters
        ----------
        product, name
            Image of the open section.
        **properties
            Properties of the layer that differ from the usual ones, e.g. ``visible=True``.
        """
        from napari.layers import Layer

        data, look, kind = layer_data(self.require(), product, name)
        old = self.layer(product, name)
        if old is not None:
            look |= {"visible": old.visible, "opacity": old.opacity, "blending": old.blending}
            self.viewer.layers.remove(old)
        layer = Layer.create(data, look | properties, kind)
        self.viewer.layers.insert(self._place(product, name), layer)
        return layer

    def prefer_bse(self) -> None:
        """Make BSE the active layer, to which contrast sliders and cursor values belong.

        Without BSE it is the first map.
        """
        bse = self.layer("images", first_to_look_at(self.require()))
        if bse is not None:
            self.viewer.layers.selection.active = bse

    def _place(self, product: str, name: str) -> int:
        """Index in the layer list: above our layers of a lower rank, below all others."""
        order = images_to_show(self.require())
        mine = order.index((product, name)) if (product, name) in order else len(order)
        place = 0
        for index, layer in enumerate(self.viewer.layers):
            mark = layer.metadata.get(LAYER_KEY)
            if mark and (mark["product"], mark["name"]) in order[:mine]:
                place = index + 1
        return place

    def show_alone(self, product: str) -> None:
        """Hide the other results and the element maps: one result is readable on BSE.

        Parameters
        ----------
        product
            Product of the result, whose layers stay as they are.
        """
        self.result_comes.emit()
        grey = (("images", "BSE"), LEVELLED)
        for layer in self.viewer.layers:
            mark = layer.metadata.get(LAYER_KEY)
            kept = not mark or mark["product"] in ("overlay", OUT_OF_DISTRIBUTION, product)
            if layer.visible and not kept and (mark["product"], mark["name"]) not in grey:
                layer.visible = False
        shown = [layer for layer in (self.layer(*place) for place in grey) if layer is not None]
        if shown and not any(layer.visible for layer in shown):
            shown[0].visible = True

    def _rename(self, product: str) -> None:
        """Give the layers of a product the name that the section has for them now."""
        for layer in self.viewer.layers:
            mark = layer.metadata.get(LAYER_KEY)
            if mark and mark["product"] == product:
                layer.name = layer_name(product, mark["name"], self.section)

    def _refresh_layers(self, product: str) -> None:
        section = self.require()
        names = image_names(section, product)
        fresh = self._known.get(product)
        for layer in [*self.viewer.layers]:
            mark = layer.metadata.get(LAYER_KEY)
            if mark and mark["product"] == product and mark["name"] not in names:
                self.viewer.layers.remove(layer)
        for name in names:
            layer = self.layer(product, name)
            if layer is None or layer.metadata[LAYER_KEY]["made"] != fresh:
                asked_for = product in ("images", LEVELLED[0], OUT_OF_DISTRIBUTION)
                if asked_for or section.state(product) == "stale":
                    self.show(product, name)
                else:
                    self.show_alone(product)
                    self.show(product, name, visible=name == names[0])

    def _begin(self, section: Section) -> None:
        if self._jobs is not None and self._jobs.running:
            raise SectionError(
                f"{self.require().record.name} is still being worked on: wait for the step to "
                "end, or cancel it, before opening another section."
            )
        self.deferred.stop()
        others = [
            layer
            for layer in self.viewer.layers
            if section_of(layer.metadata) not in (None, section.path)
        ]
        if others:  # together: one by one they take a third of a second each
            with self.viewer.layers.batched_update():
                for layer in others:
                    self.viewer.layers.remove(layer)
        self.section = section
        self.history.clear()
        self.selected = 0
        self.crystals = "crystals"
        self._known = _fingerprints(section)

    def show_scale(self) -> None:
        """Show the scale bar."""
        self.viewer.canvas.overlays.scale_bar.visible = True

    def _on_layer_inserted(self, event: Any) -> None:
        self._adopt(event.value)

    def _adopt(self, layer: Layer) -> None:
        """Adopt a layer that napari's reader opened; it may belong to another section."""
        path = section_of(layer.metadata)
        if path is None:
            return
        mark = layer.metadata[LAYER_KEY]
        install_readout(layer, self.viewer.layers)
        if mark["product"] == "mg" or (mark["product"] == "images" and mark["name"] != "BSE"):
            _show_colour_bar(layer)
        if self.section is None or self.section.path != path:
            section = Section(path)
            self._begin(section)
            if mark["product"] != "overlay":  # napari numbers a name that the last section had
                layer.name = layer_name(mark["product"], mark["name"], section)
            if self._expected != path:  # else it is shown with the deferred layers
                self.show_scale()
            self.section_opened.emit(section)
        if mark["product"] == "images":
            raster = self.require().raster("images", mark["name"])
            layer.contrast_limits_range = widest_limits(raster, layer.contrast_limits)
        for other in [*self.viewer.layers]:
            same = other.metadata.get(LAYER_KEY)
            if other is not layer and same == mark:
                self.viewer.layers.remove(other)
        if mark["product"] != "overlay":
            self._lift_overlays()
        if self._expected == path:
            self._expected = None
            self.deferred.begin()

    def _lift_overlays(self) -> None:
        """Raise the overlays above a layer that napari has just put on top."""

        def product_of(layer: Layer) -> str:
            mark = layer.metadata.get(LAYER_KEY)
            return mark["product"] if mark else ""

        layers = self.viewer.layers
        for layer in [*layers]:
            if product_of(layer) == "overlay":
                above = [*layers]  # a slice of napari's list takes milliseconds
                above = above[above.index(layer) + 1 :]
                if any(product_of(other) not in ("", "overlay") for other in above):
                    layers.move(layers.index(layer), len(layers))


def _show_colour_bar(layer: Layer) -> None:
    """Show a layer's colour bar, made when the layer is first seen: each takes 50 ms to make."""

    def show(event: Any = None) -> None:
        if layer.visible:
            layer.events.visible.disconnect(show)
            layer.colorbar.visible = True

    layer.events.visible.connect(show)
    show()


def _fingerprints(section: Section) -> dict[str, str]:
    """Fingerprints of the products and annotations that a dock may show."""
    found = {product.name: version_mark(section, product.name) for product in section.products()}
    for annotation in ("sessions", "placements", OUTLINES, REGIONS):
        name = f"annotations/{annotation}"
        found[name] = section.fingerprint(name)
    return {name: mark for name, mark in found.items() if mark}
