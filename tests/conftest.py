"""What every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real and standard data beside the checkout; tests that need them skip without."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the standard data are not at {folder}")
    return folder


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let two processes share the tests: the windows in one, the other files in the other.

    Windows wait for their children and for the screen most of the time. They come first, because
    they are the longest part that cannot be divided: one screen has one window with the focus.
    """
    for item in items:
        window = item.get_closest_marker("gui") is not None
        item.add_marker(pytest.mark.xdist_group("window" if window else item.path.stem))
    items.sort(key=lambda item: item.get_closest_marker("gui") is None)
