"""Which part of the package may import which: arrows point from the front ends down to the cine, never back."""

from __future__ import annotations

import subprocess
import sys
from graphlib import TopologicalSorter

import pytest
from library_imports import LIBRARY, imported_files, imports, library_files

APPLICATION = frozenset({"slicer", "vtk", "vtkmodules", "qt", "ctk"})

BELOW = {
    "cine": set(),
    "models": {"cine"},
    "detection": {"cine", "models"},
    "measurement": {"cine", "models", "detection"},
    "report": {"cine", "detection", "measurement"},
    "datasets": {"cine", "detection", "measurement"},
    "export": {"cine", "detection", "report", "measurement"},
    "simulator": {"cine", "datasets"},
    "training": {"cine", "detection", "measurement", "models", "datasets", "simulator"},
    "evaluation": {"cine", "detection", "measurement", "report", "datasets", "training"},
    "batch": {"cine", "detection", "measurement", "report", "datasets", "export"},
    "worker": {"cine", "detection", "measurement", "report"},
    "scene": {"cine", "detection", "measurement", "datasets", "export"},
}
"""Parts of the package that each folder imports, beside itself and what belongs to no layer."""


@pytest.mark.parametrize("folder", [folder for folder in BELOW if (LIBRARY / folder).is_dir()])
def test_a_folder_imports_what_lies_below_it_and_nothing_else(folder):
    layers = {path.name for path in LIBRARY.iterdir() if (path / "__init__.py").is_file()}
    of_all: set[str] = set()
    for path in (LIBRARY / folder).rglob("*.py"):
        used = {parts[1] for parts in imports(path) if parts[0] == "EchoKeyframeLib" and len(parts) > 1} & layers
        assert used <= BELOW[folder] | {folder}, f"{path.relative_to(LIBRARY)} imports {used}"
        of_all |= used
    assert BELOW[folder] <= of_all  # or the list would allow more than there is


@pytest.mark.parametrize("layer", ["scene", "panel", "training"])
def test_rooms_of_a_layer_import_each_other_without_a_circle(layer):
    files = library_files()
    rooms: dict[str, set[str]] = {}
    for name, path in files.items():
        match name.split("."):
            case [_, part, room, _] if part == layer:
                for other in imported_files(path, files):
                    parts = other.split(".")
                    if len(parts) == 4 and parts[1] == layer and parts[2] != room:
                        rooms.setdefault(room, set()).add(parts[2])
    assert list(TopologicalSorter(rooms).static_order())  # CycleError names the rooms


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
