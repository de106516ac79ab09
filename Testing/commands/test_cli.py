"""The command line, run as a person would on a real loop: results, exit codes, messages."""

from __future__ import annotations

import csv
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from EchoKeyframeLib import __version__
from EchoKeyframeLib.cli import main
from PIL import Image

IDENTITY = ("Doe^Jane", "PID-4711", "19551224")


def run(*arguments: object) -> subprocess.CompletedProcess:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "EchoKeyframeLib", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """What the README's first command leaves."""
    output = tmp_path_factory.mktemp("demo")
    assert main(["detect", "--sample", "--model", "motion", "--output", str(output)]) == 0
    return output


@pytest.fixture
def named_clip(tmp_path, sample_clip) -> Path:
    """The real loop with a patient's identity in its tags."""
    dataset = pydicom.dcmread(sample_clip)
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = IDENTITY
    path = tmp_path / "named.dcm"
    dataset.save_as(path)
    return path


def test_the_sample_gives_its_keyframes(demo):
    contents = json.loads((demo / "examples_ybr_color.keyframes.json").read_text(encoding="utf-8"))
    ed = [k["frame"] for k in contents["keyframes"] if k["phase"] == "ED"]
    es = [k["frame"] for k in contents["keyframes"] if k["phase"] == "ES" and not k["at_edge"]]
    assert len(ed) == 1 and abs(ed[0] - 21) <= 2
    assert len(es) == 1 and abs(es[0] - 5) <= 2
    assert contents["frames"] == 30 and contents["frame_rate"] == pytest.approx(30.0, abs=0.05)
    assert contents["model"] == "motion" and contents["version"] == __version__


def test_the_four_files_agree(demo):
    contents = json.loads((demo / "examples_ybr_color.keyframes.json").read_text(encoding="utf-8"))
    with (demo / "examples_ybr_color.keyframes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["phase"], int(r["frame"])) for r in rows] == [(k["phase"], k["frame"]) for k in contents["keyframes"]]
    with (demo / "examples_ybr_color.curves.csv").open(encoding="utf-8", newline="") as file:
        curves = [(float(r["time"]), float(r["ed"]), float(r["es"])) for r in csv.DictReader(file)]
    assert len(curves) == 30
    for keyframe in contents["keyframes"]:
        assert curves[keyframe["frame"]][0] == pytest.approx(keyframe["time"], abs=1e-5)
    assert np.asarray(Image.open(demo / "examples_ybr_color.png")).std() > 20


def test_frame_rate_and_view_can_be_given(tmp_path, beating_video):
    assert main(["detect", str(beating_video), "--output", str(tmp_path), "--fps", "60", "--view", "a4c"]) == 0
    contents = json.loads((tmp_path / "beating.keyframes.json").read_text(encoding="utf-8"))
    assert contents["frame_rate"] == pytest.approx(60) and contents["view"] == "A4C"
    assert contents["heart_rate"] == pytest.approx(120, rel=0.1), "drawn at 60 beats a minute for 30 frames a second"


def test_a_given_frame_rate_is_another_result(tmp_path, beating_video, capsys):
    arguments = ["detect", str(beating_video), "--output", str(tmp_path)]
    assert main(arguments) == 0
    assert main([*arguments, "--fps", "60"]) == 1
    assert "--force" in capsys.readouterr().err
    assert main([*arguments, "--fps", "60", "--force"]) == 0
    assert main([*arguments, "--fps", "60"]) == 0
    assert "already there" in capsys.readouterr().out
    assert main(arguments) == 1


def test_info_tells_what_was_understood(sample_clip, capsys):
    assert main(["info", str(sample_clip)]) == 0
    text = capsys.readouterr().out
    for part in ("30 of 320 x 240", "30.00 per second", "JPEG Baseline", "phased-array sector"):
        assert part in text


def test_info_draws_the_sector_once(tmp_path, sample_clip, capsys):
    arguments = ["info", str(sample_clip), "--outline", str(tmp_path / "Bilder ü")]
    assert main(arguments) == 0
    path = tmp_path / "Bilder ü" / f"{sample_clip.stem}.sector.png"
    assert str(path) in capsys.readouterr().out
    picture = np.asarray(Image.open(path)).astype(int)
    assert picture.shape == (240, 320, 3)
    assert (np.ptp(picture, axis=2) > 100).sum() > 300, "a coloured line in a gray image"
    assert main(arguments) == 1 and "already there" in capsys.readouterr().err


def test_info_names_what_it_cannot_read_and_goes_on(tmp_path, sample_clip, capsys):
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 20)
    assert main(["info", str(broken), str(sample_clip)]) == 1
    output = capsys.readouterr()
    assert "broken.dcm" in output.err and "30 of 320 x 240" in output.out


