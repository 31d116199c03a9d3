from .results import Scores as Scores
from .settings import ScoreSettings as ScoreSettings
from .step import score_section as score_section
from .table import scores_table as scores_table
