from .drawing import overview_level as overview_level, viridis as viridis
from .exported import Exported as Exported
from .outlines import section_polygons as section_polygons
from .settings import ExportSettings as ExportSettings
from .step import export_catalogue as export_catalogue
from .tables import decimals_of as decimals_of
