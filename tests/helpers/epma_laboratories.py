"""Random EPMA tables of olivine in the manner of each laboratory, with what must be read."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from napari_olivine.readers.epma.elements import CATIONS, FEO_IN_FE2O3, oxide_of

ELEMENT = {"SiO2": "Si", "FeO": "Fe", "MnO": "Mn", "MgO": "Mg", "CaO": "Ca", "NiO": "Ni"}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "mac_roman")
COMMENTS = ("", "rim", "core", "groß", "fêlure", "T = 25 °C", "± ok")


@dataclass
class Written:
    """A table as a laboratory writes it.

    Parameters
    ----------
    rows
        Cells as text; numbers with a decimal point.
    expected
        What must be read, by column of the analyses.
    refused
        Nothing in the table decides: a refusal is right as well.
    """

    rows: list[list[str]]
    expected: dict[str, list[float]]
    refused: bool = False


@dataclass
class Block:
    """Columns with one name each, and the heading above them."""

    names: list[str]
    cells: list[list[str]]
    heading: str = ""
    units: list[str] = field(default_factory=list)


@dataclass
class Olivine:
    """Analyses along a line: texts with a decimal point, and their values."""

    oxides: dict[str, list[str]]
    distance: list[str]

    def value(self, oxide: str) -> list[float]:
        return [float(text) for text in self.oxides[oxide]]

    def total(self, more: float = 0.0) -> list[str]:
        rows = zip(*(self.value(oxide) for oxide in self.oxides), self.value("FeO"), strict=True)
        return [f"{sum(row) + more * iron:.2f}" for *row, iron in rows]

    def scaled(self, factor: Callable[[str], float], decimals: int) -> list[list[str]]:
        return [
            [f"{value * factor(oxide):.{decimals}f}" for value in self.value(oxide)]
            for oxide in self.oxides
        ]

    @property
    def count(self) -> int:
        return len(self.distance)


def olivine(random: Random) -> Olivine:
    """Invent analyses of zoned olivine: M2SiO4 within the errors of a microprobe."""
    count, decimals = random.randint(2, 8), random.choice((2, 2, 3, 3, 4))
    start, step = random.choice((0.0, 0.0, 4.5)), random.choice((0.75, 2.5, 10.0, 128.0, 512.5))
    first, last = random.uniform(0.70, 0.93), random.uniform(0.70, 0.93)
    names = ["SiO2", "FeO", "MgO", *random.choice(((), ("MnO", "CaO"), ("MnO", "CaO", "NiO")))]
    columns: dict[str, list[str]] = {oxide: [] for oxide in names}
    for k in range(count):
        mg = first + (last - first) * k / (count - 1)
        moles = {"SiO2": 1.0, "FeO": 2 * (1 - mg), "MgO": 2 * mg}
        grams = {oxide: n * CATIONS[oxide][2] for oxide, n in moles.items()}
        scale = random.uniform(98.4, 100.6) / sum(grams.values())
        values = {oxide: each * scale * random.gauss(1, 0.002) for oxide, each in grams.items()}
        values |= {"MnO": random.uniform(0.1, 0.4), "CaO": random.uniform(0.1, 0.4)}
        values["NiO"] = random.uniform(0.05, 0.4)
        for oxide in columns:
            columns[oxide].append(f"{values[oxide]:.{decimals}f}")
    places = random.choice((0, 1, 2, 3))
    return Olivine(columns, [f"{start + k * step:.{places}f}" for k in range(count)])


def jeol(random: Random) -> Written:
    """Write the summary of JEOL's program: Mass%, k-ratios, net counts, the stage in mm."""
    found = olivine(random)
    mass = random.choice(("{}(Mass%)", "{} (mass%)", "{}(MASS%)", "{} Mass%"))
    blocks = [
        Block([mass.format(o) for o in found.oxides], list(found.oxides.values())),
        Block([mass.format("Total")], [found.total()]),
    ]
    extra = [
        Block([f"{ELEMENT[o]}(K-ratio)" for o in found.oxides], found.scaled(lambda _: 0.007, 4)),
        Block([f"{ELEMENT[o]}(Net)" for o in found.oxides], found.scaled(lambda _: 31.7, 1)),
        Block([f"{o}(D.L.)" for o in found.oxides], found.scaled(lambda _: 0.0004, 3)),
        Block([f"{ELEMENT[o]}(mol%)" for o in found.oxides], found.scaled(_moles, 3)),
    ]
    blocks += random.sample(extra, random.randint(0, 4))
    names = Block(["Comment"], [[f"ol1 Line {k + 1:03d}" for k in range(found.count)]])
    x = [f"{-36.1312 + 0.0137 * k:.4f}" for k in range(found.count)]
    y = [f"{32.6913 - 0.0021 * k:.4f}" for k in range(found.count)]
    stage = Block(["X", "Y", "Z"], [x, y, ["10.7"] * found.count])
    expected = _expected(found) | {
        "stage_x_um": [1000 * float(each) for each in x],
        "stage_y_um": [1000 * float(each) for each in y],
    }
    return Written(_rows(found, [names, *blocks, stage]), expected)


