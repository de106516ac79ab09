"""``echokeyframe prepare``: an archive's cines as the paper prepares them, without text and identity, at one size."""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from . import UsageError
from .cine_jobs import add_jobs, add_output, conclude, jobs_for, output_folder, tell, worked_on_cores
from .options import add_debug, add_reading_options
from .terminal import say

if TYPE_CHECKING:
    from ..batch.inputs import Unreadable
    from ..batch.job import Job, Outcome
    from ..batch.prepare_job import PrepareSettings
    from ..datasets.manifest import ManifestEntry
    from ..datasets.pseudonyms import Pseudonyms

NATIVE = "native"
PAPER = "paper"
LEAST_SIZE, LARGEST_SIZE = 32, 1024
"""Pixels of a side; networks look at no smaller frames (``NetworkConfig.size``)."""
USUAL_SIZE, PAPER_SIZE = 112, 320
MAPPING_COLUMNS = ("source", "file")


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "prepare", help="make a data set of an archive: sector only, no identity, one size",
        description="Writes each cine below FOLDER as an AVI of its scan sector alone (ECG, text and colour bars "
        "beside it are black), gray, resized, under a neutral name, and a manifest.csv. The folder can be labelled, "
        "trained on, and resumed by the same command.",
    )  # fmt: skip
    parser.add_argument("folder", metavar="FOLDER", help="the archive: DICOM and video files, all below it")
    add_output(parser, "cines")
    parser.add_argument("--preset", choices=(PAPER,), help=f"paper: {PAPER_SIZE} pixels, the size that it trained at")
    parser.add_argument("--size", type=_size, metavar=f"PIXELS|{NATIVE}",
                        help=f"height and width, {LEAST_SIZE} to {LARGEST_SIZE} (default: the preset's, else 112), or "
                        "only cut to the sector")
    parser.add_argument("--codec", choices=("ffv1", "mjpeg"), default="ffv1",
                        help="lossless (default), or Motion JPEG, smaller and lossy")
    parser.add_argument("--whole-frame", action="store_true", help="take cines in which no scan sector is found as "
                        "they are; text in them may name the patient")
    parser.add_argument("--key", type=Path, metavar="FILE", help="secret that the neutral names are made with, made if "
                        "it is missing; keep it, and keep it apart (default: DIR.key beside the output folder)")
    parser.add_argument("--mapping", type=Path, metavar="FILE", help="write which source has which neutral name, as "
                        "CSV; it identifies patients as far as the file names do")
    add_reading_options(parser)
    add_jobs(parser)
    parser.add_argument("--force", action="store_true", help="prepare again what is there")
    add_debug(parser)
    parser.set_defaults(run=run, resumes=True)


def run(options: argparse.Namespace) -> int:
    """Prepare an archive; 1 if a cine failed. Raises UsageError before any work where an argument cannot be used."""
    from ..cine.cine import CineError

    archive, output = _folders(options)
    if options.mapping is not None and not options.force:
        _refuse_foreign(options.mapping)
    jobs, unreadable = jobs_for([str(archive)], output)
    try:
        settings = _settings(options, output)
        jobs = [replace(job, target=output / _neutral_name(job, archive, settings.pseudonyms)) for job in jobs]
        entries, outcomes = _prepare_all(jobs, settings, output, options)
        try:
            _write_mapping(options.mapping, jobs, entries, archive)
        except OSError as error:
            raise UsageError(f"--mapping {options.mapping}: cannot be written ({error.strerror})") from error
        problems = _carry_labels(jobs, entries, archive, output, settings.pseudonyms)
    except CineError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"{output.name}: cannot be written to ({error.strerror or type(error).__name__})") from error
    return conclude(outcomes, unreadable + problems)


def _size(text: str) -> int | str:
    if text == NATIVE:
        return NATIVE
    size = int(text)
    if not LEAST_SIZE <= size <= LARGEST_SIZE:
        raise argparse.ArgumentTypeError(f"must lie between {LEAST_SIZE} and {LARGEST_SIZE}, got {text}")
    return size


def _wanted_size(options: argparse.Namespace) -> int | None:
    """Pixels of a side, None for native."""
    if options.size is None:
        return PAPER_SIZE if options.preset == PAPER else USUAL_SIZE
    return None if options.size == NATIVE else options.size


def _folders(options: argparse.Namespace) -> tuple[Path, Path]:
    """Archive and output, of which neither lies in the other, nor in the output what identifies patients."""
    archive, output = Path(options.folder).resolve(), Path(options.output).resolve()
    if not options.folder or not archive.is_dir():
        raise UsageError(f"{options.folder!r} is not a folder")
    if not options.output or archive.is_relative_to(output) or output.is_relative_to(archive):
        raise UsageError("--output must be a folder outside the archive, and the archive outside of it")
    for name, path in (("--key", options.key), ("--mapping", options.mapping)):
        if path is not None and path.resolve().is_relative_to(output):
            raise UsageError(f"{name} must lie outside the output folder: it leads back to patients")
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output {options.output!r} is not a folder")
    return archive, output


