"""A section is compared with what its network learned from, before the network runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from napari_olivine.errors import Cancelled
from napari_olivine.inference import OUT_OF_DISTRIBUTION, compare_with_training, out_of_distribution
from napari_olivine.inference.models import SelectedModel
from napari_olivine.job import Job
from napari_olivine.networks import CELL_PX, LEAST_CELLS, ModelCard, measure_normalisation
from napari_olivine.networks.card import WEIGHTS, write_card
from napari_olivine.section import REGION_COLUMNS, TILE_COLUMNS, Product, Section, Tiles
from napari_olivine.section.check import check_section
from napari_olivine.training import TrainSettings
from napari_olivine.training.appearance import measure_appearance
from napari_olivine.training.plan import plan_sections
from tests.helpers.built_once import built_once
from tests.helpers.sections import make_section
from tests.networks.test_appearance import rock
from tests.networks.test_networks import a_card, heard

SIDE = 640
MEDIAN, SPREAD = 120, 12


def grey(seed: int, side: int = SIDE) -> NDArray[np.uint8]:
    return np.clip(MEDIAN + SPREAD * rock(seed, side), 1, 254).astype(np.uint8)


def other(side: int = SIDE) -> NDArray[np.uint8]:
    """Stripes of two greys: nothing like the rock."""
    stripes = np.where(np.indices((side, side)).sum(axis=0) % 24 < 12, 90, 150)
    return stripes.astype(np.uint8)


def put_sessions(section: Section, *columns: int) -> None:
    ends = [0, *columns]
    rows = [
        {"session": str(k + 1), "row0": 0, "row1": section.shape[0], "col0": ends[k]}
        | {"col1": ends[k + 1], "role": role}
        for k, role in enumerate(("train", "val", "test")[: len(columns)])
    ]
    section.annotate("sessions", pd.DataFrame(rows))


def learn(section: Section) -> ModelCard:
    """The card that a training would write."""
    learned = plan_sections([section], TrainSettings(target="olivine"), Job())
    plan = learned[0].plan
    train = [one for one in section.sessions() if one.session in plan.training]
    normalisation = measure_normalisation(section, train, "session", 1, False, Job())
    return a_card(
        normalisation=normalisation,
        appearance=measure_appearance(learned, normalisation, Job()),
    )


@pytest.fixture(scope="module")
def card() -> ModelCard:
    def build(path: Path) -> None:
        path.mkdir()
        # The second session has drifted: what a network sees is levelled.
        images = [grey(1), np.clip(grey(2) + 20.0, 1, 254).astype(np.uint8)]
        section = make_section(path / "section", {"BSE": np.concatenate(images, axis=1)})
        put_sessions(section, SIDE, 2 * SIDE)
        write_card(path, learn(section))

    built = built_once("appearance", build)
    return ModelCard.model_validate_json((built / "card.json").read_text())


def model(folder: Path, card: ModelCard) -> SelectedModel:
    folder.mkdir(parents=True)
    write_card(folder, card)
    (folder / WEIGHTS).write_bytes(b"of no concern here")
    return SelectedModel("", folder, card, ("olivine",))


def compare(
    section: Section, *models: SelectedModel
) -> tuple[Product | None, list[dict[str, Any]]]:
    job, events = heard()
    return compare_with_training(section, models, job), events


def distance(section: Section) -> NDArray[np.float32]:
    return section.raster(OUT_OF_DISTRIBUTION, "distance").read(slice(None), slice(None))


def warnings_of(events: list[dict[str, Any]]) -> list[str]:
    return [event["message"] for event in events if event["event"] == "warning"]


class TestASectionOfTheKind:
    def test_is_left_in_peace_and_told(self, tmp_path: Path, card: ModelCard) -> None:
        section = make_section(tmp_path / "s", {"BSE": grey(3)})
        made, events = compare(section, model(tmp_path / "light", card))
        assert made is not None
        assert made.notes["measured_cells"] == (SIDE // CELL_PX) ** 2
        assert made.notes["unlike_percent"] < 40
        assert warnings_of(events) == []
        assert any("10 % is usual" in event.get("message", "") for event in events)

    def test_a_drift_of_the_detector_changes_nothing(self, tmp_path: Path, card: ModelCard) -> None:
        folder = model(tmp_path / "light", card)
        maps = []
        for name, drift in (("a", 0), ("b", 15)):
            section = make_section(tmp_path / name, {"BSE": grey(3) + np.uint8(drift)})
            compare(section, folder)
            maps.append(distance(section))
        assert maps[0] == pytest.approx(maps[1], abs=0.05)


class TestASectionOfAnotherKind:
    def test_is_warned_of_with_what_to_do(self, tmp_path: Path, card: ModelCard) -> None:
        section = make_section(tmp_path / "s", {"BSE": other()})
        made, events = compare(section, model(tmp_path / "light", card))
        assert made is not None
        assert made.notes["unlike_percent"] == 100
        (warning,) = warnings_of(events)
        assert "100 % of this section looks unlike what the network learned from" in warning
        assert "light: section test, session 1" in warning
        assert "areas" in warning

    def test_the_map_shows_where(self, tmp_path: Path, card: ModelCard) -> None:
        image = grey(3)
        image[: 2 * CELL_PX, : 3 * CELL_PX] = other()[: 2 * CELL_PX, : 3 * CELL_PX]
        section = make_section(tmp_path / "s", {"BSE": image})
        made, events = compare(section, model(tmp_path / "light", card))
        far = distance(section) > 1
        assert far[:2, :3].all()
        assert far.sum() <= 6 + 5
        assert made is not None
        assert made.notes["unlike_percent"] == 4 * far.sum()
        assert warnings_of(events) == []
        raster = section.raster(OUT_OF_DISTRIBUTION, "distance")
        assert raster.pixel_size_um == CELL_PX * section.pixel_size_um

    def test_is_told_again_without_being_measured_again(
        self, tmp_path: Path, card: ModelCard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        section = make_section(tmp_path / "s", {"BSE": other()})
        light = model(tmp_path / "light", card)
        compare(section, light)
        monkeypatch.setattr(out_of_distribution, "measure_cells", None)
        assert warnings_of(compare(section, light)[1])


class TestSeveralModels:
    def test_the_farthest_counts(self, tmp_path: Path, card: ModelCard) -> None:
        strict = card.appearance.model_copy(update={"limit": card.appearance.limit / 10})  # type: ignore[union-attr]
        section = make_section(tmp_path / "s", {"BSE": grey(3)})
        models = [
            model(tmp_path / name, card.model_copy(update={"appearance": appearance}))
            for name, appearance in (("a", card.appearance), ("b", strict))
        ]
        compare(section, models[1])
        alone = distance(section)
        compare(section, *models)
        assert distance(section) == pytest.approx(alone)

    def test_of_one_that_does_not_say_it_is_said(self, tmp_path: Path, card: ModelCard) -> None:
        section = make_section(tmp_path / "s", {"BSE": other()})
        known, silent = model(tmp_path / "a", card), model(tmp_path / "old", a_card())
        made, events = compare(section, known, silent)
        assert made is not None
        said = [event["message"] for event in events if event["event"] == "message"]
        assert any("cannot be judged" in one and "old" in one for one in said)
        assert compare(section, silent)[0] is None
        assert section.product(OUT_OF_DISTRIBUTION) is None, "it was about another model"


class TestWhatCannotBeMeasured:
    def test_no_numbers_and_outside_the_region(self, tmp_path: Path, card: ModelCard) -> None:
        image = grey(3).astype(np.float32)
        image[:CELL_PX] = np.nan
        section = make_section(tmp_path / "s", {"BSE": image})
        edge = 3 * CELL_PX * section.pixel_size_um
        corners = [(0, 0), (edge, 0), (edge, 10 * edge), (0, 10 * edge)]
        rows = [("studied", "keep", 0, x, min(y, SIDE * section.pixel_size_um)) for x, y in corners]
        section.annotate("regions", pd.DataFrame(rows, columns=list(REGION_COLUMNS)))
        made, _ = compare(section, model(tmp_path / "light", card))
        assert made is not None
        known = distance(section) > 0
        assert not known[0].any()
        assert not known[:, 3:].any()
        assert known[1:3, :3].all()
        assert made.notes["measured_cells"] == known.sum()

    def test_gaps_of_the_mosaic(self, tmp_path: Path, card: ModelCard) -> None:
        section = make_section(tmp_path / "s", {"BSE": grey(3)})
        tile = (0, 0, SIDE, 0, SIDE - CELL_PX, 0, 0)
        Tiles(pd.DataFrame([tile], columns=list(TILE_COLUMNS))).write(section.path / "images")
        compare(section, model(tmp_path / "light", card))
        known = distance(section) > 0
        assert known[:, :-1].all()
        assert not known[:, -1].any()

    def test_a_tiny_image_is_one_cell(self, tmp_path: Path, card: ModelCard) -> None:
        section = make_section(tmp_path / "s", {"BSE": grey(3)[:50, :70]})
        made, _ = compare(section, model(tmp_path / "light", card))
        assert made is not None
        assert distance(section).shape == (1, 1)

    def test_one_grey_is_unlike(self, tmp_path: Path, card: ModelCard) -> None:
        section = make_section(tmp_path / "s", {"BSE": np.full((SIDE, SIDE), 90, np.uint8)})
        assert warnings_of(compare(section, model(tmp_path / "light", card))[1])


class TestTheRun:
    def test_is_stopped_and_leaves_nothing(self, tmp_path: Path, card: ModelCard) -> None:
        section = make_section(tmp_path / "s", {"BSE": grey(3)})
        job = Job(listen=lambda event: job.cancel.set() if event["event"] == "progress" else None)
        with pytest.raises(Cancelled):
            compare_with_training(section, [model(tmp_path / "light", card)], job)
        assert section.product(OUT_OF_DISTRIBUTION) is None

    def test_the_map_is_whole_for_check(self, tmp_path: Path, card: ModelCard) -> None:
        section = make_section(tmp_path / "s", {"BSE": grey(3)[:500, :300]})
        compare(section, model(tmp_path / "light", card))
        damaged = {finding.where.partition("/")[0] for finding in check_section(section).left}
        assert OUT_OF_DISTRIBUTION not in damaged


def test_small_sessions_keep_nothing(tmp_path: Path) -> None:
    section = make_section(tmp_path / "s", {"BSE": grey(1)[: 2 * CELL_PX]})
    put_sessions(section, SIDE // 2, SIDE)
    found = learn(section).appearance
    positions = 3 * ((SIDE // 2 - CELL_PX) // (CELL_PX // 2) + 1)
    assert positions < LEAST_CELLS
    assert found is None
