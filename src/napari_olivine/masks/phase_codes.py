"""Codes, names and colours in the image of phases that no rule gives."""

UNKNOWN, IGNORE = 0, 255
"""Code of measured pixels that no rule takes, and of those without a label."""

UNKNOWN_NAME = "unclassified"

ALTERED, ALTERED_NAME, ALTERED_COLOUR = 254, "altered olivine", "#7a5195"
"""Code, name and colour of veins of serpentine and its like in and beside olivine."""
