"""The demonstration makes the rock that it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.phantom import PhantomSettings
from napari_olivine.workflow import demo


@pytest.mark.parametrize("rock", ["andesite", "cumulate"])
def test_rock_of_the_demonstration(
    rock: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[PhantomSettings] = []

    def make(folder: Path, settings: PhantomSettings, job: Job) -> Path:
        asked.append(settings)
        raise InputError("far enough")

    monkeypatch.setattr(demo, "make_phantom", make)
    given = demo.DemoSettings() if rock == "andesite" else demo.DemoSettings(rock=rock)
    with pytest.raises(InputError, match="far enough"):
        demo.run_demo(tmp_path / "demo", given)
    assert asked == [PhantomSettings(rock=rock)]
