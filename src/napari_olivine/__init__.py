"""napari-olivine: from BSE mosaics, X-ray maps and microprobe traverses to zoned crystals."""


def __getattr__(name: str) -> str:
    """Look the version up when somebody asks for it: that takes a tenth of a second."""
    if name == "__version__":
        from importlib.metadata import version

        return version("napari-olivine")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
