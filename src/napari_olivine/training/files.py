"""Files of a training that has not ended, in the folder in which its model is made."""

CHECKPOINT = "checkpoint.pt"
"""All that a training needs to go on where it stopped."""

WEIGHTS_FROM = "weights_from.txt"
"""What it started from, in words."""
