from .components import (
    Strip as Strip,
    join_strips as join_strips,
    label_strip as label_strip,
    summarize_strip as summarize_strip,
)
from .label_import import LabelImage as LabelImage, import_labels as import_labels
from .label_regions import number_regions as number_regions
from .merging import near_pairs as near_pairs
from .resolve import (
    BOX as BOX,
    no_decisions as no_decisions,
    resolve_instances as resolve_instances,
)
