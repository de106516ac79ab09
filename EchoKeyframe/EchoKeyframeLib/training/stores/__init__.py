"""Many clips in a few files: filled from the simulator, from labelled cines or from unlabelled ones."""
