"""Text, arrows, a depth scale and an ECG drawn over the picture itself, as teaching clips and stills have them."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from .beating import Beating
from .draws import Draws
from .overlays import draw_ecg
from .variants import Variants

WORDS = ("LV", "RV", "LA", "RA", "AO", "MV", "IVS", "PE", "A4C", "12 cm", "HR 82", "Freq 2.5", "%", "65dB")


def annotate(frames: Tensor, variants: Variants, draws: Draws, beating: Beating) -> Tensor:
    """Draws over ``[B, T, S, S]`` in [0, 255] where a clip has annotations. Changes ``frames``."""
    for clip in variants["annotations"].flatten().nonzero().flatten().tolist():
        rng = draws.generators[clip]
        if rng.random() < 0.5:
            draw_ecg(frames[clip], rng, beating, clip, int(rng.integers(8, frames.shape[-1] // 3)))
        marks = torch.from_numpy(_marks(frames.shape[-1], rng)).to(frames)
        frames[clip] = torch.maximum(frames[clip], marks)
    return frames


def _marks(size: int, rng: np.random.Generator) -> np.ndarray:
    """Still marks, gray levels uint8 ``[S, S]``, 0 where there is none."""
    marks = np.zeros((size, size), np.uint8)
    for _ in range(rng.integers(1, 6)):
        word, place = str(rng.choice(WORDS)), tuple(int(v) for v in rng.integers(4, size - 12, 2))
        scale = float(rng.uniform(0.22, 0.42)) * size / 112
        cv2.putText(marks, word, place, cv2.FONT_HERSHEY_SIMPLEX, scale, float(rng.uniform(110, 255)), 1, cv2.LINE_AA)
    if rng.random() < 0.4:
        start, end = (tuple(int(v) for v in rng.integers(10, size - 10, 2)) for _ in range(2))
        cv2.arrowedLine(marks, start, end, float(rng.uniform(120, 255)), 1, cv2.LINE_AA, tipLength=0.2)
    if rng.random() < 0.5:
        column, step = int(rng.integers(2, size - 2)), int(rng.integers(6, 16))
        marks[int(rng.integers(step)) :: step, column] = rng.uniform(120, 255)
    return marks
