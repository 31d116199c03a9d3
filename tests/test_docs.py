"""The documentation builds without a dead link, and its examples give what they say."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import napari_olivine

ROOT = Path(__file__).parents[1]
PACKAGE = Path(napari_olivine.__file__).parent


def with_examples() -> list[str]:
    """Modules with examples in their docstrings."""
    return sorted(
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in PACKAGE.rglob("*.py")
        if ">>> " in path.read_text(encoding="utf-8")
    )


@pytest.mark.parametrize("module", with_examples())
def test_examples_give_what_they_say(module: str) -> None:
    result = doctest.testmod(import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted
    assert not result.failed


def test_site_builds_without_a_warning_and_loads_nothing_from_other_servers(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the site needs the extra docs")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    loaded = re.compile(r'<(?:script|img|link)\b[^>]*\b(?:src|href)="(https?://[^"]*)"')
    assert not {url for page in pages for url in loaded.findall(page.read_text("utf-8"))}
    assert (tmp_path / "reference" / "section" / "index.html") in pages


def test_news_can_be_collected() -> None:
    pytest.importorskip("towncrier", reason="the news need the extra dev")
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "99"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "## 99 (" in done.stdout
