from .learning import (
    Learned as Learned,
    answers as answers,
    learn as learn,
    measurements as measurements,
)
from .queue import Progress as Progress, ReviewQueue as ReviewQueue, reviewed as reviewed
from .session import Review as Review
from .uncertainty import CRITERIA as CRITERIA, doubts as doubts
