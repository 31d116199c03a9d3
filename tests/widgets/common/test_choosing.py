"""A dialogue begins where the last one for the same purpose ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QFileDialog

from napari_olivine.widgets.common import choose_files, choose_folder


def test_dialogues_begin_where_the_last_one_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    answers = [str(tmp_path / "lab" / "klv7"), "", "", ""]

    def ask(_parent: Any, _title: str, folder: str) -> str:
        begun.append(folder)
        return answers[len(begun) - 1]

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", ask)
    monkeypatch.setattr(
        QFileDialog, "getOpenFileNames", lambda *a: (begun.append(a[2]), "")[1:] * 2
    )
    parent: Any = None
    (tmp_path / "lab").mkdir()
    assert choose_folder(parent, "From") == answers[0]
    choose_folder(parent, "From")
    (tmp_path / "lab").rmdir()
    choose_folder(parent, "From")
    choose_folder(parent, "Section", beside=str(tmp_path / "gone" / "section"))
    assert choose_files(parent, "Tables") == []
    assert begun == ["", str(tmp_path / "lab"), str(tmp_path), str(tmp_path), ""]
