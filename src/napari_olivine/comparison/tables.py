"""The tables of a comparison: what each run scored, session by session, as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from napari_olivine.comparison.pixel_counts import (
    PixelCounts,
    calibration,
    calibration_error,
    class_scores,
    olivine_scores,
    overall_accuracy,
)
from napari_olivine.comparison.record import Outlines, RunRecord, SessionRecord
from napari_olivine.inference import PUBLISHED_THRESHOLD
from napari_olivine.section import atomic_path

ALL = "all"
"""Stands for all sessions of a role together, by one confusion matrix."""

PUBLISHED, BEST = "published", "best of val"
"""Names of the two thresholds of olivine."""


def write_tables(folder: Path, records: Sequence[RunRecord]) -> None:
    """Write the tables of runs into a folder, each whole or not at all.

    Parameters
    ----------
    folder
        Of the comparison.
    records
        The runs, also those that failed.
    """
    tables = {
        "runs": runs_table(records),
        "olivine": olivine_table(records),
        "classes": classes_table(records),
        "confusion": confusion_table(records),
        "sizes": sizes_table(records),
        "calibration": calibration_table(records),
        "learning": learning_table(records),
    }
    for name, table in tables.items():
        with atomic_path(folder / f"{name}.csv") as file:
            table.to_csv(file, index=False, float_format="%.6g")


def runs_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a run: what it took, and how good it is on the reported sessions.

    Times are in seconds; processor time is that of all cores together. Peaks of memory are in MB.
    """
    rows = []
    for one in records:
        row: dict[str, Any] = _who(one) | {
            "state": one.state, "reason": one.reason, "model": one.model,
            "weights_from": one.weights_from, "device": one.device, "threads": one.threads,
        }  # fmt: skip
        if (training := one.training) is not None:
            row |= {
                "steps": training.steps or None,
                "best_step": training.best_step or None,
                "training_processor_s": training.effort.processor_s,
                "training_clock_s": training.effort.clock_s,
                "training_peak_mb": training.effort.peak_mb,
                "training_gpu_peak_mb": training.effort.gpu_peak_mb,
            }
        counts = one.pooled(one.reported)
        if (prediction := one.prediction) is not None and counts is not None:
            effort = prediction.effort
            row |= {
                "engine": prediction.engine,
                "mpx_per_s": _per(prediction.megapixels, effort.clock_s),
                "mpx_per_processor_s": _per(prediction.megapixels, effort.processor_s),
                "peak_mb": _most(row.get("training_peak_mb"), effort.peak_mb),
                "gpu_peak_mb": _most(row.get("training_gpu_peak_mb"), effort.gpu_peak_mb),
                "val_iou": one.val_iou,
                "best_threshold": one.threshold,
                "reported": one.reported,
                "ece": calibration_error(counts.histogram),
                "mean_class_iou": class_scores(counts, one.known)["iou"].mean(),
                "class_accuracy": overall_accuracy(counts, one.known),
            }
            for name, threshold in _thresholds(one):
                scores = olivine_scores(counts.histogram, threshold)
                end = "0.1" if name == PUBLISHED else "best"
                row |= {
                    f"iou_{end}": scores["iou"],
                    f"overall_accuracy_{end}": scores["overall_accuracy"],
                    f"boundary_iou_{end}": _boundary(one, one.reported, threshold),
                }
        rows.append(row)
    return pd.DataFrame(rows)


def olivine_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a run, session and threshold: olivine against all else.

    ``regions`` are the connected regions of the network of 20 um2 and more, ``false_regions`` those
    among them that touch no olivine of the reference.
    """
    rows = []
    for one, part, counts in _parts(records):
        for name, threshold in _thresholds(one):
            scores = olivine_scores(counts.histogram, threshold)
            row = {"chosen": name, "threshold": threshold, **scores}
            row["boundary_iou"] = _boundary(one, part["role"], threshold, part["session"])
            outlines = _outlines(one, part["role"], threshold, part["session"])
            row["regions"] = sum(each.regions for each in outlines)
            row["false_regions"] = sum(each.false_regions for each in outlines)
            rows.append(_who(one) | part | row | {"ece": calibration_error(counts.histogram)})
    return pd.DataFrame(rows)


def classes_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a run, session and class: hard IoU, and soft IoU as a further column."""
    rows = []
    for one, part, counts in _parts(records):
        for place, scores in class_scores(counts, one.known).iterrows():
            rows.append(_who(one) | part | {"class": one.classes[int(str(place))]} | dict(scores))
    return pd.DataFrame(rows)


