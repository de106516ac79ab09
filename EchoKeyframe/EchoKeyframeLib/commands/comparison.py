"""What ``evaluate`` and ``reproduce`` share: detectors side by side on labelled clips, and a folder for the result."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from . import UsageError
from .cine_jobs import add_output, folder_if_filled
from .labelled_data import LabelledData, add_data
from .options import add_debug, add_device, count
from .terminal import tell_failed, warn

if TYPE_CHECKING:
    from ..detection.detector import Detector
    from ..evaluation.evaluate import Case

    Cases = Iterable[Case | tuple[str, str]]


def add_comparison(parser: argparse.ArgumentParser) -> None:
    """DATA, the clips of it, the folder, and where networks run."""
    add_data(parser)
    add_output(parser)
    parser.add_argument("--clips", type=count, metavar="N", help="only the first so many")
    add_device(parser)
    add_debug(parser)


@dataclass(frozen=True)
class Comparison:
    """clips: how many. title: what they are, such as ``20 simulated clips``. output: the folder, which is there."""

    data: LabelledData
    detectors: list[Detector]
    clips: int
    title: str
    output: Path

    @classmethod
    @contextmanager
    def of(cls, options: argparse.Namespace, models: Sequence[str]) -> Iterator[Comparison]:
        """The folder is removed again if nothing came into it. Raises UsageError where DATA, a model or the folder
        cannot be used."""
        from ..cine.cine import CineError

        data = LabelledData.of(options)
        try:
            detectors = _load_detectors(models, options.device)
            clips, title = data.extent(options.clips)
            _warn_of_learned_clips(models, data.names(options.clips))
        except CineError as error:
            raise UsageError(str(error)) from error
        with folder_if_filled(options.output) as output:
            yield cls(data, detectors, clips, title, output)

    def runs(self) -> Iterator[tuple[Detector, Cases, Callable[[], object]]]:
        """Each detector with all clips, and what is to be called after each clip. Under a bar on a terminal."""
        from tqdm import tqdm

        with tqdm(total=self.clips * len(self.detectors), unit="clip", disable=None) as bar:
            for detector in self.detectors:
                yield detector, islice(self.data.cases(), self.clips), bar.update


def tell_failures(failures: Iterable[tuple[str, str]]) -> int:
    """Print why clips were not evaluated, pairs of file and reason, each once. Returns the exit code."""
    failed = dict.fromkeys(failures)
    for name, reason in failed:
        tell_failed(name, reason)
    return 1 if failed else 0


def _warn_of_learned_clips(models: Sequence[str], names: Sequence[str]) -> None:
    """A line for each network that has learned from simulated clips of the same seeds."""
    from ..detection.catalogue import network_weights
    from ..training.phantom.clip_labels import seed_of

    seeds = [seed for name in names if (seed := seed_of(name)) is not None]
    weights = dict.fromkeys(network_weights(model) for model in models) if seeds else {}
    for path in filter(None, weights):
        from ..models.weights_file import load_card
        from ..training.learned_seeds import learned_seeds

        card = load_card(path)
        learned = learned_seeds(card)
        known = sum(any(seed in clips for clips in learned) for seed in seeds)
        if known:
            warn(f"warning: {card.title} learned from {known} of {len(names)} clips here (by their seeds), so its "
                 "figures are too good; evaluate on others")  # fmt: skip


def _load_detectors(models: Sequence[str], device: str) -> list[Detector]:
    """Detectors that results are told apart by; a model given twice counts once.

    Raises UsageError where two sign with the same name, and what ``load_detector`` raises.
    """
    from ..detection.catalogue import load_detector

    detectors = [load_detector(model, device) for model in dict.fromkeys(models)]
    names = [detector.name for detector in detectors]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two of the models are called {name}; their results could not be told apart")
    return detectors
