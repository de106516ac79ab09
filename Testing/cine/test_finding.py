"""Findings: what is odd about a file, as data beside the words."""

from dataclasses import replace

from EchoKeyframeLib.cine.cine import Cine, CineError
from EchoKeyframeLib.cine.finding import Finding, FindingKind


def test_a_finding_is_told_in_words_too(beating_cine: Cine) -> None:
    lost = Finding(FindingKind.LOST_FRAMES, "frame 7 is damaged and left out", (7, 7))
    told = beating_cine.with_findings(lost)
    assert told.findings == (lost,)
    assert told.warnings == (*beating_cine.warnings, lost.text)


def test_a_given_frame_rate_settles_findings_on_times_alone(beating_cine: Cine) -> None:
    timing = Finding(FindingKind.TIMING, "FrameTime says 20 ms, the vector 40 ms; the vector is used")
    spacing = Finding(FindingKind.SPACING, "regions overlap with different scales; none is used")
    doubted = replace(beating_cine.with_findings(timing, spacing), timing_warnings=(timing.text,))
    given = doubted.with_fps(30.0)
    assert given.findings == (spacing,)
    assert timing.text not in given.warnings


def test_an_error_keeps_name_and_reason_apart() -> None:
    error = CineError("DOE  JANE.dcm", "ends before its images")
    assert (error.name, error.reason) == ("DOE  JANE.dcm", "ends before its images")
    assert str(error) == "DOE  JANE.dcm: ends before its images"
    assert CineError("no path was given").name is None
