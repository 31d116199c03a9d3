"""Analytical sessions in the window: table, rectangles, edits."""
