"""Spectrum images of Bruker, JEOL and EDAX, read with RosettaSciIO."""
