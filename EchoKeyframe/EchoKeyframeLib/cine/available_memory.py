"""How much memory a process can still get, by what the system says: the standard library alone."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

UNKNOWN = 4 << 30
"""Bytes that are taken to be there where the system does not say."""

_CGROUP_ROOT = Path("/sys/fs/cgroup")
_NO_LIMIT = 1 << 60  # bytes; cgroup v1 writes "unlimited" as a number of about this size


def available_memory() -> int:
    """Bytes that this process may take before the system runs short or a limit on it is reached.

    Linux: MemAvailable, the limits of the process's control groups (v1 and v2) and of ``ulimit -v``; Windows:
    available physical memory; macOS: free, inactive, speculative and purgeable pages.
    """
    if sys.platform == "win32":
        return _windows() or UNKNOWN
    if sys.platform == "darwin":
        return min([_macos() or UNKNOWN, *_address_space()])
    found = [*_linux(Path("/proc/meminfo")), *_control_groups(Path("/proc/self/cgroup"), _CGROUP_ROOT)]
    return max(0, min([*(found or [UNKNOWN]), *_address_space()]))


def _linux(meminfo: Path) -> Iterator[int]:
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _text(meminfo), re.MULTILINE)
    if found:
        yield int(found[1]) << 10


def _control_groups(membership: Path, root: Path) -> Iterator[int]:
    """What is left of the limit of each control group that the process is in, and of each group above it.

    membership: /proc/self/cgroup. root: where control groups are mounted. A container often sees its own group as the
    root of the mount while its membership names another path.
    """
    for line in _text(membership).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            top, names = root, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            top, names = root / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        group = top / path.lstrip("/")
        for folder in (group, *group.parents):
            yield from _left(folder, *names)
            if folder == top:
                break


def _left(folder: Path, limit_name: str, usage_name: str, cache_name: str) -> Iterator[int]:
    limit, usage = _text(folder / limit_name).strip(), _text(folder / usage_name).strip()
    if not limit.isdigit() or not usage.isdigit() or int(limit) >= _NO_LIMIT:
        return
    cache = re.search(rf"^{cache_name} (\d+)$", _text(folder / "memory.stat"), re.MULTILINE)
    # Cached files count as used, but make room as soon as somebody needs it.
    yield max(0, int(limit) - int(usage) + (int(cache[1]) if cache else 0))


def _address_space() -> Iterator[int]:
    if sys.platform == "win32":  # which has no such limits
        return
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        taken = _text(Path("/proc/self/statm")).split()
        yield max(0, limit - (int(taken[0]) * resource.getpagesize() if taken else 0))


def _macos() -> int | None:
    try:
        done = subprocess.run(["/usr/bin/vm_stat"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return vm_stat_bytes(done.stdout)


def vm_stat_bytes(text: str) -> int | None:
    """Bytes that can be had by the output of macOS's ``vm_stat``; None where it is not understood."""
    page = re.search(r"page size of (\d+) bytes", text)
    pages = re.findall(r"^Pages (?:free|inactive|speculative|purgeable):\s+(\d+)", text, re.MULTILINE)
    return int(page[1]) * sum(map(int, pages)) if page and pages else None


def _windows() -> int | None:
    if sys.platform != "win32":  # where ctypes has no windll
        return None
    import ctypes

    class MemoryStatus(ctypes.Structure):
        _fields_ = [("length", ctypes.c_uint32), ("load", ctypes.c_uint32)] + [
            (name, ctypes.c_uint64)
            for name in ("total", "available", "total_page", "page", "total_virtual", "virtual", "extended")
        ]

    status = MemoryStatus(length=ctypes.sizeof(MemoryStatus))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return min(status.available, status.page)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
