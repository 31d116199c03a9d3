from .outlines_part import OutlinesPart as OutlinesPart
