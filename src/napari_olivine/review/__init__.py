"""Which crystals a person should look at, and what the program learns from the answers."""

from napari_olivine.review.learning import Learned, answers, learn, measurements
from napari_olivine.review.queue import Progress, ReviewQueue, reviewed
from napari_olivine.review.session import Review
from napari_olivine.review.uncertainty import GROUNDS, doubts

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
