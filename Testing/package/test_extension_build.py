"""The extension's package, as CMake installs it: complete, nothing else in it, and at work from there.

CMake comes from its PyPI wheel; ``slicer_cmake`` stands in for a Slicer build and needs neither compiler nor make.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from EchoKeyframeLib.worker.server import USED_FIRST
from library_imports import library_files, reachable

cmake = pytest.importorskip("cmake", reason="CMake's wheel is in the test extra")

STANDIN = Path(__file__).parents[1] / "slicer_cmake"
MODULES = "lib/Slicer-5.12/qt-scripted-modules"
ENTRANCES = (  # of the extension: what Slicer loads, what the module registers by file, and what it starts
    "EchoKeyframe",
    "EchoKeyframeLib.panel.EchoKeyframeSubjectHierarchyPlugin",
    "EchoKeyframeLib.worker.__main__",
    *USED_FIRST,  # the one dynamic import: the background process imports these by name
)
LEFTOVERS = {"__pycache__", ".DS_Store", "Thumbs.db"}


def run_cmake(*arguments: str | Path) -> subprocess.CompletedProcess:
    program = Path(cmake.CMAKE_BIN_DIR) / ("cmake.exe" if os.name == "nt" else "cmake")
    command = [program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=120)


def configure(source: Path, build: Path) -> subprocess.CompletedProcess:
    """Configure an extension. Nothing is built, so any program passes for make."""
    program = Path(cmake.CMAKE_BIN_DIR) / ("cmake.exe" if os.name == "nt" else "cmake")
    return run_cmake("-S", source, "-B", build, "-G", "Unix Makefiles", f"-DCMAKE_MAKE_PROGRAM={program.as_posix()}",
                     "--toolchain", STANDIN / "no_compiler.cmake", f"-DSlicer_DIR={STANDIN.as_posix()}")  # fmt: skip


@pytest.fixture(scope="module")
def build(repository: Path, tmp_path_factory) -> Path:
    """The build folder of the repository's extension."""
    folder = tmp_path_factory.mktemp("extension") / "build"
    done = configure(repository, folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def installed(build: Path) -> Path:
    """The root of the installed extension, in a folder whose name has a space and letters beyond ASCII."""
    prefix = build.parent / "Erweiterung für Slicer"
    done = run_cmake("--install", build, "--prefix", prefix)
    assert done.returncode == 0, done.stderr
    return prefix


def files_below(root: Path, *folders: str) -> set[str]:
    """Files as paths from the root, without what systems and interpreters leave behind."""
    paths = (path for folder in folders for path in (root / folder).rglob("*"))
    return {path.relative_to(root).as_posix() for path in paths if path.is_file() and not LEFTOVERS & set(path.parts)}


def test_the_package_holds_what_the_module_imports_and_nothing_else_of_the_library(installed, repository):
    """Training, evaluation and the command line are the Python package's."""
    source = repository / "EchoKeyframe"
    files = library_files()
    needed = {files[name].relative_to(source).as_posix() for name in reachable(ENTRANCES)}
    resources = files_below(source, "Resources", "EchoKeyframeLib/models/weights")
    there = files_below(installed / MODULES, ".")
    missing, beyond = sorted((needed | resources) - there), sorted(there - needed - resources)
    assert not missing, "add to EchoKeyframe/CMakeLists.txt:\n  " + "\n  ".join(missing)
    assert not beyond, "nothing in Slicer imports these:\n  " + "\n  ".join(beyond)


def test_nothing_else_is_in_the_package(installed, repository):
    """Neither tests nor caches, and every file as it is in the repository."""
    paths = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    modules = {path.removeprefix(MODULES + "/") for path in paths if path.startswith(MODULES)}
    assert {path for path in paths if not path.startswith(MODULES)} == {"share/Slicer-5.12/EchoKeyframe.s4ext"}
    source = repository / "EchoKeyframe"
    strange = {name for name in modules if LEFTOVERS & set(Path(name).parts) or Path(name).name.startswith("test_")}
    assert strange == set()
    changed = [n for n in modules if (installed / MODULES / n).read_bytes() != (source / n).read_bytes()]
    assert changed == []


def test_the_self_test_is_registered(build):
    program = Path(cmake.CMAKE_BIN_DIR) / ("ctest.exe" if os.name == "nt" else "ctest")
    done = subprocess.run([program, "--test-dir", build, "--show-only=json-v1"], capture_output=True, timeout=60)
    assert "py_EchoKeyframe" in {test["name"] for test in json.loads(done.stdout)["tests"]}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [("NAME X SCRIPTS X.py gone.py", "'gone.py'"), ("NAME X SCRIPT X.py", "SCRIPT X.py"), ("SCRIPTS X.py", "NAME")],
    ids=["missing file", "unknown argument", "no name"],
)  # fmt: skip
def test_the_stand_in_refuses_what_slicer_refuses(arguments, complaint, tmp_path):
    (tmp_path / "X.py").touch()
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.28)\nproject(X)\nfind_package(Slicer REQUIRED)\ninclude(${Slicer_USE_FILE})\n"
        f"slicerMacroBuildScriptedModule({arguments})\n",
        encoding="utf-8",
    )
    done = configure(tmp_path, tmp_path / "build")
    assert done.returncode != 0
    assert complaint in " ".join(done.stderr.replace(";", " ").split())


def run_from(installed: Path, script: str, *folders: Path) -> subprocess.CompletedProcess:
    """Run Python with the installed modules before everything else that is importable."""
    path = os.pathsep.join(str(folder) for folder in (installed / MODULES, *folders))
    environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, encoding="utf-8",
                          env=environment, cwd=installed, timeout=240)  # fmt: skip


def test_the_library_is_found_and_imports_from_the_installed_tree(installed):
    """Every module is found there; those that need neither torch nor Slicer's Qt are imported."""
    done = run_from(
        installed,
        "import importlib, pkgutil, EchoKeyframeLib\n"
        "from importlib.util import find_spec\n"
        "root = EchoKeyframeLib.__path__[0]\n"
        "names = [m.name for m in pkgutil.walk_packages([root], 'EchoKeyframeLib.')]\n"
        "files = [find_spec(name).origin for name in names]\n"
        "assert len(files) > 100 and all(file.startswith(root) for file in files), files\n"
        "light = ('cine', 'worker')\n"
        "for name in names:\n"
        "    if name.split('.')[1] in light and not name.endswith('__main__'):\n"
        "        importlib.import_module(name)\n"
        "print(root)",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(installed / MODULES / "EchoKeyframeLib")


@pytest.mark.slow
def test_the_module_passes_its_self_test_from_the_installed_tree(installed, tmp_path):
    pytest.importorskip("PySide6.QtWidgets", reason="Qt, or a library that it needs, is missing", exc_type=ImportError)
    pytest.importorskip("slicer", reason="slicer-core holds the real scene")
    done = run_from(
        installed,
        "from pathlib import Path\n"
        "import slicer_standin\n"
        f"app = slicer_standin.install(Path({str(tmp_path)!r}))\n"
        f"module = app.load_module(Path({str(installed / MODULES / 'EchoKeyframe.py')!r}))\n"
        "module.runTest()\n"
        "import EchoKeyframeLib\n"
        "assert not app.failures, app.failures\n"
        "print(EchoKeyframeLib.__path__[0])",
        Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(installed / MODULES / "EchoKeyframeLib")
