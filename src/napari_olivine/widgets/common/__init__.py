"""What every dock is made of: controls, forms, plots, the open section."""
