"""The page of a comparison: what came out, in tables and plots, for a browser without a server."""

from __future__ import annotations

import html
import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from napari_olivine.comparison.charts import (
    learning_chart,
    reliability_chart,
    size_classes,
    sizes_chart,
)
from napari_olivine.comparison.folder import PAGE, ComparisonFolder
from napari_olivine.comparison.html import (
    Cell,
    mark_best,
    number,
    page,
    paragraph,
    spread,
    table,
)
from napari_olivine.comparison.method_text import budget_text, method_items
from napari_olivine.comparison.picture_table import pictures_part
from napari_olivine.comparison.published import (
    CLASSES,
    LEICHTER,
    SEM_SEGMENTATION,
    TABLES,
    WHY_NO_TABLE_4,
    WHY_NOT_OURS,
)
from napari_olivine.comparison.record import RunRecord
from napari_olivine.comparison.settings import CompareSettings
from napari_olivine.comparison.tables import (
    ALL,
    BEST,
    PUBLISHED,
    calibration_table,
    classes_table,
    learning_table,
    olivine_table,
    runs_table,
    sizes_table,
)
from napari_olivine.section import Section, write_atomically

MOST_DRAWN = 8
"""Lines of a plot; more could not be told apart."""


def write_page(
    folder: ComparisonFolder,
    section: Section,
    truth: Path | None,
    records: Sequence[RunRecord],
    settings: CompareSettings,
) -> None:
    """Write the page.

    Parameters
    ----------
    folder
        Folder of the comparison.
    section
        Section of the comparison.
    truth
        Folder of the truth that scores; `None` where the mask does.
    records
        The runs so far, also those that failed.
    settings
        Of the comparison.
    """
    scored = [one for one in records if one.state == "finished"]
    failed = [one for one in records if one.state == "failed"]
    reference = "the mask" if truth is None else f"the truth in {truth}"
    today = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    sessions = [f"{one.session} ({one.role})" for one in scored[0].sessions] if scored else []
    told = f" in session {', '.join(sessions)}" if sessions else ""
    parts = [
        paragraph(f"{budget_text(settings)} Scored against {reference}{told}. Written {today}.")
    ]
    if scored:
        groups = _groups(scored)
        role = scored[0].reported
        parts += [
            _short(folder, section, scored, groups, role),
            _summary(scored, groups, role),
            _olivine(scored, groups),
            _classes(scored, groups, role),
            _confusion(scored, role),
            _plots(scored, groups, role, by_time=settings.max_steps is None),
            pictures_part(section, groups, MOST_DRAWN),
        ]
    if failed:
        parts += ["<h2>Runs that failed</h2>\n", _failures(failed)]
    parts += [_published(), "<h2>How it was counted</h2>\n<ul>"]
    parts += [f"<li>{html.escape(item)}</li>\n" for item in method_items(settings)]
    parts.append("</ul>\n")
    title = f"Networks compared on {section.record.name}"
    write_atomically(folder.path / PAGE, page(title, parts))


def _groups(records: Sequence[RunRecord]) -> dict[str, list[RunRecord]]:
    """Put runs that differ by their seed alone together, the best on the val sessions first."""
    groups: dict[str, list[RunRecord]] = {}
    for one in records:
        groups.setdefault(one.group, []).append(one)

    def mean(group: str) -> float:
        return sum(one.val_iou for one in groups[group]) / len(groups[group])

    return {group: groups[group] for group in sorted(groups, key=mean, reverse=True)}


def _grouped(made: pd.DataFrame, groups: dict[str, list[RunRecord]]) -> pd.DataFrame:
    """Add the group of each row's run."""
    of_run = {one.name: group for group, runs in groups.items() for one in runs}
    return made.assign(group=made["run"].map(of_run)) if len(made) else made.assign(group=[])


