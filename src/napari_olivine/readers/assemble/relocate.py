"""Relocate: the signals and tables of a source follow its tiles and maps to other places."""

from __future__ import annotations

from dataclasses import replace

from napari_olivine.readers.assemble.register import Registered
from napari_olivine.readers.assemble.source import Source
from napari_olivine.readers.base import SignalReader
from napari_olivine.readers.mosaic import Layout, TileMosaic
from napari_olivine.readers.signals import UpsampledSignal, WholeImage, over_section
from napari_olivine.readers.submaps import SubmapSignal


def relocate_source(source: Source, registered: Registered) -> Source:
    """Return a source whose tiles and maps lie where the registration puts them.

    No file is read again: what is known of the images is kept, and the tables are placed anew.
    """
    frame, layout = source.frame, registered.layout
    signals, on_section = source.signals, source.on_section
    if layout is not None and layout is not frame.layout:
        frame = replace(frame, shape=layout.shape, layout=layout)
        signals = {name: _over(signal, layout) for name, signal in signals.items()}
        on_section = source.tables.on_section(frame)
    signals = {
        name: SubmapSignal(name, registered.submaps, frame.shape)
        if isinstance(signal, SubmapSignal)
        else signal
        for name, signal in signals.items()
    }
    return replace(
        source,
        frame=frame,
        signals=signals,
        submaps=registered.submaps,
        on_section=on_section,
        problems=source.problems + registered.remarks,
    )


def _over(signal: SignalReader, layout: Layout) -> SignalReader:
    """Return a signal over the tiles of BSE in other places."""
    if isinstance(signal, TileMosaic):
        return signal.over(layout)
    if isinstance(signal, UpsampledSignal):
        coarse = signal.coarse
        if isinstance(coarse, TileMosaic):
            coarse = coarse.over(layout)
        return over_section(coarse, layout.shape)
    if isinstance(signal, WholeImage):  # a map of the whole mosaic
        return over_section(signal, layout.shape)
    return signal
