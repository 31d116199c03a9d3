from .change import Change as Change, Changes as Changes, by_id as by_id
from .commands import (
    Classify as Classify,
    Edit as Edit,
    Entry as Entry,
    GiveKind as GiveKind,
    Judge as Judge,
    Merge as Merge,
    Note as Note,
    Redraw as Redraw,
    Split as Split,
    Verdict as Verdict,
    ZoneClass as ZoneClass,
    describe as describe,
    give_kind as give_kind,
)
from .footprints import Shape as Shape
from .journal import Journal as Journal
from .store import (
    EDITS as EDITS,
    FOUND as FOUND,
    CrystalStore as CrystalStore,
    SkippedEdit as SkippedEdit,
    bring_up_to_date as bring_up_to_date,
    content as content,
)
from .undoable import CrystalEdit as CrystalEdit, take_over_journal as take_over_journal