def peaksight(random: Random) -> Written:
    """Write PeakSight's long table: blocks of one kind of names, their headings side by side."""
    found = olivine(random)
    elements = [ELEMENT[oxide] for oxide in found.oxides]
    weight = found.scaled(lambda oxide: 1 / oxide_of(ELEMENT[oxide])[1], 4)
    seconds = random.choice(("9.98", "30.0", "60.0"))
    limits = str(random.randint(90, 600))
    others = [
        Block(elements, [["20.0"] * found.count for _ in elements], "Beam curr (nA)"),
        Block(elements, [[seconds] * found.count for _ in elements], "Peak Time (s)"),
        Block(elements, found.scaled(lambda oxide: 8 * _moles(oxide), 3), "Atomic%"),
        Block(elements, [[limits] * found.count for _ in elements], "Det.Lim ppm(A)"),
        Block(elements, found.scaled(lambda _: 0.004, 3), "StdDev wt%"),
    ]
    blocks = random.sample(others, random.randint(1, 5))
    if oxides := random.random() < 0.6:
        oxide = Block([*found.oxides, "Total"], [*found.oxides.values(), found.total()], "Oxide")
        blocks.insert(random.randint(0, len(blocks)), oxide)
    if not oxides or random.random() < 0.5:
        block = Block([*elements, "Total"], [*weight, found.total()], "Weight%")
        blocks.insert(random.randint(0, len(blocks)), block)
    expected = _expected(found)
    if not oxides:
        expected = {
            oxide: [float(text) * oxide_of(ELEMENT[oxide])[1] for text in column]
            for oxide, column in zip(found.oxides, weight, strict=True)
        }
    points = Block(["DataSet/Point"], [[f"1 / {k + 1} ." for k in range(found.count)]])
    ends = Block(["X", "Y", "Z", "Comment", "Distance (µ)"],
                 [[str(-10413 + 5 * k) for k in range(found.count)], ["32015"] * found.count,
                  ["60"] * found.count, ["KLV ol1"] * found.count,
                  [f"{5.0 * k:.2f}" for k in range(found.count)]])  # fmt: skip
    rows = _rows(found, [points, *blocks, ends])
    heads = [block.heading for block in blocks] if random.random() < 0.8 else []
    top = [["FileName :  session.qtiDat"], ["Beam Size : 1 µm"], [], ["", *heads, ""], []]
    return Written([*top, *rows], expected)


def probe_for_epma(random: Random) -> Written:
    """Write a table of Probe for EPMA: WT%, AT%, limits, errors, places and distances."""
    found = olivine(random)
    elements = [ELEMENT[oxide] for oxide in found.oxides]
    extra = [
        Block([f"{e} WT%" for e in elements],
              found.scaled(lambda oxide: 1 / oxide_of(ELEMENT[oxide])[1], 4)),
        Block([f"{e} AT%" for e in elements], found.scaled(_moles, 4)),
        Block([f"{e} CDL99" for e in elements], found.scaled(lambda _: 0.001, 4)),
        Block([f"{e} %ERR" for e in elements], found.scaled(lambda _: 0.01, 2)),
    ]  # fmt: skip
    oxides = Block([f"{oxide} WT%" for oxide in found.oxides], list(found.oxides.values()))
    blocks = [
        oxides,
        Block(["TOTAL"], [found.total()]),
        *random.sample(extra, random.randint(0, 4)),
    ]
    ends = Block(["RELDIST"], [found.distance])
    lines = [str(101 + k) for k in range(found.count)]
    names = Block(["SAMPLE", "LINE"], [["KLV ol1"] * found.count, lines])
    expected = _expected(found) | {"distance_um": [float(text) for text in found.distance]}
    return Written(_rows(found, [names, *blocks, ends]), expected)


