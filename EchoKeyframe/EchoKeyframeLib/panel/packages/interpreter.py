"""The Python interpreter in which the background process runs."""

from __future__ import annotations

import os
import shutil
import sys

import slicer


def python_interpreter() -> str:
    """PythonSlicer, which runs scripts with Slicer's packages; this interpreter where there is none."""
    name = "PythonSlicer.exe" if sys.platform == "win32" else "PythonSlicer"
    beside = os.path.join(slicer.app.slicerHome, "bin", name)
    return shutil.which("PythonSlicer") or (beside if os.path.isfile(beside) else sys.executable)
