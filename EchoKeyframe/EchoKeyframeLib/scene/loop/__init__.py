"""A cine as a sequence with its browser, its frames, times and geometry, and how it is played and seen."""
