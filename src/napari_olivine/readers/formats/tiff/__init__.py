"""TIFF, BigTIFF and OME-TIFF."""
