"""The background worker: a real process, real kills, once started plainly and once through a launcher."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from EchoKeyframeLib.detection.keyframes import Cancelled
from EchoKeyframeLib.worker.mailbox import Mailbox
from EchoKeyframeLib.worker.message import STARTED
from EchoKeyframeLib.worker.process import Worker, WorkerError
from EchoKeyframeLib.worker.server import _Session
from EchoKeyframeLib.worker.submission import LONGEST_SIDE, DetectionRequest, shrink, shrink_factor

LAUNCHER = (sys.executable, str(Path(__file__).parents[1] / "launcher.py"))
COMMANDS = {"plain": (sys.executable,), "launcher": LAUNCHER}


@pytest.fixture(params=COMMANDS)
def worker(request, tmp_path):
    """A worker whose folders lie in ``tmp_path``; at the end neither folder nor process is left."""
    worker = Worker(COMMANDS[request.param], parent_folder=tmp_path)
    yield worker
    worker.stop()
    assert not list(tmp_path.glob("echokeyframe-*"))
    assert not living(tmp_path)


@pytest.fixture
def plain_worker():
    worker = Worker()
    yield worker
    worker.stop()


def living(folder):
    """Processes that were told of this folder, launchers and those that work."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = [process for process in psutil.process_iter(["cmdline"])
                 if any(str(folder) in part for part in process.info["cmdline"] or ())]  # fmt: skip
        if not found:
            return []
        time.sleep(0.05)
    return found


def pulsing(count=60, size=96, rate=30.0):
    """A bright ring that shrinks and grows once a second."""
    rows, columns = np.mgrid[:size, :size] - size / 2
    radius = np.hypot(rows, columns)
    texture = np.random.default_rng(0).uniform(0.4, 1.0, (size, size))
    wall = size * (0.3 + 0.07 * np.cos(2 * np.pi * np.arange(count) / rate))
    return (220 * texture * (np.abs(radius - wall[:, None, None]) < 6)).astype(np.uint8), np.arange(count) / rate


def request(frames, times, **more):
    return DetectionRequest("loop", lambda i: frames[i], times, model="motion", **more)


def closing_events(worker, numbers, seconds=60):
    """The last event of each of these requests."""
    numbers, closing, deadline = set(numbers), {}, time.monotonic() + seconds
    while numbers - closing.keys():
        assert time.monotonic() < deadline, f"no closing event for {numbers - closing.keys()} in {seconds} s"
        closing.update({e.number: e for e in worker.poll() if e.kind != "progress"})
        time.sleep(0.02)
    return closing


def wait_for(worker, number, stage="detecting"):
    """Poll until this request is at this stage."""
    deadline = time.monotonic() + 60
    while not any(e.stage == stage and e.number == number for e in worker.poll()):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def wait_started(worker):
    deadline = time.monotonic() + 60
    while worker._process.started_as is None:
        assert time.monotonic() < deadline
        worker.poll()
        time.sleep(0.01)


def test_a_detection_comes_back_with_curves_and_keyframes_and_the_process_stays(worker):
    frames, times = pulsing()
    first = worker.submit(request(frames, times))
    event = closing_events(worker, [first])[first]
    assert event.kind == "done", event.message
    assert event.curves.probability.shape == (60, 2)
    assert event.result.frames == 60
    pid = worker.pid
    second = worker.submit(request(frames, times))
    again = closing_events(worker, [second])[second]
    assert worker.pid == pid
    assert [k.frame for k in again.result.keyframes] == [k.frame for k in event.result.keyframes]


def test_frames_are_handed_over_shrunk_and_whole(tmp_path):
    big = np.random.default_rng(1).integers(0, 256, (3, 900, 1210, 3), dtype=np.uint8)
    factor = shrink_factor(big.shape[1:])
    assert max(shrink(big[0], factor).shape[:2]) <= LONGEST_SIDE
    block = big[0, :factor, :factor].reshape(-1, 3).mean(axis=0)
    assert shrink(big[0], factor)[0, 0] == pytest.approx(np.floor(block), abs=1)


def test_cancel_takes_half_a_second_even_while_the_process_is_starting(worker):
    frames, times = pulsing()
    number = worker.submit(request(frames, times))
    while True:  # until all frames are handed over
        if any(e.fraction == 1.0 for e in worker.poll()):
            break
    worker.cancel(number)
    event = closing_events(worker, [number], seconds=5)[number]
    assert event.kind == "cancelled"
    assert not worker.busy


def test_a_request_that_waits_outlives_the_cancelling_of_the_one_before(worker):
    frames, times = pulsing(count=300)
    first = worker.submit(request(frames, times))
    second = worker.submit(request(frames[:60], times[:60]))
    worker.cancel(first)
    closing = closing_events(worker, [first, second])
    assert (closing[first].kind, closing[second].kind) == ("cancelled", "done")


