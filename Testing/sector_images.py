"""Draws ultrasound screens whose scan sector is known exactly: simulated speckle, and what scanners draw around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from EchoKeyframeLib.cine.array import cine_from_array
from EchoKeyframeLib.cine.cine import Cine


@dataclass(frozen=True)
class Screen:
    """What one screen shows. Lengths are fractions of the image's height, x positions of its width, angles degrees.

    probe: ``"fan"`` (phased or curved array, by ``near``), ``"linear"``, ``"noise"`` or ``"none"``.
    cuts: left, right (of the width) and bottom (of the height) where the sector is cut straight.
    extras: of "ecg", "scroll", "text", "bar", "ticks", "logo", "panels", "border", "doppler", "dark_side".
    """

    size: tuple[int, int] = (480, 640)
    probe: str = "fan"
    apex: tuple[float, float] = (0.5, 0.05)
    angles: tuple[float, float] = (-42.0, 42.0)
    near: float = 0.02
    far: float = 0.8
    cuts: tuple[float, float, float] = (0.0, 1.0, 1.0)
    extras: tuple[str, ...] = ()
    frames: int = 16


@lru_cache(maxsize=8)
def draw(screen: Screen, seed: int = 0) -> tuple[Cine, np.ndarray, np.ndarray]:
    """A cine of the screen, the true sector, and what is drawn over or beside it, both bool ``[H, W]``.

    The arrays are shared between callers: copy before you change one.
    """
    rng = np.random.default_rng(seed)
    sector, depth, side = _sector(screen)
    gain = _gain(screen, depth, side)
    tissue, noise = _texture(rng, screen.size), rng.rayleigh(1.0, screen.size).astype(np.float32)
    graphics = _still_graphics(screen)
    frames, drawn = [], graphics.max(axis=2) > 30
    for i in range(screen.frames):
        echoes = np.where(sector, _echoes(tissue, np.roll(noise, (7 * i, 31 * i), (0, 1)), gain, i), 0).astype(np.uint8)
        image = cv2.cvtColor(echoes, cv2.COLOR_GRAY2RGB)
        if "doppler" in screen.extras:
            _doppler(image, sector, tissue, i)
        moving = _moving_graphics(screen, i)
        drawn |= moving.max(axis=2) > 30
        overlay = np.maximum(graphics, moving)
        frames.append(np.where(overlay.max(axis=2, keepdims=True) > 0, overlay, image))
    stack = np.stack(frames)
    if "doppler" not in screen.extras:
        stack = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in stack])
    return cine_from_array(stack, fps=30, name="simulated"), sector, drawn


def _sector(screen: Screen) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mask, depth (0 to 1) and lateral position (-1 to 1)."""
    height, width = screen.size
    y, x = np.mgrid[:height, :width] + 0.5
    cut_left, cut_right, cut_bottom = screen.cuts
    inside = (x >= cut_left * width) & (x <= cut_right * width) & (y <= cut_bottom * height)
    if screen.probe == "none":
        return np.zeros(screen.size, bool), y / height, 2 * x / width - 1
    if screen.probe == "noise":
        return np.ones(screen.size, bool), np.zeros(screen.size), np.zeros(screen.size)
    if screen.probe == "linear":
        left, right, top, bottom = 0.25 * width, 0.75 * width, 0.1 * height, 0.85 * height
        inside = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
        return inside, (y - top) / (bottom - top), 2 * (x - left) / (right - left) - 1
    dx, dy = x - screen.apex[0] * width, y - screen.apex[1] * height
    radius, angle = np.hypot(dx, dy) / height, np.degrees(np.arctan2(dx, dy))
    first, last = screen.angles
    inside &= (angle >= first) & (angle <= last) & (radius >= screen.near) & (radius <= screen.far)
    return inside, (radius - screen.near) / (screen.far - screen.near), 2 * (angle - first) / (last - first) - 1


