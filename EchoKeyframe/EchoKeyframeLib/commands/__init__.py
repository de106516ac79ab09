"""One module for each command; ``add_to`` declares its options, ``run`` returns its exit code.

What they work with is imported when a command runs, so that ``--help`` answers at once.
"""


class UsageError(Exception):
    """Arguments that cannot be used. One line: which, what to do. Ends the command line with exit code 2."""
