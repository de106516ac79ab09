"""What differs between Windows, macOS and Linux, as far as one of them can show it; the page that lists it all."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from EchoKeyframeLib import atomic_file
from EchoKeyframeLib.atomic_file import written_atomically
from test_worker import older_copy

TESTING = Path(__file__).parents[1]


def test_a_file_that_is_open_elsewhere_for_a_moment_is_replaced_when_it_is_free(tmp_path, monkeypatch):
    """As Windows refuses it: simulated, for other systems replace what is open."""
    monkeypatch.setattr(atomic_file, "_PATIENCE", 10.0)
    free, replace = threading.Event(), os.replace
    tries = []

    def refuse_until_free(source, target):
        tries.append(source)
        if not free.is_set():
            free.set()
            raise PermissionError(13, "Access is denied")
        replace(source, target)

    monkeypatch.setattr("os.replace", refuse_until_free)
    path = tmp_path / "result.json"
    path.write_text("old", encoding="utf-8")
    with written_atomically(path) as temporary:
        temporary.write_text("new", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "new"
    assert len(tries) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_a_file_that_stays_open_is_an_error_and_leaves_the_old_one(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic_file, "_PATIENCE", 0.1)

    def refuse(source, target):
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr("os.replace", refuse)
    path = tmp_path / "result.json"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(PermissionError), written_atomically(path) as temporary:
        temporary.write_text("new", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_the_module_takes_its_own_library_where_another_version_is_installed(tmp_path):
    pytest.importorskip("PySide6.QtWidgets", reason="Qt, or a library that it needs, is missing", exc_type=ImportError)
    pytest.importorskip("slicer", reason="slicer-core holds the real scene")
    module = TESTING.parent / "EchoKeyframe"
    script = (
        "import sys, importlib.util; from pathlib import Path; import slicer_standin\n"
        f"slicer_standin.install(Path({str(tmp_path)!r}))\n"
        f"sys.path[:] = [p for p in sys.path if p != {str(module)!r}] + [{str(module)!r}]\n"  # as Slicer does
        "for name in [n for n in sys.modules if n.startswith('EchoKeyframeLib')]: del sys.modules[name]\n"
        "from types import SimpleNamespace\n"
        f"spec = importlib.util.spec_from_file_location('EchoKeyframe', {str(module / 'EchoKeyframe.py')!r})\n"
        "source = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(source)\n"
        "source.EchoKeyframe(SimpleNamespace())\n"
        "import EchoKeyframeLib; print(EchoKeyframeLib.__path__[0])"
    )
    path = os.pathsep.join([str(module), str(older_copy(tmp_path / "site-packages")), str(TESTING)])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": path})  # fmt: skip
    assert done.stdout.strip().splitlines()[-1:] == [str(module / "EchoKeyframeLib")], done.stderr


def test_the_page_names_tests_and_files_that_exist():
    page = (TESTING.parent / "Docs" / "platforms.md").read_text(encoding="utf-8")
    sources = {path: path.read_text(encoding="utf-8") for path in TESTING.rglob("test_*.py")}
    for file, name in re.findall(r"\[test_\w+\.py\]\(\.\./Testing/(\S+)\) `(test_\w+)`", page):
        assert f"def {name}(" in sources[TESTING / file], name
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| what")]
    assert len(rows) >= 15
    assert all("test_" in row.split("|")[-2] or "*untested*" in row for row in rows)
