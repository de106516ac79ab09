"""What fully describes a network: enough to build it again from its weights file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

RESNETS = ("resnet18", "resnet34", "resnet50")
THIN = "resnet-thin"
BACKBONES = {
    "resnet-vst": RESNETS,
    "two-stream": RESNETS,
    "resnet-lstm": (*RESNETS, THIN),
    "cnn3d-lstm": RESNETS,
    "resnet-lstm-beat": (*RESNETS, THIN),
    "densenet-gru-beat": ("densenet121", "densenet29"),
    "segmentation": ("resnet50", THIN),
    "contour-unet": RESNETS,
}
"""By architecture, the networks that it can be built on (those without one ignore the field)."""

ARCHITECTURES = tuple(BACKBONES)
ONE_BEAT = ("resnet-lstm-beat", "densenet-gru-beat")
STREAMS = ("image", "motion")
OUTPUTS = ("ED", "ES", "ED wide", "ES wide", "volume")
CONTOUR_OUTPUTS = ("cavity", "left annulus", "right annulus", "apex", "apical")
ONLY_OUTPUT = {
    "resnet-lstm": "phase",
    "cnn3d-lstm": "systole",
    "resnet-lstm-beat": "phase",
    "densenet-gru-beat": "phase",
    "segmentation": "area",
}
"""Architectures that answer with one number a frame, from which ED and ES are read (``detection.output_curves``)."""


class ConfigError(ValueError):
    """A network cannot be built as described. One line: which field, what is wrong with it."""


@dataclass(frozen=True)
class NetworkConfig:
    """A network's architecture and what it must be fed.

    architecture: ``"resnet-vst"`` (the paper's), ``"two-stream"`` or one of the published systems of Docs/systems.md.
    outputs: what each column of the output means. ``"ED"`` and ``"ES"`` come first; the others help training only:
        curves with a sigma of 10 frames (``"ED wide"``, ``"ES wide"``) and the LV volume from 0 (smallest) to 1.
        The published systems have one column: ``"phase"`` (1 at ED, 0 at ES), ``"systole"`` (its probability) or
        ``"area"`` (of the LV, as a share of the frame). A network that traces: ``CONTOUR_OUTPUTS``.
    frames: T, the length of a window, or of a beat once resampled (``one_beat``).
    window_step: frames from one window to the next at inference (the paper: 1). past_end: windows begin at every frame,
        to the clip's last; zero frames, which do not count, fill those that reach beyond it, as in training.
    rate: effective frames per second that the network was trained at; a clip is taken at the stride that comes closest.
        None: every frame is used, whatever the frame rate (the paper).
    size: height and width of the prepared frames. channels: 1, or 3 for a backbone with ImageNet weights.
    backbone: what frames are encoded with, one of ``BACKBONES``. stage (``"resnet-vst"`` only): which of the ResNet's
        four stages feeds the VST.
    streams: which inputs a two-stream network looks at. image_dropout: share of training samples without images.
    width: channels d of the encoded features (a torchvision backbone before recurrent layers keeps its own).
    hidden: units of each recurrent layer; widths of the U-Net's four levels.
    depths, heads: VST blocks and attention heads of each stage.
    attention_window: frames, rows, columns within which tokens attend to each other.
    mlp_ratio: hidden width of a block's perceptron over d.
    last_merging: merge patches after the last stage too (the paper), or only between stages (Video Swin).
    dropout: before the final linear layer. block_dropout: within VST blocks.

    Raises ConfigError for values that cannot be built or that would take unreasonable memory.
    """

    architecture: str
    outputs: tuple[str, ...] = ("ED", "ES")
    frames: int = 16
    window_step: int = 1
    past_end: bool = False
    rate: float | None = None
    size: int = 224
    channels: int = 1
    backbone: str = "resnet50"
    stage: int = 4
    streams: tuple[str, ...] = ("image",)
    image_dropout: float = 0.0
    width: int = 64
    hidden: tuple[int, ...] = (512, 512)
    depths: tuple[int, ...] = (2, 2)
    heads: tuple[int, ...] = (2, 4)
    attention_window: tuple[int, int, int] = (8, 4, 4)
    mlp_ratio: float = 2.0
    last_merging: bool = True
    dropout: float = 0.5
    block_dropout: float = 0.0

    def __post_init__(self) -> None:
        _require(self.architecture in ARCHITECTURES, f"architecture must be one of {', '.join(ARCHITECTURES)}")
        self._check_outputs()
        _require(1 <= self.frames <= 128, "frames must lie between 1 and 128")
        _require(1 <= self.window_step <= self.frames, "window_step must lie between 1 and frames")
        _require(self.rate is None or 1 <= self.rate <= 1000, "rate must lie between 1 and 1000 per second")
        _require(32 <= self.size <= 512, "size must lie between 32 and 512")
        _require(self.channels in (1, 3), "channels must be 1 or 3")
        backbones = BACKBONES[self.architecture]
        _require(self.backbone in backbones, f"backbone must be one of {', '.join(backbones)}")
        _require(1 <= self.stage <= 4, "stage must lie between 1 and 4")
        _require(bool(self.streams) and set(self.streams) <= set(STREAMS), "streams must be image, motion or both")
        _require(0 <= self.image_dropout < 1, "image_dropout must lie in [0, 1)")
        _require(8 <= self.width <= 1024, "width must lie between 8 and 1024")
        _require(
            1 <= len(self.hidden) <= 4 and all(1 <= units <= 4096 for units in self.hidden),
            "hidden must be 1 to 4 layers of up to 4096 units",
        )
        _require(self.architecture != "resnet-lstm" or len(self.hidden) == 2, "hidden must be two layers")
        _require(1 <= len(self.depths) <= 4 and all(1 <= d <= 24 for d in self.depths), "depths must be 1 to 4 stages")
        _require(len(self.heads) == len(self.depths), "heads must name one number for each stage")
        _require(
            all(n >= 1 and (self.width << i) % n == 0 for i, n in enumerate(self.heads)),
            "heads must divide the width of their stage",
        )
        _require(
            len(self.attention_window) == 3 and all(1 <= w <= 32 for w in self.attention_window),
            "attention_window must be three numbers from 1 to 32",
        )
        _require(0.5 <= self.mlp_ratio <= 8, "mlp_ratio must lie between 0.5 and 8")
        _require(0 <= self.dropout < 1 and 0 <= self.block_dropout < 1, "dropout must lie in [0, 1)")

    def _check_outputs(self) -> None:
        only = ONLY_OUTPUT.get(self.architecture)
        if only:
            _require(self.outputs == (only,), f"outputs of {self.architecture} must be {only}")
        elif self.traces:
            _require(self.outputs == CONTOUR_OUTPUTS, f"outputs must be {', '.join(CONTOUR_OUTPUTS)}")
            _require(self.channels == 3 and self.size % 16 == 0, "channels must be 3, size a multiple of 16")
            _require(len(self.hidden) == 4, "hidden must be four widths")
        else:
            known = set(self.outputs) <= set(OUTPUTS)
            _require(self.outputs[:2] == ("ED", "ES") and known, "outputs must begin ED, ES")

    @property
    def one_beat(self) -> bool:
        """Whether the T frames are one beat, resampled, and not T neighbouring frames."""
        return self.architecture in ONE_BEAT

    @property
    def traces(self) -> bool:
        """Whether it traces the left ventricle (``measurement.automatic``) and finds no keyframes."""
        return self.architecture == "contour-unet"

    @property
    def needs_masks(self) -> bool:
        """Whether it learns from masks of the left ventricle and not from keyframes."""
        return self.outputs == ("area",)

    def stride(self, fps: float | None) -> int:
        """Every how many frames the network looks at a clip of ``fps``, at least 1."""
        if self.rate is None or fps is None:
            return 1
        return max(1, round(fps / self.rate))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NetworkConfig:
        """The reverse of ``to_dict``. Raises ConfigError for unknown fields and values of another type."""
        if not isinstance(values, dict):
            raise ConfigError("the description of a network must be an object")
        unknown = set(values) - {field.name for field in fields(cls)}
        _require(not unknown, f"unknown field {', '.join(sorted(map(str, unknown)))}")
        try:
            return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})
        except (TypeError, IndexError) as error:
            raise ConfigError(f"a field has a value of another type ({error})") from None


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)
