from .added_tables_part import AddedTablesPart as AddedTablesPart
from .calibration_words import (
    result_in_words as result_in_words,
    source_in_words as source_in_words,
)
from .placements import Line as Line, Traverses as Traverses, with_all_profiles as with_all_profiles
from .profile_curves import MEASURED as MEASURED, curves_of as curves_of
from .profile_data import (
    Profile as Profile,
    profile_to_plot as profile_to_plot,
    read_law as read_law,
)
from .profiles_table import ProfilesTable as ProfilesTable
from .tables_report import TablesReport as TablesReport
from .traverse_layer import TraverseLayer as TraverseLayer