def test_no_identity_reaches_output_or_files(tmp_path, named_clip):
    output = tmp_path / "output"
    told = ""
    for arguments in (["detect", named_clip, "--output", output, "--debug"], ["info", named_clip]):
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
        told += done.stdout + done.stderr
    for path in output.iterdir():
        told += path.name + ("" if path.suffix == ".png" else path.read_text(encoding="utf-8"))
    assert not [part for part in (*IDENTITY, "Doe", "Jane") if part in told]
    assert str(tmp_path) not in (output / "named.keyframes.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "unknown",
        "detect",
        "detect --sample",
        "detect --output out",
        "detect missing.dcm --output out",
        "detect none*.avi --output out",
        "detect '' --output out",
        "detect empty --output out",
        "detect --sample --output ''",
        "detect --sample --output file",
        "detect --sample --output file/below",
        "detect --sample --output out --fps 0",
        "detect --sample --output out --fps nan",
        "detect --sample --output out --fps 1e9",
        "detect --sample --output out --jobs 0",
        "detect --sample --output out --model no-such-model",
        "detect --sample --output out --model missing.safetensors",
        "detect --sample --output out --decoder other",
        "detect --sample --output out --view sideways",
    ],
)
def test_unusable_arguments_end_with_2_and_leave_nothing(arguments, tmp_path, monkeypatch, capsys):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    try:
        code = main(shlex.split(arguments))
    except SystemExit as error:  # how argparse ends
        code = error.code
    told = capsys.readouterr().err
    assert code == 2 and "error: " in told and "Traceback" not in told
    assert not list(tmp_path.rglob("*.json")) and (tmp_path / "file").read_text(encoding="utf-8") == "in the way"


def test_version_and_module_entry():
    done = run("--version")
    assert done.returncode == 0 and done.stdout.split() == ["echokeyframe", __version__]


def test_nothing_but_results_is_told_where_no_one_watches(tmp_path, beating_video):
    done = run("detect", beating_video, "--output", tmp_path)
    assert done.returncode == 0 and "%" not in done.stderr and len(done.stdout.splitlines()) == 1


def test_an_output_folder_that_cannot_be_written_is_said_in_one_line(tmp_path, beating_video, capsys):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip("this user may write anywhere")
        assert main(["detect", str(beating_video), "--output", str(folder)]) == 1
        told = capsys.readouterr().err
        assert "beating.avi: its results cannot be written" in told and "Traceback" not in told
    finally:
        folder.chmod(stat.S_IRWXU)


def test_ctrl_c_while_a_library_loads_is_no_error(tmp_path, sample_clip, monkeypatch, capsys):
    def interrupted(*_, **__):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise ImportError("core failed to import") from error  # as NumPy does

    monkeypatch.setattr("EchoKeyframeLib.batch.inputs.find_jobs", interrupted)
    assert main(["export", str(sample_clip), "--output", str(tmp_path / "out")]) == 130
    assert "stopped; the same command goes on from here" in capsys.readouterr().err


