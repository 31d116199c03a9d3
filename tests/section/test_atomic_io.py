"""Files are whole or absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_olivine.section import atomic_path, half_written, write_arrays


def test_a_failed_write_keeps_the_earlier_file(tmp_path: Path) -> None:
    file = tmp_path / "values.txt"
    file.write_text("before")
    with pytest.raises(ValueError, match="stop"), atomic_path(file) as temporary:
        temporary.write_text("half")
        raise ValueError("stop")
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["values.txt"]
    with atomic_path(file) as temporary:
        temporary.write_text("after")
        assert file.read_text() == "before"
    assert file.read_text() == "after"


def test_arrays_come_back_by_name(tmp_path: Path) -> None:
    arrays = {"3 10 20": np.arange(6, dtype=np.uint16).reshape(2, 3), "mask": np.ones(3, bool)}
    write_arrays(arrays, tmp_path / "parts.npz")
    with np.load(tmp_path / "parts.npz") as found:
        assert sorted(found) == sorted(arrays)
        for name, values in arrays.items():
            assert found[name].dtype == values.dtype
            np.testing.assert_array_equal(found[name], values)


def test_arrays_of_a_killed_process_are_found_as_half_written(tmp_path: Path) -> None:
    (tmp_path / ".parts.npz").write_bytes(b"half")
    write_arrays({"whole": np.zeros(2)}, tmp_path / "parts.npz.npz")
    assert [file.name for file in half_written(tmp_path)] == [".parts.npz"]
