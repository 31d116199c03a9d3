"""Assemble: identify, place, overlay and import the signals of a source."""
