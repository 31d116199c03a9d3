from .images import SUFFIXES as SUFFIXES
