from .learning import (
    MisclassificationModel as MisclassificationModel,
    fit_misclassification as fit_misclassification,
    learning_features as learning_features,
    review_outcomes as review_outcomes,
)
from .queue import Progress as Progress, ReviewQueue as ReviewQueue, reviewed as reviewed
from .session import Review as Review
from .uncertainty import CRITERIA as CRITERIA, rate_uncertainty as rate_uncertainty
