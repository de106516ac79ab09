"""The background worker: a real process, real kills."""

import time

import numpy as np
import psutil
import pytest
from EchoKeyframeLib.detection.keyframes import Cancelled
from EchoKeyframeLib.worker.mailbox import Mailbox
from EchoKeyframeLib.worker.process import Worker, WorkerError
from EchoKeyframeLib.worker.server import _Session
from EchoKeyframeLib.worker.submission import LONGEST_SIDE, DetectionRequest, shrink, shrink_factor


@pytest.fixture
def worker():
    worker = Worker()
    yield worker
    worker.stop()


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


def test_cancelling_a_request_that_waits_leaves_the_one_at_work_alone(worker):
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


def test_a_reading_that_is_cancelled_when_it_is_done_leaves_no_frames_behind(worker, sample_clip):
    number = worker.read(sample_clip)
    deadline = time.monotonic() + 60
    while not worker._mailbox.cine(number).exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    worker.cancel(number)
    assert closing_events(worker, [number])[number].kind == "cancelled"
    assert not list(worker._mailbox.folder.glob("result-*"))


def test_a_request_taken_for_one_that_waits_just_as_it_begins_is_given_up(tmp_path):
    mailbox = Mailbox(tmp_path)
    session = _Session(mailbox)
    mailbox.cancel(3).touch()
    with pytest.raises(Cancelled):
        session._stage(3, "loading the detector", 0.0)


def test_a_killed_worker_fails_one_request_with_its_cause_and_the_rest_goes_on(worker):
    frames, times = pulsing(count=200)
    numbers = [worker.submit(request(frames, times)) for _ in range(3)]
    detecting = False
    while not detecting:
        detecting = any(e.stage == "detecting" and e.number == numbers[0] for e in worker.poll())
        time.sleep(0.005)
    psutil.Process(worker.pid).kill()
    closing = closing_events(worker, numbers)
    assert [closing[n].kind for n in numbers] == ["failed", "done", "done"]
    assert "ended" in closing[numbers[0]].message
    assert "\n" not in closing[numbers[0]].message


def test_an_interpreter_that_cannot_run_the_worker_is_reported_and_tried_again_at_the_next_request(tmp_path):
    frames, times = pulsing(count=10)
    worker = Worker(command=("python-that-does-not-exist",))
    with pytest.raises(WorkerError, match="cannot be started"):
        worker.submit(request(frames, times))
    worker.stop()


def test_bad_requests_fail_alone(worker):
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
    worker.poll()
    process, folder = psutil.Process(worker.pid), worker._mailbox.folder
    worker.stop()
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    assert not folder.exists()


def test_the_process_ends_when_its_caller_is_killed(tmp_path):
    """A caller that vanishes without a word leaves no orphan."""
    script = tmp_path / "caller.py"
    script.write_text(
        "import sys, time\n"
        "from EchoKeyframeLib.worker.process import Worker\n"
        "worker = Worker()\n"
        "worker.release() or worker._start()\n"
        "print(worker.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    import subprocess
    import sys

    caller = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE)
    pid = int(caller.stdout.readline())
    process = psutil.Process(pid)
    time.sleep(1.0)
    caller.kill()
    caller.wait()
    gone, alive = psutil.wait_procs([process], timeout=20)
    assert gone and not alive


def test_a_half_written_event_is_passed_over(tmp_path):
    mailbox = Mailbox(tmp_path)
    mailbox.events.write_text('{"event": "progress", "req')
    mailbox.report({"event": "done", "request": 1})
    events, offset = mailbox.read_events(0)
    assert events == [{"event": "done", "request": 1}]
    assert offset == mailbox.events.stat().st_size


def test_an_idle_process_ends_without_complaint_and_the_next_request_finds_a_new_one():
    worker = Worker(idle_seconds=0.2)
    try:
        for _ in range(2):
            frames, times = pulsing()
            number = worker.submit(request(frames, times))
            assert closing_events(worker, [number])[number].kind == "done"
            assert worker._process.wait(30) == 0
            assert "Fatal" not in worker._mailbox.log.read_text(encoding="utf-8")
    finally:
        worker.stop()


@pytest.mark.parametrize("error", [AssertionError(), ValueError("DOE^JANE cannot be parsed")])
def test_an_unforeseen_error_closes_the_request_and_repeats_nothing_of_the_file(tmp_path, monkeypatch, capsys, error):
    mailbox = Mailbox(tmp_path)
    session = _Session(mailbox)

    def fail(number, request):
        raise error

    monkeypatch.setattr(session, "detect", fail)
    mailbox.post(7, {"task": "detect"})
    session.answer(7)
    [event], _ = mailbox.read_events(0)
    assert (event["request"], event["event"]) == (7, "failed")
    assert type(error).__name__ in event["message"]
    told = event["message"] + "".join(capsys.readouterr())
    assert "DOE" not in told
    assert mailbox.pending() == []
