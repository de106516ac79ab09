"""The systems' losses, the recipe, and the fit that turns a store into weights with their card."""
