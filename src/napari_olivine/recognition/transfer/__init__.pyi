from .settings import TransferSettings as TransferSettings
from .transfer_classifier import (
    TransferClassifier as TransferClassifier,
    TransferNetwork as TransferNetwork,
)
