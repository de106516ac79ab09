"""The benchmark that shows where a detector is worst: what it ranks first, and that it writes what it says."""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.keyframes import Phase
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

LABELS = {  # the drawn ventricle turns at 0, 30, 60 and 15, 45
    "right.avi": {"ED": (30,), "ES": (15, 45)},
    "shifted.avi": {"ED": (27,), "ES": (12, 42)},
    "one missed.avi": {"ED": (30, 52), "ES": (15, 45)},
}


@pytest.fixture(scope="module")
def worst_loops():
    pytest.importorskip("torch", reason="evaluation needs it")
    import worst_loops

    return worst_loops


def test_the_worst_loop_comes_first_and_has_a_sheet(worst_loops, beating_video, tmp_path):
    lines = ["file,phase,frame"]
    for name, labels in LABELS.items():
        shutil.copy(beating_video, tmp_path / name)
        lines += [f"{name},{phase},{frame}" for phase, frames in labels.items() for frame in frames]
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    written = worst_loops.write_sheets(tmp_path, load_detector("motion"), 2, tmp_path / "sheets")
    with (tmp_path / "sheets" / "worst.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["clip"] for row in rows] == ["one missed.avi", "shifted.avi", "right.avi"]
    assert rows[0]["missed"] == "1" and "ED 52 missed" in rows[0]["worst"]
    assert float(rows[1]["mean_frames_off"]) >= 2 > float(rows[2]["mean_frames_off"])
    assert [path.name for path in written] == ["01-one-missed.avi.png", "02-shifted.avi.png"]
    for path in written:
        assert np.asarray(Image.open(path).convert("L")).std() > 10  # not a white page


def test_a_fault_tells_what_is_wrong(worst_loops):
    faults = [worst_loops.Fault(Phase.ED, 10.5, 12), worst_loops.Fault(Phase.ES, 20, None),
              worst_loops.Fault(Phase.ES, None, 33)]  # fmt: skip
    assert [str(fault) for fault in faults] == ["ED 10.5 found at 12", "ES 20 missed", "ES extra at 33"]
    assert worst_loops.Judged("a", None, tuple(faults)).badness == (2, 1.5)
