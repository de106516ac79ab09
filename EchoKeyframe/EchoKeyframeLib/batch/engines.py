"""Ways to run many jobs on one machine: one after another, on all cores, on a GPU with reading ahead.

Each is a generator that yields one outcome for each job as soon as it is known. Those that detect all call ``run_job``,
so all give the same results. Closing the generator ends what is in work.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from ..cine.budget import share_memory
from ..detection.detector import Detector, Progress
from . import process
from .job import Job, Outcome, Settings, failure, load_cine, run_job

Work = Callable[[Job], Outcome]
"""What is done with each job. It can be pickled and raises nothing but ``Cancelled``."""

DIED = "the process that worked on it died (killed, out of memory, or a decoder crashed)"


def run_here(
    jobs: Sequence[Job], settings: Settings, detector: Detector, progress: Progress | None = None
) -> Iterator[Outcome]:
    """One after another in this process; ``progress`` runs over the frames of each."""
    for job in jobs:
        yield run_job(job, settings, lambda: detector, progress=progress)


def run_reading_ahead(jobs: Sequence[Job], settings: Settings, detector: Detector, readers: int) -> Iterator[Outcome]:
    """The detector in this process, on its GPU, while threads read the cines that come next.

    At most ``readers`` cines wait decoded in memory.
    """
    waiting = deque(jobs)
    share_memory(readers + 1)
    ahead: deque[tuple[Job, Future]] = deque()
    pool = ThreadPoolExecutor(readers)
    try:
        while waiting or ahead:
            while waiting and len(ahead) < readers:
                job = waiting.popleft()
                ahead.append((job, pool.submit(load_cine, job, settings)))
            job, loading = ahead.popleft()
            outcome = run_job(job, settings, lambda: detector, load=loading.result)
            del loading  # or its frames stay in memory while the next cine is worked on
            yield outcome
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        share_memory(1)


def run_on_cores(jobs: Sequence[Job], work: Work, workers: int) -> Iterator[Outcome]:
    """``workers`` processes of one thread each. A process that dies costs the cine that it worked on, no other."""
    waiting = deque(jobs)
    share_memory(workers)
    try:
        while waiting:
            suspects = yield from _until_a_process_dies(waiting, work, workers)
            for job in suspects:  # one of them took its process along; run alone, each shows whether it was the one
                guilty = yield from _until_a_process_dies(deque([job]), work, 1)
                if guilty:
                    yield failure(job, DIED)
    finally:
        share_memory(1)


def _until_a_process_dies(waiting: deque[Job], work: Work, workers: int) -> Generator[Outcome, None, list[Job]]:
    """Run jobs from ``waiting``; return those that were in work when a process died, none if all went well."""
    context = multiprocessing.get_context("spawn")  # the same on every system, and safe with threads and GPUs
    stop = context.Event()
    in_work: dict[Future, Job] = {}
    suspects: list[Job] = []
    broken = False
    with ProcessPoolExecutor(workers, context, process.start, (stop,)) as pool:
        try:
            while (waiting and not broken) or in_work:
                while waiting and not broken and len(in_work) < workers:  # queueing jobs would become suspects, too
                    try:
                        with process.not_interrupted():  # it may start a process
                            in_work[pool.submit(work, waiting[0])] = waiting[0]
                        waiting.popleft()
                    except BrokenProcessPool:  # a process died since the last result
                        broken = True
                for future in wait(in_work, return_when=FIRST_COMPLETED).done:
                    job = in_work.pop(future)
                    if isinstance(future.exception(), BrokenProcessPool):
                        broken = True
                        suspects.append(job)
                    else:
                        yield future.result()
        finally:
            stop.set()
    return suspects