def by_hand(random: Random) -> Written:
    """Write a table as people do: any order, spelling and unit, several irons, blocks beside it."""
    found = olivine(random)
    expected = _expected(found)
    columns = [(oxide, texts) for oxide, texts in found.oxides.items() if oxide != "FeO"]
    way = random.choice(("FeO", "FeO", "FeOt", "Fe2O3", "both", "all three", "FeO and FeOt"))
    columns += _irons(random, way, found, expected)
    refused = False
    with_total = random.random() < 0.7
    again = random.choice(("", "", "", "same", "rounded", "other"))
    if again:
        texts = found.oxides["MgO"]
        if again == "rounded":
            texts = [f"{float(text):.1f}" for text in texts]
        elif again == "other":
            texts = [f"{float(text) - 3.1:.2f}" for text in texts]
            refused = not with_total
        columns.append(("MgO", texts))
    random.shuffle(columns)
    form = random.choice(HEADERS)
    names = [form.format(_spelled(random, oxide)) for oxide, _ in columns]
    blocks = [Block(names, [texts for _, texts in columns], "Oxides (wt%)")]
    if with_total:
        blocks[0].names.append(random.choice(("Total", "TOTAL", "Sum", "Summe", "Total (wt%)")))
        # The oxygen of ferric iron is in the total, where the table gives it.
        oxygen = {"Fe2O3": 1 / FEO_IN_FE2O3 - 1, "both": 0.1 * (1 - FEO_IN_FE2O3)}
        blocks[0].cells.append(found.total(oxygen.get(way, 0.0)))
    extra = [
        Block(list(found.oxides), found.scaled(lambda _: 0.003, 3), "Detection limits (wt%)"),
        Block([ELEMENT[o] for o in found.oxides], found.scaled(_moles, 4), "Cations (4 O)"),
        Block([f"{o} sd" for o in found.oxides], found.scaled(lambda _: 0.004, 3), ""),
    ]
    more = random.sample(extra, random.randint(0, 2))
    blocks = [*blocks, *more] if random.random() < 0.6 else [*more, *blocks]
    unit, factor = random.choice((("(µm)", 1.0), ("[mm]", 1000.0), ("microns", 1.0), ("", 1.0)))
    distance = [text if factor == 1 else f"{float(text) / 1000:.6f}" for text in found.distance]
    expected["distance_um"] = [float(text) * factor for text in distance]
    places = Block([f"{random.choice(('Distance', 'DIST', 'Abstand'))} {unit}".strip()], [distance])
    note = Block(["Comment"], [random.choices(COMMENTS, k=found.count)])
    blocks = random.sample([places, note], 2) + blocks
    rows = _rows(found, blocks)
    if any(block.heading for block in more):
        heads = [[block.heading, *[""] * (len(block.names) - 1)] for block in blocks]
        rows = [list(itertools.chain.from_iterable(heads)), *rows]
    title = random.choice(([], [["KLV-7, olivine 1"]], [["Sample KLV-7"], ["15 kV, 20 nA"], []]))
    return Written([*title, *rows], expected, refused)


