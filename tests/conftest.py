"""What every test may use, and how the processes of pytest-xdist share a run."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.built_once import RUN
from tests.helpers.patient import patient

TESTS = Path(__file__).parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real and standard data beside the checkout; tests that need them skip without."""
    folder = TESTS.parents[1] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the standard data are not at {folder}")
    return folder


@pytest.fixture
def qtbot(qtbot: Any) -> Any:
    """Wait as long as a busy machine needs."""
    return patient(qtbot)


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder for what is built once a run; the processes that share the run inherit it."""
    if RUN not in os.environ:
        folder = tempfile.TemporaryDirectory(
            prefix="napari-olivine-tests-", ignore_cleanup_errors=True
        )
        os.environ[RUN] = folder.name
        config.add_cleanup(folder.cleanup)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files with the longest tests first: processes take whole files one by one.

    A file is as long as its marks say: ``slow`` and ``gui``.
    """
    files: dict[Path, int] = {}
    for item in items:
        weight = 2 * bool(item.get_closest_marker("slow")) + bool(item.get_closest_marker("gui"))
        files[item.path] = max(weight, files.get(item.path, 0))
    items.sort(key=lambda item: -files[item.path])
