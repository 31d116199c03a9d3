"""Signals of whole images: one image a signal, opened when it is needed."""
