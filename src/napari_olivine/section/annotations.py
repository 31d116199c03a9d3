"""Tables that a person edits by hand, also those that a spreadsheet program saved as CSV."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from napari_olivine.errors import SectionError, first_line
from napari_olivine.section.sessions import Session

if TYPE_CHECKING:
    import pandas as pd

NAMES = ("session", "profile", "standard", "left_out", "outline", "region", "within")
"""Columns that hold names, also where these look like numbers."""

SESSIONS = ("session", "row0", "row1", "col0", "col1")
"""Columns that sessions must have."""

WITHIN = "within"
"""Column of the sessions that is there only where areas lie within sessions."""

PLACEMENTS = ("profile", "kind", "x0_um", "y0_um", "x1_um", "y1_um", "use")
"""Columns of the placements of profiles; the coordinates of what is not placed yet are empty."""

OUTLINES = "outlines"
"""Annotation with the crystals that a person outlined by hand; not there while there are none."""

OUTLINE_COLUMNS = ("outline", "x_um", "y_um")
"""Columns of the outlines, a row a corner: name of the outline, place of the corner in um."""

REGIONS = "regions"
"""Annotation with the region of study; not there while the whole section is studied."""

REGION_COLUMNS = ("region", "use", "ring", "x_um", "y_um")
"""Columns of the region of study, a row a corner: name of the polygon, its use, ring of the corner
(0 the outline, 1 and more the holes), place of the corner in um."""

REGION_USES = ("keep", "leave_out")
"""Uses of a polygon of the region of study."""

MASK_CORRECTIONS = "mask_corrections"
"""Corrections of the mask by hand, a line of JSON each; not there while there are none."""

LEFT_OUT = "left_out"
"""Column of the placements that may be missing: numbers of analyses to leave out, with spaces."""

UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_annotation(file: Path) -> pd.DataFrame:
    """Read a table as we write it, or as a spreadsheet program saved it.

    Semicolons or tabulators between columns, commas in numbers, a byte order mark, the code page
    of western Windows and rows left empty are understood.

    Raises
    ------
    SectionError
        If the file is no table.
    """
    import pandas as pd

    try:
        text = _decode(file.read_bytes())
        header = text.lstrip().partition("\n")[0]
        separator = max(",;\t", key=header.count)
        decimal = "," if separator != "," and re.search(r"\d,\d", text) else "."
        lines = [line for line in text.splitlines() if line.strip(f"{separator} ")]
        table = pd.read_csv(
            io.StringIO("\n".join(lines)), sep=separator, decimal=decimal, skipinitialspace=True,
            dtype=dict.fromkeys(NAMES, str),
        )  # fmt: skip
    except (ValueError, OSError) as error:
        raise SectionError(
            f"{file} cannot be read as a table ({first_line(error)}).", file=file
        ) from error
    unnamed = [name for name in table if str(name).startswith("Unnamed: ")]
    empty = [name for name in unnamed if table[name].isna().all()]
    return table.drop(columns=empty)


def missing_annotation(
    name: str, file: Path, section: Path, shape: tuple[int, int]
) -> SectionError:
    """Return the error that tells that a table is not there, and what to do.

    A section without sessions is not taken for one session, as nobody would be told that sessions
    that drift are not levelled any more.

    Parameters
    ----------
    name
        Name of the table.
    file
        Where it should be.
    section
        Folder of the section.
    shape
        Rows and columns of the section.

    Returns
    -------
    SectionError
        The error, to be raised.
    """
    remedy = ""
    if name == "sessions":
        remedy = (
            f"The import writes them; put {file} back. If all was measured in one session, it "
            "has two lines: 'session,row0,row1,col0,col1,role' and "
            f"'1,0,{shape[0]},0,{shape[1]},train'."
        )
    return SectionError(f"{section} has no {name}.", remedy=remedy, step="import", file=file)


def sessions_of(table: pd.DataFrame, file: Path) -> list[Session]:
    """Return the sessions of a table.

    Raises
    ------
    SectionError
        If a row is no session; names the file, the row and the column.
    """
    _require(SESSIONS, table, file)
    if WITHIN in table:
        table = table.assign(within=table[WITHIN].fillna(""))
    sessions = []
    for number, row in enumerate(table.to_dict("records"), 2):
        try:
            sessions.append(Session(**{str(name): value for name, value in row.items()}))
        except ValidationError as error:
            wrong = error.errors()[0]
            where = ".".join(map(str, wrong["loc"]))
            raise SectionError(
                f"{file}, row {number}, {where}: {wrong['msg']} (it is {wrong['input']!r}).",
                file=file,
                row=number,
            ) from error
    return sessions


def check_placements(table: pd.DataFrame, file: Path) -> None:
    """Check that a table can be the placements of profiles.

    Raises
    ------
    SectionError
        If it lacks a column, or a coordinate is no number; names the file and the row.
    """
    import pandas as pd

    _require(PLACEMENTS, table, file)
    for place, text in enumerate(table[LEFT_OUT].fillna("") if LEFT_OUT in table else ()):
        try:
            points_of(text)
        except ValueError:
            raise SectionError(
                f"{file}, row {place + 2}, {LEFT_OUT}: {text!r} are no numbers of analyses.",
                remedy="Write the numbers with spaces between, e.g. '3 17'.",
                file=file,
                row=place + 2,
            ) from None
    for name in PLACEMENTS[2:6]:
        numbers = pd.to_numeric(table[name], errors="coerce")
        _refuse(table, name, numbers.isna() & table[name].notna(), "no number", file)


def check_outlines(table: pd.DataFrame, file: Path) -> None:
    """Check that a table can be the outlines of crystals, a row a corner.

    Raises
    ------
    SectionError
        If it lacks a column, a corner has no outline, or a coordinate is no number; names the file
        and the row.
    """
    import numpy as np
    import pandas as pd

    _require(OUTLINE_COLUMNS, table, file)
    _refuse(table, "outline", table["outline"].isna(), "no name of an outline", file)
    for name in OUTLINE_COLUMNS[1:]:
        numbers = pd.to_numeric(table[name], errors="coerce")
        _refuse(table, name, ~np.isfinite(numbers), "no number", file)


def check_regions(table: pd.DataFrame, file: Path) -> None:
    """Check that a table can be the region of study, a row a corner.

    Raises
    ------
    SectionError
        If it lacks a column, a corner has no region, its use is unknown or another one than that of
        the corners before, or a number is none; names the file and the row.
    """
    import numpy as np
    import pandas as pd

    _require(REGION_COLUMNS, table, file)
    _refuse(table, "region", table["region"].isna(), "no name of a region", file)
    wanted = " or ".join(REGION_USES)
    _refuse(table, "use", ~table["use"].isin(REGION_USES), f"no use: write {wanted}", file)
    first = table.groupby("region")["use"].transform("first")
    _refuse(table, "use", table["use"] != first, "another use than in the rows before", file)
    for name in REGION_COLUMNS[2:]:
        numbers = pd.to_numeric(table[name], errors="coerce")
        _refuse(table, name, ~np.isfinite(numbers), "no number", file)
    rings = pd.to_numeric(table["ring"])
    _refuse(table, "ring", (rings < 0) | (rings % 1 != 0), "no number of a ring: 0, 1, 2 ...", file)
    outline = rings.groupby(table["region"]).transform("min") == 0
    _refuse(table, "ring", ~outline, "a hole without an outline, which is ring 0", file)


def points_of(left_out: object) -> set[int]:
    """Return the analyses that a cell of the column `LEFT_OUT` names, none if it is empty.

    Raises
    ------
    ValueError
        If the cell holds anything but whole numbers.
    """
    return {int(word) for word in left_out.split()} if isinstance(left_out, str) else set()


def _refuse(table: pd.DataFrame, name: str, wrong: pd.Series, words: str, file: Path) -> None:
    """Raise an error that names the first row of a column that is wrong, if any is."""
    if wrong.any():
        first = table.index[wrong][0]
        value, row = table.at[first, name], int(first) + 2
        raise SectionError(f"{file}, row {row}, {name}: {value!r} is {words}.", file=file, row=row)


def _require(columns: tuple[str, ...], table: pd.DataFrame, file: Path) -> None:
    if lost := [name for name in columns if name not in table]:
        raise SectionError(
            f"{file} lacks the column {', '.join(lost)}.", file=file, expected=", ".join(columns)
        )


def _decode(content: bytes) -> str:
    if content.startswith(UTF16):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")
