"""Small EPMA tables as the programs of the makers write them, with invented olivine analyses."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

OLIVINE = (
    # SiO2, FeO, MnO, MgO, CaO
    (40.10, 12.05, 0.18, 47.20, 0.21),
    (39.80, 13.90, 0.20, 45.70, 0.23),
    (39.20, 16.60, 0.25, 43.50, 0.24),
    (38.70, 19.10, 0.29, 41.40, 0.26),
)
OXIDES = ("SiO2", "FeO", "MnO", "MgO", "CaO")


def total(analysis: Sequence[float]) -> float:
    """Sum of the oxides, wt%."""
    return round(sum(analysis), 3)


def peaksight_1(points: Sequence[tuple[int, int, Sequence[float]]] | None = None) -> str:
    """Write PeakSight's short table: DataSet/Point, oxides, Total, stage in um."""
    if points is None:
        points = [(1, k + 1, row) for k, row in enumerate(OLIVINE)]
    lines = ["\t".join(["DataSet/Point", *OXIDES, "Total", "X", "Y", "Z", "Beam X", "Beam Y",
                        "Comment", "Distance (µ)", "Mean Z", "Point#", "Date"])]  # fmt: skip
    for number, (dataset, point, row) in enumerate(points):
        lines.append(
            "\t".join(
                [
                    f"{dataset} / {point} . ", *(f"{v:.3f}" for v in row), f"{total(row):.3f}",
                    str(-10413 + 5 * (point - 1)), str(32015 + 400 * dataset), "60", " ", " ",
                    f"KLV ol{dataset}", f"{5.0 * (point - 1):.2f}", "12.71", str(number + 1),
                    "21.01.13 12:56",
                ]
            )
        )  # fmt: skip
    return "\r\n".join(lines) + "\r\n"


def peaksight_2() -> str:
    """Write PeakSight's long table: 38 lines of settings, then three blocks of columns."""
    elements = ("Si", "Fe", "Mn", "Mg", "Ca", "O ")
    head = [
        "FileName :  KLV_olivine.qtiDat",
        "Signal(s) Used : Si Ka, Fe Ka, Mn Ka, Mg Ka, Ca Ka",
        "Column Conditions : Cond 1 : 15keV 20nA ",
        "Analysis Parameters : \t",
        "Sp\tElements\tXtal\tPosition\tBg1\tBg2\tSlope\tBias\tGain\tDtime\tBlin\tWind\tMode\t",
        *(f"Sp{k}\t{e} Ka\t\tTAP\t27737\t   \t750\t1.1\t1325\t3181\t3\t560\t \tInte"
          for k, e in enumerate(elements[:5], 1)),
        "Standard composition : ",
        "olivine = Si : 19.10%, O  : 43.70%, Mg : 29.80%, Fe : 7.40%",
        *(f"Setting {k} : x" for k in range(24)),
        "Beam Size : 1 µm",
        "",
        "\tWeight%\tAtomic%\tOxide\t",
        "",
        "\t".join(["DataSet/Point", *elements, "Total", *elements, "Total", *OXIDES, "Total",
                   " X ", " Y ", " Z ", " Beam X ", " Beam Y ", "Comment", "Distance (µ)",
                   "Mean Z", "Point#", "Date"]),
    ]  # fmt: skip
    rows = []
    for k, row in enumerate(OLIVINE):
        weight = [row[0] * 0.4674, row[1] * 0.7773, row[2] * 0.7745, row[3] * 0.6030,
                  row[4] * 0.7147]  # fmt: skip
        weight.append(total(row) - sum(weight))
        atomic = [14.3, 4.0, 0.1, 24.5, 0.1, 57.0]
        rows.append(
            "\t".join(
                [
                    f"1 / {k + 1} . ", *(f"{v:.5f}" for v in weight), f"{total(row):.5f}",
                    *(f"{v:.5f}" for v in atomic), "100.00000", *(f"{v:.5f}" for v in row),
                    f"{total(row):.5f}", f"{-10413.0 + 4 * k:.1f}", f"{32015.0 + 3 * k:.1f}",
                    "60.0", " ", " ", "KLV-7_ol1", f"{5.0 * k:.2f}", "12.7", str(k + 1),
                    "Monday, September 13, 2021 4:45:45 PM", "",
                ]
            )
        )  # fmt: skip
    return "\n".join([*head, *rows, ""])


