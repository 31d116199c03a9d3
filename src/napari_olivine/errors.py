"""What can go wrong, told in the user's words."""

from __future__ import annotations


class OlivineError(Exception):
    """Base of every error that a person can mend; its text says what to do."""


class InputError(OlivineError):
    """A file, table or setting that was handed in cannot be used as it is."""


class SectionError(OlivineError):
    """The section on disk is missing something, is in use, or is of another version."""


class EditError(OlivineError):
    """A person's edit that cannot be carried out; nothing has changed."""


class Cancelled(Exception):
    """The person asked to stop; what was finished stays."""


def first_line(error: BaseException) -> str:
    """Shorten what a library says when it fails to one line."""
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__
