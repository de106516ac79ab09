"""Table 1: on which machine and with which software the report was made."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ... import __version__
from .table import Table

_LIBRARIES = ("torch", "torchvision", "numpy", "scipy", "opencv-python-headless")


def environment_table(data: str) -> Table:
    """What there is by the paper's rows. Names neither machine nor user. data: what the report is on."""
    libraries = {name: _version(name) for name in _LIBRARIES}
    rows = [
        ("System", f"{platform.system()} {platform.release()}"),
        ("Programming language", f"Python {platform.python_version()}"),
        ("DL framework and libraries", ", ".join(f"{name} {found}" for name, found in libraries.items() if found)),
        ("CPU", f"{_processor()}, {os.cpu_count()} cores"),
        ("GPU", _gpu()),
        ("RAM", _memory()),
        ("This package", f"EchoKeyframe {__version__}"),
    ]
    records = tuple({"configuration": name, "value": value} for name, value in rows)
    notes = ("Of the machine that ran the systems on the clips; the cards of the weights tell of their training.",)
    title = f"Table 1. Experimental environment: {data}"
    return Table("table-1", title, ("Configuration", "Here"), tuple(rows), records, notes)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _gpu() -> str:
    torch = sys.modules.get("torch")  # a report on the motion detector alone does without
    if torch is None or not torch.cuda.is_available():
        return "none used"
    return ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (AttributeError, ValueError, OSError):  # Windows
        return "not known"
