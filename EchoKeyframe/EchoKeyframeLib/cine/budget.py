"""One limit on what a file may become in memory, for every reader."""

from __future__ import annotations

import math
import os

from .available_memory import available_memory
from .cine import CineError

MEMORY_VARIABLE = "ECHOKEYFRAME_MEMORY"
"""Environment variable: GB that decoded cines may take, over all processes at work. Processes started later obey."""

LEAST_SIDE = 16
"""Pixels; nothing that is smaller shows a heart, and a file may hold millions of such frames."""

MOST_PIXELS = 1 << 26
"""Pixels of one frame: 8192 x 8192, far above any ultrasound screen."""

_PROCESSES_VARIABLE = "ECHOKEYFRAME_PROCESSES"
_GB = 10**9


def set_memory(gigabytes: float | None) -> None:
    """Limit decoded cines to so many GB, in this process and those that it starts; None: by what is available."""
    _set(MEMORY_VARIABLE, None if gigabytes is None else f"{gigabytes:g}")


def share_memory(processes: int) -> None:
    """Tell the processes that this one starts, and itself, among how many the memory is divided."""
    _set(_PROCESSES_VARIABLE, f"{max(1, processes)}")


def memory_share() -> tuple[float | None, int]:
    """What ``set_memory`` and ``share_memory`` were told, to hand it to processes on other machines.

    Raises CineError where the environment holds something else.
    """
    given = os.environ.get(MEMORY_VARIABLE, "").strip()
    try:
        gigabytes = float(given) if given else None
    except ValueError:
        gigabytes = math.nan
    if gigabytes is not None and not 0 < gigabytes < 1e9:
        raise CineError(f"{MEMORY_VARIABLE} must be a number of GB above 0, got {given[:40]!r}")
    processes = os.environ.get(_PROCESSES_VARIABLE, "")
    return gigabytes, int(processes) if processes.isdecimal() and 0 < len(processes) < 9 and int(processes) else 1


def memory_budget() -> int:
    """Bytes that one decoded cine may take in this process now: half of the memory that is available, or what a person
    set, divided by the processes at work.

    To be asked once for each cine, before anything of it is decoded. Raises CineError as ``memory_share``.
    """
    gigabytes, processes = memory_share()
    whole = available_memory() // 2 if gigabytes is None else int(gigabytes * _GB)
    return whole // processes


def require_memory(name: str, needed: int, budget: int | None = None) -> None:
    """Raise CineError where ``needed`` bytes are above the budget (by default: ``memory_budget()``)."""
    allowed = memory_budget() if budget is None else budget
    if needed > allowed:
        raise CineError(
            name,
            f"needs {_shown(needed)} of memory decoded, where {_shown(allowed)} may be taken; cut it, run fewer "
            f"processes at once, or set another limit (--memory, {MEMORY_VARIABLE})",
        )


def require_frame_size(name: str, width: int, height: int) -> None:
    """Raise CineError unless frames of so many pixels can be those of an echo."""
    if width * height > MOST_PIXELS:
        raise CineError(name, f"claims frames of {width}x{height} pixels, more than any ultrasound image has")
    if min(width, height) < LEAST_SIDE:
        raise CineError(name, f"has frames of {width}x{height} pixels, too small to show a heart (at least "
                              f"{LEAST_SIDE} a side)")  # fmt: skip


def _shown(size: int) -> str:
    return f"{size / _GB:.3g} GB" if size >= _GB // 10 else f"{max(size, 0) / 10**6:.3g} MB"


def _set(variable: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = value
