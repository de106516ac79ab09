"""Fits the network that traces the LV to borders, and says how near its masks come on clips held apart."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...models.contour_unet import ContourUNet
from ...models.device import cpu_computes_in_bfloat16
from ...models.loop_images import equalised, loop_images
from .pool import Pool
from .samples import Batch, Samples, cavity_share

_PLACE_WEIGHT, _APICAL_WEIGHT, _PASSED_WEIGHT, _CONTRACTION_WEIGHT = 0.1, 0.2, 0.5, 1.0
_WEIGHT_DECAY, _CLIP_NORM, _WARM_UP = 1e-3, 2.0, 100
_LEAST_RATE = 0.02
"""Of the learning rate, at the end of the cosine."""
_KEPT = 0.995
"""Of the running mean of weights, at each step."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn: ``steps``, or ``minutes`` on this machine. strength: see ``Samples``. size: of
    the images, where smaller ones than the network's are to do for a first part, at half the cost."""

    steps: int | None = None
    minutes: float | None = None
    batch: int = 16
    lr: float = 2e-3
    strength: float = 0.5
    seed: int = 0
    checks: int = 6
    size: int | None = None


@dataclass(frozen=True)
class Check:
    """What was seen on clips held apart. dice: mean over traced frames; ed, es: over each clip's largest and smallest.
    change, change_bias: mean absolute and mean error of the fractional area change, points. apical: share of clips
    whose view is told right."""

    share: float
    steps: int
    minutes: float
    loss: float
    dice: float
    ed: float
    es: float
    change: float
    change_bias: float
    apical: float

    def line(self) -> str:
        shown = {name: round(value, 4) for name, value in asdict(self).items()}
        return " ".join(f"{name} {value}" for name, value in shown.items())


def fit(
    network: ContourUNet,
    pool: Pool,
    held_apart: Pool,
    schedule: Schedule,
    checked: Callable[[ContourUNet, Check], None],
    replayed: Pool | None = None,
) -> ContourUNet:
    """Train a network in place; the running mean of its weights is returned, and given to ``checked`` on the way.

    replayed: clips that half of the samples are drawn from, if any.
    """
    torch.manual_seed(schedule.seed)
    network = network.to(memory_format=torch.channels_last).train()
    mean = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(network.parameters(), lr=schedule.lr, weight_decay=_WEIGHT_DECAY)
    samples = Samples(pool, schedule.size or network.config.size, schedule.seed, schedule.strength, replayed)
    begun, step, losses, checks = time.monotonic(), 0, [], 0
    while True:
        minutes = (time.monotonic() - begun) / 60
        share = step / schedule.steps if schedule.steps else minutes / (schedule.minutes or 1)
        if share >= (checks + 1) / schedule.checks:
            checks += 1
            loss = float(np.mean(losses[-200:]))
            checked(mean, check(mean, held_apart, share=share, steps=step, minutes=minutes, loss=loss))
            if share >= 1:
                return mean
        for group in optimiser.param_groups:
            group["lr"] = schedule.lr * _rate(step, share)
        optimiser.zero_grad()
        loss = loss_of(network, samples.batch(schedule.batch))
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), _CLIP_NORM)
        optimiser.step()
        losses.append(loss.item())
        step += 1
        _average(mean, network, min(_KEPT, (1 + step) / (10 + step)))


def _rate(step: int, share: float) -> float:
    falling = _LEAST_RATE + (1 - _LEAST_RATE) * (0.5 + 0.5 * np.cos(np.pi * min(share, 1)))
    return min(1.0, (step + 1) / _WARM_UP) * falling


@torch.no_grad()
def _average(mean: nn.Module, network: nn.Module, kept: float) -> None:
    torch._foreach_lerp_(list(mean.parameters()), list(network.parameters()), 1 - kept)
    for average, buffer in zip(mean.buffers(), network.buffers(), strict=True):
        average.copy_(buffer)


