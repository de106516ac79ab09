"""What is in view: an apical window on the left ventricle or another one, by a network that traces the ventricle."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from ..cine.cine import CineError
from ..models.contour_runner import ContourRunner, OnnxContourRunner, TorchContourRunner
from ..models.loop_images import LOOK_BACK, equalised, loop_images
from ..models.registry import ONNX, VIEW_WEIGHTS
from .film import FRAME_SIZE, Film
from .runtime import choose_runtime
from .seen_view import SeenView, ViewFound

LOOKED_AT = 4
"""Frames, evenly spread over what is new in the loop: eight tell no more."""

SLOPE, OFFSET = 0.84, 1.31
"""From the mean of the network's logits to that of the loop being apical, fitted on simulated loops, as many apical as
others (``Testing/benchmarks/view_found.py``)."""

MOST_CONFIDENCE = 0.99
"""A few hundred simulated loops say no more."""


def find_view(film: Film, times: np.ndarray) -> SeenView | None:
    """What a film shows, by the network that comes with the package; None where that cannot run or nothing is seen.

    times: of the film's frames, float64 ``[T]`` s.
    """
    runner = _shipped() if film.frames.any() else None
    if runner is None:
        return None
    try:
        logits = view_logits(looks(film, times), runner)
    except (CineError, MemoryError):
        return None
    return seen_view(float(logits.mean()))


def seen_view(logit: float) -> SeenView:
    """From the mean of a loop's logits."""
    apical = 1 / (1 + math.exp(-min(max(SLOPE * logit + OFFSET, -30.0), 30.0)))
    found = ViewFound.APICAL if apical >= 0.5 else ViewFound.NOT_APICAL
    return SeenView(found, min(max(apical, 1 - apical), MOST_CONFIDENCE))


def looks(film: Film, times: np.ndarray) -> np.ndarray:
    """At most ``LOOKED_AT`` frames beside what stands still around them: uint8 ``[n, S, S, 3]`` (``loop_images``)."""
    new = np.flatnonzero(film.new)
    chosen = new[np.unique(np.linspace(0, len(new) - 1, LOOKED_AT).round().astype(int))]
    first, last = (np.searchsorted(times, times[chosen] + sign * LOOK_BACK / 2) for sign in (-1, 1))
    spans = zip(chosen, first, last, strict=True)
    return np.stack([loop_images(film.frames[t], film.frames[a : max(b, t + 1)]) for t, a, b in spans])


def view_logits(looked_at: np.ndarray, runner: ContourRunner) -> np.ndarray:
    """What the network says of an apical view at each of ``looks``, float ``[n]``. Raises WeightsError."""
    return runner.run(np.stack([equalised(images) for images in looked_at]))[1]


@cache
def _shipped() -> ContourRunner | None:
    """The network that comes with the package, loaded once; None where it is missing or nothing can run it."""
    if not VIEW_WEIGHTS.is_file():  # before torch is imported for nothing
        return None
    try:
        in_onnx = choose_runtime(VIEW_WEIGHTS, device="cpu") == ONNX
        runner = OnnxContourRunner(VIEW_WEIGHTS) if in_onnx else TorchContourRunner(VIEW_WEIGHTS, "cpu")
    except (CineError, ImportError):
        return None
    return runner if runner.config.size == FRAME_SIZE else None
