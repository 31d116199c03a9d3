from .settings import ExportSettings as ExportSettings
from .step import export_catalogue as export_catalogue
