"""One dock of a window edits crystals at a time: they have one journal and one undo."""

from __future__ import annotations

from napari_olivine.errors import EditError
from napari_olivine.widgets.state import OpenSection


def require_no_other_editor(session: OpenSection, dock: str) -> None:
    """Make sure that no other dock of the window edits the crystals.

    Parameters
    ----------
    session
        Open section of the window.
    dock
        Name of the dock that wants to.

    Raises
    ------
    EditError
        If one does.
    """
    if session.editor not in ("", dock):
        raise EditError(
            f"Crystals are being edited in the {session.editor} dock.", remedy="Press Stop there."
        )
