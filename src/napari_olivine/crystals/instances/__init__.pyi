from .label_import import LabelImage as LabelImage
from .label_import import import_labels as import_labels
from .label_regions import number_regions as number_regions
from .merging import near_pairs as near_pairs
from .resolve import BOX as BOX
from .resolve import no_decisions as no_decisions
from .resolve import settle_crystals as settle_crystals
