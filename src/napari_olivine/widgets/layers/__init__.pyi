from .crystal_colours import (
    CLASS as CLASS,
    FIRST as FIRST,
    UNKNOWN as UNKNOWN,
    Colouring as Colouring,
    Scale as Scale,
    colour_by as colour_by,
    colour_choices as colour_choices,
    colour_map as colour_map,
    look_up as look_up,
    ramp as ramp,
)
from .crystal_columns import (
    VERBATIM as VERBATIM,
    ZONES as ZONES,
    Column as Column,
    column_of as column_of,
    ordered as ordered,
    place_in_menu as place_in_menu,
    text_of as text_of,
    usual_of as usual_of,
)
from .element_colours import (
    CHANNELS as CHANNELS,
    colour_of as colour_of,
    colour_ramp as colour_ramp,
)
from .error_raster import (
    COLOURS as COLOURS,
    WORDS as WORDS,
    error_colours as error_colours,
    error_levels as error_levels,
    levels_of_phase as levels_of_phase,
)
from .make_layer import (
    LAYER_KEY as LAYER_KEY,
    LEVELLED as LEVELLED,
    OUT_OF_DISTRIBUTION as OUT_OF_DISTRIBUTION,
    LayerData as LayerData,
    by_interest as by_interest,
    contrast_limits as contrast_limits,
    first_to_look_at as first_to_look_at,
    image_names as image_names,
    images_to_show as images_to_show,
    layer_data as layer_data,
    layer_name as layer_name,
    levels_of as levels_of,
    overlay as overlay,
    placement_properties as placement_properties,
    probability_look as probability_look,
    pyramid as pyramid,
    section_of as section_of,
    segmentation_titles as segmentation_titles,
    version_mark as version_mark,
    widest_limits as widest_limits,
)
from .readout import install_readout as install_readout
