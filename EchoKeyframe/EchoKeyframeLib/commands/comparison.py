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
from .options import add_debug, add_device, add_runtime, add_test_size, count
from .terminal import tell_failed, warn

if TYPE_CHECKING:
    from ..detection.detector import Detector
    from ..evaluation.evaluate import Case
    from ..training.fit.learned_clips import LearnedClips

    Cases = Iterable[Case | tuple[str, str]]


def add_comparison(parser: argparse.ArgumentParser) -> None:
    """DATA, the clips of it, the folder, and where networks run."""
    add_data(parser)
    add_output(parser)
    parser.add_argument("--clips", type=count, metavar="N", help="only the first so many")
    add_device(parser)
    add_runtime(parser)
    add_test_size(parser)
    add_debug(parser)


@dataclass(frozen=True)
class Comparison:
    """models: what the detectors were asked for by, in their order. clips: how many. title: what they are, such as
    ``20 simulated clips``. learned: clips that each network learned from, by its title. output: the folder, which is
    there."""

    data: LabelledData
    models: tuple[str, ...]
    detectors: list[Detector]
    clips: int
    title: str
    learned: dict[str, LearnedClips]
    output: Path

    @classmethod
    @contextmanager
    def of(cls, options: argparse.Namespace, models: Sequence[str]) -> Iterator[Comparison]:
        """The folder is removed again if nothing came into it. Raises UsageError where DATA, a model or the folder
        cannot be used."""
        from ..cine.cine import CineError

        data = LabelledData.of(options)
        try:
            detectors = _load_detectors(models, options)
            clips, title = data.extent(options.clips)
            learned = _learned(models)
        except CineError as error:
            raise UsageError(str(error)) from error
        with folder_if_filled(options.output) as output:
            yield cls(data, tuple(dict.fromkeys(models)), detectors, clips, title, learned, output)

    def runs(self) -> Iterator[tuple[Detector, Cases, Callable[[], object]]]:
        """Each detector with all clips, and what is to be called after each clip. Under a bar on a terminal."""
        from tqdm import tqdm

        known = dict.fromkeys(self.learned, 0)
        with tqdm(total=self.clips * len(self.detectors), unit="clip", disable=None) as bar:
            for number, detector in enumerate(self.detectors):
                cases = islice(self.data.cases(), self.clips)
                yield detector, cases if number else self._counted(cases, known), bar.update
        for network, clips in known.items():
            if clips:
                warn(f"warning: {network} learned from {clips} of {self.clips} clips here (by their seeds or "
                     "pictures), so its figures are too good; evaluate on others")  # fmt: skip

    def _counted(self, cases: Cases, known: dict[str, int]) -> Cases:
        """The same cases; counts for each network those that it learned from."""
        from ..evaluation.evaluate import Case
        from ..simulator.clip_labels import seed_of

        for case in cases:
            if isinstance(case, Case):
                for network, learned in self.learned.items():
                    known[network] += learned.has(seed_of(Path(case.labels.file).name), case.source)
            yield case


def tell_failures(failures: Iterable[tuple[str, str]]) -> int:
    """Print why clips were not evaluated, pairs of file and reason, each once. Returns the exit code."""
    failed = dict.fromkeys(failures)
    for name, reason in failed:
        tell_failed(name, reason)
    return 1 if failed else 0


def _learned(models: Sequence[str]) -> dict[str, LearnedClips]:
    """What the networks behind these detectors learned from, by their titles, where that is known."""
    from ..detection.catalogue import network_weights

    found = {}
    for path in filter(None, dict.fromkeys(network_weights(model) for model in models)):
        from ..models.weights_card import load_card
        from ..training.fit.learned_clips import learned_clips

        card = load_card(path)
        if learned := learned_clips(card):
            found[card.title] = learned
    return found


def _load_detectors(models: Sequence[str], options: argparse.Namespace) -> list[Detector]:
    """Detectors that results are told apart by; a model given twice counts once.

    Raises UsageError where two sign with the same name, and what ``load_detector`` raises.
    """
    from ..detection.catalogue import load_detector

    wishes = options.device, options.precision, options.test_size, options.runtime
    detectors = [load_detector(model, *wishes, many=True) for model in dict.fromkeys(models)]
    names = [detector.name for detector in detectors]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two of the models are called {name}; their results could not be told apart")
    return detectors
