"""A larger network that begins with what a smaller one has learned."""

from __future__ import annotations

from dataclasses import replace

import torch

from ...models.config import ConfigError
from ...models.contour_unet import ContourUNet


@torch.no_grad()
def widened(network: ContourUNet, hidden: tuple[int, ...]) -> ContourUNet:
    """A network of the channels ``hidden`` that tells what ``network`` does; an equal one is returned itself.

    Channels that are new start at random and count for nothing in those that were there, so that they come in as they
    are learned (after Chen T et al., Net2Net, ICLR 2016). Raises ConfigError where a level would get fewer.
    """
    had = network.config.hidden
    if hidden == had:
        return network
    if len(hidden) != len(had) or any(new < old for new, old in zip(hidden, had, strict=True)):
        raise ConfigError(f"a network of {had} channels cannot be widened to {hidden}")
    larger = ContourUNet(replace(network.config, hidden=hidden))
    known, state = network.state_dict(), larger.state_dict()
    for name, values in state.items():
        old = known[name]
        if name == "apical.weight":  # sees each channel's mean, then each one's maximum
            values.zero_()
            for new, part in zip(values.split(hidden[-1], 1), old.split(had[-1], 1), strict=True):
                new[:, : had[-1]] = part
        elif values.ndim > 1:
            values[: old.shape[0]] = 0
            values[: old.shape[0], : old.shape[1]] = old
        elif values.shape == old.shape:  # also the count of batches, which has no extent
            values.copy_(old)
        else:
            values[: len(old)] = old
    larger.load_state_dict(state)
    return larger
