"""The open section of a viewer, and the layers and products that follow it."""
