"""What the commands tell of files that failed or were passed over, and what was understood of a cine as data."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dicom_files import beating_frames, region, write_dicom
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.printable import printable

KEYS = ["file", "frames", "width", "height", "frame_rate", "timing", "spacing", "sector", "heart_rate", "r_waves",
        "view", "orientation", "warnings", "findings"]  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory, beating_video) -> Path:
    """A study as it comes: loops, one of them in a subfolder, a still, and a file that is none of these."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "sub").mkdir()
    shutil.copy(beating_video, folder / "loop.avi")
    write_dicom(folder / "still.dcm", beating_frames(1))
    (folder / "sub" / "broken  file.dcm").write_text("this is no DICOM", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def stills(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("stills")
    for name in ("a.dcm", "b.dcm"):
        write_dicom(folder / name, beating_frames(1))
    return folder


def arguments(command: str, path: Path, output: Path) -> list[str]:
    more = {"info": [], "detect": ["--model", "motion"], "export": ["--model", "motion"],
            "prepare": ["--whole-frame", "--jobs", "1"]}[command]  # fmt: skip
    return [command, str(path), *more, *(["--output", str(output)] if command != "info" else [])]


@pytest.mark.parametrize("command", ["info", "detect", "export", "prepare"])
def test_a_file_that_failed_is_one_line_and_stills_among_loops_are_passed_over(command, study, tmp_path, capsys):
    assert main(arguments(command, study, tmp_path / "out")) == 1
    told = capsys.readouterr()
    failed = [line for line in told.err.splitlines() if "broken" in line or line.startswith("failed")]
    assert len(failed) == 1 and failed[0].startswith("failed: sub/broken  file.dcm: "), told.err
    assert "broken" not in told.out and "still.dcm" not in told.err
    assert sum("still.dcm: passed over" in line for line in told.out.splitlines()) == 1
    assert "1 passed over" in told.out and "not" not in failed[0].partition(": ")[0]


@pytest.mark.parametrize("command", ["info", "detect", "export", "prepare"])
def test_a_folder_of_stills_is_no_failure(command, stills, tmp_path, capsys):
    assert main(arguments(command, stills, tmp_path / "out")) == 0
    told = capsys.readouterr()
    assert "2 passed over" in told.out and "failed" not in told.err


@pytest.mark.parametrize("command", ["info", "detect", "export"])
def test_a_still_that_is_named_alone_fails(command, stills, tmp_path, capsys):
    assert main(arguments(command, stills / "a.dcm", tmp_path / "out")) == 1
    told = capsys.readouterr()
    assert [line for line in told.err.splitlines() if line] == [
        line for line in told.err.splitlines() if line.startswith("failed: a.dcm: has 1 frame")
    ] and told.err


def test_two_frames_are_no_loop_either(tmp_path, capsys):
    write_dicom(tmp_path / "two.dcm", beating_frames(2))
    write_dicom(tmp_path / "one.dcm", beating_frames(1))
    assert main(["detect", str(tmp_path), "--model", "motion", "--output", str(tmp_path / "out")]) == 0
    assert "2 passed over" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="no such paths there")
def test_folders_nested_deeper_than_python_recurses(tmp_path, beating_video, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    inner = Path("in")
    inner.mkdir()
    for _ in range(1100):
        inner /= "d"
        inner.mkdir()
    shutil.copy(beating_video, inner / "loop.avi")
    try:
        assert main(["detect", "in", "--model", "motion", "--output", "out"]) == 0, capsys.readouterr().err
        assert main(["info", "in"]) == 0 and "RecursionError" not in capsys.readouterr().err
    finally:
        subprocess.run(["rm", "-rf", "in", "out"], check=True)  # shutil recurses


@pytest.mark.parametrize("command", ["info", "detect"])
def test_a_name_as_long_as_a_disk_allows_is_one_line(command, tmp_path, beating_video, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(beating_video, folder / f"{'n' * 250}.avi")
    main(arguments(command, folder, tmp_path / "out"))
    told = capsys.readouterr().err
    assert "unexpected" not in told and told.count("failed: ") == (command == "detect")
    assert main([command, str(folder / ("n" * 300)), *(["--output", str(tmp_path / "o")] * (command == "detect"))]) > 0
    assert "unexpected" not in capsys.readouterr().err


def test_export_passes_stills_over_for_which_no_keyframes_are_there(study, tmp_path, capsys):
    assert main(["detect", str(study), "--model", "motion", "--output", str(tmp_path / "found")]) == 1
    capsys.readouterr()
    assert main(["export", str(study), "--keyframes", str(tmp_path / "found"), "--output", str(tmp_path / "out")]) == 1
    told = capsys.readouterr()
    assert told.err.count("failed: ") == 1 and "still.dcm: passed over" in told.out


def test_info_goes_on_where_a_name_is_no_file(study, capsys):
    assert main(["info", str(study / "gone.dcm"), str(study / "loop.avi")]) == 1
    told = capsys.readouterr()
    assert told.err.count("\n") == 1 and told.err.startswith("failed: ") and "gone.dcm" in told.err
    assert "frame rate   30.00 per second" in told.out


def test_measure_and_import_tell_failures_as_the_others_do(study, tmp_path, sample_clip, capsys):
    contours = tmp_path / "mine.contours.json"
    contours.write_text('{"schema": 1, "contours": []}', encoding="utf-8")
    output = ["--output", str(tmp_path / "out")]
    assert main(["measure", str(sample_clip), "--contours", str(contours), *output]) == 1
    assert main(["measure", str(study / "sub" / "broken  file.dcm"), "--contours", str(contours), *output]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("failed: mine.contours.json: ") and second.startswith("failed: broken  file.dcm: ")


def test_info_as_data_is_one_object_a_cine(study, tmp_path, capsys):
    write_dicom(tmp_path / "b.dcm", beating_frames(40, 200, 300), FrameTime="40", HeartRate="66",
                SequenceOfUltrasoundRegions=[region(20, 10, 280, 190, 0.05)])  # fmt: skip
    assert main(["info", "--json", str(study / "loop.avi"), str(tmp_path / "b.dcm"), str(study)]) == 1
    told = capsys.readouterr()
    assert told.err.splitlines()[-1] == "1 passed over"
    video, dicom = map(json.loads, told.out.splitlines())
    assert list(video) == list(dicom) == KEYS and told.err.count("failed: ") == 1
    assert (video["file"], video["frames"], video["frame_rate"]) == ("loop.avi", 60, pytest.approx(30))
    assert video["spacing"] is None and video["heart_rate"] is None and video["r_waves"] == []
    assert dicom["spacing"] == [pytest.approx(0.5), pytest.approx(0.5)] and dicom["heart_rate"] == 66
    assert (dicom["width"], dicom["height"], dicom["frame_rate"]) == (300, 200, pytest.approx(25))
    assert isinstance(dicom["warnings"], list) and dicom["findings"] == [] and dicom["orientation"] == "unknown"


def test_findings_stand_in_info_and_results_and_their_text_among_the_warnings(
    tmp_path, beating_video, monkeypatch, capsys
):
    from EchoKeyframeLib.cine import read
    from EchoKeyframeLib.cine.finding import Finding, FindingKind

    plain, text = read.read_video, "frame 3 is damaged and left out"
    odd = Finding(FindingKind.LOST_FRAMES, text, (3, 3))
    monkeypatch.setattr(read, "read_video", lambda path: plain(path).with_findings(odd))
    assert main(["info", "--json", str(beating_video)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert main(["detect", str(beating_video), "--model", "motion", "--output", str(tmp_path)]) == 0
    kept = json.loads((tmp_path / "beating.keyframes.json").read_text(encoding="utf-8"))
    for told in (shown, kept):
        assert told["findings"] == [{"kind": "lost frames", "frames": [3, 3], "text": text}]
        assert text in told["warnings"]


def test_what_would_steer_a_terminal_is_escaped():
    name = "a\x1b[2J\r\nfailed: b.dcm\u202e\u2028\x00 é 心 \udcff"
    assert printable(name) == r"a\x1b[2J\r\nfailed: b.dcm\u202e\u2028\x00 é 心 \udcff"
    assert printable("Größe 心.avi") == "Größe 心.avi"


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
@pytest.mark.parametrize("command", ["info", "detect"])
def test_names_and_headers_do_not_reach_the_terminal_raw(command, tmp_path, beating_video, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(beating_video, folder / "good\x1b[31m\nfailed: other.avi: lies.avi")
    (folder / "bad\x1b]0;title\x07\nx.dcm").write_text("no DICOM", encoding="utf-8")
    assert main(arguments(command, folder, tmp_path / "out")) == 1
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err and "\x07" not in told.out + told.err
    lines = told.err.splitlines()
    assert sum(line.startswith("failed: ") for line in lines) == 1 and r"bad\x1b]0;title\x07\nx.dcm" in told.err
    assert r"good\x1b[31m\nfailed: other.avi" in told.out
