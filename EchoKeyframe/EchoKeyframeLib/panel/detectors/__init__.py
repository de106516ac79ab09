"""The detectors to choose from, with the weights that a person added."""