def _short(
    folder: ComparisonFolder,
    section: Section,
    scored: list[RunRecord],
    groups: dict[str, list[RunRecord]],
    role: str,
) -> str:
    """Say which network is the best, how sure that is, and how to use its model."""
    best = max(scored, key=lambda one: one.val_iou)
    text = runs_table([best]).iloc[0]
    said = (
        f"Best on the val sessions: {best.name}, with an IoU of olivine of {best.val_iou:.3f} at "
        f"threshold {best.threshold:.2f}. In the {role} sessions {text['iou_best']:.3f} there, and "
        f"{text['iou_0.1']:.3f} at 0.1 as published."
    )
    model = folder.place_of(best.model)
    command = shlex.join(["napari-olivine", "segment", str(section.path), "--model", str(model)])
    use = f"<p>To use it: <code>{html.escape(command)}</code></p>\n"
    if not model.is_dir():
        use = paragraph("Its model was not kept.")
    doubts = "".join(paragraph(f"{one.name}: {one.doubt}") for one in scored if one.doubt)
    sure = paragraph(_sureness(groups))
    return f'<div class="short">{paragraph(said)}{sure}{doubts}{use}</div>\n'


def _sureness(groups: dict[str, list[RunRecord]]) -> str:
    """Say whether the first is better than the second by more than the seeds differ."""
    if len(groups) < 2:
        return "There is nothing beside it to compare it with."
    (first, ones), (second, others) = list(groups.items())[:2]
    if min(len(ones), len(others)) < 2:
        return (
            f"How far it is from the second, {second}, by chance is not known: with one seed each "
            "no spread can be told. Give several seeds before you rely on a small difference."
        )
    least, most = min(one.val_iou for one in ones), max(one.val_iou for one in others)
    if least > most:
        return f"Every seed of {first} is better on val than every seed of the second, {second}."
    return (
        f"The seeds of {first} and of the second, {second}, overlap on val ({least:.3f} and "
        f"{most:.3f}): which of the two is better is not told by these trainings."
    )


def _summary(scored: list[RunRecord], groups: dict[str, list[RunRecord]], role: str) -> str:
    made = _grouped(runs_table(scored), groups).reindex(columns=SUMMARY_COLUMNS)
    scores, efforts = [], []
    for group, runs in groups.items():
        of = made[made["group"] == group]
        scores.append(
            [
                Cell(group), number(len(runs), 0), spread(of["val_iou"]), spread(of["iou_best"]),
                spread(of["best_threshold"], 2), spread(of["iou_0.1"]),
                spread(of["overall_accuracy_best"], 4), spread(of["boundary_iou_best"]),
                spread(of["ece"], 4),
            ]
        )  # fmt: skip
        efforts.append(
            [
                Cell(group), spread(of["steps"], 0), spread(of["training_processor_s"] / 60, 1),
                spread(of["training_clock_s"] / 60, 1), spread(_memory(of, "training_"), 0),
                spread(of["mpx_per_s"], 2), spread(of["mpx_per_processor_s"], 2),
                spread(_memory(of, ""), 0), Cell(", ".join(sorted(set(of["engine"])))),
            ]
        )  # fmt: skip
    mark_best(scores, (2, 3, 5, 6, 7), least=(8,))
    mark_best(efforts, (5, 6), least=(4, 7))
    head = [
        FIRST, "Seeds", "IoU, val", f"IoU, {role}", "at threshold", f"IoU at 0.1, {role}",
        f"OA, {role}", f"Boundary IoU, {role}", f"ECE, {role}",
    ]  # fmt: skip
    took = [
        FIRST, "Steps", "Training, processor min", "Training, clock min", "Training, peak MB",
        "Segmenting, Mpx/s", "Segmenting, Mpx per processor s", "Whole run, peak MB", "Engine",
    ]  # fmt: skip
    note = (
        "Olivine against all else, all sessions of a role by one confusion matrix; at the best "
        "threshold of val where none is named. Mean of the seeds (least to most). A click on a "
        "head sorts."
    )
    return (
        f"<h2>Summary</h2>\n{_scroll(table(head, scores))}{_note(note)}"
        f"<h3>What it took</h3>\n{_scroll(table(took, efforts))}"
    )


FIRST = "Network, crop, start"

SUMMARY_COLUMNS = [
    "run", "group", "val_iou", "best_threshold", "iou_best", "iou_0.1", "overall_accuracy_best",
    "boundary_iou_best", "ece", "steps", "training_processor_s", "training_clock_s", "mpx_per_s",
    "mpx_per_processor_s", "training_peak_mb", "training_gpu_peak_mb", "peak_mb",
    "gpu_peak_mb", "engine", "device",
]  # fmt: skip


