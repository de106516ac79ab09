"""What is wrong with a labelled set as a whole, and what it holds."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from .cine_check import CineCheck
from .dataset import Dataset, Finding, LabelledCine, Severity

_TABLES = frozenset({".csv", ".json", ".txt", ".md", ".pdf", ".xlsx", ".raw", ".cfg"})
_BLOCK = 1 << 20
FAR_APART = 0.08
"""Seconds beyond which two readers' marks of one keyframe are worth a second look; ``FRAMES_APART`` where a clip's rate
is not known."""
FRAMES_APART = 3.0
MOST_NAMED = 4
"""Keyframes named in one line."""


def check_set(dataset: Dataset, seed: int = 0) -> list[Finding]:
    """Findings that concern several cines or the tables, those of opening the set first.

    Files of the same size are compared by their bytes. seed: of the 4:1 division where the set has none of its own.
    """
    splits = dict(zip((cine.labels.file for cine in dataset.cines), dataset.splits(seed), strict=True))
    return [
        *dataset.findings,
        *_listed_twice(dataset.cines),
        *dataset.torn_patients,
        *_same_content(dataset.cines, splits),
        *_without_labels(dataset),
        *_disagreeing(dataset.cines),
    ]


def _disagreeing(cines: Sequence[LabelledCine]) -> list[Finding]:
    """One finding for each loop whose readers should look at it again: a keyframe that not all of them marked, or
    marks of one keyframe that lie further apart than ``FAR_APART``."""
    findings = []
    for cine in cines:
        if cine.readings is None or len(cine.readings.voters) < 2:
            continue
        vote = cine.readings.consensus
        unclear = [f"{m.phase} near {m.frame:g} marked by {', '.join(m.readers)} alone"
                   for m in (*vote.disputed, *vote.rejected)]  # fmt: skip
        limit = FAR_APART * cine.labels.fps if cine.labels.fps else FRAMES_APART
        unclear += [f"{m.phase} near {m.frame:g}: {m.spread:g} frames apart" for m in vote.accepted if m.spread > limit]
        if unclear:
            more = f" and {len(unclear) - MOST_NAMED} more" if len(unclear) > MOST_NAMED else ""
            told = f"{cine.labels.file}: {'; '.join(unclear[:MOST_NAMED])}{more}; read it again"
            findings.append(Finding(Severity.NOTE, "readers disagree", cine.labels.file, told))
    return findings


def summary(dataset: Dataset, checks: Sequence[CineCheck], seed: int = 0) -> list[tuple[str, str]]:
    """What a set holds, as (heading, text). ``checks``: of its cines, in any order."""
    cines = dataset.cines
    splits = _counts(Counter(str(split) for split in dataset.splits(seed)))
    simulated = sum(cine.is_simulated for cine in cines)
    rows = [
        ("form", dataset.form),
        ("cines", f"{len(cines)}" + (f" ({simulated} simulated)" if simulated else "")),
        ("views", _counts(Counter(cine.labels.view or "unknown" for cine in cines))),
        ("parts", splits + (" (the set's own)" if dataset.has_published_split else " (4:1 per view)")),
        ("patients", _patients(cines)),
        ("keyframes", _keyframes(cines)),
        ("quality", _counts(Counter(cine.quality for cine in cines if cine.quality))),
        ("frames", _range([check.frames for check in checks])),
        ("frames/s", _range([check.fps for check in checks])),
        ("encodings", _counts(Counter(check.encoding for check in checks if check.encoding))),
        ("masks", f"{sum(cine.masks is not None for cine in cines)} cines"),
    ]
    return [(heading, text) for heading, text in rows if text not in ("", "0 cines")]


def _patients(cines: Sequence[LabelledCine]) -> str:
    known = len({cine.patient for cine in cines if cine.patient})
    unknown = sum(cine.patient is None for cine in cines)
    return f"{known}" + (f"; unknown for {unknown} cines, which are divided one by one" if unknown else "")


def _keyframes(cines: Sequence[LabelledCine]) -> str:
    partial = sum(cine.labels.decided is not None for cine in cines)
    counts = f"{sum(len(c.labels.ed) for c in cines)} ED, {sum(len(c.labels.es) for c in cines)} ES"
    return counts + (f"; in {partial} cines a part is labelled" if partial else "")


def _listed_twice(cines: Sequence[LabelledCine]) -> Iterable[Finding]:
    for file, number in Counter(cine.labels.file for cine in cines).items():
        if number > 1:
            yield Finding(Severity.ERROR, "listed twice", file, f"{file}: is listed {number} times")


def _same_content(cines: Sequence[LabelledCine], splits: dict[str, str]) -> Iterable[Finding]:
    by_size: dict[int, list[LabelledCine]] = defaultdict(list)
    for cine in cines:
        path = _pixels(cine.path)
        if path.is_file():
            by_size[path.stat().st_size].append(cine)
    for alike in by_size.values():
        seen: dict[bytes, LabelledCine] = {}
        for cine in alike if len({c.path for c in alike}) > 1 else ():
            first = seen.setdefault(_digest(_pixels(cine.path)), cine)
            if first.path == cine.path:
                continue
            apart = splits[first.labels.file] != splits[cine.labels.file]
            where = ", and they are in different parts" if apart else ""
            message = f"{cine.labels.file}: is the same file as {first.labels.file}{where}; keep one of them"
            yield Finding(Severity.ERROR if apart else Severity.WARNING, "duplicate", cine.labels.file, message)


def _pixels(path: Path) -> Path:
    raw = path.with_suffix(".raw")
    return raw if path.suffix.lower() == ".mhd" and raw.is_file() else path


def _digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except OSError:
        return str(path).encode("utf-8", "surrogateescape")  # told elsewhere as unreadable
    return digest.digest()


def _without_labels(dataset: Dataset) -> Iterable[Finding]:
    """Files beside labelled cines that no label names."""
    labelled = {cine.path for cine in dataset.cines} | {dataset.folder / f.file for f in dataset.findings}
    folders = {cine.path.parent for cine in dataset.cines}
    if dataset.form == "CAMUS":  # has images of its keyframes and masks beside each sequence
        return
    others = sorted(
        path.relative_to(dataset.folder).as_posix()
        for folder in folders if folder.is_dir()
        for path in folder.iterdir()
        if path.is_file() and path not in labelled and path.suffix.lower() not in _TABLES and path.name[0] != "."
    )  # fmt: skip
    if others:
        message = f"{len(others)} files beside the labelled cines have no labels, such as {others[0]}"
        yield Finding(Severity.NOTE, "no labels", others[0], message)


def _counts(counter: Counter) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counter.items()))


def _range(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, middle, high = min(known), float(np.median(known)), max(known)
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}, median {middle:.4g}"
