"""``slicer.packaging``: what is installed is asked of Python; nothing is ever installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

__all__ = ["load_requirements", "pip_check", "pip_ensure"]


def load_requirements(path):
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]


def pip_check(req):
    requirement = Requirement(req) if isinstance(req, str) else req
    try:
        return requirement.specifier.contains(version(requirement.name), prereleases=True)
    except PackageNotFoundError:
        return False


def pip_ensure(requirements, constraints=None, skip_packages=None, prompt_install=True, prompt_restart=True,
               requester=None, skip_in_testing=True, show_progress=True):  # fmt: skip
    missing = [str(requirement) for requirement in requirements if not pip_check(requirement)]
    if missing:
        raise RuntimeError(f"declined to install {', '.join(missing)}")
