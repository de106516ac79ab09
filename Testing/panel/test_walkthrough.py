"""The walkthrough over the Slicer stand-in, in a process of its own: every step that the stand-in has the parts for."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="needs PySide6-Essentials and Qt's libraries", exc_type=ImportError)
pytest.importorskip("mrml_scene")

SCRIPT = Path(__file__).parents[1] / "in_slicer" / "walkthrough.py"
HAS_OPENGL = "import vtk; w = vtk.vtkRenderWindow(); w.SetOffScreenRendering(1); w.Render(); print(w.SupportsOpenGL())"
NOT_IN_THE_STANDIN = {
    "chart: curves can be told from their background": "plot view",
    **{f"play: {rate} frames/s": "no play" for rate in (15, 20, 25, 30, 40, 50, 60, 75, 100)},
}
"""Steps that only the application can show, with a word of the reason that they give."""


def walk(*arguments, timeout=600):
    command = [sys.executable, "-m", "slicer_standin", "--python-script", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=timeout, cwd=SCRIPT.parents[1]
    )


@pytest.fixture(scope="module")
def walked(tmp_path_factory, beating_video):
    """Exit code, output, entries, and the folder of the documentation's pictures."""
    done = subprocess.run([sys.executable, "-c", HAS_OPENGL], capture_output=True, text=True, timeout=120)
    if done.returncode or done.stdout.strip() != "1":
        pytest.skip("VTK finds no OpenGL here, not even in software")
    folder = tmp_path_factory.mktemp("Rundgang 心")
    done = walk("--output", folder, "--frames", beating_video, "--pictures", folder / "pictures")
    return done, json.loads((folder / "walkthrough.json").read_text("utf-8")), folder


@pytest.mark.slow
def test_no_step_fails(walked):
    done, entries, _ = walked
    assert [f"{e['step']}: {e['reason']}" for e in entries if e["status"] == "FAIL"] == []
    assert done.returncode == 0, done.stderr[-2000:]


def test_what_is_skipped_here_is_known(walked):
    _, entries, _ = walked
    skipped = {entry["step"]: entry["reason"] for entry in entries if entry["status"] == "SKIP"}
    torch = {step for step, reason in skipped.items() if reason == "without torch"}
    assert skipped.keys() - torch == NOT_IN_THE_STANDIN.keys()
    assert all(word in skipped[step] for step, word in NOT_IN_THE_STANDIN.items())


def test_each_step_is_told_and_has_its_picture(walked):
    done, entries, folder = walked
    for entry in entries:
        assert entry.keys() == {"step", "status", "reason", "seconds", "screenshot"}
        assert re.search(rf"^{entry['status']} .*  {re.escape(entry['step'])}", done.stdout, re.MULTILINE)
        assert entry["screenshot"] is None or (folder / entry["screenshot"]).stat().st_size > 0
    assert sum(entry["screenshot"] is None for entry in entries if entry["status"] == "PASS") <= 2, "nothing is shown"
    timed = json.loads((folder / "timed.json").read_text("utf-8"))
    assert all(one.keys() == {"what", "seconds", "longest_hold"} for one in timed)
    assert {one["what"].split()[0] for one in timed} == {"sample", "loading", "detecting"}


def test_it_makes_the_pictures_of_the_tutorial(walked):
    _, _, folder = walked
    tutorial = (SCRIPT.parents[2] / "Docs" / "tutorial.md").read_text("utf-8")
    names = set(re.findall(r"Screenshots/([\w.-]+)", tutorial))
    assert {path.name for path in (folder / "pictures").iterdir()} == names
    kept = [SCRIPT.parents[2] / "Resources" / "Screenshots" / name for name in names]
    assert max(path.stat().st_size for path in kept) < 120_000


def test_a_failed_step_is_the_exit_code_and_stops_nothing(tmp_path):
    """A step is made to fail by a panel without one of its controls."""
    code = (
        "import runpy, sys, controls, steps\n"
        "controls.PANEL['load'] = 'no such button'\n"
        "sys.argv = ['walkthrough.py', '--output', sys.argv[1], '--only', 'load: a file']\n"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
    )
    script = tmp_path / "spoiled.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(SCRIPT.parent)!r})\n{code}", "utf-8")
    command = [sys.executable, "-m", "slicer_standin", "--python-script", str(script), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=SCRIPT.parents[1])
    entries = json.loads((tmp_path / "walkthrough.json").read_text("utf-8"))
    assert done.returncode == 1 and len(entries) == 2
    failed = [entry for entry in entries if entry["status"] == "FAIL"]
    assert failed and all("no control for load" in entry["reason"] for entry in failed)


def test_without_the_modules_packages_it_ends_with_two(tmp_path):
    code = (
        "import runpy, slicer.packaging, sys\n"
        "slicer.packaging.pip_check = lambda requirement: 'numpy' not in str(requirement)\n"
        "sys.argv = ['walkthrough.py', '--output', sys.argv[1]]\n"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
    )
    script = tmp_path / "bare.py"
    script.write_text(code, "utf-8")
    command = [sys.executable, "-m", "slicer_standin", "--python-script", str(script), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=SCRIPT.parents[1])
    assert done.returncode == 2 and "not installed: numpy" in done.stdout and "--install" in done.stdout
