"""Layers of napari as views of a section."""
