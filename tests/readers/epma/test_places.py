"""Where analyses lie: distances against coordinates, beams, lines without length, spots."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_olivine.errors import InputError
from napari_olivine.readers.epma import read_profile
from napari_olivine.readers.epma.places import along, contradict

N = 8
WAY = 10.0 * np.arange(N)


def table(
    folder: Path,
    places: np.ndarray | None = None,
    distance: np.ndarray | None = None,
    **more: object,
) -> Path:
    """Write a line of N olivines; columns by their names."""
    columns: dict[str, object] = {"MgO": [47 - k / 4 for k in range(N)], "FeO": [12.0] * N}
    if places is not None:
        columns |= {"X (um)": places[:, 0], "Y (um)": places[:, 1]}
    if distance is not None:
        columns |= {"Distance (um)": distance}
    columns |= {name.replace("_", " "): values for name, values in more.items()}
    rows = zip(*columns.values(), strict=True)
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    file = folder / "line.csv"
    file.write_text("\n".join([",".join(columns), *lines]) + "\n")
    return file


def line(turn: float = 0.0, start: tuple[float, float] = (-9000.0, 3000.0)) -> np.ndarray:
    return start + WAY[:, None] * [np.cos(turn), np.sin(turn)]


@pytest.mark.parametrize("said", [0.23 * WAY, 1000 * WAY, np.hypot(50, 70 - WAY), 0 * WAY + 5])
def test_distances_that_contradict_the_coordinates_give_way(tmp_path, said):
    read, problems = read_profile(table(tmp_path, line(), said))
    np.testing.assert_allclose(read["distance_um"], WAY, atol=1e-6)
    length = f"{np.ptp(said):.2f} um, the coordinates 70.00 um"
    assert any(length in told for told in problems) == bool(np.ptp(said))


def test_distances_that_agree_are_kept_to_the_digit(tmp_path):
    """Coordinates in whole um have another length, by their rounding."""
    said = np.round(1.37 * np.arange(N), 2)
    places = np.round(line()[:1] + said[:, None] * [0.6, 0.8])
    read, problems = read_profile(table(tmp_path, places, said))
    assert read["distance_um"].tolist() == said.tolist()
    assert problems == []


def test_a_traverse_that_bends(tmp_path):
    """The straight line from the first point is shorter than the way."""
    places = np.array([(min(s, 40.0), max(s - 40.0, 0.0)) for s in WAY]) + 500
    assert contradict(np.hypot(*(places - places[0]).T), places)
    read, _ = read_profile(table(tmp_path, places, np.hypot(*(places - places[0]).T)))
    np.testing.assert_allclose(read["distance_um"], WAY, atol=1e-9)


def test_steps_between_rounded_places_do_not_add_up_to_a_longer_line():
    true = np.arange(60)[:, None] * [0.7071, 0.7071]
    assert along(np.round(true))[-1] == pytest.approx(59, abs=1)


def test_a_gap_in_the_distances_is_filled_by_the_coordinates(tmp_path):
    said = [0.0, 10, 20, None, 40, 50, 60, 70]
    read, problems = read_profile(table(tmp_path, line(), said))
    np.testing.assert_allclose(read["distance_um"], WAY, atol=1e-9)
    assert any("'Distance (um)' is empty in row 5" in told for told in problems)


def test_the_unit_of_the_stage_is_shown_by_the_distances(tmp_path):
    """Without a unit, small numbers are taken for mm."""
    file = table(tmp_path, line(start=(0.0, 0.0)), WAY)
    file.write_text(file.read_text().replace("X (um),Y (um)", "X,Y"))
    read, problems = read_profile(file)
    assert read["distance_um"].tolist() == WAY.tolist()
    assert read["stage_x_um"].tolist() == WAY.tolist()
    assert any("the distances show that it is um" in told for told in problems)


@pytest.mark.parametrize("distance", [None, WAY])
def test_the_beam_moves_and_the_stage_stands_still(tmp_path, distance):
    still = np.full((N, 2), (9595.0, -24440.0))
    beam = line(0.5, (-20.0, 5.0))
    file = table(tmp_path, still, distance, Beam_X=beam[:, 0], Beam_Y=beam[:, 1])
    read, problems = read_profile(file)
    np.testing.assert_allclose(read["distance_um"], WAY, atol=1e-6)
    np.testing.assert_allclose(read[["stage_x_um", "stage_y_um"]], still + beam)
    assert any("the beam moved over 70.00 um" in told for told in problems)


def test_a_stage_that_stands_still_beside_a_distance_is_told(tmp_path):
    read, problems = read_profile(table(tmp_path, np.full((N, 2), 700.0), WAY))
    assert read["distance_um"].tolist() == WAY.tolist()
    assert any("the stage stands still (rows 2-9) while the distance runs" in t for t in problems)


@pytest.mark.parametrize("places", [np.full((N, 2), 700.0), None])
def test_analyses_in_one_place_are_no_line(tmp_path, places):
    distance = None if places is not None else np.full(N, 3.0)
    read, problems = read_profile(table(tmp_path, places, distance))
    assert read["distance_um"].isna().all()
    assert any("has no length: all 8 analyses (rows 2-9)" in told for told in problems)


def test_several_analyses_in_one_place_of_a_line_are_told(tmp_path):
    read, problems = read_profile(table(tmp_path, distance=[0, 10, 20, 20, 20, 30, 40, 50]))
    assert len(read) == N
    assert problems == ["'line': 3 analyses (rows 4-6) lie in one place"]


def test_a_place_that_is_missing_is_refused_with_sheet_row_and_remedy(tmp_path):
    places: list[list[float]] = line().tolist()
    file = table(tmp_path, line())
    text = file.read_text().replace(f"{places[4][0]},{places[4][1]}", ",")
    file.write_text(text)
    with pytest.raises(InputError, match="has no stage position") as error:
        read_profile(file)
    assert "row 6" in str(error.value)
    assert error.value.remedy == "Fill it in, or delete the row."
    assert error.value.facts.row == 6
