"""``echokeyframe evaluate --model lv-contour-large``: how well a network traces the LV on a labelled set."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..models.registry import CONTOUR_NETWORKS
from . import UsageError
from .cine_jobs import folder_if_filled
from .comparison import tell_failures
from .labelled_data import LabelledData
from .options import OWN_DECODER
from .terminal import say, warn

if TYPE_CHECKING:
    from ..cine.orientation import Orientation
    from ..datasets.dataset import LabelledCine
    from ..evaluation.traced_set import TracedSet
    from ..measurement.automatic.tracer import Tracer
    from ..training.fit.learned_clips import LearnedClips


def asked_for(models: Sequence[str]) -> bool:
    """Whether networks that trace are to be evaluated. Raises UsageError where detectors are among them."""
    traces = [model in CONTOUR_NETWORKS or _traces(Path(model)) for model in models]
    if any(traces) and not all(traces):
        raise UsageError("networks that trace and detectors of keyframes are evaluated apart")
    return any(traces)


def _traces(path: Path) -> bool:
    from ..cine.cine import CineError
    from ..models.registry import SUFFIX
    from ..models.weights_card import load_card

    try:
        return path.suffix == SUFFIX and load_card(path).config.traces
    except CineError:  # told where it is loaded
        return False


def run(options: argparse.Namespace) -> int:
    """Print the tables of each network; 1 if a cine could not be evaluated. Raises UsageError before any work."""
    from ..cine.cine import CineError
    from ..cine.orientation import CHOICES
    from ..evaluation.traced_set import markdown, write_traced_set
    from ..measurement.automatic.tracer import load_tracer
    from ..models.registry import ANY_PRECISION
    from ..models.weights_card import load_card
    from ..training.fit.learned_clips import learned_clips

    if options.decoder != OWN_DECODER or options.test_size or options.precision != ANY_PRECISION:
        raise UsageError("--decoder, --test-size and --precision are for detectors of keyframes")
    data = LabelledData.of(options)
    weights = [CONTOUR_NETWORKS.get(model) or Path(model) for model in dict.fromkeys(options.model)]
    try:
        if data.is_store or not any(cine.masks for cine in data.dataset.cines):
            raise UsageError(f"{data.path.name} has no tracings of the left ventricle; EchoNet-Dynamic and CAMUS have")
        tracers = [(load_tracer(options.runtime, options.device, path), learned_clips(load_card(path)))
                   for path in weights]  # fmt: skip
        _, title = data.extent(options.clips)
    except CineError as error:
        raise UsageError(str(error)) from error
    failures: list[tuple[str, str]] = []
    cines = [cine for cine in data.dataset.cines if cine.masks][: options.clips]
    with folder_if_filled(options.output) as output:
        for tracer, learned in tracers:
            traced = _traced(cines, tracer, learned, title, CHOICES[options.orientation])
            for line in markdown(traced).splitlines():
                say(line)
            folder = output / re.sub(r"[^\w.-]+", "-", tracer.name).strip(".-")
            try:
                write_traced_set(traced, folder)
            except OSError as error:
                raise UsageError(f"{folder}: the tables cannot be written ({error.strerror})") from error
            failures += traced.failures
    return tell_failures(failures)


def _traced(
    cines: Sequence[LabelledCine], tracer: Tracer, learned: LearnedClips, title: str, orientation: Orientation | None
) -> TracedSet:
    from tqdm import tqdm

    from ..cine.cine import CineError
    from ..cine.frames_digest import frames_digest, short_digest
    from ..cine.sector import find_sector
    from ..evaluation.traced_cine import compare, traced_frames
    from ..evaluation.traced_set import TracedSet

    found, failures, known = [], [], 0
    for labelled in tqdm(cines, unit="cine", disable=None):
        try:
            keyframes = sorted(traced_frames(labelled).values())
            cine = labelled.read()
            found.append(compare(labelled, cine, tracer.trace(cine, find_sector(cine, orientation), None, keyframes)))
            known += learned.has(None, short_digest(frames_digest(cine.frames)))
        except CineError as error:
            failures.append((labelled.labels.file, error.reason))
    if known:
        warn(f"warning: {tracer.name} learned from {known} of {len(cines)} cines here (by their pictures), so its "
             "figures are too good; evaluate on others")  # fmt: skip
    return TracedSet(tracer.name, title, tuple(found), tuple(failures))
