"""``slicer.packaging``: what is installed is asked of Python; nothing is ever installed or removed.

Signatures and the kinds of argument that are refused are those of Slicer's. A person who is asked declines, unless a
test puts a function in place of ``pip``, which then gets the words that pip would.
"""

from __future__ import annotations

import shlex
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

__all__ = ["load_requirements", "pip_check", "pip_ensure", "pip_install", "pip_uninstall"]

pip = None
"""For tests: called with a list of words."""


def load_requirements(path):
    lines = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def pip_check(req, _seen=None):
    return all(_is_there(one) for one in _to_requirements(req))


def pip_ensure(requirements, constraints=None, skip_packages=None, prompt_install=True, prompt_restart=True,
               requester=None, skip_in_testing=True, show_progress=True):  # fmt: skip
    missing = [str(one) for one in _to_requirements(requirements) if not _is_there(one)]
    if not missing:
        return
    if prompt_install and pip is None:
        raise RuntimeError("User declined package installation")
    pip_install(missing, constraints=constraints)


def pip_install(requirements, constraints=None, no_deps_requirements=None, skip_packages=None, blocking=True,
                show_progress=True, requester=None, logCallback=None, completedCallback=None):  # fmt: skip
    _pip("install", _words(requirements), *(["-c", str(constraints)] if constraints is not None else []))


def pip_uninstall(requirements, blocking=True, logCallback=None, completedCallback=None):
    _pip("uninstall", _words(requirements), "--yes")


def _pip(command, words, *options):
    if pip is None:
        raise AssertionError(f"pip {command} {' '.join(words)}: a test does not change its Python")
    pip([command, *words, *options])


def _words(requirements):
    if type(requirements) is str:
        return shlex.split(requirements)
    if type(requirements) is list:
        return requirements
    raise ValueError("pip requirement input must be string or list")


def _to_requirements(reqs):
    if isinstance(reqs, str):
        try:
            return [Requirement(reqs)]
        except InvalidRequirement:
            return [Requirement(word) for word in reqs.split()]
    if isinstance(reqs, Requirement):
        return [reqs]
    if isinstance(reqs, list):
        return [Requirement(one) if isinstance(one, str) else one for one in reqs]
    raise TypeError(f"Expected str, Requirement, or list, got {type(reqs).__name__}")


def _is_there(requirement):
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    try:
        return version(requirement.name) in requirement.specifier
    except PackageNotFoundError:
        return False
