"""The way from a cine to its keyframes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..cine.cine import Cine
from ..cine.finding import Finding, FindingKind
from ..cine.sector import Sector, find_sector, whole_frame
from .beats import EDGE_RATE, certain_heart_rate, form_beats, heart_rate, without_unseen_end
from .confidence import rated
from .decode import decode_beats, decode_maxima
from .detector import Detector, Progress
from .film import Film
from .film_curves import film_curves
from .find_view import find_view
from .image_quality import degraded_frames, mark_degraded, told_degraded
from .keyframes import Curves, Detection, StillError, Unfit
from .no_beats import unseen, why_no_beats

DECODERS = {"beats": decode_beats, "maxima": decode_maxima}
"""``beats``: the whole sequence at once (default). ``maxima``: every local maximum, as in the paper."""

REPLAY_SPEEDS = (0.5, 0.25, 0.125)
"""At which systems replay a loop, and then store it with the times of the replay."""

FEWEST_FRAMES = 3
"""Fewer frames cannot hold a turning point."""

_REASONS = (FindingKind.SYNTAX, FindingKind.LOST_FRAMES)
"""Kinds of findings that may say why a file has so few frames."""


def detect(
    cine: Cine,
    detector: Detector,
    decoder: str = "beats",
    sector: Sector | None = None,
    progress: Progress | None = None,
) -> Detection:
    """Find the ED and ES frames of a cine.

    ``sector`` saves the search for it where it is known. ``progress`` gets the fraction done in [0, 1] and may raise
    ``Cancelled``. Raises StillError for a cine with fewer than three frames, KeyError for an unknown decoder. A cine in
    which nothing beats gives a Detection without keyframes and a finding that says why.
    """
    if decoder not in DECODERS:
        raise KeyError(f"decoder must be one of {', '.join(DECODERS)}, got {decoder!r}")
    check_loop(cine.source.name, len(cine), cine.findings)
    sector = sector or find_sector(cine)
    film = Film.of(cine, sector)
    curves = film_curves(cine, sector, film, detector, progress)
    found = interpret(curves, cine, decoder, sector, film)
    if (seen := find_view(film, cine.times)) is not None:
        found = replace(found, view_found=seen.found, view_confidence=seen.confidence)
    return replace(found, runtime=getattr(detector, "runtime", None), device=getattr(detector, "device", None))


def check_loop(name: str, frames: int, findings: Sequence[Finding] = ()) -> None:
    """Raise StillError for fewer frames than a turning point needs. findings: of the reading, some of which say why."""
    if frames < FEWEST_FRAMES:
        told = "1 frame" if frames == 1 else f"{frames} frames"
        reasons = "".join(f"; {finding.text}" for finding in findings if finding.kind in _REASONS)
        raise StillError(name, f"has {told}, a cine loop with at least {FEWEST_FRAMES} is needed{reasons}")


def interpret(
    curves: Curves, cine: Cine, decoder: str = "beats", sector: Sector | None = None, film: Film | None = None
) -> Detection:
    """Keyframes, beats and warnings from curves that a detector gave for this cine. film: where it is known."""
    film = film or Film.of(cine, sector or whole_frame(cine))
    degraded = degraded_frames(film.frames)
    pieces = film.pieces if len(film.pieces) > 1 else ()
    nothing = why_no_beats(film, curves)
    decoded = mark_degraded([] if nothing else DECODERS[decoder](curves), degraded)
    if decoder == "beats":
        decoded = rated(decoded, curves.worth, curves.times)
    rate = heart_rate(decoded, pieces)
    certain = certain_heart_rate(decoded, pieces)
    kept = without_unseen_end(decoded, len(cine)) if decoder == "beats" else decoded
    keyframes, beats = form_beats(kept, pieces)
    contradiction = _rate_contradiction(rate, cine, certain is not None) if rate is not None else ""
    settled = cine.timing_warnings if contradiction and certain else ()  # the true frame rate is told below
    noticed = film.findings() + (() if keyframes else (nothing or unseen(),))
    warnings = [*(w for w in cine.warnings if w not in settled), *(f.text for f in noticed), *curves.warnings]
    if sector is not None and sector.note:
        warnings.append(sector.note)
    if degraded.any():
        warnings.append(told_degraded(degraded))
    if keyframes and not any(beat.measurable for beat in beats):
        reasons = sorted({reason for beat in beats for reason in beat.unfit}, key=list(Unfit).index)
        warnings.append(f"no beat is fit for measurement ({', '.join(reasons)})")
    if rate is not None and certain is None:
        warnings.append(EDGE_RATE)
    if contradiction:
        warnings.append(contradiction)
    findings = tuple(finding for finding in cine.findings if finding.text not in settled) + noticed
    sector = sector or whole_frame(cine)
    return Detection(
        curves, keyframes, beats, rate, curves.detector, decoder, tuple(warnings), findings,
        orientation=sector.orientation, orientation_given=sector.orientation_given,
        pieces=pieces,
    )  # fmt: skip


def _fits(stated: float, measured: float) -> bool:
    """Whether the file's heart rate may be that by the frame times: a third off means that the latter are wrong."""
    return 0.75 < stated / measured < 1.33


def _rate_contradiction(measured: float, cine: Cine, certain: bool) -> str:
    """Heart rate by the frame times against the file's own; the true frame rate only where the former is certain.
    Empty where they fit, or the file states none."""
    stated, fps = cine.heart_rate, cine.fps
    if not stated or fps is None or _fits(stated, measured):
        return ""
    told = (
        f"the frame times ({cine.timing}, {fps:.1f} frames/s) make {measured:.0f} beats/min, but the file's heart "
        f"rate is {stated:.0f}: "
    )
    if not certain:
        return f"{told}one of them is wrong; if it is the frame rate, set the true one with --fps"
    ratio = stated / measured
    slowed = next((speed for speed in REPLAY_SPEEDS if abs(ratio * speed - 1) < 0.15), None)
    if slowed:
        ratio = 1 / slowed  # beats differ, so a replay speed tells the frame rate better than their ratio
    cause = f"this looks like a replay at {slowed:.0%} speed" if slowed else "if that is right"
    return f"{told}{cause}, the true rate is about {fps * ratio:.1f} frames/s (set it with --fps)"
