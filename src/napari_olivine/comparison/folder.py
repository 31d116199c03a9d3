"""The folder of a comparison: what lies in it, and that one process at a time works there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from napari_olivine.comparison.settings import CompareSettings
from napari_olivine.errors import InputError, SectionError
from napari_olivine.section import Section, write_atomically

SETTINGS, PAGE = "settings.json", "index.html"
RUNS, MODELS, WORK = "runs", "models", "work"
"""Folders: a record a run, a model a training, and what is not finished."""


class ComparisonFolder:
    """The folder of a comparison.

    Parameters
    ----------
    path
        Where it lies.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.runs, self.models = self.path / RUNS, self.path / MODELS
        self.work = self.path / WORK

    @contextmanager
    def held(self, section: Section) -> Iterator[None]:
        """Work in the folder, which is made if need be.

        Parameters
        ----------
        section
            Section of the comparison.

        Raises
        ------
        InputError
            If the folder holds other things, or the comparison of another section.
        SectionError
            If another process works in it.
        """
        self._require_own(section)
        for folder in (self.runs, self.models, self.work):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            held = filelock.FileLock(self.work / "lock", mode=0o666).acquire(timeout=0.5)
        except filelock.Timeout:
            raise SectionError(
                f"Another process compares networks in {self.path} now.",
                remedy="Wait for it or stop it, or give another folder.",
            ) from None
        with held:
            for leftover in self.work.iterdir():
                if leftover.is_dir():
                    shutil.rmtree(leftover, ignore_errors=True)
            yield

    def write_settings(
        self, section: Section, truth: Path | None, settings: CompareSettings
    ) -> None:
        """Write down what is compared.

        Parameters
        ----------
        section, truth, settings
            See `napari_olivine.comparison.compare_networks`.
        """
        values = {
            "section": str(section.path.resolve()),
            "images": section.fingerprint("images"),
            "truth": None if truth is None else str(truth.expanduser().resolve()),
            "settings": settings.model_dump(mode="json"),
        }
        write_atomically(self.path / SETTINGS, json.dumps(values, indent=1) + "\n")

    def place_of(self, model: str) -> Path:
        """Return the folder of a model, as a record names it."""
        return self.path / model

    def take_model(self, made: Path, name: str) -> Path:
        """Move a trained model out of its section, so that its docks do not fill with trials.

        Parameters
        ----------
        made
            Folder of the model in the section.
        name
            Name of the run.

        Returns
        -------
        Path
            Where the model lies now. A process that is killed here moves it anew next time.
        """
        place, part = self.models / name, self.work / f"{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(made, part)
        shutil.rmtree(place, ignore_errors=True)
        part.rename(place)
        shutil.rmtree(made, ignore_errors=True)
        return place

    def _require_own(self, section: Section) -> None:
        if not self.path.exists():
            return
        remedy = "Give a new folder for the comparison."
        if not self.path.is_dir():
            raise InputError(f"{self.path} is a file.", remedy=remedy, file=self.path)
        try:
            values = json.loads((self.path / SETTINGS).read_text(encoding="utf-8"))
            of, images = str(values["section"]), str(values["images"])
        except (OSError, ValueError, KeyError, TypeError):
            if any(one.name not in (RUNS, MODELS, WORK) for one in self.path.iterdir()):
                raise InputError(
                    f"{self.path} holds other things than a comparison.",
                    remedy=remedy,
                    file=self.path,
                    expected="a new folder, or that of a comparison of this section",
                ) from None
            return
        if images != section.fingerprint("images"):  # where it lies does not matter
            raise InputError(
                f"{self.path} holds a comparison of other images, those of {of}.",
                remedy=remedy,
                file=self.path,
            )
