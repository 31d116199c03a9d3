"""Scores as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from napari_olivine.scoring.results import MgScores, PhaseScores, Scores, SizesScores

BSE_ALONE, JOINT = "BSE alone", "BSE and maps"
"""The two segmentations of a section with element maps."""


def scores_table(scores: Scores) -> str:
    """Write all scores, one block a product."""
    blocks = [f"Scores of {scores.section} against the truth"]
    blocks += _phases(scores)
    blocks += _other_phases(scores)
    blocks += _mg(scores)
    blocks += _traverses(scores)
    blocks += _crystals(scores)
    blocks += _sizes(scores)
    blocks += _zoning(scores)
    if scores.missing:
        blocks.append("\n".join(["Not scored", *(f"  {reason}" for reason in scores.missing)]))
    return "\n\n".join(blocks)


def _phases(scores: Scores) -> Iterable[str]:
    rows: list[Sequence[str]] = []
    titles = {
        "mask": "mask",
        "segmentation": "segmentation" if scores.joint is None else BSE_ALONE,
        "joint": JOINT,
        "final": "crystals",
    }
    for name, title in titles.items():
        whole = getattr(scores, name)
        if whole is None:
            continue
        rows.append([title, *_phase(whole)])
        rows += [
            [f"  session {part.session} ({part.role})", *_phase(getattr(part, name))]
            for part in scores.sessions
            if getattr(part, name) is not None
        ]
    if rows:
        head = [
            "Olivine pixels",
            "IoU",
            "OA",
            "precision",
            "recall",
            "boundary IoU",
            "opx as olivine",
        ]
        yield _columns([head, *rows])


def _other_phases(scores: Scores) -> Iterable[str]:
    rows = [
        [f"{phase}, {BSE_ALONE if product == 'segmentation' else product}", *_phase(one)[:4]]
        for phase, products in scores.other_phases.items()
        for product, one in products.items()
    ]
    if rows:
        yield _columns([["Pixels of other phases", "IoU", "OA", "precision", "recall"], *rows])


def _phase(phase: PhaseScores) -> list[str]:
    opx = phase.orthopyroxene_percent
    values = (
        phase.iou, phase.overall_accuracy, phase.precision, phase.recall, phase.boundary_iou
    )  # fmt: skip
    return [*(_number(v) for v in values), "-" if opx is None else f"{opx:.1f} %"]


def _mg(scores: Scores) -> Iterable[str]:
    if scores.mg is None:
        return
    rows = [["whole map", *_mg_row(scores.mg)]]
    rows += [
        [f"  session {part.session} ({part.role})", *_mg_row(part.mg)]
        for part in scores.sessions
        if part.mg is not None
    ]
    yield _columns([["mg# of the map", "RMSE", "bias", "pixels"], *rows])


def _mg_row(mg: MgScores) -> list[str]:
    bias = "-" if mg.bias is None else f"{mg.bias:+.4f}"
    return [_number(mg.rmse), bias, f"{mg.pixels:,}".replace(",", " ")]


def _traverses(scores: Scores) -> Iterable[str]:
    if scores.traverses:
        keys = ["points", "r2", "rmse", "rmse10", "rmse_sh", "rmse_sh10"]
        rows = [
            [use, *(_number(values.get(key)) for key in keys)]
            for use, values in scores.traverses.items()
        ]
        head = ["mg# on traverses", "points", "R2", "RMSE", "RMSE10", "RMSEsh", "RMSEsh10"]
        yield _columns([head, *rows])


def _crystals(scores: Scores) -> Iterable[str]:
    crystals = scores.crystals
    if crystals is not None:
        rows = [
            [f"{name}s", str(size.true), str(size.found), str(size.true - size.found)]
            for name, size in crystals.by_size.items()
        ]
        total = ["all", str(crystals.true), str(crystals.found), str(crystals.missed)]
        table = _columns([["Crystals", "true", "found", "missed"], *rows, total])
        yield (
            f"{table}\n{crystals.labels} labels, {crystals.spurious} of them spurious; "
            f"{crystals.merged} true crystals merged, {crystals.split} split"
        )


def _sizes(scores: Scores) -> Iterable[str]:
    yield from _size_table({"mask": scores.mask_sizes, "crystals": scores.crystal_sizes})
    yield from _size_table({BSE_ALONE: scores.segmentation_sizes, JOINT: scores.joint_sizes})


def _size_table(both: dict[str, SizesScores | None]) -> Iterable[str]:
    there = {name: sizes for name, sizes in both.items() if sizes is not None}
    if not there:
        return
    head = ["True area, um2", "true"]
    for name in there:
        head += [f"{name}: found", "area ratio"]
    rows: list[Sequence[str]] = [head]
    for classes in zip(*(sizes.classes for sizes in there.values()), strict=True):
        first = classes[0]
        upper = "and more" if first.to_um2 is None else f"to {first.to_um2:g}"
        row = [f"{first.from_um2:g} {upper}", str(first.true)]
        for one in classes:
            row += [str(one.found), _number(one.area_ratio)]
        rows.append(row)
    false = "; ".join(
        f"{name}: {sizes.false_labels} of {sizes.labels} labels touch no olivine"
        for name, sizes in there.items()
    )
    yield f"{_columns(rows)}\n{false}"


def _zoning(scores: Scores) -> Iterable[str]:
    zoning = scores.zoning
    if zoning is not None:
        names = list(dict.fromkeys(name for row in zoning.confusion.values() for name in row))
        rows = [
            [kind, *(str(row.get(name, 0)) for name in names)]
            for kind, row in zoning.confusion.items()
        ]
        table = _columns([["Phenocrysts, true zoning", *names], *rows])
        yield (
            f"{table}\n{zoning.right} of {zoning.phenocrysts} right "
            f"({_percent(zoning.accuracy)}); of those with a class "
            f"{_percent(zoning.accuracy_of_classified)}; with other patterns, right as none, "
            f"{_percent(zoning.accuracy_with_others)}"
        )


def _number(value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        row[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]
    lines.insert(1, "-" * max(len(line) for line in lines))
    return "\n".join(lines)
