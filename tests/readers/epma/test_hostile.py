"""EPMA tables that are damaged, absurd or hostile: a clear error, soon, and in little memory."""

from __future__ import annotations

import contextlib
import random
import time
import tracemalloc
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.readers.epma import load_mappings, preview, read_profile, read_profiles, suggest
from napari_olivine.tabular.sheets import LARGEST_FILE, MOST_COLUMNS
from tests.helpers.epma_tables import (
    jeol_summary,
    peaksight_1,
    peaksight_2,
    probe_for_epma,
    write_ods,
)

LONGEST_S = 15
MOST_MEMORY = 300 * 2**20


def refuse_or_read(file: Path) -> None:
    """Read a file: nothing but an `InputError` that names it, in bounded time and memory."""
    began = time.process_time()
    tracemalloc.start()
    try:
        with contextlib.suppress(InputError):
            preview(file, suggest(file))
        read_profile(file)
    except InputError as error:
        assert file.name in str(error)
        assert len(str(error)) < 5000
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MOST_MEMORY
    assert time.process_time() - began < LONGEST_S


def spreadsheet(folder: Path) -> Path:
    frame = pd.DataFrame({"d": [0.0, 5], "MgO": [47.0, 46], "FeO": [12.0, 13], "Comment": "ol"})
    frame.to_excel(folder / "a.xlsx", index=False)
    return folder / "a.xlsx"


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        bytes(1000), b"\xff\xfe", b"\xff\xfe\x00", b"\xfe\xff\x00\xd8", b"\x89PNG\r\n\x1a\n" * 50,
        b"\xef\xbb\xbf", b'"' * 999, b'"' * 1000, b"," * 20_000, b"\n" * 20_000,
        b"d,MgO,FeO\n" + b"9" * 200_000, b"d,MgO,FeO\n0,47,12" + b",1" * 900,
        b"MgO," * 900 + b"FeO\n" + b"1," * 900 + b"1\n", b"\r", b"d\x00,MgO,FeO\n0,47,12\n",
        "d,MgO,FeO\n0,47,12\n".encode("utf-16")[:-1], b"F,Cl\n1,2\n", b"F\n", b"Total\n1\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_absurd_files(tmp_path, data, name):
    (tmp_path / name).write_bytes(data)
    refuse_or_read(tmp_path / name)


def test_a_file_too_large_for_a_table_is_not_read(tmp_path):
    with (tmp_path / "big.csv").open("wb") as stream:
        stream.truncate(LARGEST_FILE + 1)
    tracemalloc.start()
    with pytest.raises(InputError, match=r"big\.csv has 32 MB; .* at most 32 MB"):
        read_profile(tmp_path / "big.csv")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_too_many_columns_are_refused(tmp_path):
    (tmp_path / "wide.csv").write_text("a," * (MOST_COLUMNS + 5) + "\n")
    with pytest.raises(InputError, match=r"wide\.csv has 1 rows and up to 1006 columns"):
        read_profile(tmp_path / "wide.csv")


def test_a_missing_file_is_named(tmp_path):
    for name in ("a.csv", "a.xlsx"):
        with pytest.raises(InputError, match=name):
            read_profile(tmp_path / name)


def test_links_and_folders_called_like_tables(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "nowhere.csv").symlink_to(tmp_path / "gone.csv")
    analyses, files, _ = read_profiles(tmp_path)
    assert (len(analyses), files) == (0, [])


def test_a_profile_cannot_name_a_path(tmp_path):
    (tmp_path / "a.csv").write_text(
        "Profile,d,MgO,FeO\n../../etc,0,47,12\nC:\\x,0,46,13\n..,0,4,4\n"
    )
    table, _ = read_profile(tmp_path / "a.csv")
    assert table["profile"].tolist() == ["etc", "C-x", "profile"]


