from .crystal_pages import CrystalPages as CrystalPages, next_to_label as next_to_label
from .descriptor_plot import DescriptorPlot as DescriptorPlot, ellipse_outline as ellipse_outline
from .looks_part import MODEL as MODEL, LooksPart as LooksPart
