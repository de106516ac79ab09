"""What a run that was ended, killed or interrupted leaves, and that the next one sweeps it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from EchoKeyframeLib.atomic_file import PREFIX, _machine, sweep_unfinished, written_atomically, written_together
from EchoKeyframeLib.batch.process import not_interrupted
from EchoKeyframeLib.cli import main

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and processes of another kind there")

HANGS = (
    "import sys, time\n"
    "from EchoKeyframeLib.report import figure\n"
    "def hang(*_):\n"
    "    print('writing', flush=True)\n"
    "    time.sleep(100)\n"
    "figure.write_figure = hang\n"
    "from EchoKeyframeLib.cli import main\n"
    "sys.exit(main(sys.argv[1:]))"
)
"""The command line on a disk that never finishes writing the last of a cine's files."""


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(f"{PREFIX}*")]


def writing(clip: Path, output: Path) -> subprocess.Popen:
    """``detect`` as a process that is in the midst of writing."""
    command = [sys.executable, "-c", HANGS, "detect", str(clip), "--model", "motion", "--output", str(output)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "writing\n", process.stderr.read()
    assert left(output)
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_run_that_is_asked_to_end_leaves_nothing_half_written(tmp_path, beating_video, number, code):
    process = writing(beating_video, tmp_path)
    process.send_signal(number)
    told = process.communicate(timeout=60)[1]
    assert process.returncode == code and not list(tmp_path.iterdir())
    assert told == "echokeyframe: stopped; the same command goes on from here\n"


def test_what_a_killed_run_left_is_swept_by_the_next_one(tmp_path, beating_video):
    process = writing(beating_video, tmp_path)
    process.kill()
    process.communicate(timeout=60)
    assert left(tmp_path), "nothing could clean up"
    assert main(["detect", str(beating_video), "--model", "motion", "--output", str(tmp_path)]) == 0
    assert not left(tmp_path) and len(list(tmp_path.iterdir())) == 4


def test_what_somebody_is_writing_is_left_alone(tmp_path, beating_video):
    process = writing(beating_video, tmp_path)
    try:
        before = left(tmp_path)
        with written_atomically(tmp_path / "mine.csv") as mine, written_together([tmp_path / "a"]) as (aside,):
            mine.touch()
            aside.touch()
            sweep_unfinished([tmp_path])
            assert mine.exists() and aside.exists() and set(before) <= set(left(tmp_path))
    finally:
        process.kill()
        process.communicate(timeout=60)
    sweep_unfinished([tmp_path])
    assert not left(tmp_path)


def test_what_is_nobodys_is_swept_and_another_machines_after_a_day(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    own = psutil.Process()
    names = {f"{_machine()}-{gone.pid}-12345-a.avi": False, f"{_machine()}-{own.pid}-1-a.avi": False, "0.avi": False,
             "00000000-1-2-new.csv": True, "00000000-1-2-old.csv": False}  # fmt: skip
    for name in names:
        (tmp_path / f"{PREFIX}{name}").touch()
    os.utime(tmp_path / f"{PREFIX}00000000-1-2-old.csv", (time.time() - 90_000,) * 2)
    (tmp_path / f"{PREFIX}{_machine()}-{gone.pid}-12345-folder").mkdir()
    (tmp_path / f"{PREFIX}{_machine()}-{gone.pid}-12345-folder" / "a.json").touch()
    (tmp_path / "mine.writing").touch()
    sweep_unfinished([tmp_path, tmp_path / "missing"])
    assert {path.name.removeprefix(PREFIX) for path in tmp_path.iterdir()} == {
        "mine.writing", *(name for name, kept in names.items() if kept)
    }  # fmt: skip


def test_prepare_works_in_a_folder_that_an_interrupted_run_left(tmp_path, beating_video):
    archive, output = tmp_path / "archive", tmp_path / "set"
    archive.mkdir()
    shutil.copy(beating_video, archive / "a.avi")
    arguments = ["prepare", str(archive), "--output", str(output), "--whole-frame", "--jobs", "1"]
    (output / f"{PREFIX}x").mkdir(parents=True)
    (output / f"{PREFIX}x" / "cine.avi").touch()
    (output / f"{PREFIX}y.csv").touch()
    assert main(arguments) == 0 and not left(output)
    (output / "preparation.json").unlink()  # a run that ended before it had prepared anything, or lost it
    (output / "manifest.csv").unlink()
    assert main(arguments) == 0 and len(list(output.glob("cine-*.avi"))) == 1


def test_ctrl_c_that_another_thread_receives_waits_until_the_process_is_started():
    done = []
    with pytest.raises(KeyboardInterrupt):
        with not_interrupted():
            thread = threading.Thread(target=lambda: (
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT}),
                signal.pthread_kill(threading.get_ident(), signal.SIGINT),
            ))  # fmt: skip
            thread.start()
            thread.join()
            done.append("started")  # any bytecode here would have been interrupted
        done.append("not reached")
    assert done == ["started"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.0, 0.3])
def test_ctrl_c_while_the_processes_of_a_pool_start_is_silent(tmp_path, beating_video, wait):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.avi", "b.avi", "c.avi"):
        shutil.copy(beating_video, folder / name)
    command = [sys.executable, "-m", "EchoKeyframeLib", "detect", str(folder), "--model", "motion", "--jobs", "2",
               "--output", str(tmp_path / "out")]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)  # fmt: skip
    while process.poll() is None and len(psutil.Process(process.pid).children()) < 2:  # the tracker, and the first
        time.sleep(0.01)
    time.sleep(wait)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    err = process.communicate(timeout=100)[1]
    assert process.returncode == 130, err
    assert err == "echokeyframe: stopped; the same command goes on from here\n"