def test_what_waits_goes_on_in_a_new_process_when_a_cancel_has_to_kill(worker, sample_clip):
    frames, times = pulsing(count=100)
    first = worker.submit(request(frames, times))
    wait_for(worker, first)
    stuck = psutil.Process(worker.pid)
    stuck.suspend()  # as in a step that cannot be interrupted
    others = [worker.submit(request(frames, times)), worker.read(sample_clip)]
    worker.cancel(first)
    closing = closing_events(worker, [first, *others])
    assert [closing[n].kind for n in (first, *others)] == ["cancelled", "done", "done"]
    assert not stuck.is_running() or stuck.status() == psutil.STATUS_ZOMBIE


def test_cancelling_a_request_that_waits_leaves_the_one_at_work_alone(plain_worker):
    worker = plain_worker
    frames, times = pulsing(count=300)
    numbers = [worker.submit(request(frames, times)) for _ in range(3)]
    at_work = handed_over = False
    while not (at_work and handed_over):
        for event in worker.poll():
            at_work |= event.stage == "detecting" and event.number == numbers[0]
            handed_over |= event.stage == "reading frames" and event.number == numbers[1] and event.fraction == 1.0
    pid = worker.pid
    worker.cancel(numbers[1])
    assert [(e.kind, e.number) for e in worker.poll() if e.kind != "progress"] == [("cancelled", numbers[1])]
    closing = closing_events(worker, [numbers[0], numbers[2]])
    assert [closing[n].kind for n in (numbers[0], numbers[2])] == ["done", "done"]
    assert worker.pid == pid


def test_a_reading_that_is_cancelled_when_it_is_done_leaves_no_frames_behind(plain_worker, sample_clip):
    worker = plain_worker
    number = worker.read(sample_clip)
    deadline = time.monotonic() + 60
    while not worker._process.mailbox.cine(number).exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    worker.cancel(number)
    assert closing_events(worker, [number])[number].kind == "cancelled"
    assert not list(worker._process.mailbox.folder.glob("result-*"))


def test_a_request_taken_for_one_that_waits_just_as_it_begins_is_given_up(tmp_path):
    mailbox = Mailbox(tmp_path)
    session = _Session(mailbox)
    mailbox.cancel(3).touch()
    with pytest.raises(Cancelled):
        session._stage(3, "loading the detector", 0.0)


def test_a_killed_worker_fails_one_request_with_its_cause_and_the_rest_goes_on(worker):
    frames, times = pulsing(count=200)
    numbers = [worker.submit(request(frames, times)) for _ in range(3)]
    wait_for(worker, numbers[0])
    psutil.Process(worker.pid).kill()
    closing = closing_events(worker, numbers)
    assert [closing[n].kind for n in numbers] == ["failed", "done", "done"]
    message = closing[numbers[0]].message
    assert "ended" in message and "memory" in message
    assert "exit code" not in message and "\n" not in message


def test_a_launcher_that_is_killed_leaves_no_process_that_works(tmp_path):
    frames, times = pulsing(count=200)
    worker = Worker(LAUNCHER, parent_folder=tmp_path)
    numbers = [worker.submit(request(frames, times)) for _ in range(2)]
    wait_for(worker, numbers[0])
    real = psutil.Process(worker.pid)
    launcher = psutil.Process(worker._process._launched.pid)
    assert launcher.pid != real.pid
    launcher.kill()
    closing = closing_events(worker, numbers)
    assert [closing[n].kind for n in numbers] == ["failed", "done"]
    assert not real.is_running() or real.status() == psutil.STATUS_ZOMBIE
    worker.stop()
    assert not living(tmp_path)


def test_a_number_that_belongs_to_another_process_by_now_is_not_killed(tmp_path):
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        worker = Worker(LAUNCHER, parent_folder=tmp_path)
        worker.start()
        wait_started(worker)
        process = worker._process
        psutil.Process(worker.pid).kill()
        deadline = time.monotonic() + 20
        while process.works():
            assert time.monotonic() < deadline
        process.started_as = bystander.pid
        worker.stop()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_an_interpreter_that_cannot_run_the_worker_is_reported_and_tried_again_at_the_next_request(tmp_path):
    frames, times = pulsing(count=10)
    worker = Worker(command=("python-that-does-not-exist",), parent_folder=tmp_path)
    for _ in range(2):
        with pytest.raises(WorkerError, match="cannot be started"):
            worker.submit(request(frames, times))
    worker.stop()
    assert not list(tmp_path.iterdir())


