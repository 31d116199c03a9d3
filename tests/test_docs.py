"""The documentation builds as a site: no dead link, no name that is not there, nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="the site needs the extra docs")

ROOT = Path(__file__).parents[1]


def test_site_builds_without_a_warning_and_loads_nothing_from_other_servers(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    loaded = re.compile(r'<(?:script|img|link)\b[^>]*\b(?:src|href)="(https?://[^"]*)"')
    assert not {url for page in pages for url in loaded.findall(page.read_text("utf-8"))}
    assert (tmp_path / "reference" / "section" / "index.html") in pages