def test_only_a_command_that_skips_what_is_done_is_said_to_go_on(tmp_path, sample_clip, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    # A function that no module imported meanwhile keeps for later tests.
    monkeypatch.setattr("EchoKeyframeLib.commands.measure._measure", interrupted)
    arguments = [str(sample_clip), "--contours", str(tmp_path / "c.json"), "--output", str(tmp_path / "out")]
    assert main(["measure", *arguments]) == 130
    assert capsys.readouterr().err == "echokeyframe: stopped\n" and not list(tmp_path.iterdir())


def test_an_unforeseen_error_is_one_line_and_debug_shows_more(tmp_path, beating_video, monkeypatch, capsys):
    from EchoKeyframeLib.detection.motion import MotionDetector

    def fail(self, cine, sector, progress=None):
        raise ZeroDivisionError("text that might quote Doe^Jane")

    monkeypatch.setattr(MotionDetector, "curves", fail)
    arguments = ["detect", str(beating_video), "--model", "motion", "--output", str(tmp_path)]
    assert main(arguments) == 1
    told = capsys.readouterr().err
    assert "beating.avi" in told and "ZeroDivisionError" in told and "Traceback" not in told and "Doe" not in told
    assert main([*arguments, "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(("device", "reads_ahead"), [("cuda:0", True), ("mps", True), ("cpu", False)])
def test_cines_are_read_ahead_of_a_detector_on_a_gpu(tmp_path, beating_video, monkeypatch, device, reads_ahead):
    from EchoKeyframeLib.batch import engines
    from EchoKeyframeLib.detection.motion import MotionDetector

    called = []
    for name in ("run_reading_ahead", "run_on_cores"):
        monkeypatch.setattr(engines, name, lambda *arguments, name=name: called.append(name) or iter(()))
    monkeypatch.setattr(MotionDetector, "device", device)
    for name in ("a.avi", "b.avi"):
        shutil.copy(beating_video, tmp_path / name)
    main(["detect", str(tmp_path), "--model", "motion", "--output", str(tmp_path / "out")])
    assert called == ["run_reading_ahead" if reads_ahead else "run_on_cores"]


def test_a_full_disk_while_writing_leaves_what_was_there(tmp_path, beating_video, monkeypatch, capsys):
    from EchoKeyframeLib.report import figure

    arguments = ["detect", str(beating_video), "--output", str(tmp_path)]
    assert main(arguments) == 0
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "write_figure", full)
    assert main([*arguments, "--decoder", "maxima", "--force"]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_non_ascii_folders_and_names(tmp_path, beating_video):
    folder = tmp_path / "Größe 心臓"
    folder.mkdir()
    shutil.copy(beating_video, folder / "Schläge é.avi")
    assert main(["detect", str(folder / "Schläge é.avi"), "--output", str(folder / "Ausgabe ü")]) == 0
    assert (folder / "Ausgabe ü" / "Schläge é.keyframes.json").is_file()


def test_real_development_clips_run(development_data, development_labels, tmp_path):
    assert main(["detect", str(development_data), "--model", "motion", "--output", str(tmp_path), "--jobs", "2"]) == 0
    for path in tmp_path.glob("*.json"):
        contents = json.loads(path.read_text(encoding="utf-8"))
        assert {k["phase"] for k in contents["keyframes"]} == {"ED", "ES"}, path.name
    assert len(list(tmp_path.glob("*.png"))) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="a closed pipe is another error there")
@pytest.mark.parametrize(("arguments", "unbuffered"), [
    ("measure {clip} --contours {contours} --output out", "1"),  # the pipe is met while a command prints
    ("measure {clip} --contours {contours} --output out", ""),  # and here when Python ends
    ("phantom out --count 1 --frames 30 --size 64", "1"),
    ("info {clip}", "1"),
    ("--help", ""),
])  # fmt: skip
@pytest.mark.parametrize("merged", [False, True])
def test_a_reader_that_has_seen_enough_ends_a_command_quietly(
    tmp_path, repository, sample_clip, arguments, unbuffered, merged
):
    words = {"clip": sample_clip, "contours": repository / "Resources" / "measure-a4c.contours.json"}
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "EchoKeyframeLib", *(word.format(**words) for word in arguments.split())],
        stdout=writing, stderr=writing if merged else subprocess.PIPE, cwd=tmp_path, timeout=120,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )  # fmt: skip
    os.close(writing)
    assert done.returncode == 141 and not done.stderr
