"""Who made an edit, and when."""

from __future__ import annotations

import getpass
from datetime import datetime


def now() -> str:
    """Time with its zone, to a second (ISO 8601)."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def user_name() -> str:
    """Name of the user of the computer."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
