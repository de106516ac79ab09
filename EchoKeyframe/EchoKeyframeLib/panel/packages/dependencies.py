"""Packages that Slicer does not bring: installed when they are first needed, after asking.

Any of OpenCV's distributions will do, for all put the same folder ``cv2`` in place: of two, the second overwrites the
first. ONNX Runtime's likewise. Slicer's own NumPy is never changed.
"""

from __future__ import annotations

import subprocess
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import slicer.packaging
from packaging.requirements import Requirement
from slicer.i18n import tr as _

TORCH = "torch>=2.4"
OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")
ONNX_RUNTIME = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml")
"""Distributions of one package."""
_there: set[Path] = set()
_LEFT = "python-gdcm"  # its symbols collide with those of Slicer's own GDCM: Slicer crashes when it ends


def listed(requirements: Path) -> list[Requirement]:
    """What a file of requirements lists, with OpenCV and ONNX Runtime by the name of the distribution
    that is there, if one is."""
    return [_as_installed(entry) for entry in slicer.packaging.load_requirements(requirements)]


def ensure_listed(requirements: Path) -> None:
    """Install what a file of requirements lists. Raises RuntimeError if the person declines or pip fails."""
    if are_listed_there(requirements):
        return
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text(f"numpy=={version('numpy')}\n", "utf-8")
        try:
            slicer.packaging.pip_ensure(listed(requirements), constraints=constraints, requester="EchoKeyframe")
        except subprocess.CalledProcessError as error:
            raise RuntimeError(
                _("The packages could not be installed (pip ended with {code}): check the network and try again; "
                  "Slicer's own NumPy is kept as it is.").format(code=error.returncode)
            ) from error  # fmt: skip


def are_listed_there(requirements: Path) -> bool:
    """Whether all that a file of requirements lists is installed; nothing is asked.

    Looked up again only where something was missing: it takes a tenth of a second, in which the application stands.
    """
    if requirements not in _there and slicer.packaging.pip_check(listed(requirements)):
        _there.add(requirements)
    return requirements in _there


def missing(requirements: Path) -> list[str]:
    """What of a file of requirements is not installed, by name."""
    return [entry.name for entry in listed(requirements) if not slicer.packaging.pip_check(entry)]


def has_left_over() -> bool:
    """Whether the package is still there that version 0.1.0 installed and nothing needs any more."""
    return slicer.packaging.pip_check(_LEFT)


def remove_left_over() -> None:
    """Remove it from Slicer's Python. Raises RuntimeError if pip fails."""
    try:
        slicer.packaging.pip_uninstall(_LEFT)
    except subprocess.CalledProcessError as error:
        raise RuntimeError(
            _("{package} could not be removed (pip ended with {code}); start Slicer again and try once more.").format(
                package=_LEFT, code=error.returncode
            )
        ) from error


def _as_installed(entry: Requirement) -> Requirement:
    distributions = next((names for names in (OPENCV, ONNX_RUNTIME) if entry.name in names), None)
    if distributions is None:
        return entry
    there = [name for name in distributions if _is_installed(name)]
    fit = [name for name in there if slicer.packaging.pip_check(f"{name}{entry.specifier}")]
    return Requirement(f"{next(iter([*fit, *there, entry.name]))}{entry.specifier}")


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


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
            _("This detector needs PyTorch: install the PyTorch extension (Extensions Manager), or choose 'fused'.")
        ) from None
    requirement = TORCH.removeprefix("torch")
    if PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=True, torchVersionRequirement=requirement) is None:
        raise RuntimeError(_("PyTorch was not installed; choose the detector 'fused', which does not need it."))


def ensure_runtime(model: str) -> None:
    """Install PyTorch where a detector has a network that nothing else here can run; see ``ensure_torch``.

    Raises CineError for a detector that is not known.
    """
    from ...detection.catalogue import network_weights
    from ...detection.runtime import runs_without_torch

    weights = network_weights(model)
    if weights is not None and not runs_without_torch(weights):
        ensure_torch()


def state() -> str:
    """One line for the panel."""
    from ...detection.runtime import gpu_seen

    if has_torch():
        return _("PyTorch is installed")
    if gpu_seen():
        return _("Networks run on the processor; PyTorch (2 to 5 GB) would run large ones on this computer's GPU")
    return _("Networks run on the processor")
