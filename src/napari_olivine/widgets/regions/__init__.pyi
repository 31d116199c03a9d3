from .regions_part import RegionsPart as RegionsPart
