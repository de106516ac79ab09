"""``echokeyframe check``: what is wrong with a labelled set of cines, and what it holds."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from . import UsageError
from .cine_jobs import add_jobs, cores
from .labelled_data import add_set
from .options import add_debug, natural
from .terminal import say, tell_failed

if TYPE_CHECKING:
    from ..datasets.cine_check import CineCheck
    from ..datasets.dataset import Dataset, Finding

SHOWN = 5
"""Findings of one kind that are printed."""
UNREADABLE = "cannot be read"
"""The kind of finding of a cine that failed (``cine_check``)."""


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "check", help="say what is wrong with a labelled set",
        description="Says what is wrong with a labelled set (a folder of cines with labels.csv, EchoNet-Dynamic or "
        "CAMUS) and what it holds. Ends with 1 if something must be mended before training or evaluation.",
    )  # fmt: skip
    parser.add_argument("folder", metavar="FOLDER", help="the set, or its labels.csv")
    parser.add_argument("--decode", action="store_true",
                        help="decode every frame of every cine (default: headers alone, some hundred cines a second)")
    add_jobs(parser)
    parser.add_argument("--split-seed", type=natural, default=0, metavar="SEED", help="of a 4:1 division (default: 0)")
    add_set(parser)
    parser.add_argument("--report", type=Path, metavar="FILE", help="write every finding into this CSV file")
    add_debug(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print findings and a summary; 1 if something must be mended. Raises UsageError where FOLDER holds no set."""
    from ..cine.cine import CineError
    from ..datasets.clip_labels import LabelError
    from ..datasets.dataset import DatasetError, Severity
    from ..datasets.open_dataset import open_dataset
    from ..datasets.set_check import check_set, summary

    try:
        dataset = open_dataset(Path(options.folder), options.subset, options.set_fps)
    except LabelError as error:
        tell_failed(error.name or Path(options.folder).name, error.reason)
        return 1
    except (DatasetError, CineError) as error:
        raise UsageError(str(error)) from error
    checks = list(_checks(dataset, options))
    findings = [*check_set(dataset, options.split_seed), *(f for check in checks for f in check.findings)]
    for heading, text in [*summary(dataset, checks, options.split_seed), *_readers(dataset)]:
        say(f"{heading:<12} {text}")
    _tell(findings)
    if options.report:
        _write(options.report, findings)
    return 1 if not dataset.cines or any(f.severity is Severity.ERROR for f in findings) else 0


def _checks(dataset: Dataset, options: argparse.Namespace) -> Iterator[CineCheck]:
    from tqdm import tqdm

    from ..datasets.cine_check import check_cine

    if options.decode:
        found: Iterable[CineCheck] = _decoding(dataset, options.jobs or cores())
    else:
        found = (check_cine(cine) for cine in dataset.cines)
    yield from tqdm(found, total=len(dataset), unit="cine", disable=None)


def _decoding(dataset: Dataset, workers: int) -> Iterator[CineCheck]:
    from ..batch.check_job import CheckJob, run_check
    from ..batch.engines import run_on_cores
    from ..datasets.cine_check import CineCheck
    from ..datasets.dataset import Finding, Severity

    jobs = [CheckJob(cine.path, cine.path, cine) for cine in dataset.cines]
    with closing(run_on_cores(jobs, run_check, min(workers, max(1, len(jobs))))) as outcomes:
        for outcome in outcomes:
            if outcome.result is not None:
                yield outcome.result
            else:  # its process died, or it did not fit into memory
                name = outcome.job.labelled.labels.file
                yield CineCheck((Finding(Severity.ERROR, UNREADABLE, name, f"{name}: {outcome.message}"),))


def _readers(dataset: Dataset) -> list[tuple[str, str]]:
    """Readers' votes and differences, where several read."""
    from ..evaluation.reader_agreement import ALL_READERS, reader_agreement

    readings = [cine.readings for cine in dataset.cines if cine.readings]
    if not readings:
        return []
    votes = [clip.consensus for clip in readings]
    disputed = sum(len(vote.disputed) for vote in votes)
    rows = [("readers", f"{len({name for clip in readings for name in clip.by_reader})} on {len(readings)} cines; "
             f"{sum(len(v.accepted) for v in votes)} keyframes by majority, {disputed} disputed by exactly half, "
             f"{sum(len(v.rejected) for v in votes)} outvoted")]  # fmt: skip
    for found in reader_agreement(readings):
        if found.first == ALL_READERS:
            rows.append((f"{found.kind.partition('-')[0]} {found.phase}",
                         f"{found.afd_frames:.2f} ± {found.afd_frames_sd:.2f} frames apart in {found.pairs} pairs, "
                         f"{found.alone} marked by one of two"))  # fmt: skip
    return rows


def _tell(findings: Sequence[Finding]) -> None:
    from ..datasets.dataset import Severity

    by_kind: dict[tuple[Severity, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        by_kind[finding.severity, finding.kind].append(finding)
    for severity in Severity:
        for (of, kind), found in by_kind.items():
            if of is severity:
                say("")
                say(f"{severity}: {kind} ({len(found)})")
                _tell_kind(kind, found)
    if not any(of is Severity.ERROR for of, _ in by_kind):
        say("")
        say("nothing must be mended")


def _tell_kind(kind: str, found: Sequence[Finding]) -> None:
    """The first findings of a kind; of files that failed all, as every command tells them."""
    if kind == UNREADABLE:
        for finding in found:
            tell_failed(finding.file, finding.message.removeprefix(f"{finding.file}: "))
        return
    for finding in found[:SHOWN]:
        say(f"  {finding.message}")
    if len(found) > SHOWN:
        say(f"  ... and {len(found) - SHOWN} more (--report FILE has all)")


def _write(path: Path, findings: Sequence[Finding]) -> None:
    from ..csv_file import write_rows

    try:
        write_rows(path, ("severity", "kind", "file", "message"), map(vars, findings))
    except OSError as error:
        raise UsageError(f"--report {path}: cannot be written ({error.strerror})") from error
