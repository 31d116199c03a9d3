"""The parts of the Segment dock: live prediction and comparisons."""
