"""Records of runs, to disk and back."""

from __future__ import annotations

import math
from pathlib import Path

from napari_olivine.comparison.record import Effort, RunRecord, Training, read_record


def test_what_is_written_is_read_and_damage_is_a_run_to_be_made_again(tmp_path: Path) -> None:
    training = Training(
        effort=Effort(clock_s=2.0, processor_s=1.0),
        steps=3,
        best_step=3,
        validations=[{"step": 3.0, "val_loss": math.nan, "val_iou": 0.5}],
    )
    record = RunRecord(
        name="light-64-none-1", group="light-64-none", network="light", size=64, start="none",
        seed=1, state="trained", trained_from="abc", training=training,
    )  # fmt: skip
    record.write(tmp_path)
    again = read_record(tmp_path, record.name)
    assert again is not None
    assert again.training is not None
    assert math.isnan(again.training.validations[0]["val_loss"])
    assert again.model_dump(exclude={"training"}) == record.model_dump(exclude={"training"})
    file = tmp_path / f"{record.name}.json"
    file.write_text(file.read_text()[:-20])
    assert read_record(tmp_path, record.name) is None
    record.model_copy(update={"format": 0}).write(tmp_path)
    assert read_record(tmp_path, record.name) is None
