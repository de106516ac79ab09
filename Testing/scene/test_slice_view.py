"""Contours, long axes and disks as Slicer's own slice view draws them, and contours drawn in it with the mouse."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("mrml_scene")
pytest.importorskip("slicer")

HAS_OPENGL = "import vtk; w = vtk.vtkRenderWindow(); w.SetOffScreenRendering(1); w.Render(); print(w.SupportsOpenGL())"


@pytest.fixture(scope="module")
def opengl():
    done = subprocess.run([sys.executable, "-c", HAS_OPENGL], capture_output=True, text=True, timeout=120)
    if done.returncode or done.stdout.strip() != "1":
        pytest.skip("VTK finds no OpenGL here, not even in software")


@pytest.fixture(scope="module")
def pictures(opengl, tmp_path_factory):
    """The ED frame, the ES frame and one between, RGB."""
    folder = tmp_path_factory.mktemp("views")
    script = Path(__file__).parents[1] / "slice_view.py"
    done = subprocess.run(
        [sys.executable, script, folder, "21", "5", "12"], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {frame: cv2.imread(str(folder / f"{frame}.png"))[:, :, ::-1].astype(int) for frame in (21, 5, 12)}


def cyan(picture):
    return (picture[..., 0] < picture[..., 1] - 40) & (np.abs(picture[..., 1] - picture[..., 2]) < 12)


def yellow(picture):
    return (picture[..., 2] < picture[..., 1] - 40) & (np.abs(picture[..., 0] - picture[..., 1]) < 12)


def test_each_keyframe_shows_its_own_contour_and_other_frames_none(pictures):
    assert cyan(pictures[21]).sum() > 1000 and not yellow(pictures[21]).any()
    assert yellow(pictures[5]).sum() > 700 and not cyan(pictures[5]).any()
    assert not cyan(pictures[12]).any() and not yellow(pictures[12]).any()


def test_twenty_disks_lie_over_the_image_from_wall_to_wall(pictures):
    """Count the lines down a column right of the long axis, inside the ventricle (pixel 186 of 320, twice as large)."""
    column = cyan(pictures[21])[:, 2 * 190]
    lines = int((np.diff(column.astype(int)) == 1).sum())
    assert 18 <= lines <= 22


def test_both_contours_of_a_beat_are_traced_with_the_mouse(opengl):
    """Eleven clicks each, the last one double, in Slicer's slice view with its displayable managers."""
    script = Path(__file__).parents[1] / "drawn_by_hand.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    drawn = json.loads(done.stdout.splitlines()[-1])
    assert drawn["points"] == {"ED": 11, "ES": 11} and not drawn["placing"]
    assert drawn["told"] == {"ED": 1, "ES": 1}
    assert drawn["markups"] == ["vtkMRMLMarkupsCurveNode"] * 2 + ["vtkMRMLMarkupsLineNode"] * 2
    assert drawn["ef"] == pytest.approx(54.9, abs=1.5)