def _memory(runs: pd.DataFrame, part: str) -> pd.Series:
    """Peak memory of each run, on the graphics card where that computed."""
    on_card = runs["device"].astype(str).str.startswith("cuda")
    return runs[f"{part}gpu_peak_mb"].where(on_card, runs[f"{part}peak_mb"])


def _olivine(scored: list[RunRecord], groups: dict[str, list[RunRecord]]) -> str:
    """Tables in the manner of Leichter et al. (2022): IoU and overall accuracy by session."""
    made = _grouped(olivine_table(scored), groups)
    parts = ["<h2>Olivine by session, at the published and at the best threshold</h2>\n"]
    pairs = made[["role", "session"]].drop_duplicates().astype(str).to_numpy().tolist()
    for role, session in pairs:
        of = made[(made["role"] == role) & (made["session"] == session)]
        if session == ALL and sum(one == role for one, _ in pairs) == 2:
            continue  # the only session of its role
        name = "all sessions" if session == ALL else f"session {session}"
        parts.append(f"<h3>{html.escape(f'{name} ({role})')}</h3>\n")
        rows = []
        for group in groups:
            row = [Cell(group)]
            for chosen in (PUBLISHED, BEST):
                one = of[(of["group"] == group) & (of["chosen"] == chosen)]
                row += [] if chosen == PUBLISHED else [spread(one["threshold"], 2)]
                row += [spread(one["iou"]), spread(one["overall_accuracy"], 4)]
                row += [spread(one["precision"]), spread(one["recall"])]
                row.append(spread(one["boundary_iou"]))
            rows.append(row)
        mark_best(rows, (1, 2, 5, 7, 8, 11))
        head = [FIRST, *(f"{name} at 0.1" for name in OLIVINE_HEAD)]
        parts.append(_scroll(table([*head, "Best threshold", *OLIVINE_HEAD], rows)))
    return "".join(parts)


OLIVINE_HEAD = ("IoU", "OA", "precision", "recall", "boundary IoU")


def _classes(scored: list[RunRecord], groups: dict[str, list[RunRecord]], role: str) -> str:
    """Tables in the manner of ddvika/SEM_segmentation: network by class, a table a crop size."""
    made = _grouped(classes_table(scored), groups)
    made = made[(made["role"] == role) & (made["session"] == ALL)]
    names = list(dict.fromkeys(made["class"]))
    shares = made[made["run"] == made["run"].iloc[0]].set_index("class")["pixels"]
    parts = [f"<h2>IoU by class in the {role} sessions</h2>\n"]
    for size in sorted({int(one) for one in made["size_px"].tolist()}):
        of_size = made[made["size_px"] == size]
        rows = []
        for group in groups:
            of = of_size[of_size["group"] == group]
            if len(of):
                each = [of[of["class"] == name] for name in names]
                mean = of.groupby("run")["iou"].mean()
                rows.append([Cell(group), *(spread(one["iou"]) for one in each), spread(mean)])
                rows[-1].append(spread(of.loc[of["class"] == "olivine", "soft_iou"]))
        mark_best(rows, range(1, len(names) + 3))
        parts.append(f"<h3>{f'Crops of {size} px' if size else 'Crops of unknown size'}</h3>\n")
        head = [FIRST, *names, "mean of its classes", "olivine, soft IoU"]
        parts.append(_scroll(table(head, rows)))
    percent = 100 * shares / shares.sum()
    told = ", ".join(f"{name} {percent[name]:.1f} %" for name in names)
    note = (
        "Hard IoU: the most probable class of each pixel, all sessions by one confusion matrix. A "
        "network that does not know a class has none for it, and its first column stands for all "
        "that it does not know. The soft IoU is there to compare with code that counts that way. "
        f"Pixels of the reference: {told}."
    )
    return "".join(parts) + _note(note)


def _confusion(scored: list[RunRecord], role: str) -> str:
    best = max(scored, key=lambda one: one.val_iou)
    counts = best.pooled(role)
    assert counts is not None
    kept = [0, *best.known]
    rows = []
    for place, row in enumerate(counts.confusion):
        if total := int(row.sum()):
            cells = [number(100 * row[given] / total, 1) for given in kept]
            rows.append([Cell(best.classes[place]), number(total, 0), *cells])
    head = ["Reference", "pixels", *(f"{best.classes[given]} %" for given in kept)]
    return (
        f"<h2>What {html.escape(best.name)} takes for what ({role})</h2>\n"
        + _scroll(table(head, rows))
        + _note("Rows: what it is by the reference. Columns: what the network calls it, percent.")
    )


