"""One training run: where, how long, on what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One training: where it lives, how long it goes on and on what.

    steps or minutes end it; with neither, the recipe's epochs do. Minutes count those of the runs that are resumed; the
    learning rate then follows the clock, so such a training cannot be repeated exactly.
    epoch_steps: steps between checkpoints (None: 200, or one pass over the clips where epochs count).
    devices: GPUs, or processes on a CPU, of each of the ``nodes``; the recipe's batch is that of one process.
    accelerator, precision: Lightning's. Precision ``"auto"``: bf16-mixed on a GPU and on a CPU that computes in
    bfloat16, else 32-true.
    threads: of torch, per process; None leaves torch's. workers: processes that make batches ahead (0: none).
    init: a weights file to start from, of the same network. imagenet: a file of ImageNet weights for the encoder, where
    the recipe starts from such; None: torchvision's.
    """

    folder: Path
    steps: int | None = None
    minutes: float | None = None
    epoch_steps: int | None = None
    seed: int = 0
    devices: int = 1
    nodes: int = 1
    accelerator: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    workers: int = 0
    progress: bool = True
    init: Path | None = None
    imagenet: Path | None = None
