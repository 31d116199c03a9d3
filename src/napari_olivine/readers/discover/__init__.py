"""Discover: the files of a folder, grouped into signals by names and contents."""
