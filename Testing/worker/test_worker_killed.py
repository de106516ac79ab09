"""The worker process killed at random moments, a hundred times over, while requests run, and its launcher as well."""

import time

import numpy as np
import psutil
import pytest
from EchoKeyframeLib.worker.process import Worker
from EchoKeyframeLib.worker.submission import DetectionRequest
from test_worker import COMMANDS

KILLS = {"plain": (90, 10), "launcher": (15, 5)}
"""Kills while it starts, kills at work. The launcher is what is killed until the worker has told its number."""

WHILE_STARTING, AT_WORK = 0.15, 0.06  # s in which a kill may fall: after the start, after the first sign of work
UNDER_WAY = 3


class Killer:
    """Submits small requests without end and kills the processes that answer them."""

    def __init__(self, command) -> None:
        self.random = np.random.default_rng(20)
        self.worker = Worker(command)
        self.processes: dict[int, psutil.Process] = {}
        self.closing: dict[int, list[str]] = {}
        self.folders = set()

    def submit(self) -> int:
        frames = self.random.integers(0, 256, (10, 32, 32), dtype=np.uint8)
        number = self.worker.submit(DetectionRequest("tiny", lambda i: frames[i], np.arange(10) / 30, model="motion"))
        self.closing[number] = []
        self.folders.add(self.worker._session.path)
        return number

    def process(self) -> psutil.Process:
        """The process that the worker names now: the launcher at first, later the one that works."""
        pid = self.worker.pid
        assert pid is not None  # psutil would take None for the test itself
        if pid not in self.processes:
            self.processes[pid] = psutil.Process(pid)
        return self.processes[pid]

    def turn(self) -> bool:
        """Let some milliseconds pass; whether the process showed a sign of work."""
        if self.worker.running:
            self.process()
        at_work = False
        for event in self.worker.poll():
            at_work |= event.kind == "done" or event.stage in ("loading the detector", "detecting")
            if event.kind != "progress":
                self.closing[event.number].append(event.kind)
                assert event.kind == "done" or "detection process ended" in event.message, event
        time.sleep(0.002)
        return at_work

    def kill_one(self, at_work: bool) -> None:
        while True:
            self._keep_busy()
            sign = self.turn()
            if self.worker.running and (sign or not at_work):
                break
        moment = time.monotonic() + self.random.random() * (AT_WORK if at_work else WHILE_STARTING)
        while time.monotonic() < moment:
            self._keep_busy()
            self.turn()
        self.process().kill()
        while self.worker.running:  # not psutil's wait, which would take the exit code away from the worker
            time.sleep(0.001)

    def _keep_busy(self) -> None:
        while sum(not kinds for kinds in self.closing.values()) < UNDER_WAY:
            self.submit()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KILLS)
def test_a_hundred_kills_lose_no_request_and_leave_nothing_behind(kind):
    starting, working = KILLS[kind]
    killer = Killer(COMMANDS[kind])
    try:
        for at_work in killer.random.permutation([True] * working + [False] * starting):
            killer.kill_one(at_work)
        last = killer.submit()
        while killer.worker.busy:
            killer.turn()
    finally:
        killer.worker.stop()
    assert {len(kinds) for kinds in killer.closing.values()} == {1}
    assert killer.closing[last] == ["done"]
    outcomes = [kind for kinds in killer.closing.values() for kind in kinds]
    assert outcomes.count("failed") >= working
    assert len(killer.processes) > starting + working
    assert not psutil.wait_procs(killer.processes.values(), timeout=10)[1]
    assert not [folder for folder in killer.folders if folder.exists()]
