"""dciodvfy, the DICOM validator of dicom3tools, which shares no code with what writes the documents."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_OF_THE_SOURCE = ("Retired Person Name form", "needed to build DICOMDIR")
"""What the validator warns of in names without a caret and in studies without a date: kept as the source has them."""


def findings(path: Path) -> list[str]:
    """Errors and warnings of the validator but those that the source brings; skips the test where it is missing."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("needs dciodvfy (Debian: apt-get install dicom3tools)")
    done = subprocess.run([program, str(path)], capture_output=True, timeout=60)
    told = done.stderr.decode("utf-8", "replace").splitlines()
    assert any(line in ("KeyObjectSelectionDocument", "ComprehensiveSR") for line in told), told
    found = [line for line in told if line.startswith(("Error", "Warning"))]
    return [line for line in found if not any(known in line for known in _OF_THE_SOURCE)]
