"""What networks are scored against: the mask of the section, or a known truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_olivine.comparison.pixel_counts import NO_LABEL, OLIVINE, REST
from napari_olivine.comparison.settings import CompareSettings
from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.regions import REGIONS_INPUT, study_region
from napari_olivine.scoring import Truth
from napari_olivine.section import Section, Session, fingerprint_of_bytes, session_index

OLIVINE_CODE, UNCLASSIFIED_CODE = 1, 0
"""Codes of the image of phases of a mask."""

OTHER, OLIVINE_NAME = "other", "olivine"


class Reference:
    """The class of every pixel of the scored sessions.

    A pixel counts where the reference says what it is, in the region of study, on a tile of the
    mosaic, and only in the last of several sessions that overlap there: an area of a session that
    is learned from is not scored with that session.

    Parameters
    ----------
    section
        Section with ``mask`` and sessions.
    truth
        Folder of a known truth, see `napari_olivine.scoring.Truth`; `None` for the mask.
    settings
        Of the comparison.

    Raises
    ------
    SectionError
        If the mask is missing or out of date.
    InputError
        If no session is for validation, or the truth cannot be used.
    """

    def __init__(self, section: Section, truth: Path | None, settings: CompareSettings) -> None:
        self._section = section
        self._truth = None if truth is None else Truth(truth, section)
        self._every = section.sessions()
        self._region = study_region(section)
        self._tiles = section.tiles()
        roles = ("train", "val", "test") if settings.train_too else ("val", "test")
        self.sessions: list[Session] = [one for one in self._every if one.role in roles]
        if not any(one.role == "val" for one in self.sessions):
            raise InputError(
                f"No session of {section.path} has the role 'val', so that no threshold can be "
                "chosen and no training be ended at its best.",
                remedy="Give one session the role 'val', and best another one 'test'.",
                expected="a session with the role val",
            )
        if self._truth is None:
            section.require("mask")
            self.names, codes = _names_of_mask(section)
        else:
            self.names, codes = _names_of_truth(self._truth, settings.olivine_code)
        self._class_of = np.full(256, REST, np.uint8)
        for place, code in codes.items():
            self._class_of[code] = place
        if self._truth is None:
            self._class_of[NO_LABEL] = NO_LABEL

    def classes(self, session: Session, rows: slice, columns: slice) -> NDArray[np.uint8]:
        """Return the class of the pixels of a window.

        Parameters
        ----------
        session
            Session that is scored; pixels outside of it have no label.
        rows, columns
            The window, px of the section.

        Returns
        -------
        ndarray of uint8, shape (rows, columns)
            Place in `names`, or `NO_LABEL`.
        """
        if self._truth is not None:
            code = self._truth.phase(rows)[:, columns]
            found = self._class_of[np.clip(code, 0, 255).astype(np.uint8)]
        else:
            found = self._of_mask(rows, columns)
        index = session_index(
            self._every,
            np.arange(rows.start, rows.stop)[:, np.newaxis],
            np.arange(columns.start, columns.stop)[np.newaxis],
        )
        counts = index == self._every.index(session)
        if self._region is not None:
            counts &= self._region.pixels(rows, columns)
        if self._tiles is not None:
            counts &= self._tiles.covers(rows, columns)
        return np.where(counts, found, np.uint8(NO_LABEL))

    def crystals(self, rows: slice, columns: slice) -> NDArray[np.int64] | None:
        """Return ids of the truth's crystals; `None` of a mask, which has but connected regions."""
        return None if self._truth is None else self._truth.crystals(rows)[:, columns]

    def _of_mask(self, rows: slice, columns: slice) -> NDArray[np.uint8]:
        mask = self._section.raster("mask", "olivine").read(rows, columns)
        found = np.where(mask == 1, OLIVINE, REST).astype(np.uint8)
        if len(self.names) > 2:
            codes = self._section.raster("mask", "phases").read(rows, columns)
            found = np.where(mask == 0, self._class_of[codes], found).astype(np.uint8)
        return np.where(mask == NO_LABEL, np.uint8(NO_LABEL), found)

    def fingerprint(self) -> str:
        """Return what tells this reference from another one."""
        inputs = {
            name: self._section.fingerprint(name)
            for name in ("images", "mask", "annotations/sessions", REGIONS_INPUT)
        }
        if self._truth is not None:
            inputs["mask"] = str(self._truth.folder.resolve())
            for file in sorted(self._truth.folder.iterdir()):
                found = file.stat()
                inputs[file.name] = f"{found.st_size} {found.st_mtime_ns}"
        return fingerprint_of_bytes(
            repr((inputs, self.names, self._class_of.tolist(), self.sessions)).encode()
        )

    def warn_of_missing(self, job: Job) -> None:
        """Say what a comparison on these sessions cannot tell."""
        if not any(one.role == "test" for one in self.sessions):
            job.warn(
                "No session has the role 'test': the figures are of the val sessions, on which "
                "weights and threshold were chosen, and look better than those of an unseen part."
            )
        if len(self.names) == 2:
            job.say("The reference tells olivine from the rest alone, so that this is compared.")


def _names_of_mask(section: Section) -> tuple[list[str], dict[int, int]]:
    """Return the classes of a mask, and the code of each in the image of phases."""
    modes = section.require("mask").notes.get("modes") or []
    others = [m for m in modes if m["code"] not in (OLIVINE_CODE, UNCLASSIFIED_CODE)]
    rest = next((m["name"] for m in modes if m["code"] == UNCLASSIFIED_CODE), OTHER)
    names = [rest, OLIVINE_NAME, *(m["name"] for m in others)]
    return names, {place: m["code"] for place, m in enumerate(others, start=2)}


def _names_of_truth(truth: Truth, olivine_code: int) -> tuple[list[str], dict[int, int]]:
    """Return the classes of a truth, and the code of each in its image of phases."""
    codes = truth.codes()
    olivine_code = codes.pop(OLIVINE_NAME, olivine_code)
    named = {name: code for name, code in codes.items() if code != olivine_code}
    places = dict(enumerate(named.values(), start=2)) | {OLIVINE: olivine_code}
    return [OTHER, OLIVINE_NAME, *named], places


def place_of(names: list[str], phase: str) -> int:
    """Return the place of a network's phase among the classes of a reference, by its name.

    Parameters
    ----------
    names
        Classes of the reference.
    phase
        Name of the phase.
    """
    known = [name.strip().casefold() for name in names]
    key = phase.strip().casefold()
    return known.index(key) if key in known else REST
