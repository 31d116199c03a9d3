"""The parts of the Section dock: import, products, levelling, check."""