def jeol_summary(comments: Sequence[str] | None = None, *, coordinates: bool = True) -> str:
    """Write the summary.csv of JEOL's program for Windows."""
    comments = comments or [f"KLV ol1 Line {k + 1:03d}" for k in range(len(OLIVINE))]
    header = ["Point", "Comment", *(f"{oxide}(Mass%)" for oxide in OXIDES), "Total(Mass%)",
              *(f"{e}(K-ratio)" for e in ("Si", "Fe", "Mn", "Mg", "Ca")), "Mg(Net)", "Fe(Net)",
              "Mg(D.L.)", "Current"]  # fmt: skip
    header += ["X", "Y", "Z"] if coordinates else []
    lines = [",".join(header)]
    for k, comment in enumerate(comments):
        row = OLIVINE[k % len(OLIVINE)]
        cells = [str(k + 1), comment, *map(str, row), str(total(row)), *["0.31"] * 5, "812.3",
                 "400.2", "0.01", "2.0E-08"]  # fmt: skip
        cells += [f"{-36.1312 + 0.004 * k:.4f}", f"{32.6913 - 0.003 * k:.4f}", "10.7"]
        lines.append(",".join(cells[: len(header)]))
    return "\n".join(lines) + "\n"


def probe_for_epma() -> str:
    """Write a user specified table of Probe for EPMA: oxides, elements, limits and errors."""
    header = ["SAMPLE", "LINE", *(f"{oxide} WT%" for oxide in OXIDES), "TOTAL",
              "Si WT%", "Fe WT%", "Mg WT%", "Si AT%", "Fe AT%", "Mg AT%", "Mg CDL99", "Mg %ERR",
              "X-POS", "Y-POS", "Z-POS", "RELDIST", "BEAMCUR"]  # fmt: skip
    lines = ["\t".join(f'"{name}"' for name in header)]
    for sample in ("KLV ol1", "KLV ol2"):
        for k, row in enumerate(OLIVINE):
            lines.append(
                "\t".join(
                    [
                        f'"{sample}"', str(101 + k), *map(str, row), str(total(row)), "18.7",
                        "9.3", "28.4", "14.3", "3.6", "25.0", "0.008", "0.3",
                        f"{12.5 + 0.005 * k:.4f}", "41.2500", "10.9", f"{5.0 * k:.3f}", "20.1",
                    ]
                )
            )  # fmt: skip
    return "\n".join(lines) + "\n"


def write_ods(file: Path, sheets: dict[str, list[list[object]]]) -> None:
    """Write a small OpenDocument spreadsheet."""
    body = ""
    for name, rows in sheets.items():
        body += f'<table:table table:name="{escape(name)}">'
        for row in rows:
            body += "<table:table-row>"
            for cell in row:
                if cell is None:
                    body += "<table:table-cell/>"
                elif isinstance(cell, str):
                    body += (
                        '<table:table-cell office:value-type="string">'
                        f"<text:p>{escape(cell)}</text:p></table:table-cell>"
                    )
                else:
                    body += (
                        f'<table:table-cell office:value-type="float" office:value="{cell}">'
                        f"<text:p>{str(cell).replace('.', ',')}</text:p></table:table-cell>"
                    )
            body += "</table:table-row>"
        # As LibreOffice ends a sheet: a million empty rows.
        body += (
            '<table:table-row table:number-rows-repeated="1048000"><table:table-cell '
            'table:number-columns-repeated="16384"/></table:table-row></table:table>'
        )
    write_ods_body(file, body)


def write_ods_body(file: Path, body: str) -> None:
    """Write an OpenDocument spreadsheet with the XML of its tables."""
    urn = "urn:oasis:names:tc:opendocument:xmlns"
    mime = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", mime, zipfile.ZIP_STORED)
        archive.writestr(
            "content.xml",
            f'<?xml version="1.0" encoding="UTF-8"?><office:document-content '
            f'xmlns:office="{urn}:office:1.0" xmlns:table="{urn}:table:1.0" '
            f'xmlns:text="{urn}:text:1.0" office:version="1.2"><office:body><office:spreadsheet>'
            f"{body}</office:spreadsheet></office:body></office:document-content>",
        )
        archive.writestr(
            "META-INF/manifest.xml",
            f'<?xml version="1.0"?><manifest:manifest xmlns:manifest="{urn}:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{mime}"/>'
            "</manifest:manifest>",
        )
