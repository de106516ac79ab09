"""What a card tells of weights beyond the numbers: what they are for, whose hearts they saw, where they fail.

The headings follow what is asked of model cards for medical networks (Mitchell et al. 2019, doi
10.1145/3287560.3287596; the model zoo of MONAI): intended use, data and who labelled them, moments that outputs mean,
limits, inputs and outputs by type and range, versions, machine, and a SHA-256 of each file that belongs together.
Hashes catch mix-ups, not attackers: who can change a file can change its card.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import msgspec

from .. import __version__
from .config import NetworkConfig

Text = Annotated[str, msgspec.Meta(max_length=2000)]
Line = Annotated[str, msgspec.Meta(max_length=300)]
Number = Annotated[int, msgspec.Meta(ge=0)]

MOMENTS = {
    "ED": "first frame with the mitral leaflets closed, the left ventricle largest",
    "ES": "the left ventricle smallest, in the last frames before the mitral leaflets part",
}
"""The one convention of this package's labels and simulator."""

INTENDED_USE = "research and teaching: finds ED and ES frames of transthoracic 2D loops for a person to check"
NOT_FOR = "diagnosis or treatment without a person's check; not a medical device"


class CardData(msgspec.Struct, omit_defaults=True):
    """The clips that were learned from. patients: None where unknown. views: clips by view. frame_rates: lowest and
    highest, frames per second. labelled_by: who, in words. in_sight: which judged clips were looked at meanwhile."""

    kind: Line = ""
    clips: Number | None = None
    patients: Number | None = None
    views: dict[Line, Number] = {}
    makers: Line = ""
    frame_rates: tuple[float, float] | None = None
    labelled_by: Text = ""
    in_sight: Text = ""


class CardChange(msgspec.Struct):
    """One version and what it changed."""

    version: Line
    change: Text


class CardTensor(msgspec.Struct):
    """An input or output: dtype and shape as in ``"uint8 [T, 112, 112]"``, its range and its meaning."""

    name: Line
    type: Line
    range: Line
    meaning: Text


class ModelCard(msgspec.Struct, omit_defaults=True):
    """See the head of this file. files: SHA-256 by file name."""

    intended_use: Text = ""
    not_for: Text = ""
    moments: dict[Line, Text] = {}
    data: CardData = msgspec.field(default_factory=CardData)
    limits: list[Text] = []
    inputs: list[CardTensor] = []
    outputs: list[CardTensor] = []
    changelog: list[CardChange] = []
    versions: dict[Line, Line] = {}
    machine: Line = ""
    minutes: float | None = None
    files: dict[Line, Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]] = {}


def describe(config: NetworkConfig, data: CardData, training: Mapping[str, Any]) -> ModelCard:
    """The card of a training that ended on this machine. limits and changelog are for a person to add."""
    minutes = training.get("minutes")
    return ModelCard(
        intended_use=INTENDED_USE,
        not_for=NOT_FOR,
        moments=dict(MOMENTS),
        data=data,
        limits=["Not judged on other data than this card names."],
        inputs=inputs_of(config),
        outputs=outputs_of(config),
        versions=_versions(),
        machine=f"{platform.machine()}, {os.cpu_count()} processor cores",
        minutes=round(minutes, 1) if isinstance(minutes, int | float) else None,
    )


def inputs_of(config: NetworkConfig) -> list[CardTensor]:
    """What the network must be fed, by its configuration."""
    at = f"at about {config.rate:g} frames/s" if config.rate else "at the clip's own rate"
    length = "one beat resampled" if config.one_beat else at
    inputs = []
    if config.traces:
        side = config.size
        return [CardTensor("images", f"float32 [3, {side}, {side}]", "0 to 1", "a frame of the scan sector, and the "
                           f"second smallest and the mean gray level of {config.frames} frames of the second around it;"
                           " levels half equalised")]  # fmt: skip
    if "image" in config.streams:
        inputs.append(CardTensor(
            "images", f"uint8 [{config.frames}, {config.size}, {config.size}]", "0 to 255",
            f"gray frames of the scan sector, {length}, each standardised by its own mean and spread; zero frames past "
            "the end"))  # fmt: skip
    if "motion" in config.streams:
        inputs.append(CardTensor("motion", f"float32 [{config.frames}, 3, 14, 14]", "root mean square 1",
                                 "optical flow in x and y and brightness, pooled to a grid"))  # fmt: skip
    return inputs


def outputs_of(config: NetworkConfig) -> list[CardTensor]:
    """What the network answers, by its configuration."""
    if config.traces:
        maps = f"float32 [{config.size // 2}, {config.size // 2}]"
        said = {"cavity": "log odds of a pixel lying in the left ventricle", "apical": "log odds of an apical view"}
        return [CardTensor(name, "float32 []" if name == "apical" else maps, "no limits",
                           said.get(name, "log probability of its place, up to a constant")) for name in config.outputs]
    meanings = {
        "ED": "probability of end-diastole",
        "ES": "probability of end-systole",
        "ED wide": "the same, ten frames wide; helps training only",
        "ES wide": "the same, ten frames wide; helps training only",
        "volume": "LV volume relative to the clip's; helps training only",
        "phase": "about 1 at ED and 0 at ES",
        "systole": "probability of systole",
        "area": "area of the LV, share of the frame",
    }
    ranges = {"phase": "no limits"}
    return [CardTensor(name, f"float32 [{config.frames}]", ranges.get(name, "0 to 1"), meanings[name])
            for name in config.outputs]  # fmt: skip


def _versions() -> dict[str, str]:
    found = {"echokeyframe": __version__, "python": platform.python_version()}
    for package in ("torch", "torchvision", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
