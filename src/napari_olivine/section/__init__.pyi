from .annotations import (
    LEFT_OUT as LEFT_OUT,
    MASK_CORRECTIONS as MASK_CORRECTIONS,
    OUTLINE_COLUMNS as OUTLINE_COLUMNS,
    OUTLINES as OUTLINES,
    REGION_COLUMNS as REGION_COLUMNS,
    REGION_USES as REGION_USES,
    REGIONS as REGIONS,
    WITHIN as WITHIN,
    points_of as points_of,
    read_annotation as read_annotation,
)
from .atomic_io import (
    atomic_path as atomic_path,
    half_written as half_written,
    sync as sync,
    write_arrays as write_arrays,
    write_atomically as write_atomically,
)
from .downsample import halve as halve
from .draft import (
    OLD as OLD,
    WORK as WORK,
    Draft as Draft,
    draft_folder as draft_folder,
    lock_of as lock_of,
    name_of as name_of,
    old_of as old_of,
    remove as remove,
    software_versions as software_versions,
    take_place as take_place,
    unfinished as unfinished,
)
from .elsewhere import input_elsewhere as input_elsewhere, place_elsewhere as place_elsewhere
from .labelled_images import (
    APART as APART,
    LABELS as LABELS,
    image_by_image as image_by_image,
    is_of_labels as is_of_labels,
    lie_apart as lie_apart,
)
from .phase_names import (
    image_name as image_name,
    its_phase as its_phase,
    phase_of_image as phase_of_image,
)
from .provenance import (
    JOURNAL as JOURNAL,
    RECIPE as RECIPE,
    RECORD as RECORD,
    Product as Product,
    Recipe as Recipe,
    checksum as checksum,
    fingerprint_of_bytes as fingerprint_of_bytes,
)
from .raster import (
    CHUNK as CHUNK,
    PIECE as PIECE,
    SHARD_COLUMNS as SHARD_COLUMNS,
    Block as Block,
    Raster as Raster,
    block_side as block_side,
    blocks as blocks,
    create_raster as create_raster,
    strip_height as strip_height,
)
from .removal import made_from as made_from, remove_product as remove_product
from .rock_grey import (
    rock_only as rock_only,
    usable_grey as usable_grey,
    vesicle_threshold as vesicle_threshold,
)
from .sessions import (
    Role as Role,
    Session as Session,
    measured as measured,
    session_index as session_index,
    with_role as with_role,
)
from .store import (
    REVIEW as REVIEW,
    Section as Section,
    SectionRecord as SectionRecord,
    followed as followed,
    make_root as make_root,
)
from .strip_writer import Strips as Strips
from .submaps import (
    SUBMAP_COLUMNS as SUBMAP_COLUMNS,
    SubmapPlace as SubmapPlace,
    Submaps as Submaps,
)
from .tables import read_table as read_table, write_table as write_table
from .tiff_input import open_tiff as open_tiff
from .tiles import TILE_COLUMNS as TILE_COLUMNS, Tiles as Tiles
