"""Which crystals a person should look at, and what the program learns from the answers."""

from napari_olivine.review.doubt import GROUNDS, doubts
from napari_olivine.review.learning import Learned, answers, learn, measurements
from napari_olivine.review.queue import Progress, ReviewQueue, reviewed
from napari_olivine.review.work import Review

__all__ = [
    "GROUNDS",
    "Learned",
    "Progress",
    "Review",
    "ReviewQueue",
    "answers",
    "doubts",
    "learn",
    "measurements",
    "reviewed",
]
