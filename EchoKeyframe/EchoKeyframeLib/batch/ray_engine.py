"""Runs jobs on a Ray cluster, or on a local one where none is running.

Ray is what data pipelines of this size already run on: it schedules by core and GPU, survives lost nodes and needs no
code of ours for either. Cines and results lie where every node reaches them under the same path; EchoKeyframe is
installed on every node.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence

from ..cine.budget import share_memory
from . import process
from .engines import DIED
from .job import Job, Outcome, Settings, failure

QUEUED_PER_CORE = 2
"""Enough that no core waits for its next job, few enough that ten thousand jobs do not fill the scheduler."""


def run_on_ray(jobs: Sequence[Job], settings: Settings) -> Iterator[Outcome]:
    """Yield one outcome for each job as soon as it is known, in any order.

    Connects to the cluster that RAY_ADDRESS names, else starts one on this machine and ends it afterwards. Raises
    ModuleNotFoundError where Ray is not installed, ConnectionError where the named cluster does not answer.
    """
    import ray

    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what Ray is going to do; without, it warns
    share_memory(os.cpu_count() or 1)  # a cluster that is started here takes the environment over
    ray.init(include_dashboard=None if os.environ.get("RAY_ADDRESS") else False, log_to_driver=False,
             logging_level="ERROR")
    remote = ray.remote(process.run).options(num_cpus=1, num_gpus=_gpus(settings), max_retries=1)
    upcoming, in_work = iter(jobs), {}
    most = max(1, int(ray.cluster_resources().get("CPU", 1))) * QUEUED_PER_CORE
    try:
        while True:
            for job in itertools.islice(upcoming, most - len(in_work)):
                in_work[remote.remote(job, settings)] = job
            if not in_work:
                return
            done, _ = ray.wait(list(in_work))
            for reference in done:
                job = in_work.pop(reference)
                try:
                    yield ray.get(reference)
                except ray.exceptions.RayError as error:
                    yield failure(job, f"{DIED}: {type(error).__name__}")
    finally:
        for reference in in_work:
            ray.cancel(reference, force=True)
        ray.shutdown()


def _gpus(settings: Settings) -> int:
    return 1 if settings.device == "cuda" else 0
