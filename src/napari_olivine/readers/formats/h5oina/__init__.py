"""Oxford Instruments' .h5oina."""
