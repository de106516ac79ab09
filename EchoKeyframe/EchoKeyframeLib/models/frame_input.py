"""What every network sees of a frame, and what a missing frame is: one definition for training and inference."""

from __future__ import annotations

import torch
from torch import Tensor

# One gray level of 255 as the least spread: a flat frame is not blown up into noise.
_LEAST_SPREAD = 1.0 / 255.0


def standardise(frames: Tensor, channels: int) -> Tensor:
    """Frames with mean 0 and spread 1, each by its own pixels.

    frames: uint8 (0..255) or float (0..1) ``[B, T, 1 or channels, H, W]``; returns float of the same shape with
    ``channels`` channels. By frame and not by clip, for three reasons: gain and brightness differ between machines and
    drift within a clip; a frame's features then depend on nothing but that frame, so that each is encoded once and a
    live stream gives the numbers of the whole clip; and a **zero frame**, with which clips shorter than a window are
    filled, is zero afterwards as before. ImageNet weights expect about this mean and spread.
    """
    if frames.dtype == torch.uint8:
        frames = frames.to(torch.float32) / 255.0
    mean = frames.mean((-3, -2, -1), keepdim=True)
    spread = frames.std((-3, -2, -1), keepdim=True, correction=0)
    frames = (frames - mean) / spread.clamp_min(_LEAST_SPREAD)
    if frames.shape[2] != channels:
        frames = frames.expand(-1, -1, channels, -1, -1)
    return frames