CELLS = st.one_of(
    st.sampled_from(
        ["MgO", "FeO", "SiO2", "Mg", "Fe", "Total", "d", "X", "Y", "Profile", "Comment", "No.",
         "DataSet/Point", "1 / 2 .", "wt%", "Weight%", "Oxide", "47,2", "47.2", "<0.1", "crack",
         "", "Average", "1e308", "-1e308", "9999999999999999999", "x_um", "y_um", "\"", "mm"]
    ),
    st.floats().map(str),
    st.text(max_size=8),
)  # fmt: skip


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.lists(CELLS, max_size=9), max_size=12),
    separator=st.sampled_from(["\t", ",", ";", " ", "   "]),
    encoding=st.sampled_from(["utf-8", "utf-16", "latin-1"]),
)
def test_any_cells(tmp_path_factory, rows, separator, encoding):
    file = tmp_path_factory.mktemp("any") / "a.csv"
    text = "\n".join(separator.join(row) for row in rows)
    file.write_bytes(text.encode(encoding, errors="replace"))
    try:
        table, problems = read_profile(file)
    except InputError as error:
        assert "a.csv" in str(error)
    else:
        assert len(table) > 0
        assert {"profile", "point", "distance_um", "MgO", "FeO", "Total"} <= set(table)
        assert all(isinstance(told, str) for told in problems)
    try:
        mapping = suggest(file)
    except InputError as error:
        assert "a.csv" in str(error)
    else:
        preview(file, mapping)


def tables(folder: Path) -> list[tuple[str, bytes]]:
    spreadsheet(folder)
    write_ods(folder / "a.ods", {"a": [["d", "MgO", "FeO"], [0, 47.0, 12.0], [5, 46.0, 13.0]]})
    return [
        ("a.csv", peaksight_1().encode("latin-1")),
        ("b.csv", peaksight_2().encode("utf-16")),
        ("c.csv", jeol_summary().encode()),
        ("d.dat", probe_for_epma().encode()),
        ("a.xlsx", (folder / "a.xlsx").read_bytes()),
        ("a.ods", (folder / "a.ods").read_bytes()),
        ("p.pos", b'0,0,0,0\n0,0,0,0\n0,0,0,0\n2,1,"a",1,2,3,0,1\n2,2,"a",1.1,2,3,0,1\n'),
        (
            "columns.toml",
            b'[[table]]\nfile = "a.csv"\nheader_row = 1\n[[table.columns]]\ncolumn=1\n',
        ),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_mutated_tables(tmp_path, seed):
    """Cut, flipped, doubled and shuffled bytes of every kind of table."""
    chance = random.Random(seed)
    for name, data in tables(tmp_path):
        (tmp_path / name).unlink(missing_ok=True)
        for _ in range(6):
            broken = bytearray(data)
            for _ in range(chance.randint(1, 8)):
                start = chance.randrange(len(broken) or 1)
                end = min(len(broken), start + chance.randint(1, 60))
                match chance.randrange(4):
                    case 0:
                        del broken[start:end]
                    case 1:
                        broken[start:end] = chance.randbytes(end - start)
                    case 2:
                        broken[start:start] = broken[start:end] * chance.randint(1, 20)
                    case 3:
                        del broken[start + len(broken) // 2 :]
            file = tmp_path / "case" / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(broken)
            for read in (read_profiles, load_mappings):
                try:
                    read(file.parent)
                except InputError as error:
                    assert file.name in str(error)
            file.unlink()


def test_as_many_profiles_as_points_are_refused_or_taken_for_names(tmp_path):
    """Names of points do not make profiles; thousands of them would never end."""
    lines = ["Profile,d,MgO,FeO", *(f"p{k},{k},47,12" for k in range(3000))]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    assert set(read_profile(tmp_path / "a.csv")[0]["profile"]) == {"a"}
    lines = ["Profile,d,MgO,FeO", *(f"p{k // 2},{k},47,12" for k in range(9000))]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"a\.csv would hold 4500 profiles \('p0', 'p1'"):
        read_profile(tmp_path / "a.csv")
