"""Many cines at once: which files are meant, where results go, and what one bad file costs the others."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from EchoKeyframeLib import __version__
from EchoKeyframeLib.batch.engines import run_reading_ahead
from EchoKeyframeLib.batch.inputs import InputError, find_jobs
from EchoKeyframeLib.batch.job import Settings, Status
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.detection.motion import MotionDetector

COMMAND = [sys.executable, "-m", "EchoKeyframeLib"]


def detect(*arguments: object, env: dict | None = None) -> subprocess.CompletedProcess:
    """Run ``echokeyframe detect`` as a person would."""
    command = [*COMMAND, "detect", *map(str, arguments), "--model", "motion"]
    environment = {**os.environ, **(env or {})}
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment, timeout=240)


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def names(jobs, output: Path) -> dict[str, str]:
    return {str(job.target.relative_to(output).as_posix()): job.cine.name for job in jobs}


def results(folder: Path) -> dict[str, bytes]:
    """What a run wrote for each cine, by name; PNGs only by their being there. The table is test_table.py's."""
    found = {p.relative_to(folder).as_posix(): b"" if p.suffix == ".png" else p.read_bytes()
             for p in folder.rglob("*") if p.is_file() and p.stem != "beats"}
    assert not any(".writing-" in name for name in found), "nothing half-written is left"
    return found


# Which files are meant, and where their results go


def test_a_folder_is_mirrored_below_the_output(tmp_path):
    touch(tmp_path / "in" / "a.avi", tmp_path / "in" / "sub" / "a.avi", tmp_path / "in" / "notes.txt",
          tmp_path / "in" / ".hidden.avi", tmp_path / "in" / "DICOMDIR")
    jobs, unreadable = find_jobs([str(tmp_path / "in")], tmp_path / "out")
    assert names(jobs, tmp_path / "out") == {"a": "a.avi", "sub/a": "a.avi"} and not unreadable


def test_dicom_without_suffix_is_known_by_its_preamble_and_keeps_its_name(tmp_path, sample_clip):
    (tmp_path / "in").mkdir()
    shutil.copy(sample_clip, tmp_path / "in" / "1.2.840.5")
    touch(tmp_path / "in" / "1.2.840.6")
    jobs, _ = find_jobs([str(tmp_path / "in")], tmp_path)
    assert names(jobs, tmp_path) == {"1.2.840.5": "1.2.840.5"}


def test_documents_and_exported_beats_in_a_folder_are_no_cines(tmp_path, sample_clip):
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(sample_clip, folder / "loop.dcm")
    assert main(["export", str(sample_clip), "--model", "motion", "--format", "ko", "--output", str(folder)]) == 0
    key_object = folder / "examples_ybr_color.ko.dcm"
    shutil.copy(key_object, folder / "1.2.840.7")
    touch(folder / "film.A4C-beat01-frames0002-0031.avi", folder / "film.beat12-frames0002-1031.mp4")
    assert names(find_jobs([str(folder)], tmp_path)[0], tmp_path) == {"loop": "loop.dcm"}
    named, _ = find_jobs([str(key_object)], tmp_path)
    assert len(named) == 1, "who names a file gets an answer about it"


def test_names_that_would_collide_are_told_apart(tmp_path):
    files = [tmp_path / "x" / "clip.dcm", tmp_path / "y" / "CLIP.dcm", tmp_path / "x" / "loop.dcm",
             tmp_path / "x" / "loop.avi"]
    touch(*files)
    jobs, _ = find_jobs([str(f) for f in files], tmp_path / "out")
    targets = [str(job.target).casefold() for job in jobs]
    assert len(set(targets)) == 4
    assert {"loop.dcm", "loop.avi"} <= set(names(jobs, tmp_path / "out"))
    assert [job.target for job in find_jobs([str(f) for f in reversed(files)], tmp_path / "out")[0]][::-1] == [
        job.target for job in jobs], "the same whatever the order of the arguments"


def test_the_same_file_named_twice_is_one_job(tmp_path):
    touch(tmp_path / "a.avi")
    jobs, _ = find_jobs([str(tmp_path / "a.avi"), str(tmp_path), str(tmp_path / "*.avi")], tmp_path / "out")
    assert len(jobs) == 1


def test_glob_patterns_are_expanded_and_names_with_brackets_still_work(tmp_path):
    touch(tmp_path / "a1.avi", tmp_path / "a2.avi", tmp_path / "b[1].avi")
    jobs, _ = find_jobs([str(tmp_path / "a?.avi"), str(tmp_path / "b[1].avi")], tmp_path / "out")
    assert names(jobs, tmp_path / "out") == {"a1": "a1.avi", "a2": "a2.avi", "b[1]": "b[1].avi"}


