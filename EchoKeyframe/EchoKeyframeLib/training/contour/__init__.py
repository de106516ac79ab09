"""Training of the network that traces the left ventricle, on simulated clips with their borders."""
