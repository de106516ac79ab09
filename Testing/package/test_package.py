"""The wheel: every module in it, no test, and a base that needs no torch."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import EchoKeyframeLib
import pytest


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory) -> zipfile.ZipFile:
    """A wheel built from a copy of the sources, so that nothing is left in the repository."""
    source = tmp_path_factory.mktemp("source") / "echokeyframe"
    ignored = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "build", "dist", "runs", "demo")
    shutil.copytree(repository, source, ignore=ignored)
    output = source.parent / "wheel"
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(output), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    [path] = output.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_every_module_and_no_test(wheel, repository):
    root = repository / "EchoKeyframe"
    modules = {path.relative_to(root).as_posix() for path in root.glob("EchoKeyframeLib/**/*.py")}
    inside = {name for name in wheel.namelist() if name.endswith(".py")}
    assert inside == modules


def test_the_wheel_tells_type_checkers_that_it_has_types(wheel):
    assert "EchoKeyframeLib/py.typed" in wheel.namelist()


def test_the_wheel_holds_licence_version_and_command(wheel):
    names = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    assert "LICENSE" in names
    metadata = wheel.read(names["METADATA"]).decode()
    assert f"Version: {EchoKeyframeLib.__version__}" in metadata
    assert "echokeyframe = EchoKeyframeLib.cli:main" in wheel.read(names["entry_points.txt"]).decode()


def test_the_base_needs_no_torch(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert not any(need.startswith(("torch", "ray", "lightning")) for need in project["dependencies"])


def test_help_answers_without_heavy_imports():
    script = (
        "import sys\nfrom EchoKeyframeLib.cli import build_parser\nbuild_parser().format_help()\n"
        "print(sorted({'numpy', 'cv2', 'torch', 'matplotlib', 'pydicom', 'ray'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_detection_by_motion_runs_without_torch(sample_clip, tmp_path):
    script = (
        "import sys\n"
        "class NoTorch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'torchvision', 'safetensors'):\n"
        "            raise ModuleNotFoundError(name=name)\n"
        "sys.meta_path.insert(0, NoTorch())\n"
        "from EchoKeyframeLib.cli import main\n"
        f"code = main(['detect', {str(sample_clip)!r}, '--model', 'motion', '--output', {str(tmp_path)!r}])\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("*.keyframes.json"))
