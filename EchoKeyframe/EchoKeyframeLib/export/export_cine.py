"""Writes the files of one cine's export."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from ..atomic_file import make_folder, written_together
from ..cine.cine import Cine, CineError
from ..cine.sector import Sector
from ..detection.keyframes import Beat
from ..report.outputs import ADVICE, OutputExists
from .excerpt import Excerpt, Scope, beat_excerpts, cine_excerpt, keyframe_excerpts
from .formats import FORMATS, Format
from .record import Request, record_path, recorded_files, write_record

EXCERPTS = {
    Scope.FRAME: keyframe_excerpts,
    Scope.BEAT: beat_excerpts,
    Scope.CINE: lambda *arguments: [cine_excerpt(*arguments)],
}


def export_cine(
    target: Path, cine: Cine, sector: Sector, beats: Sequence[Beat], request: Request, force: bool = False
) -> tuple[list[Path], list[str]]:
    """Write the files that ``request`` asks for and their record, all or none. Returns the files, and warnings.

    ``target`` is DIR/NAME without a suffix; DIR is made if need be. ``force`` overwrites what is in the way, and
    deletes what an earlier export of this target wrote and this one does not. Where only measurable beats are asked for
    and there are none, the record alone is written.

    Raises CineError where a beat is missing, there is nothing to export, or frames would show what lies outside a scan
    sector that was not found; OutputExists where files are in the way; OSError.
    """
    chosen = _chosen(cine, beats, request)
    formats = [FORMATS[name] for name in request.formats]
    planned = _planned(target, cine, chosen, _visible(cine, sector, formats, request), formats) if chosen else []
    if chosen and not planned:
        raise CineError(cine.source.name, "no beat is whole, from one ED to the next, so there is none to export")
    earlier = _earlier_files(target, force)
    paths = [record_path(target), *(path for path, _, _ in planned)]
    in_the_way = [path.name for path in paths[1:] if path.exists() and path not in earlier]
    if in_the_way and not force:
        raise OutputExists(in_the_way[0], f"is already there and not from an export of this cine; {ADVICE}")
    warnings = _cut_beats(chosen, formats)
    make_folder(target.parent)
    with written_together(paths) as (record, *aside):
        write_record(record, request, [(path, excerpt) for path, _, excerpt in planned])
        for path, (_, format, excerpt) in zip(aside, planned, strict=True):
            warnings += format.write(path, excerpt)
        for path in earlier - set(paths):
            path.unlink(missing_ok=True)
    return paths[1:], list(dict.fromkeys(warnings))


def _chosen(cine: Cine, beats: Sequence[Beat], request: Request) -> list[Beat]:
    name, there = cine.source.name, [beat.number for beat in beats]
    missing = [number for number in request.beats or () if number not in there]
    if missing:
        raise CineError(name, f"has no beat {missing[0]}; there are {', '.join(map(str, there)) or 'none'}")
    chosen = [beat for beat in beats if (request.beats is None or beat.number in request.beats)
              and (beat.measurable or not request.measurable)]  # fmt: skip
    if not chosen and not request.measurable:
        raise CineError(name, "no ED or ES frame was found, so there is nothing to export")
    return chosen


def _visible(cine: Cine, sector: Sector, formats: Sequence[Format], request: Request) -> np.ndarray | None:
    """The pixels that may be shown, None for all."""
    if request.whole_frame or not any(format.shows_frames for format in formats):
        return None
    if not sector.found:
        reason = sector.note.partition(";")[0]
        raise CineError(
            cine.source.name,
            f"no scan sector was found ({reason}), and text in the frame may name the "
            "patient; look at it with 'echokeyframe info --outline', then use --whole-frame"
        )
    return sector.mask


def _planned(
    target: Path, cine: Cine, beats: Sequence[Beat], visible: np.ndarray | None, formats: Sequence[Format]
) -> list[tuple[Path, Format, Excerpt]]:
    planned = []
    for format in formats:
        for excerpt in EXCERPTS[format.scope](cine, beats, visible):
            name = f"{target.name}.{excerpt.title}" if excerpt.title else target.name
            planned.append((target.with_name(name + format.suffix), format, excerpt))
    return planned


def _earlier_files(target: Path, force: bool) -> set[Path]:
    """What the record that is there says was written; with ``force``, one that cannot be read says nothing."""
    with suppress(*[OutputExists] if force else []):
        return set(recorded_files(target))
    return set()


def _cut_beats(beats: Sequence[Beat], formats: Sequence[Format]) -> list[str]:
    if not any(format.scope is Scope.BEAT for format in formats):
        return []
    return [f"beat {beat.number} is cut by the clip's ends, so there is no video of it"
            for beat in beats if beat.ed is None or beat.next_ed is None]  # fmt: skip
