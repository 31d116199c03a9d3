from .column_headers import OXIDES as OXIDES, column_name as column_name
from .folder import (
    EXTRA as EXTRA,
    SUFFIXES as SUFFIXES,
    USUAL as USUAL,
    TablesRead as TablesRead,
    in_order as in_order,
    read_profile as read_profile,
    read_profiles as read_profiles,
    read_tables as read_tables,
)
from .infer_columns import suggest as suggest
from .layout import find_header as find_header, open_sheets as open_sheets
from .mapping import (
    QUANTITIES as QUANTITIES,
    Column as Column,
    ColumnMapping as ColumnMapping,
    forget_mapping as forget_mapping,
    load_mappings as load_mappings,
    mapping_for as mapping_for,
    save_mapping as save_mapping,
    units_of as units_of,
)
from .mapping_preview import Preview as Preview, preview as preview
from .repeats import shared as shared
from .report import (
    REPORT_FILE as REPORT_FILE,
    notes_of as notes_of,
    read_report as read_report,
    report_of as report_of,
    report_page as report_page,
    write_report as write_report,
)
from .report_step import (
    kept_report as kept_report,
    refusals as refusals,
    report_source as report_source,
)
