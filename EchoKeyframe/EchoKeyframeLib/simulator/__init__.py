"""A simulator of echo cines: physiology, anatomy, probe, scanner and display, with the truth for every frame."""
