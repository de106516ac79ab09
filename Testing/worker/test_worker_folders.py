"""What callers that crashed leave behind is removed, and nothing else is."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from EchoKeyframeLib.worker.file_lock import is_held, take_lock
from EchoKeyframeLib.worker.process import Worker
from EchoKeyframeLib.worker.session_folder import LOCK_NAME, PREFIX, SessionFolder, sweep
from test_worker import LAUNCHER, closing_events, living, pulsing, request

CALLER = """
import sys, time
from pathlib import Path
from EchoKeyframeLib.worker.process import Worker
worker = Worker(sys.argv[3:], parent_folder=Path(sys.argv[1]))
worker.start()
while worker._process.started_as is None:
    worker.poll()
    time.sleep(0.01)
if sys.argv[2] != "none":
    number = worker.read(Path(sys.argv[2]))
    done = []
    while not done:
        done = [event for event in worker.poll() if event.kind == "done"]
        time.sleep(0.01)
    cine = done[0].cine
print(worker.pid, worker._process._launched.pid, flush=True)
time.sleep(60)
"""


def crashing_caller(folder, clip=None, command=(sys.executable,)):
    """Another application with a worker that has read ``clip``: itself, and the numbers of what it started."""
    caller = subprocess.Popen([sys.executable, "-c", CALLER, str(folder), str(clip or "none"), *command],
                              stdout=subprocess.PIPE, text=True)  # fmt: skip
    numbers = [int(number) for number in caller.stdout.readline().split()]
    return caller, numbers


def kill(caller):
    caller.kill()
    caller.wait()
    caller.stdout.close()


def content(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("command", [(sys.executable,), LAUNCHER], ids=["plain", "launcher"])
def test_a_caller_that_vanishes_leaves_neither_process_nor_folder(tmp_path, sample_clip, command):
    caller, _ = crashing_caller(tmp_path, sample_clip, command)
    assert list(tmp_path.glob(f"{PREFIX}*"))
    kill(caller)
    assert not living(tmp_path)
    assert not list(tmp_path.iterdir())


SLOW_REMOVAL = """
import shutil, sys, time
from EchoKeyframeLib.worker import __main__ as worker, session_folder
remove = session_folder.remove_if_left
def slowly(folder, patience):
    shutil.rmtree(folder / "1")
    time.sleep(1)
    remove(folder, patience)
session_folder.remove_if_left = slowly
sys.exit(worker.main())
"""


def test_a_process_whose_mailbox_is_gone_waits_until_all_of_the_folder_is(tmp_path):
    folder = tmp_path / f"{PREFIX}left"
    mailbox = folder / "1"
    mailbox.mkdir(parents=True)
    take_lock(folder / LOCK_NAME).release()
    process = subprocess.Popen([sys.executable, "-c", SLOW_REMOVAL, str(mailbox)], stdin=subprocess.PIPE)
    while not any(b"ready" in path.read_bytes() for path in mailbox.iterdir() if path.is_file()):
        assert process.poll() is None
        time.sleep(0.02)
    process.stdin.close()
    assert process.wait(30) == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the name of a file that is mapped")
def test_frames_that_are_looked_at_have_no_name_any_more(tmp_path, sample_clip):
    worker = Worker(parent_folder=tmp_path)
    number = worker.read(sample_clip)
    cine = closing_events(worker, [number])[number].cine
    assert not [path for path in content(tmp_path) if path.stat().st_size > cine.frames.nbytes // 2]
    worker.stop()
    assert cine.frames.any()  # still there for whoever looks at them


def test_a_worker_killed_together_with_its_caller_leaves_what_the_next_start_removes(tmp_path, sample_clip):
    caller, numbers = crashing_caller(tmp_path, sample_clip, LAUNCHER)
    for number in numbers:
        psutil.Process(number).kill()
    kill(caller)
    [left] = tmp_path.iterdir()
    old = tmp_path / "somebody else's"
    old.mkdir()
    worker = Worker(parent_folder=tmp_path)
    worker.start()
    assert not left.exists()
    assert old.exists()
    worker.stop()


def test_two_applications_at_once_leave_each_others_folders_alone(tmp_path, sample_clip):
    caller, numbers = crashing_caller(tmp_path, sample_clip)
    [theirs] = tmp_path.iterdir()
    before = content(theirs)
    worker = Worker(parent_folder=tmp_path)
    frames, times = pulsing()
    number = worker.submit(request(frames, times))
    assert closing_events(worker, [number])[number].kind == "done"
    sweep(tmp_path)
    worker.stop()
    assert content(theirs) == before
    assert psutil.Process(numbers[0]).is_running()
    kill(caller)


def test_the_folder_is_private_and_another_is_made_where_it_vanished(tmp_path):
    worker = Worker(parent_folder=tmp_path)
    worker.start()
    [folder] = tmp_path.iterdir()
    if os.name == "posix":
        for path in (folder, worker._process.mailbox.folder):
            assert path.stat().st_mode & 0o077 == 0
    worker.stop()
    worker.start()
    [again] = tmp_path.iterdir()
    assert again != folder
    worker.stop()


def test_a_folder_without_lock_is_left_unless_it_is_old(tmp_path):
    new, old, former = (tmp_path / name for name in (f"{PREFIX}new", f"{PREFIX}old", "echokeyframe-abcdefgh"))
    for folder in (new, old, former):
        folder.mkdir()
        (folder / "worker.log").touch()
    week_ago = time.time() - 7 * 86400
    for folder in (old, former):
        os.utime(folder, (week_ago, week_ago))
    sweep(tmp_path)
    assert new.exists()
    assert not old.exists() and not former.exists()


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="needs symbolic links")
def test_a_link_that_looks_like_a_folder_of_ours_is_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / LOCK_NAME).touch()
    (precious / "kept").mkdir()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (temporary / f"{PREFIX}link").symlink_to(precious)
    sweep(temporary)
    assert (precious / "kept").exists()


def test_a_lock_lasts_as_long_as_its_process(tmp_path):
    path = tmp_path / "lock"
    assert not is_held(path)
    lock = take_lock(path)
    assert is_held(path)
    assert take_lock(path) is None
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])  # inherits nothing of it
    lock.release()
    assert not is_held(path)
    child.kill()
    child.wait()
    script = (
        "import sys, time; from pathlib import Path; from EchoKeyframeLib.worker.file_lock import take_lock\n"
        "lock = take_lock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    assert is_held(path)
    kill(holder)
    assert not is_held(path)


def test_a_session_removes_its_folder_and_no_other(tmp_path):
    one, other = SessionFolder(tmp_path), SessionFolder(tmp_path)
    assert one.next_mailbox() != one.next_mailbox()
    one.remove()
    assert [path for path in tmp_path.iterdir()] == [other.path]
    other.remove()


def test_a_parent_folder_that_is_not_there_is_told(tmp_path):
    from EchoKeyframeLib.worker.process import WorkerError

    worker = Worker(parent_folder=Path(tmp_path / "missing"))
    with pytest.raises(WorkerError, match="temporary folder"):
        worker.start()