def confusion_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a run, session, class of the reference and class of the network: pixels."""
    rows = []
    for one, part, counts in _parts(records):
        for true, row in enumerate(counts.confusion):
            for given, pixels in enumerate(row):
                if pixels:
                    pair = {"reference": one.classes[true], "network": one.classes[given]}
                    rows.append(_who(one) | part | pair | {"pixels": int(pixels)})
    return pd.DataFrame(rows)


def sizes_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a run, session, threshold and size class: crystals of the reference that are found.

    Of all sessions of a role the crystals are added up.
    """
    rows = []
    for one in records:
        for part, sessions in _sessions(one):
            for name, threshold in _thresholds(one):
                for sizes in zip(*(_at(s, threshold).sizes for s in sessions), strict=True):
                    true = sum(size.true for size in sizes)
                    found = sum(size.found for size in sizes)
                    row = {"chosen": name, "threshold": threshold, "from_um2": sizes[0].from_um2}
                    row |= {"to_um2": sizes[0].to_um2, "true": true, "found": found}
                    row["recall"] = found / true if true else None
                    rows.append(_who(one) | part | row)
    return pd.DataFrame(rows)


def calibration_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a run, session and bin: mean probability, and share of olivine."""
    rows = [
        calibration(counts.histogram)
        .rename_axis("bin").reset_index().assign(**_who(one), **part)
        for one, part, counts in _parts(records)
    ]  # fmt: skip
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def learning_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a validation of a training.

    ``processor_s`` is reckoned from its step: the steps of a training take about equally long.
    """
    rows = []
    for one in records:
        if one.training is not None:
            each = one.training.effort.processor_s / max(1, one.training.steps)
            for row in one.training.validations:
                rows.append(_who(one) | row | {"processor_s": row["step"] * each})
    return pd.DataFrame(rows)


def _who(record: RunRecord) -> dict[str, Any]:
    return {
        "run": record.name, "network": record.network, "size_px": record.size,
        "start": record.start, "seed": record.seed,
    }  # fmt: skip


def _parts(
    records: Sequence[RunRecord],
) -> Iterator[tuple[RunRecord, dict[str, str], PixelCounts]]:
    """Go through the scored runs, and through the sessions of each, alone and by role."""
    for one in records:
        for part, sessions in _sessions(one):
            yield one, part, PixelCounts.together(s.counts for s in sessions)


def _sessions(record: RunRecord) -> Iterator[tuple[dict[str, str], list[SessionRecord]]]:
    for role in dict.fromkeys(one.role for one in record.sessions):
        of_role = [one for one in record.sessions if one.role == role]
        yield {"role": role, "session": ALL}, of_role
        for one in of_role:
            yield {"role": role, "session": one.session}, [one]


def _thresholds(record: RunRecord) -> list[tuple[str, float]]:
    if record.threshold is None:
        return []
    return [(PUBLISHED, PUBLISHED_THRESHOLD), (BEST, record.threshold)]


def _at(session: SessionRecord, threshold: float) -> Outlines:
    return next(one for one in session.outlines if one.threshold == threshold)


def _outlines(record: RunRecord, role: str, threshold: float, session: str = ALL) -> list[Outlines]:
    """Return the outlines of a session, or of all of a role."""
    return [
        _at(one, threshold)
        for one in record.sessions
        if one.role == role and session in (ALL, one.session)
    ]


def _boundary(record: RunRecord, role: str, threshold: float, session: str = ALL) -> float | None:
    """Boundary IoU of a session, or of all of a role together."""
    chosen = _outlines(record, role, threshold, session)
    shared, either = (
        sum(getattr(one, name) for one in chosen) for name in ("boundary_shared", "boundary_either")
    )
    return shared / either if either else None


def _most(*values: float | None) -> float | None:
    """Return the largest; what is scored anew has been trained in an earlier process."""
    return max((value for value in values if value is not None), default=None)


def _per(amount: float, seconds: float) -> float | None:
    return amount / seconds if seconds else None