def with_strange_columns(random: Random) -> Written:
    """Write a table among whose columns are some that only seem to be its composition."""
    found = olivine(random)
    columns = list(found.oxides.items())
    if random.random() < 0.5:
        columns.append(("Total", found.total()))
    for _ in range(random.randint(1, 4)):
        oxide = random.choice(list(found.oxides))
        name, factor, shift, decimals = random.choice(
            (
                (ELEMENT[oxide], 1.5 * _moles(oxide), 0.0, 4),  # cations
                (ELEMENT[oxide], 40 * _moles(oxide), 0.0, 3),  # atomic %
                (ELEMENT[oxide], 321.0, 0.0, 0),  # counts
                (f"{ELEMENT[oxide]} wt%", 1 / oxide_of(ELEMENT[oxide])[1], 0.0, 3),
                (f"{oxide} ppm", 1e4, 0.0, 0),
                (oxide, 0.01, 0.0, 3),  # errors
                (oxide, 1.1, 0.0, 3),  # another standard
                (oxide, 1.0, -0.5, 3),
            )
        )
        texts = [f"{factor * value + shift:.{decimals}f}" for value in found.value(oxide)]
        columns.append((name, texts))
    random.shuffle(columns)
    block = Block([name for name, _ in columns], [texts for _, texts in columns])
    rows = _rows(found, [Block(["Distance (µm)"], [found.distance]), block])
    return Written(rows, _expected(found), refused=True)


HEADERS = ("{}", "{} wt%", "{} (wt%)", "{} (wt.%)", "WT% {}", "{} Mass%", "{} Wt. Percent",
           "{} [Gew.-%]", "{}_wt_pct")  # fmt: skip
MANNERS = {
    "jeol": jeol, "peaksight": peaksight, "probe for epma": probe_for_epma, "by hand": by_hand,
}  # fmt: skip


def as_text(written: Written, separator: str, decimal: str, thousands: str) -> str:
    """Lay a table out as text; numbers in one convention."""
    lines = []
    for row in written.rows:
        cells = [localised(cell, decimal, thousands) for cell in row]
        lines.append(separator.join(f'"{c}"' if separator in c else c for c in cells))
    return "\n".join(lines) + "\n"


def localised(cell: str, decimal: str, thousands: str) -> str:
    """Write a number with other marks; any other cell as it is."""
    try:
        float(cell)
    except ValueError:
        return cell
    whole, point, rest = cell.lstrip("-").partition(".")
    if thousands and len(whole) > 3:
        whole = f"{int(whole):,}".replace(",", thousands)
    return f"{'-' if cell.startswith('-') else ''}{whole}{decimal if point else ''}{rest}"


def _moles(oxide: str) -> float:
    return CATIONS[oxide][0] / CATIONS[oxide][2]


def _expected(found: Olivine) -> dict[str, list[float]]:
    return {oxide: found.value(oxide) for oxide in found.oxides}


def _rows(found: Olivine, blocks: Sequence[Block]) -> list[list[str]]:
    cells = [cells for block in blocks for cells in block.cells]
    header = [name for block in blocks for name in block.names]
    return [header, *([column[k] for column in cells] for k in range(found.count))]


def _irons(
    random: Random, way: str, found: Olivine, expected: dict[str, list[float]]
) -> list[tuple[str, list[str]]]:
    """Give the iron in one of the ways that are in use."""
    all_iron = found.value("FeO")
    ferric = [f"{0.1 * each:.3f}" for each in all_iron]
    ferrous = [
        f"{each - FEO_IN_FE2O3 * float(f):.3f}" for each, f in zip(all_iron, ferric, strict=True)
    ]
    total = random.choice(("FeOt", "FeO*", "FeO(T)", "total FeO"))
    if way == "Fe2O3":
        as_ferric = [f"{each / FEO_IN_FE2O3:.3f}" for each in all_iron]
        expected["FeO"] = [float(text) * FEO_IN_FE2O3 for text in as_ferric]
        return [("Fe2O3", as_ferric)]
    if way == "both":
        expected["FeO"] = [
            float(f) + FEO_IN_FE2O3 * float(g) for f, g in zip(ferrous, ferric, strict=True)
        ]
    return {
        "FeO": [("FeO", found.oxides["FeO"])],
        "FeOt": [(total, found.oxides["FeO"])],
        "both": [("FeO", ferrous), ("Fe2O3", ferric)],
        "all three": [("FeO", ferrous), ("Fe2O3", ferric), (total, found.oxides["FeO"])],
        "FeO and FeOt": [("FeO", ferrous), (total, found.oxides["FeO"])],
    }[way]


def _spelled(random: Random, name: str) -> str:
    return random.choice((str, str.upper, str.lower, lambda n: n.replace("2", "₂"), str))(name)
