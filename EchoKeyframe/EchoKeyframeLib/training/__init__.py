"""Training: from stores of clips over samples and the fit to weights, and their adaptation."""
