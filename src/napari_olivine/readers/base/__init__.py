"""What every reader hands out: images, signals, and the words of instruments."""