def _gain(screen: Screen, depth: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Brightness: a dark chamber, less far down and at the sides; one side can drop out nearly wholly."""
    if screen.probe == "noise":
        return np.full(screen.size, 120.0)
    gain = 110 * np.exp(-1.5 * np.clip(depth, 0, 1)) * (1 - 0.6 * side**2)
    gain *= 1 - 0.95 * np.exp(-(((depth - 0.45) / 0.2) ** 2) - (side / 0.35) ** 2)
    if "dark_side" in screen.extras:
        gain *= np.where((side > 0.4) & (depth > 0.35), 0.01, 1.0)
    return np.clip(gain, 0, 255).astype(np.float32)


def _texture(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    grain = max(1.0, size[0] / 240)
    noise = cv2.GaussianBlur(rng.standard_normal((*size, 2), np.float32), (0, 0), grain)
    speckle = np.hypot(noise[..., 0], noise[..., 1])
    return speckle / speckle.mean()


def _echoes(tissue: np.ndarray, noise: np.ndarray, gain: np.ndarray, i: int) -> np.ndarray:
    height, width = tissue.shape
    shift = 0.02 * height * np.sin(2 * np.pi * i / 20)
    moved = cv2.warpAffine(tissue, np.float32([[1, 0, 0.3 * shift], [0, 1, shift]]), (width, height), borderMode=4)
    return np.clip(gain * moved + noise, 0, 255)


def _doppler(image: np.ndarray, sector: np.ndarray, tissue: np.ndarray, i: int) -> None:
    height, width = sector.shape
    y, x = np.mgrid[:height, :width]
    box = (abs(x - 0.5 * width) < 0.08 * width) & (abs(y - 0.45 * height) < 0.12 * height) & sector
    flow = np.sin(2 * np.pi * (i / 20 + y / (0.3 * height))) * np.roll(tissue, 3 * i, axis=0)
    image[box & (flow > 0.5)] = (220, 60, 10)
    image[box & (flow < -0.5)] = (10, 60, 220)


def _still_graphics(screen: Screen) -> np.ndarray:
    height, width = screen.size
    canvas = np.zeros((height, width, 3), np.uint8)
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, height / 900
    if "panels" in screen.extras:
        canvas[: height // 12] = 70
        canvas[:, : width // 8] = (60, 60, 70)
        for row in range(6):
            top = height // 6 + row * height // 8
            canvas[top : top + height // 16, width // 80 : width // 9] = 130
            cv2.putText(canvas, "Gain", (width // 60, top + height // 22), font, scale, (240, 240, 240), 1)
    if "text" in screen.extras:
        for row, text in enumerate(("ADULT ECHO", "HR 61 bpm", "FR 50 Hz 16 cm", "MI 0.9 TIS 0.7")):
            place = int(0.78 * width), int((0.06 + 0.05 * row) * height)
            cv2.putText(canvas, text, place, font, scale, (230, 230, 230), 1)
    if "bar" in screen.extras:
        ramp = np.linspace(255, 0, height // 3).astype(np.uint8)[:, None, None]
        canvas[height // 3 : height // 3 + len(ramp), int(0.95 * width) : int(0.97 * width)] = ramp
    if "ticks" in screen.extras:
        for y in (np.linspace(0.1, 0.9, 9) * height).astype(int).tolist():
            cv2.line(canvas, (int(0.92 * width), y), (int(0.93 * width), y), (200, 200, 200), 1)
    if "logo" in screen.extras:
        cv2.circle(canvas, (int(0.2 * width), int(0.1 * height)), height // 24, (40, 120, 255), -1)
    if "border" in screen.extras:
        cv2.rectangle(canvas, (0, 0), (width - 1, height - 1), (255, 255, 255), max(2, height // 60))
    return canvas


def _moving_graphics(screen: Screen, i: int) -> np.ndarray:
    """An ECG under the sector: either a still trace with a cursor that sweeps over it, or one that scrolls."""
    height, width = screen.size
    canvas = np.zeros((height, width, 3), np.uint8)
    if not {"ecg", "scroll"} & set(screen.extras):
        return canvas
    x = np.arange(int(0.15 * width), int(0.75 * width))
    phase = x / (0.2 * width) + (i / 20 if "scroll" in screen.extras else 0)
    beat = np.exp(-((((phase % 1) - 0.5) / 0.03) ** 2)) + 0.2 * np.exp(-((((phase % 1) - 0.8) / 0.08) ** 2))
    y = (0.96 * height - 0.07 * height * beat).astype(int)
    cv2.polylines(canvas, [np.stack([x, y], axis=1).astype(np.int32)], False, (60, 255, 60), max(1, height // 400))
    if "ecg" in screen.extras:
        at = int((0.15 + 0.6 * (i % 16) / 16) * width)
        cv2.line(canvas, (at, int(0.9 * height)), (at, int(0.99 * height)), (255, 200, 0), max(1, height // 300))
    return canvas


_FURNITURE = ("text", "bar", "ticks", "logo", "ecg")
SCREENS = {
    "phased": Screen(extras=_FURNITURE),
    "phased, cut corners": Screen(angles=(-45, 45), far=0.85, cuts=(0.14, 0.86, 0.86), extras=_FURNITURE),
    "phased, flat bottom": Screen(angles=(-40, 40), far=1.0, cuts=(0.0, 1.0, 0.8), extras=_FURNITURE),
    "phased, dark side": Screen(extras=(*_FURNITURE, "dark_side")),
    "phased, scrolling ECG": Screen(far=0.84, extras=("text", "scroll")),
    "phased, tilted": Screen(apex=(0.45, 0.05), angles=(-20, 50), extras=_FURNITURE),
    "phased, narrow": Screen(angles=(-18, 18), extras=_FURNITURE),
    "panels": Screen(size=(768, 1024), apex=(0.52, 0.12), far=0.75, extras=("panels", *_FURNITURE)),
    "bright border": Screen(extras=("border", "text")),
    "curved": Screen(apex=(0.5, -0.2), angles=(-32, 32), near=0.3, far=1.05, extras=_FURNITURE),
    "linear": Screen(probe="linear", extras=("text", "bar", "ticks", "logo")),
    "color Doppler": Screen(extras=("doppler", *_FURNITURE)),
    "pre-cropped 112": Screen((112, 112), apex=(0.5, -0.02), angles=(-40, 40), near=0.03, far=0.98),
    "pre-cropped 112, sides cut": Screen((112, 112), apex=(0.5, 0.0), angles=(-45, 45), far=0.99, cuts=(0.08, 0.92, 1)),
    "smallest": Screen((64, 64), far=0.9),
    "full HD": Screen((1080, 1920), apex=(0.5, 0.08), far=0.85, extras=("panels", *_FURNITURE), frames=4),
    "two frames": Screen(extras=_FURNITURE, frames=2),
    "one frame": Screen(extras=_FURNITURE, frames=1),
    "one frame, panels": Screen((768, 1024), apex=(0.52, 0.12), far=0.75, extras=("panels", *_FURNITURE), frames=1),
    "one frame, border": Screen(extras=("border", "text"), frames=1),
}
