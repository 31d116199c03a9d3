"""The parts of the Review dock: panel, keys, drawing tools, history."""