def _plots(
    scored: list[RunRecord], groups: dict[str, list[RunRecord]], role: str, *, by_time: bool
) -> str:
    drawn = list(groups)[:MOST_DRAWN]
    only = ""
    if len(groups) > MOST_DRAWN:
        only = f" The {MOST_DRAWN} best on val of {len(groups)} are drawn."
    sizes = _grouped(sizes_table(scored), groups)
    sizes = sizes[(sizes["role"] == role) & (sizes["session"] == ALL) & (sizes["chosen"] == BEST)]
    bins = _grouped(calibration_table(scored), groups)
    bins = bins[(bins["role"] == role) & (bins["session"] == ALL)]
    learned = _grouped(learning_table(scored), groups)
    parts = [f"<h2>Crystals found, by size ({role})</h2>\n"]
    if sizes["true"].sum():
        false = _grouped(olivine_table(scored), groups)
        false = false[(false["role"] == role) & (false["session"] == ALL)]
        false = false[false["chosen"] == BEST]
        parts += [sizes_chart(sizes, drawn), _note(FOUND_NOTE + only)]
        parts.append(_found(sizes, false, groups))
    else:
        parts.append(paragraph("The reference has no crystal of 20 µm² or more there."))
    parts.append(f"<h2>Is the probability to be believed? ({role})</h2>\n")
    parts += [reliability_chart(bins, drawn), _note(RELIABILITY_NOTE + only)]
    if len(learned):
        parts += ["<h2>Learning</h2>\n", learning_chart(learned, drawn, by_time)]
        parts.append(_note(LEARNING_NOTE + only))
    return "".join(parts)


FOUND_NOTE = (
    "Share of the crystals of the reference that are found, of those that do not touch the edge of "
    "their session; at the best threshold of val, mean of the seeds. False regions: connected "
    "regions of the network of 20 µm² and more that touch no olivine of the reference."
)

RELIABILITY_NOTE = (
    "Below the line the network is too sure of olivine, above it not sure enough. Bins with fewer "
    "than 100 pixels are left out; the seeds are counted together."
)

LEARNING_NOTE = (
    "One line a training. The weights of the lowest cross-entropy in validation are kept, which "
    "need not be those of the highest IoU."
)


def _found(sizes: pd.DataFrame, false: pd.DataFrame, groups: dict[str, list[RunRecord]]) -> str:
    """Tell the share that is found by size, and the regions that are no olivine."""
    classes = size_classes(sizes)
    rows = []
    for group in groups:
        of = sizes[sizes["group"] == group]
        each = [of.loc[of["from_um2"] == one.from_um2, "recall"] for one in classes]
        regions = false[false["group"] == group]
        wrong = [spread(regions["false_regions"], 0), spread(regions["regions"], 0)]
        rows.append([Cell(group), *(spread(one, 2) for one in each), *wrong])
    mark_best(rows, range(1, len(classes) + 1), least=(len(classes) + 1,))
    named = [f"{one.name} µm² (n = {one.true})" for one in classes]
    return _scroll(table([FIRST, *named, "false regions", "of regions"], rows))


def _failures(failed: list[RunRecord]) -> str:
    rows = [[Cell(one.name), Cell(one.reason)] for one in failed]
    wrapped = table(["Run", "Why"], rows).replace("<table>", '<table style="white-space:normal">')
    return _scroll(wrapped)


def _published() -> str:
    parts = ["<h2>Published figures, not of this section</h2>\n", paragraph(LEICHTER)]
    parts.append(paragraph(f"{SEM_SEGMENTATION}, tables 1 to 3: {WHY_NOT_OURS}"))
    for place, (size, networks) in enumerate(TABLES.items(), start=1):
        rows = [[Cell(name), *(number(one, 2) for one in row)] for name, row in networks.items()]
        parts.append(f"<h3>Table {place}: {size} x {size} px</h3>\n")
        parts.append(_scroll(table(["Network", *CLASSES], rows)))
    parts.append(paragraph(WHY_NO_TABLE_4))
    return "".join(parts)


def _scroll(text: str) -> str:
    return f'<div class="scroll">{text}</div>\n'


def _note(text: str) -> str:
    return f'<p class="note">{html.escape(text)}</p>\n'
