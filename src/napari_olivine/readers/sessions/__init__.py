"""Analytical sessions and placements of traverses, as tables of a source say them."""
