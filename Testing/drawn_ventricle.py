"""A drawn ventricle that beats: frames and video files for tests of everything but accuracy."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def beating_frames(count: int = 60, fps: float = 30.0, rate: float = 60.0, size: int = 128) -> np.ndarray:
    """A bright ring in a speckled sector that is largest at t = 0 and contracts ``rate`` times a minute.

    Returns uint8 ``[count, size, size]``. A drawing, not a simulation: it shows that the machinery turns.
    """
    random = np.random.default_rng(7)
    rows, columns = np.mgrid[:size, :size]
    depth = np.hypot(columns - size / 2, rows)
    sector = (depth < size * 0.95) & (np.abs(columns - size / 2) < rows * 0.8)
    speckle = cv2.GaussianBlur(random.rayleigh(40.0, (size, size)).astype(np.float32), (0, 0), 1.2)
    frames = np.zeros((count, size, size), np.uint8)
    for index in range(count):
        scale = 1.0 + 0.22 * (1 + np.cos(2 * np.pi * index / fps * rate / 60)) / 2
        x = ((columns - size / 2) / scale + size / 2).astype(np.float32)
        y = ((rows - size * 0.55) / scale + size * 0.55).astype(np.float32)
        tissue = cv2.remap(speckle, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        radius = np.hypot((x - size / 2) / (size * 0.17), (y - size * 0.55) / (size * 0.24))
        wall = np.exp(-(((radius - 1.15) / 0.2) ** 2))
        image = tissue * (0.35 + 2.2 * wall) * np.where(radius < 0.95, 0.15, 1.0) * sector
        image += random.normal(0, 2, image.shape) * sector  # no two beats are alike, or the second would be a replay
        frames[index] = np.clip(image, 0, 255)
    return frames


def write_video(path: Path, frames: np.ndarray, fps: float = 30.0) -> Path:
    """Gray frames as a Motion JPEG AVI. OpenCV gets an ASCII name and the file is moved, for Windows' sake."""
    height, width = frames.shape[1:]
    plain = path.with_name("being-written.avi")
    writer = cv2.VideoWriter(str(plain), cv2.VideoWriter_fourcc(*"MJPG"), fps, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    plain.replace(path)
    return path
