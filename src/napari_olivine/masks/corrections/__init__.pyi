from .command import (
    MaskCorrection as MaskCorrection,
    take_over_corrections as take_over_corrections,
)
from .connected import LARGEST_PX as LARGEST_PX, connected_piece as connected_piece
from .correction import (
    NOTHING as NOTHING,
    WORDS as WORDS,
    Correction as Correction,
    Label as Label,
)
from .journal import MaskCorrections as MaskCorrections, make_correction as make_correction
from .named_phases import (
    OLIVINE_CODE as OLIVINE_CODE,
    NamedPhase as NamedPhase,
    codes_of as codes_of,
    phase_key as phase_key,
    phases_of as phases_of,
)
from .painting import (
    CORRECTIONS_INPUT as CORRECTIONS_INPUT,
    correct_draft as correct_draft,
    correct_mask as correct_mask,
    corrections_input as corrections_input,
    is_corrected as is_corrected,
    missing_words as missing_words,
)
from .settings import CorrectMaskSettings as CorrectMaskSettings
from .step import correct_by_file as correct_by_file
