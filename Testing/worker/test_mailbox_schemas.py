"""What stands in the mailbox and no worker or caller wrote: ignored or refused in one line, whatever it holds."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from dicom_files import beating_frames
from EchoKeyframeLib.cine.array import cine_from_array
from EchoKeyframeLib.cine.cine import Box, CineError
from EchoKeyframeLib.cine.finding import Finding, FindingKind
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.measurement.automatic.found_contours import FoundContours
from EchoKeyframeLib.measurement.automatic.volume_curve import VolumeCurve
from EchoKeyframeLib.measurement.unfit import RefusedBeat
from EchoKeyframeLib.worker.cine_result import described_cine, read_description, write_description
from EchoKeyframeLib.worker.loop_contours import LoopContours, read_loop_contours, write_loop_contours
from EchoKeyframeLib.worker.mailbox import Mailbox
from EchoKeyframeLib.worker.request import DetectRequest, ReadRequest, RequestError, TraceRequest, request_from
from EchoKeyframeLib.worker.server import _Session
from ventricle_shapes import ellipsoid

DETECT = {"task": "detect", "name": "a", "model": "motion", "device": "cpu", "decoder": "beats", "timing": "",
          "view": None, "heart_rate": 61, "spacing": [0.3, 0.3], "region": [0, 0, 40, 30], "scale": 2}  # fmt: skip


def test_requests_come_as_they_were_made(tmp_path):
    path = tmp_path / "request-000001.json"
    path.write_text(json.dumps({**DETECT, "later": 1}), encoding="utf-8")
    assert request_from(path) == DetectRequest(
        name="a", device="cpu", timing="", view=None, heart_rate=61, spacing=(0.3, 0.3), region=(0, 0, 40, 30), scale=2,
        model="motion", decoder="beats")  # fmt: skip
    path.write_text(json.dumps({"task": "read", "path": "/a/\udcff.dcm"}), encoding="utf-8")
    assert request_from(path) == ReadRequest("/a/\udcff.dcm")  # Linux allows names in any bytes


def test_a_request_for_contours(tmp_path):
    path = tmp_path / "request-000001.json"
    frames = {key: value for key, value in DETECT.items() if key not in ("model", "decoder")}
    wanted = [{"beat": 2, "phase": "ES", "frame": 7}]
    path.write_text(json.dumps({**frames, "task": "trace", "wanted": wanted}), encoding="utf-8")
    request = request_from(path)
    assert isinstance(request, TraceRequest) and request.scale == 2
    assert [(one.beat, one.phase, one.frame) for one in request.wanted] == [(2, Phase.ES, 7)]
    for wrong in ([], [{"beat": 2, "phase": "mid", "frame": 7}], [{"beat": -1, "phase": "ES", "frame": 7}], "all"):
        path.write_text(json.dumps({**frames, "task": "trace", "wanted": wrong}), encoding="utf-8")
        with pytest.raises(RequestError, match="none that this version knows"):
            request_from(path)


def test_contours_come_back_in_pixels_of_the_whole_frame(tmp_path):
    contour = ellipsoid(40, 15).contour(21, phase=Phase.ES, frame=1)
    found = FoundContours((replace(contour, source="auto", confidence=0.7, doubts=("cut",)),),
                          (RefusedBeat(2, ("no contour",), "why"),), ("a note",))  # fmt: skip
    volume = np.array([10.0, np.nan, 12.0])
    curve = VolumeCurve(np.arange(3) / 30, volume, volume, np.array([0.5, 0.0, 0.6]), True)
    path = tmp_path / "result-000001.contours.json"
    write_loop_contours(path, LoopContours(found, curve, "lv-contour 1"), scale=2)
    back = read_loop_contours(path, "A4C")
    (one,) = back.found.contours
    assert np.allclose(one.points, 2 * contour.points + 0.5)
    assert (one.source, one.confidence, one.doubts, one.view) == ("auto", 0.7, ("cut",), "A4C")
    assert (back.found.refused, back.found.notes, back.algorithm) == (found.refused, found.notes, "lv-contour 1")
    assert np.array_equal(back.curve.volume, volume, equal_nan=True)
    whole = path.read_text(encoding="utf-8")
    for damage in (whole[:-20], whole.replace("[10.0", "[NaN"), whole.replace("[10.0, ", "["), "{}"):
        path.write_text(damage, encoding="utf-8")
        with pytest.raises(CineError, match="contours that were found could not be taken over"):
            read_loop_contours(path)


@pytest.mark.parametrize("change", [
    {"spacing": [0.3]}, {"spacing": [0, 0.3]}, {"spacing": ["a", "b"]}, {"region": [0, 0, 1e9, 3]}, {"region": [1, 2]},
    {"heart_rate": "fast"}, {"name": None}, {"model": ["motion"]}, {"task": "format"}, {"task": None},
    {"decoder": "x" * 1000}, {"view": 4},
])  # fmt: skip
def test_a_request_of_another_kind_is_refused_in_one_line(tmp_path, change):
    path = tmp_path / "request-000001.json"
    path.write_text(json.dumps({**DETECT, **change}), encoding="utf-8")
    with pytest.raises(RequestError, match="none that this version knows"):
        request_from(path)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000, b"{" + b" " * 2**21 + b"}"])
def test_a_request_that_is_no_json_is_refused_in_one_line(tmp_path, data):
    path = tmp_path / "request-000001.json"
    path.write_bytes(data)
    with pytest.raises(RequestError, match=r"cannot be read|none that this version"):
        request_from(path)


def test_a_request_whose_frames_went_with_the_process_before_says_so(tmp_path):
    mailbox = Mailbox(tmp_path)
    mailbox.post(3, DETECT)
    _Session(mailbox).answer(3)
    [*_, closing], _ = mailbox.read_messages(0)
    assert (closing.kind, closing.request) == ("failed", 3) and "detection process ended" in closing.text


def test_a_message_with_a_name_that_is_no_text_arrives(tmp_path):
    Mailbox(tmp_path).report({"event": "failed", "request": 3, "message": "\udcff.dcm: is empty", "later": {}})
    [message], _ = Mailbox(tmp_path).read_messages(0)
    assert (message.request, message.text) == (3, "\udcff.dcm: is empty")


@pytest.fixture
def described(tmp_path):
    """The description of a cine whose frames lie beside it."""
    cine = cine_from_array(beating_frames(6), fps=30, name="\udcff.avi")
    cine = replace(cine, spacing=(0.3, 0.4), region=Box(1, 2, 30, 20))
    cine = cine.with_findings(Finding(FindingKind.TIMING, "odd", (1, 2)))
    (tmp_path / "frames").write_bytes(cine.frames.tobytes())
    write_description(cine, 2, range(3, 4), tmp_path / "cine.json")
    return cine, tmp_path / "cine.json"


def test_a_cine_comes_back_from_its_description(described):
    cine, path = described
    known = read_description(path)
    again = described_cine(known, path.with_name("frames"))
    assert (known.attempt, range(*known.changed)) == (2, range(3, 4))
    assert (again.frames == cine.frames).all() and (again.times == cine.times).all()
    assert [getattr(again, name) for name in ("source", "spacing", "region", "warnings", "findings")] == [
        getattr(cine, name) for name in ("source", "spacing", "region", "warnings", "findings")
    ]


@pytest.mark.parametrize("change", [
    {"shape": [6, 1e9, 1e9]}, {"shape": [6]}, {"shape": "all"}, {"attempt": -1}, {"times": [0, "x"]}, {"times": None},
    {"times": [0, 0, 0, 0, 0, 0]}, {"spacing": [-1, 1]}, {"region": {"x0": 1}}, {"heart_rate": "fast"},
    {"findings": [{"kind": "new", "text": "", "frames": None}]}, {"source": {}}, {"changed": [1]}, {"view": 4},
])  # fmt: skip
def test_a_description_that_none_wrote_is_an_error_in_one_line(described, change):
    _, path = described
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    with pytest.raises(CineError) as caught:
        described_cine(read_description(path), path.with_name("frames"))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
