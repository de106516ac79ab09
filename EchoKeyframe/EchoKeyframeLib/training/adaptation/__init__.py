"""A network adapted to a person's own cines, which nobody has labelled."""
