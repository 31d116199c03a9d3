"""Which crystals a person should look at, and what the program learns from the answers."""
