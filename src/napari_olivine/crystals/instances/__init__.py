"""Instances: connected regions become crystals; touching ones split, cracked ones merged."""
