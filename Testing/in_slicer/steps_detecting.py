"""Detecting: every detector, progress, cancel with jobs queued, all loops, the worker's process."""

from __future__ import annotations

from controls import QUICK_DETECTOR
from event_loop import let_work, wait_until
from hands import entries, value
from outcome import check
from steps import step


def _detect(person, detector: str) -> str:
    person.with_sample()
    person.choose("detector", detector)
    told = person.timed(f"detecting with {detector}", lambda: person.press("detect"),
                        lambda: not person.busy, 180)  # fmt: skip
    check("finished" in person.text("status"), person.text("status"))
    return f"{told}; {person.text('summary')}"


@step("detect: motion")
def _(person):
    return _detect(person, QUICK_DETECTOR)


@step("detect: every network", torch=True)
def _(person):
    told = []
    for detector in entries(person.control("detector")):
        if detector != QUICK_DETECTOR:
            told.append(_detect(person, detector))
    person.choose("detector", QUICK_DETECTOR)
    return "; ".join(told)


@step("detect: all loops")
def _(person):
    person.with_two_loops()
    person.choose("detector", QUICK_DETECTOR)
    told = person.timed("detecting in all loops", lambda: person.press("detect all"), lambda: not person.busy, 120)
    for loop in person.loops:
        person.choose("loop", loop.GetName())
        check(person.rows, f"{loop.GetName()}: no keyframes")
    return told


@step("detect: cancel with jobs queued, and again")
def _(person):
    person.with_two_loops()
    person.choose("detector", QUICK_DETECTOR)
    person.press("detect all")
    check(person.enabled("cancel"), "there is nothing to cancel")
    person.press("cancel")
    person.settle(10)
    person.press("detect all")
    person.settle()
    check("finished" in person.text("status"), person.text("status"))


@step("detect: cancel once the work has begun, and again")
def _(person):
    person.with_two_loops()
    person.choose("detector", QUICK_DETECTOR)
    for _ in range(3):
        person.press("detect all")
        progress = person.control("progress")
        wait_until(lambda: value(progress, "value") > 0 or not person.busy, 30, "no progress is shown")  # noqa: B023
        person.press("cancel") if person.busy else None
        person.settle(30)
        let_work(0.2)
    person.press("detect")
    person.settle()
    check("finished" in person.text("status"), person.text("status"))


@step("detect: the worker's memory is freed on demand")
def _(person):
    person.with_sample()
    person.unfold("advanced")
    person.press("detect")
    person.settle()
    check(person.enabled("release"), f"the panel says of the worker: {person.text('worker state')}")
    person.press("release")
    let_work(0.3)
    told = person.text("worker state")
    check("unloaded" in person.text("status") and "its detector loaded" not in told, f"the worker is said to be {told}")
    return told
