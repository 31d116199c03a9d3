from .colour_part import ColourBar as ColourBar, ColourPart as ColourPart
from .column_menu import ColumnMenu as ColumnMenu
from .evidence_part import EvidencePart as EvidencePart
from .export_part import ExportPart as ExportPart
from .focus import SHAPE as SHAPE, centre_on as centre_on, show_outline as show_outline
from .gallery_part import GalleryPart as GalleryPart
from .layer import Outlines as Outlines, crystal_at as crystal_at, picker as picker
from .selected_part import SelectedCrystalPart as SelectedCrystalPart
from .table_model import CrystalModel as CrystalModel
from .table_view import CrystalTableView as CrystalTableView
