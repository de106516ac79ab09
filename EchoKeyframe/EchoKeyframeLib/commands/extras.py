"""Parts of the package that need more than its base."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import UsageError


@contextmanager
def needs_extra(extra: str, command: str) -> Iterator[None]:
    """Around imports: a library that is not installed ends the command with what installs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            f'{command} needs {error.name}, which is not installed: pip install "echokeyframe[{extra}]"'
        ) from error
