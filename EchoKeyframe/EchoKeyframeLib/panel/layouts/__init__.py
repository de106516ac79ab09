"""The module's arrangements of views, in the application from its start."""