def _refuse_foreign(mapping: Path) -> None:
    """Raise UsageError where another file is in the mapping's place."""
    header = ",".join(MAPPING_COLUMNS).encode()
    if not mapping.exists():
        return
    try:
        with mapping.open("rb") as file:  # whatever it holds
            found = file.read(len(header) + 1)
    except OSError as error:
        raise UsageError(f"--mapping {mapping}: cannot be read ({error.strerror})") from error
    if found.rstrip() != header:
        raise UsageError(f"{mapping.name}: is already there and no mapping; use --force or name another file")


def _settings(options: argparse.Namespace, output: Path) -> PrepareSettings:
    """The choices, the same as those of an earlier run. Makes the folder and the key where they are missing."""
    from ..batch.prepare_job import PrepareSettings
    from ..datasets.manifest import read_manifest
    from ..datasets.preparation_file import PreparationFile, read_preparation, write_preparation
    from ..datasets.pseudonyms import make_key, read_key

    key = options.key or output.with_name(f"{output.name}.key")
    earlier = read_preparation(output)
    if earlier is None and read_manifest(output):
        raise UsageError(f"{output.name}: holds a manifest but no preparation.json; name another --output")
    if earlier and not key.exists():
        raise UsageError(f"{key.name}: the key of this folder is missing, without which cines would get other names; "
                         "name it with --key, or another --output")
    pseudonyms = read_key(key) if key.exists() else make_key(key)
    size = _wanted_size(options)
    wanted = PreparationFile(size, options.codec, options.whole_frame, options.fps, options.view,
                             pseudonyms.check)
    difference = earlier.difference(wanted) if earlier else None
    if difference == "key_check":
        raise UsageError(f"{key.name}: is not the key of this folder; name that one with --key, or another --output")
    if difference and not options.force:
        raise UsageError(f"{output.name}: was prepared with another {difference}; --force prepares all again, or name "
                         "another --output")
    output_folder(str(output))
    write_preparation(output, wanted)
    return PrepareSettings(pseudonyms, size, options.codec, options.whole_frame, options.fps, options.view)


def _neutral_name(job: Job, archive: Path, pseudonyms: Pseudonyms) -> str:
    """A simulated cine is still to be called simulated."""
    from ..datasets.dataset import SIMULATED_PREFIX

    simulated = SIMULATED_PREFIX if job.cine.name.startswith(SIMULATED_PREFIX) else ""
    return simulated + pseudonyms.cine(job.cine.relative_to(archive))


def _prepare_all(
    jobs: list[Job], settings: PrepareSettings, output: Path, options: argparse.Namespace
) -> tuple[dict[str, ManifestEntry], list[Outcome]]:
    """Prepare what is not there; the manifest grows with each cine, so that a run that is killed can be resumed."""
    from ..batch.job import Outcome, Status
    from ..batch.prepare_job import SUFFIX, failed_entry, run_prepare
    from ..datasets.manifest import PREPARED, append_entry, read_manifest, write_manifest

    entries = {file: entry for file, entry in read_manifest(output).items()
               if entry.status == PREPARED and (output / file).is_file()}  # fmt: skip
    there = set() if options.force else set(entries)
    outcomes = [Outcome(job, Status.SKIPPED) for job in jobs if job.target.name + SUFFIX in there]
    waiting = [job for job in jobs if job.target.name + SUFFIX not in there]
    for job in waiting:
        entries.pop(job.target.name + SUFFIX, None)  # a run with --force that is killed is resumed without it
    write_manifest(output, entries.values())
    with closing(worked_on_cores(waiting, partial(run_prepare, settings=settings), options.jobs)) as results:
        for outcome in results:
            tell(outcome, options.debug)
            outcomes.append(replace(outcome, result=None))
            if outcome.status is Status.PASSED_OVER:
                continue
            entry = outcome.result if outcome.status is Status.DONE else failed_entry(outcome)
            entries[entry.file] = entry
            append_entry(output, entry)
    write_manifest(output, entries.values())
    return entries, outcomes


def _write_mapping(
    path: Path | None, jobs: list[Job], entries: dict[str, ManifestEntry], archive: Path
) -> None:
    from ..batch.prepare_job import SUFFIX
    from ..csv_file import write_rows
    from ..report.keyframes_file import readable

    if path is None:
        return
    rows = []
    for job in jobs:
        name = job.target.name + SUFFIX
        source = readable(job.cine.relative_to(archive).as_posix())
        rows.append({"source": source, "file": name if name in entries else job.target.name})
    write_rows(path, MAPPING_COLUMNS, rows, private=True)


def _carry_labels(
    jobs: list[Job], entries: dict[str, ManifestEntry], archive: Path, output: Path, pseudonyms: Pseudonyms
) -> list[Unreadable]:
    """Labels of the archive go with its cines. Returns the clips whose labels cannot be right."""
    from ..batch.inputs import Unreadable
    from ..batch.prepare_job import SUFFIX
    from ..datasets.carried_labels import carry_labels
    from ..datasets.labels import LABELS_NAME

    if not (archive / LABELS_NAME).is_file():
        return []
    by_source = {job.cine.relative_to(archive).as_posix(): entries[job.target.name + SUFFIX] for job in jobs
                 if job.target.name + SUFFIX in entries}  # fmt: skip
    added, problems = carry_labels(archive, output, by_source, pseudonyms)
    if added:
        say(f"{LABELS_NAME}: the labels of {added} cines were taken over")
    return [Unreadable(problem.name or LABELS_NAME, problem.reason) for problem in problems]