def loss_of(network: ContourUNet, batch: Batch) -> Tensor:
    """Cross-entropy and overlap of the cavity, cross-entropy of the places and of the view, and the contraction.

    Pixels that the border passes over in a beat count once more: they are few, and all of the ejection fraction.
    How much the cavity shrinks from one frame of a pair to the other counts as well, by the logarithm of their areas'
    ratio.
    The cavity counts in apical views and where there is no heart; of other views it is not known what a reader would
    trace, and nothing is measured there.
    """
    images = torch.from_numpy(batch.images).contiguous(memory_format=torch.channels_last)
    targets = (batch.cavity, batch.passed, batch.places, batch.apical)
    cavity, passed, places, apical = (torch.from_numpy(target) for target in targets)
    with torch.autocast("cpu", torch.bfloat16, enabled=cpu_computes_in_bfloat16()):  # half the time where it has units
        maps, view = (told.float() for told in network(images))
    chosen = apical > 0
    loss = _APICAL_WEIGHT * F.binary_cross_entropy_with_logits(view, apical)
    if not chosen.any():
        return loss
    logits, cavity, passed, places = maps[chosen, 0], cavity[chosen], passed[chosen], places[chosen]
    probability = logits.sigmoid()
    overlap = (2 * (probability * cavity).sum((1, 2)) + 1) / (probability.sum((1, 2)) + cavity.sum((1, 2)) + 1)
    surprise = F.binary_cross_entropy_with_logits(logits, cavity, reduction="none")
    loss = loss + surprise.mean() + (1 - overlap).mean()
    loss = loss + _PASSED_WEIGHT * (surprise * passed).sum() / passed.sum().clamp(min=1)
    found, true = (torch.log(areas.sum((1, 2)) + 1).view(-1, 2) for areas in (probability, cavity))
    loss = loss + _CONTRACTION_WEIGHT * (found[:, 1] - found[:, 0] - true[:, 1] + true[:, 0]).abs().mean()
    elsewhere = -(maps[chosen, 1:].flatten(2).log_softmax(2) * places.flatten(2)).sum(2)
    return loss + _PLACE_WEIGHT * elsewhere.sum(1).mean()


@torch.inference_mode()
def check(network: ContourUNet, pool: Pool, **told: float) -> Check:
    """Compare masks with the borders of a pool's apical clips."""
    size, dices, large, small, changes, right = network.config.size, [], [], [], [], []
    network.eval()
    for index in range(len(pool)):
        clip, traced = _whole(pool.frames[index], size), pool.traced(index)
        looked_at = traced if len(traced) else np.arange(len(clip))
        images = np.stack([equalised(loop_images(clip[k], clip)) for k in looked_at])
        maps, view = network(torch.from_numpy(images))
        right.append(float((view.mean() > 0) == bool(pool.apical[index])))
        if not pool.apical[index]:
            continue
        contours = (pool.contours[index, traced] + 0.5) * (size / pool.frames.shape[-1]) - 0.5
        truth = np.stack([cavity_share(contour, size // 2) for contour in contours])
        found = (maps[:, 0] > 0).numpy()
        areas, true_areas = found.sum((1, 2)), truth.sum((1, 2))
        dice = 2 * (found * truth).sum((1, 2)) / np.maximum(areas + true_areas, 1)
        largest, smallest = true_areas.argmax(), true_areas.argmin()
        dices.append(dice.mean())
        large.append(dice[largest])
        small.append(dice[smallest])
        change, true = (1 - a[smallest] / max(a[largest], 1) for a in (areas, true_areas))
        changes.append(100 * (change - true))
    errors = np.array(changes)
    return Check(
        dice=float(np.mean(dices)), ed=float(np.mean(large)), es=float(np.mean(small)),
        change=float(np.abs(errors).mean()), change_bias=float(errors.mean()), apical=float(np.mean(right)), **told,
    )  # fmt: skip


def _whole(clip: np.ndarray, size: int) -> np.ndarray:
    """A clip at the size of the network's images, as a tracer sees it: uint8 ``[T, size, size]``."""
    return np.stack([cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA) for frame in clip])
