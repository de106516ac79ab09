"""The types of what other programs import, by the type checker and the settings of pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy", reason="mypy is in the test extra")


@pytest.mark.slow
def test_the_type_checker_finds_no_error(repository: Path, tmp_path: Path) -> None:
    """For the system and the Python that it runs on."""
    command = [sys.executable, "-m", "mypy", "--no-color-output", "--cache-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, encoding="utf-8", timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
