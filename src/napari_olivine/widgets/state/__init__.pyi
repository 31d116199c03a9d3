from .composite import USUAL as USUAL, Composite as Composite, CompositeBar as CompositeBar
from .open_section import OpenSection as OpenSection
from .partial_layer import PartialLayer as PartialLayer, open_partial as open_partial
from .product_status import (
    analyses_in_words as analyses_in_words,
    count_noun as count_noun,
    dock_of as dock_of,
    next_step as next_step,
    products_of as products_of,
    stale_products as stale_products,
    state_of as state_of,
    step_to_run_first as step_to_run_first,
    title_of as title_of,
    verb_of as verb_of,
)
from .rerun import next_rerun as next_rerun, stale_steps as stale_steps
from .viewport import Viewport as Viewport
