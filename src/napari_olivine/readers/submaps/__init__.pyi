from .described_maps import SubmapImages as SubmapImages, maps_beside as maps_beside
from .hand_placed import (
    SUBMAPS_FILE as SUBMAPS_FILE,
    HandPlaced as HandPlaced,
    read_hand_placed as read_hand_placed,
)
from .registration import register_submaps as register_submaps
from .submap import (
    FoundSubmaps as FoundSubmaps,
    Submap as Submap,
    UnplacedSignal as UnplacedSignal,
    at_stage as at_stage,
    find_submaps as find_submaps,
    table_of as table_of,
    without_submaps as without_submaps,
)
from .submap_signal import SubmapSignal as SubmapSignal