def test_bad_requests_fail_alone(plain_worker):
    worker = plain_worker
    frames, times = pulsing(count=40)
    mixed = [frames[0], frames[1][:50], *frames[2:]]
    a = worker.submit(request(mixed, times))
    b = worker.submit(request(frames[:1], times[:1]))
    c = worker.submit(DetectionRequest("loop", lambda i: frames[i], times, model="no-such-model"))
    d = worker.submit(request(frames, times))
    closing = closing_events(worker, [a, b, c, d])
    assert [closing[n].kind for n in (a, b, c, d)] == ["failed", "failed", "failed", "done"]
    assert "differs in size" in closing[a].message
    assert "no-such-model" in closing[c].message


def test_stopping_leaves_neither_process_nor_folder(worker):
    frames, times = pulsing()
    worker.submit(request(frames, times))
    wait_started(worker)
    process, folder = psutil.Process(worker.pid), worker._session.path
    worker.stop()
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    assert not folder.exists()


@pytest.mark.parametrize("moment", ["before it has told its number", "after"])
def test_a_process_stopped_as_it_starts_ends_and_removes_nothing(tmp_path, moment):
    worker = Worker(LAUNCHER, parent_folder=tmp_path)
    worker.start()
    if moment == "after":
        wait_started(worker)
    worker.stop()
    assert not living(tmp_path)
    assert not list(tmp_path.iterdir())


def test_each_process_has_a_folder_of_its_own(plain_worker):
    worker = plain_worker
    worker.start()
    first = worker._process.mailbox.folder
    wait_started(worker)
    psutil.Process(worker.pid).kill()
    worker._process._launched.wait()
    worker.start()
    assert worker._process.mailbox.folder != first
    worker.poll()
    assert not first.exists()


def test_a_half_written_event_is_passed_over(tmp_path):
    mailbox = Mailbox(tmp_path)
    mailbox.events.write_text('{"event": "progress", "req')
    mailbox.report({"event": "done", "request": 1})
    [message], offset = mailbox.read_messages(0)
    assert (message.kind, message.request) == ("done", 1)
    assert offset == mailbox.events.stat().st_size


NO_MESSAGES = [
    '{"event": "started"}', '{"event": "started", "pid": 0}', '{"event": "started", "pid": -1}',
    "[]", "7", "null", '"done"', "[" * 100_000, "{}", '{"event": "done", "request": true}',
    '{"event": "done", "request": "1"}', '{"event": "finished", "request": 1}', '{"event": ["done"], "request": 1}',
    '{"event": "progress", "request": 1, "fraction": NaN}', '{"event": "progress", "request": 1, "fraction": "half"}',
    '{"event": "progress", "request": 1, "shape": [1, -2, 3]}', '{"event": "failed", "request": 1, "message": {}}',
]  # fmt: skip


def test_what_is_no_message_of_a_worker_is_ignored(tmp_path):
    mailbox = Mailbox(tmp_path)
    with mailbox.events.open("w", encoding="utf-8") as file:
        file.write("\n".join(NO_MESSAGES) + "\n\xff\n")
    mailbox.report({"event": "failed", "request": 1, "message": "one\nline"})
    [message], _ = mailbox.read_messages(0)
    assert (message.kind, message.text) == ("failed", "one line")


def test_stray_files_and_requests_that_nobody_makes_do_not_end_the_worker(plain_worker):
    worker = plain_worker
    worker.start()
    wait_started(worker)
    folder = worker._process.mailbox.folder
    for name in ("request-abc.json", "request-.json", "request-1.json", "request-000900.json.bak"):
        (folder / name).write_text("{}", encoding="utf-8")
    for number, text in ((901, "[]"), (902, "{"), (903, '{"task": "format"}'), (904, '{"task": "read", "path": 3}')):
        (folder / f"request-{number:06d}.json").write_text(text, encoding="utf-8")
        worker._waiting[number] = "stray"
    frames, times = pulsing()
    number = worker.submit(request(frames, times))
    closing = closing_events(worker, [901, 902, 903, 904, number])
    assert [closing[n].kind for n in (901, 902, 903, 904)] == ["failed"] * 4
    assert all("\n" not in closing[n].message for n in closing)
    assert closing[number].kind == "done", closing[number].message


def test_an_idle_process_ends_without_complaint_and_the_next_request_finds_a_new_one(tmp_path):
    worker = Worker(LAUNCHER, idle_seconds=0.2, parent_folder=tmp_path)
    try:
        for _ in range(2):
            frames, times = pulsing()
            number = worker.submit(request(frames, times))
            assert closing_events(worker, [number])[number].kind == "done"
            assert worker._process._launched.wait(30) == 0
            assert worker._process.mailbox.last_words() == ""
    finally:
        worker.stop()


