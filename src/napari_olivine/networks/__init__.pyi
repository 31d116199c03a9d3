from .appearance import LEAST_CELLS as LEAST_CELLS, Appearance as Appearance
from .build import (
    Network as Network,
    build_network as build_network,
    logit_of_phase as logit_of_phase,
)
from .card import (
    CARD as CARD,
    LAST_WEIGHTS as LAST_WEIGHTS,
    PIXEL_SIZE_TOLERANCE as PIXEL_SIZE_TOLERANCE,
    WEIGHTS as WEIGHTS,
    WINDOWS as WINDOWS,
    Align as Align,
    LearnedSection as LearnedSection,
    ModelCard as ModelCard,
    ModelPhase as ModelPhase,
    Normalisation as Normalisation,
    OutlinesFrom as OutlinesFrom,
    read_card as read_card,
)
from .cell_measures import CELL_PX as CELL_PX, MEASURES as MEASURES, measure_cell as measure_cell
from .cells import grid_of_cells as grid_of_cells, measure_cells as measure_cells
from .device import (
    autocast as autocast,
    choose_device as choose_device,
    free_unused as free_unused,
    has_fast_bfloat16 as has_fast_bfloat16,
    is_out_of_memory as is_out_of_memory,
    stoppable as stoppable,
)
from .files import (
    load_model as load_model,
    load_weights as load_weights,
    save_model as save_model,
    save_weights as save_weights,
)
from .forest import (
    DEPTH as DEPTH,
    TREES as TREES,
    ForestBody as ForestBody,
    measures_of as measures_of,
)
from .gpu_claim import claim_gpu as claim_gpu
from .guided_filter import follow_grey as follow_grey
from .normalisation import (
    IMAGENET_MEAN as IMAGENET_MEAN,
    IMAGENET_STD as IMAGENET_STD,
    GreyWindow as GreyWindow,
    LevelledGrey as LevelledGrey,
    clip_window as clip_window,
    measure_normalisation as measure_normalisation,
    normalise as normalise,
    read_window as read_window,
    sample_grey as sample_grey,
)
from .own_weights import OWN_WEIGHTS_FOLDER as OWN_WEIGHTS_FOLDER
from .pix2pix import Discriminator as Discriminator, Generator as Generator
from .pretrained import (
    check_hash as check_hash,
    read_state as read_state,
    start_weights as start_weights,
)
from .published import (
    cache_folder as cache_folder,
    cached_file as cached_file,
    torchvision_file as torchvision_file,
    torchvision_url as torchvision_url,
)
from .registry import (
    NETWORKS as NETWORKS,
    START_WEIGHTS as START_WEIGHTS,
    NetworkName as NetworkName,
    NetworkSpec as NetworkSpec,
    Preset as Preset,
    network_spec as network_spec,
    networks_by_purpose as networks_by_purpose,
)
from .torchvision_shim import torchvision as torchvision
