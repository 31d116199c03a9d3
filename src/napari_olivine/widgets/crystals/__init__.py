"""The parts of the Crystals dock: table, gallery, colours, selected crystal."""
