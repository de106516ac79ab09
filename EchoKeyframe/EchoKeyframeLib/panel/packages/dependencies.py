"""Packages that Slicer does not bring: installed when they are first needed, after asking."""

from __future__ import annotations

import subprocess
from pathlib import Path

import slicer.packaging
from slicer.i18n import tr as _

TORCH = "torch>=2.4"


def ensure_listed(requirements: Path) -> None:
    """Install what a file of requirements lists. Raises RuntimeError if the person declines or pip fails."""
    try:
        slicer.packaging.pip_ensure(slicer.packaging.load_requirements(requirements), requester="EchoKeyframe")
    except subprocess.CalledProcessError as error:
        raise RuntimeError(
            _("The packages could not be installed (pip ended with {code}): check the network and try again.").format(
                code=error.returncode
            )
        ) from error


def are_listed_there(requirements: Path) -> bool:
    """Whether all that a file of requirements lists is installed; nothing is asked."""
    return all(slicer.packaging.pip_check(entry) for entry in slicer.packaging.load_requirements(requirements))


def has_torch() -> bool:
    """Whether PyTorch is installed, without importing it."""
    return slicer.packaging.pip_check(TORCH)


def ensure_torch() -> None:
    """Install PyTorch through the PyTorch extension, which asks first. Raises RuntimeError if that cannot be done."""
    if has_torch():
        return
    try:
        import PyTorchUtils
    except ModuleNotFoundError:
        raise RuntimeError(
            _("This detector needs PyTorch: install the PyTorch extension (Extensions Manager), or choose 'motion'.")
        ) from None
    requirement = TORCH.removeprefix("torch")
    if PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=True, torchVersionRequirement=requirement) is None:
        raise RuntimeError(_("PyTorch was not installed; choose the detector 'motion', which does not need it."))


def state() -> str:
    """One line for the panel."""
    return _("PyTorch is installed") if has_torch() else _("PyTorch is not installed; the motion detector works")