@pytest.mark.parametrize("error", [AssertionError(), ValueError("DOE^JANE cannot be parsed")])
def test_an_unforeseen_error_closes_the_request_and_repeats_nothing_of_the_file(tmp_path, monkeypatch, capsys, error):
    mailbox = Mailbox(tmp_path)
    session = _Session(mailbox)

    def fail(number, path):
        raise error

    monkeypatch.setattr(session, "read", fail)
    mailbox.post(7, {"task": "read", "path": "DOE"})
    session.answer(7)
    [message], _ = mailbox.read_messages(0)
    assert (message.request, message.kind) == (7, "failed")
    assert type(error).__name__ in message.text
    told = message.text + "".join(capsys.readouterr())
    assert "DOE" not in told
    assert mailbox.pending() == []


def test_ctrl_c_in_the_callers_terminal_is_not_the_workers(plain_worker):
    worker = plain_worker
    frames, times = pulsing(count=200)
    number = worker.submit(request(frames, times))
    wait_for(worker, number)
    if os.name == "posix":
        import signal

        assert os.getsid(worker.pid) != os.getsid(0)  # the terminal's signal does not even reach it
        os.kill(worker.pid, signal.SIGINT)
    assert closing_events(worker, [number])[number].kind == "done"
    assert worker._process.mailbox.last_words() == ""


def test_a_full_disk_is_called_that(tmp_path, monkeypatch, sample_clip):
    import errno

    from EchoKeyframeLib.worker.frames_writer import FramesWriter

    mailbox = Mailbox(tmp_path)

    def no_room(*_):
        mailbox.cine_frames(7).write_bytes(b"half a frame")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FramesWriter, "follow", no_room)
    mailbox.post(7, {"task": "read", "path": str(sample_clip)})
    _Session(mailbox).answer(7)
    message = mailbox.read_messages(0)[0][-1]
    assert message.kind == "failed"
    assert "disk" in message.text and "full" in message.text
    assert not list(tmp_path.glob("result-*"))


def test_a_loop_larger_than_the_free_disk_is_refused_before_its_first_frame(tmp_path, monkeypatch, sample_clip):
    mailbox = Mailbox(tmp_path)
    usage = shutil.disk_usage(tmp_path)._replace(free=1 << 20)
    monkeypatch.setattr("EchoKeyframeLib.worker.server.shutil.disk_usage", lambda _: usage)
    mailbox.post(7, {"task": "read", "path": str(sample_clip)})
    _Session(mailbox).answer(7)
    messages, _ = mailbox.read_messages(0)
    assert messages[-1].kind == "failed" and "make room" in messages[-1].text
    assert not any(message.shape for message in messages)


def older_copy(folder):
    """A folder in which another version of the package is installed."""
    package = folder / "EchoKeyframeLib"
    (package / "worker").mkdir(parents=True)
    (package / "__init__.py").write_text('__version__ = "0.0.1"\n', encoding="utf-8")
    (package / "worker" / "__init__.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    return folder


def test_an_installed_copy_of_the_package_does_not_shadow_the_modules_own(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(older_copy(tmp_path / "site-packages"))}
    for command in COMMANDS.values():
        worker = Worker(command, environment, parent_folder=tmp_path)
        frames, times = pulsing()
        number = worker.submit(request(frames, times))
        event = closing_events(worker, [number])[number]
        worker.stop()
        assert event.kind == "done", event.message


def test_a_package_that_was_replaced_since_the_application_started_is_told_in_one_line(plain_worker, monkeypatch):
    worker = plain_worker
    monkeypatch.setattr("EchoKeyframeLib.worker.process.__version__", "0.0.1")
    frames, times = pulsing()
    number = worker.submit(request(frames, times))
    event = closing_events(worker, [number])[number]
    assert event.kind == "failed"
    assert "0.0.1" in event.message and "restart" in event.message and "\n" not in event.message


def test_folders_with_blanks_and_letters_beyond_ascii(tmp_path, sample_clip):
    """As in the temporary folder of a person named so; the loop lies there, too, and the home folder is read-only."""
    folder = tmp_path / "Jürgen Größe 心"
    folder.mkdir()
    loop = Path(shutil.copy(sample_clip, folder / "vier Kammern é.dcm"))
    home = folder / "home"
    home.mkdir(mode=0o500)
    folders = {"HOME": str(home), "USERPROFILE": str(home), "TMPDIR": str(folder), "TEMP": str(folder)}
    environment = {**os.environ, **folders}
    worker = Worker(LAUNCHER, environment, parent_folder=folder)
    number = worker.read(loop)
    event = closing_events(worker, [number])[number]
    assert event.kind == "done", event.message
    assert event.cine.source.name == loop.name
    worker.stop()
    assert not list(home.iterdir())


def test_started_before_anything_is_asked(worker):
    worker.start()
    wait_started(worker)
    pid = worker.pid
    assert json.loads(worker._process.mailbox.events.read_text("utf-8").split("\n")[1])["event"] == STARTED
    frames, times = pulsing()
    number = worker.submit(request(frames, times))
    assert closing_events(worker, [number])[number].kind == "done"
    assert worker.pid == pid
