from .settings import CompareSettings as CompareSettings
from .step import compare_networks as compare_networks
