"""What to tell a person where temporary files cannot be written."""

from __future__ import annotations

import errno

FULL = "the disk that holds temporary files is full; make room there"
_FULL_CODES = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def is_full(error: BaseException) -> bool:
    """Whether an error says that there is no room left; on Windows its codes 39 and 112 do."""
    return isinstance(error, OSError) and (error.errno in _FULL_CODES or getattr(error, "winerror", None) in (39, 112))


def trouble(error: OSError) -> str:
    """Part of a line: what is wrong and what to do."""
    if is_full(error):
        return FULL
    return f"{error.strerror or type(error).__name__}; check that the temporary folder can be written and has space"
