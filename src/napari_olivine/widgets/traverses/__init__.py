"""EPMA traverses in the window: placements, layer, profiles."""
