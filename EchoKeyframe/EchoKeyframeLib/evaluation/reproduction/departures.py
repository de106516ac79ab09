"""Where this implementation does otherwise than the paper, and why; and what it chose where the paper says nothing.

Docs/departures.md shows the same table; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

PAPERS_NETWORK = "resnet-vst"


@dataclass(frozen=True)
class UsedSystem:
    """What a report knows of a system: its name, how keyframes were read off its curves, and its card's network (None
    for the motion detector) and training."""

    name: str
    decoder: str
    network: dict[str, Any] | None = None
    training: dict[str, Any] = field(default_factory=dict)

    @property
    def is_papers(self) -> bool:
        return (self.network or {}).get("architecture") == PAPERS_NETWORK

    def recipe(self, key: str) -> Any:
        """A setting of its training, None where the card does not tell."""
        recipe = self.training.get("recipe")
        return recipe.get(key) if isinstance(recipe, dict) else None


@dataclass(frozen=True)
class Departure:
    """point: what it is about. paper, here: what each does. reason: why. applies: to which reports, given the systems
    and what the clips are (as the report's title says it)."""

    point: str
    paper: str
    here: str
    reason: str
    applies: Callable[[Sequence[UsedSystem], str], bool]


def _always(systems: Sequence[UsedSystem], data: str) -> bool:
    return True


def _of_papers(test: Callable[[UsedSystem], bool]) -> Callable[[Sequence[UsedSystem], str], bool]:
    return lambda systems, data: any(system.is_papers and test(system) for system in systems)


DEPARTURES = (
    Departure(
        "Moment of ES", "first frame after aortic valve closure, or smallest LV",
        "smallest LV in the last frames before the mitral leaflets part",
        "one moment for labels, simulator and evaluation; simulated ES lies 20 ms before the leaflets part, 35 to 90 "
        "ms after aortic closure", lambda systems, data: "simulated" in data,
    ),
    Departure(
        "EchoNet-Dynamic-Tiny", "all ED and ES of every beat, labelled anew",
        "EchoNet's own labels: one beat a video, and only frames that it decides count",
        "the paper's labels are not public; label the videos (Docs/datasets.md) and give that set instead",
        lambda systems, data: "Tiny" in data,
    ),
    Departure(
        "Labels of several readers", "majority vote",
        "median of those who marked a keyframe that more than half marked",
        "readers rarely choose the same frame", lambda systems, data: "labelled" in data,
    ),
    Departure(
        "Spread", "eq. 5, called standard deviation", "standard deviation of the population (divided by n)",
        "the printed formula leaves it open", _always,
    ),
    Departure(
        "Tests", "one-way ANOVA and Tukey's HSD over keyframes",
        "the same over keyframes and over clips, and Friedman's test over patients",
        "keyframes of a clip err together, and all systems see the same clips", _always,
    ),
    Departure(
        "Learning rate", "multi-step decay, milestones not given", "a tenth from 60 % and again from 85 % of the steps",
        "the paper gives none", _of_papers(lambda system: system.recipe("schedule") == "multi-step"),
    ),
    Departure(
        "Recipe", "Adam, 1e-5, sum of squared errors, batch 4, 500 epochs, sigma of 10 frames", "as the card says",
        "trained with other settings than the paper's", _of_papers(lambda system: not _is_papers_recipe(system)),
    ),
    Departure(
        "ImageNet weights", "which ones is not said", "torchvision's first (IMAGENET1K_V1) or the file that was given",
        "those that were meant before there were others",
        _of_papers(lambda system: bool(system.training.get("imagenet"))),
    ),
    Departure(
        "Start of the encoder", "ImageNet weights", "random weights, or those of an earlier training",
        "the person chose so, or the card does not tell",
        _of_papers(lambda system: not system.training.get("imagenet")),
    ),
    Departure(
        "ResNet stage and size of the transformer", "not given",
        "last stage; 64 channels, two stages of two blocks, 2 and 4 heads, windows of 8 x 4 x 4",
        "light enough for stride-1 windows (Docs/experiments.md)", _of_papers(lambda system: True),
    ),
    Departure(
        "Frames into the network", "not given",
        "each frame standardised by its own mean and spread; gray in three equal channels",
        "independent of a machine's gain", _of_papers(lambda system: True),
    ),
    Departure(
        "Sigma under strides of 2 and 4", "not given", "10 frames of the clip, whatever the stride",
        "the curve is a property of the clip", _of_papers(lambda system: True),
    ),
    Departure(
        "Encoding", "each of the 16 windows encodes its frames anew",
        "each frame encoded once, windows share the features",
        "the same numbers (a test compares them) in a 15th of the time", _of_papers(lambda system: True),
    ),
    Departure(
        "Size of test images", "224 after training at 320",
        "the size of the training unless --test-size says otherwise",
        "--size 320 in train and --test-size 224 are the paper's", _of_papers(
            lambda system: not (_trained_size(system) == 320 and (system.network or {}).get("size") == 224)),
    ),
    Departure(
        "Keyframes", "every local maximum", "the likeliest whole sequence of beats", "chosen with --decoder beats",
        _of_papers(lambda system: system.decoder != "maxima"),
    ),
    Departure(
        "Windows past the clip's end", "a window for each frame, filled with zero frames",
        "none: the last window ends with the clip", "weights of an earlier version, whose card does not ask for them",
        _of_papers(lambda system: not (system.network or {}).get("past_end")),
    ),
    Departure(
        "Compared systems", "trained alike: T = 16, 224, one augmentation and optimiser", "T and size as their authors "
        "published them", "'echokeyframe compare' trains all alike",
        lambda systems, data: any(
            s.network and not s.is_papers and s.network.get("architecture") in ("resnet-lstm", "cnn3d-lstm")
            and s.network.get("frames") != 16 for s in systems),
    ),
)  # fmt: skip


def departures_of(systems: Sequence[UsedSystem], data: str) -> tuple[Departure, ...]:
    """Those that a report on these systems and clips has."""
    return tuple(departure for departure in DEPARTURES if departure.applies(systems, data))


def departures_table(departures: Iterable[Departure]) -> str:
    """As Markdown."""
    rows = [("Point", "Paper", "Here", "Reason"), ("---",) * 4]
    rows += [(d.point, d.paper, d.here, d.reason) for d in departures]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _trained_size(system: UsedSystem) -> Any:
    network = system.training.get("network_size")
    return network if network is not None else (system.network or {}).get("size")


def _is_papers_recipe(system: UsedSystem) -> bool:
    wanted = {"targets": "paper", "optimiser": "adam", "lr": 1e-5, "loss": "sum", "batch": 4, "epochs": 500}
    return all(system.recipe(key) == value for key, value in wanted.items())
