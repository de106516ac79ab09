"""Which part of the package may import which: arrows point from the front ends down to the cine, never back."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import EchoKeyframeLib
import pytest

LIBRARY = Path(EchoKeyframeLib.__file__).parent
APPLICATION = frozenset({"slicer", "vtk", "vtkmodules", "qt", "ctk"})

BELOW = {
    "cine": set(),
    "models": {"cine"},
    "detection": {"cine", "models"},
    "measurement": {"cine", "detection"},
    "report": {"cine", "detection", "measurement"},
    "datasets": {"cine", "detection"},
    "export": {"cine", "detection", "report", "measurement"},
    "simulator": {"cine", "datasets"},
    "training": {"cine", "detection", "models", "datasets", "simulator"},
    "evaluation": {"cine", "detection", "report", "datasets", "training"},
    "batch": {"cine", "detection", "report", "datasets", "export"},
    "worker": {"cine", "detection", "report"},
    "scene": {"cine", "detection", "measurement", "datasets", "export"},
}
"""Parts of the package that each folder imports, beside itself and what belongs to no layer."""


def imports(path: Path) -> set[tuple[str, ...]]:
    """Every module that a file names in an import anywhere in it, as its parts, relative ones made absolute."""
    package = ("EchoKeyframeLib", *path.parent.relative_to(LIBRARY).parts)
    found: set[tuple[str, ...]] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {tuple(name.name.split(".")) for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            found |= {(*base, name.name) for name in node.names}
    return found


@pytest.mark.parametrize("folder", [folder for folder in BELOW if (LIBRARY / folder).is_dir()])
def test_a_folder_imports_what_lies_below_it_and_nothing_else(folder):
    layers = {path.name for path in LIBRARY.iterdir() if (path / "__init__.py").is_file()}
    of_all: set[str] = set()
    for path in (LIBRARY / folder).rglob("*.py"):
        used = {parts[1] for parts in imports(path) if parts[0] == "EchoKeyframeLib" and len(parts) > 1} & layers
        assert used <= BELOW[folder] | {folder}, f"{path.relative_to(LIBRARY)} imports {used}"
        of_all |= used
    assert BELOW[folder] <= of_all  # or the list would allow more than there is


def test_only_scene_and_panel_know_the_application():
    for path in LIBRARY.rglob("*.py"):
        used = {parts[0] for parts in imports(path)} & APPLICATION
        folder = path.relative_to(LIBRARY).parts[0]
        if folder == "scene":
            used -= {"slicer", "vtk", "vtkmodules"}  # MRML, but no widget
        assert folder == "panel" or not used, f"{path.relative_to(LIBRARY)} imports {used}"


def test_reading_and_motion_detection_import_no_torch():
    script = (
        "import sys\n"
        "from EchoKeyframeLib import cli\n"
        "from EchoKeyframeLib.batch import engines\n"
        "from EchoKeyframeLib.cine import read\n"
        "from EchoKeyframeLib.detection import catalogue, detect, motion, motion_features\n"
        "from EchoKeyframeLib.report import outputs\n"
        "catalogue.load_detector('motion')\n"
        "print({'torch', 'torchvision', 'ray', 'lightning'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "set()", done.stderr