@pytest.mark.parametrize("argument", ["", "missing.dcm", "missing*.dcm", "empty", "nul\0byte"])
def test_arguments_that_name_no_cine_are_refused(tmp_path, monkeypatch, argument):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        find_jobs([argument], tmp_path / "out")


# Runs


@pytest.fixture(scope="module")
def clips(tmp_path_factory, beating_video) -> Path:
    """A folder of three cines, one of them with a non-ASCII name, and a broken one."""
    folder = tmp_path_factory.mktemp("clips")
    for name in ("one.avi", "Zwei äöü 心.avi", "sub/three.avi"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(beating_video, folder / name)
    (folder / "broken.dcm").write_text("this is no DICOM", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def local_run(tmp_path_factory, clips) -> tuple[Path, subprocess.CompletedProcess]:
    """The folder run on two processes."""
    output = tmp_path_factory.mktemp("output")
    return output, detect(clips, "--output", output, "--jobs", 2)


def test_one_broken_file_is_listed_and_the_others_finish(local_run):
    output, done = local_run
    assert done.returncode == 1
    assert "broken.dcm" in done.stderr and "Traceback" not in done.stderr
    for name in ("one", "Zwei äöü 心", "sub/three"):
        for suffix in (".keyframes.json", ".keyframes.csv", ".curves.csv", ".png"):
            assert (output / f"{name}{suffix}").stat().st_size > 0
    assert len(results(output)) == 12
    contents = json.loads((output / "Zwei äöü 心.keyframes.json").read_text(encoding="utf-8"))
    assert contents["source"] == "Zwei äöü 心.avi" and {k["phase"] for k in contents["keyframes"]} == {"ED", "ES"}


def test_a_second_run_resumes_where_the_first_stopped(local_run, clips, tmp_path):
    output = tmp_path / "output"
    shutil.copytree(local_run[0], output)
    before = {p: p.stat().st_mtime_ns for p in output.rglob("*.json")}
    (output / "sub" / "three.png").unlink()  # as if the run had been killed here
    done = detect(clips, "--output", output)
    assert done.returncode == 1 and "2 already there" in done.stdout and "1 done" in done.stdout
    rewritten = [p.name for p, time_written in before.items() if p.stat().st_mtime_ns != time_written]
    assert rewritten == ["three.keyframes.json"]
    assert results(output) == results(local_run[0])


def test_results_of_another_kind_are_not_overwritten_without_force(local_run, clips, tmp_path, capsys):
    output = tmp_path / "output"
    shutil.copytree(local_run[0], output)
    before = results(output)
    arguments = ["detect", str(clips / "one.avi"), "--model", "motion", "--output", str(output), "--decoder", "maxima"]
    assert main(arguments) == 1 and "--force" in capsys.readouterr().err
    assert results(output) == before
    assert main([*arguments, "--force"]) == 0
    after = results(output)
    assert json.loads(after["one.keyframes.json"])["decoder"] == "maxima"
    assert {name for name in after if after[name] != before[name]} <= {"one.keyframes.json", "one.keyframes.csv"}


def test_an_orientation_that_was_given_counts_in_resuming(local_run, tmp_path, clips, capsys):
    output = tmp_path / "output"
    arguments = ["detect", str(clips / "one.avi"), "--model", "motion", "--output", str(output)]
    upside_down = [*arguments, "--orientation", "apex-down"]
    assert main(upside_down) == 0 and main(upside_down) == 0
    assert "already there" in capsys.readouterr().out
    document = json.loads((output / "one.keyframes.json").read_text(encoding="utf-8"))
    assert (document["orientation"], document["orientation_given"]) == ("apex down", True)
    assert main(arguments) == 1 and "orientation apex down (given)" in capsys.readouterr().err
    assert main([*arguments, "--force"]) == 0
    document = json.loads((output / "one.keyframes.json").read_text(encoding="utf-8"))
    assert (document["orientation"], document["orientation_given"]) == ("upright", False)


def test_a_foreign_file_in_the_way_is_not_overwritten(clips, tmp_path, capsys):
    (tmp_path / "one.png").write_text("a picture of mine", encoding="utf-8")
    assert main(["detect", str(clips / "one.avi"), "--model", "motion", "--output", str(tmp_path)]) == 1
    assert "one.png" in capsys.readouterr().err
    assert results(tmp_path) == {"one.png": b""}
    assert (tmp_path / "one.png").read_text(encoding="utf-8") == "a picture of mine"


def test_reading_ahead_for_a_gpu_gives_the_same_files(local_run, clips, tmp_path):
    jobs, _ = find_jobs([str(clips)], tmp_path)
    outcomes = list(run_reading_ahead(jobs, Settings("motion"), MotionDetector(), readers=2))
    assert Counter(outcome.status for outcome in outcomes) == {Status.DONE: 3, Status.FAILED: 1}
    assert results(tmp_path) == results(local_run[0])


@pytest.fixture(scope="module")
def deadly(tmp_path_factory, sample_clip) -> tuple[Path, dict]:
    """A folder with a file that kills the process that reads it, as a crash in a decoder would, and good ones.

    It lets itself be opened once, for a look at what kind of file it is.
    """
    folder = tmp_path_factory.mktemp("deadly")
    for name in ("a.dcm", "deadly.dcm", "z.dcm"):
        shutil.copy(sample_clip, folder / name)
    hook = tmp_path_factory.mktemp("hook")
    (hook / "sitecustomize.py").write_text(
        "import os, sys\n"
        "opened = []\n"
        "def die(event, arguments):\n"
        "    if event == 'open' and str(arguments[0]).endswith('deadly.dcm'):\n"
        "        opened.append(os.getpid())\n"
        "        if opened.count(os.getpid()) > 1:\n"
        "            os.kill(os.getpid(), 9) if os.name == 'posix' else os._exit(3)\n"
        "sys.addaudithook(die)\n", encoding="utf-8")
    path = os.pathsep.join([str(hook), *filter(None, [os.environ.get("PYTHONPATH")])])
    return folder, {"PYTHONPATH": path}


@pytest.fixture(scope="module")
def deadly_run(tmp_path_factory, deadly) -> tuple[Path, subprocess.CompletedProcess]:
    """That folder run on two processes."""
    output = tmp_path_factory.mktemp("output")
    return output, detect(deadly[0], "--output", output, "--jobs", 2, env=deadly[1])


def test_a_process_that_dies_costs_only_its_own_cine(deadly_run):
    output, done = deadly_run
    assert done.returncode == 1
    assert "deadly.dcm" in done.stderr and "died" in done.stderr and "Traceback" not in done.stderr
    assert {path.name for path in output.glob("*.json")} == {"a.keyframes.json", "z.keyframes.json"}


@pytest.fixture
def long_run(beating_video, tmp_path) -> Iterator[tuple[subprocess.Popen, list[psutil.Process], Path]]:
    """A run over many cines on two processes, its first result there: the run, the processes below it, its output."""
    folder, output = tmp_path / "many", tmp_path / "out"
    folder.mkdir()
    for number in range(60):
        shutil.copy(beating_video, folder / f"{number:02}.avi")
    running = subprocess.Popen(
        [*COMMAND, "detect", str(folder), "--output", str(output), "--jobs", "2"], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a suite in the background has it ignored
    )
    try:
        while not list(output.glob("*.json")):
            assert running.poll() is None
            time.sleep(0.1)
        yield running, psutil.Process(running.pid).children(recursive=True), output
    finally:
        running.kill()
        running.communicate()


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_ctrl_c_ends_cleanly(long_run):
    running, processes, output = long_run
    os.killpg(running.pid, signal.SIGINT)  # what a terminal does
    _, errors = running.communicate(timeout=120)
    assert running.returncode == 130 and "Traceback" not in errors
    assert not psutil.wait_procs(processes, timeout=60)[1], "no process is left behind"
    finished = [path.name[:2] for path in output.glob("*.json")]
    assert 0 < len(finished) < 60
    assert all(len(list(output.glob(f"{name}.*"))) == 4 for name in finished)
    results(output)


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_processes_end_when_the_first_one_is_killed(long_run):
    running, processes, _ = long_run
    running.kill()
    running.wait(60)
    assert processes and not psutil.wait_procs(processes, timeout=60)[1]


@pytest.mark.slow
def test_ray_gives_the_same_results_and_the_same_failures(local_run, clips, deadly_run, deadly, tmp_path):
    pytest.importorskip("ray")
    env = {**deadly[1], "RAY_ADDRESS": ""}  # a cluster of its own
    done = detect(clips, deadly[0], "--output", tmp_path, "--engine", "ray", env=env)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "2 failed" in done.stdout and "broken.dcm" in done.stderr and "deadly.dcm" in done.stderr
    assert results(tmp_path) == results(local_run[0]) | results(deadly_run[0])


def test_results_of_another_version_are_not_taken_for_those_of_this_one(local_run, clips, tmp_path, capsys):
    output = tmp_path / "output"
    shutil.copytree(local_run[0], output)
    path = output / "one.keyframes.json"
    path.write_text(path.read_text(encoding="utf-8").replace(__version__, "0.2.0.dev99"), encoding="utf-8")
    arguments = ["detect", str(clips / "one.avi"), "--model", "motion", "--output", str(output)]
    assert main(arguments) == 1
    assert f"version 0.2.0.dev99, not {__version__}" in capsys.readouterr().err
    assert main([*arguments, "--force"]) == 0 and json.loads(path.read_text("utf-8"))["version"] == __version__
    assert main(arguments) == 0
