"""Measurements of crystals: shape, outline, inclusions, surroundings."""
