"""Scoring: a section against a known truth."""

from napari_olivine.scoring.results import Scores
from napari_olivine.scoring.settings import ScoreSettings
from napari_olivine.scoring.step import score_section
from napari_olivine.scoring.table import scores_table

__all__ = ["ScoreSettings", "Scores", "score_section", "scores_table"]
