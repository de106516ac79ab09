"""Small made-up EchoNet-Dynamic and CAMUS folders whose ventricles are half ellipses of known areas and volumes.

The base is flat, the apex at the top; what the frames show is drawn, nobody's heart.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from dataset_folders import write_itk, write_table
from EchoKeyframeLib.cine.video_writer import write_video

SIZE, FRAMES, FPS = 112, 24, 24.0
ED, ES = 4, 15
HALF, HEIGHT = 18.0, 52.0
"""Of the ED cavity in pixels: half the base, and from base to apex."""
SMALLER = 0.8
"""ES over ED in each direction, so that the volume is 0.512 of what it was: an ejection fraction of 48.8 %."""
EJECTION_FRACTION = 100 * (1 - SMALLER**3)


def scale_on(frame: int) -> float:
    """Size of the cavity over that at ED; it beats once in the loop."""
    return 1 - (1 - SMALLER) * (0.5 - 0.5 * np.cos(np.pi * min(1.0, abs(frame - ED) / (ES - ED))))


def base_of(shift: float, size: int = SIZE) -> tuple[float, float]:
    return size / 2 + shift, 0.78 * size


def inside(scale: float, shift: float = 0.0, grown: float = 0.0, size: int = SIZE) -> np.ndarray:
    """bool ``[S, S]``: the cavity, ``grown`` pixels larger above its base."""
    y, x = np.mgrid[:size, :size]
    bx, by = base_of(shift, size)
    across, up = (x - bx) / (HALF * scale * size / SIZE + grown), (by - y) / (HEIGHT * scale * size / SIZE + grown)
    return (across**2 + up**2 <= 1) & (up >= 0)


def drawn_frames(shift: float, seed: int, size: int = SIZE) -> np.ndarray:
    """uint8 ``[T, S, S]``: a dark cavity in a bright wall above a dark atrium, with speckle."""
    noise = np.random.default_rng(seed).integers(0, 30, (FRAMES, size, size))
    frames = np.full((FRAMES, size, size), 60)
    for frame in range(FRAMES):
        frames[frame][inside(scale_on(frame), shift, 8, size)] = 170
        frames[frame][inside(scale_on(frame), shift, size=size)] = 10
    return (frames + noise).astype(np.uint8)


def chords(scale: float, shift: float = 0.0, number: int = 20) -> np.ndarray:
    """The cavity as EchoNet-Dynamic traces it: the long axis, then chords from the apex to the base, ``[n, 4]``."""
    bx, by = base_of(shift)
    up = np.cos(np.linspace(0.2, np.pi / 2, number))
    width = HALF * scale * np.sqrt(1 - up**2)
    y = by - HEIGHT * scale * up
    return np.vstack([[bx, by - HEIGHT * scale, bx, by], np.stack([bx - width, y, bx + width, y], axis=1)])


def write_traced_echonet(folder: Path, count: int = 20, splits: tuple[str, ...] = ("TRAIN",)) -> Path:
    """EchoNet-Dynamic with ``count`` videos, whose ventricles lie a little beside one another."""
    (folder / "Videos").mkdir(parents=True)
    files, tracings = [], []
    for number in range(count):
        name, shift = f"0X{number:04X}", number % 5 - 2.0
        write_video(folder / "Videos" / f"{name}.avi", drawn_frames(shift, number), FPS, "mjpeg")
        files.append({"FileName": name, "EF": EJECTION_FRACTION, "ESV": 51.2, "EDV": 100, "FrameHeight": SIZE,
                      "FrameWidth": SIZE, "FPS": int(FPS), "NumberOfFrames": FRAMES,
                      "Split": splits[number % len(splits)]})  # fmt: skip
        for frame, scale in ((ES, SMALLER), (ED, 1.0)):
            for x1, y1, x2, y2 in chords(scale, shift):
                row = {"FileName": f"{name}.avi", "X1": x1, "Y1": y1, "X2": x2, "Y2": y2, "Frame": frame}
                tracings.append({key: round(cell, 4) if isinstance(cell, float) else cell for key, cell in row.items()})
    write_table(folder / "FileList.csv", files)
    write_table(folder / "VolumeTracings.csv", tracings)
    return folder


def write_traced_camus(folder: Path, patients: int = 2, suffix: str = ".nii.gz", size: int = 168) -> Path:
    """CAMUS, later release (NIfTI) or first one (``".mhd"``): the cavity (1) in muscle (2) above an atrium (3)."""
    place = folder / ("database_nifti" if suffix == ".nii.gz" else "training")
    for number in range(1, patients + 1):
        for view in ("2CH", "4CH"):
            _write_view(place / f"patient{number:04d}", view, suffix, number, size)
    return folder


def _write_view(folder: Path, view: str, suffix: str, number: int, size: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name, span = f"{folder.name}_{view}", slice(ED, ES + 1)
    images = drawn_frames(0.0, 2 * number + (view == "4CH"), size)[span]
    maps = np.zeros(images.shape, np.uint8)
    _, base = base_of(0.0, size)
    for row, frame in enumerate(range(ED, ES + 1)):
        maps[row][inside(scale_on(frame), 0.0, 8, size)] = 2
        maps[row][inside(scale_on(frame), 0.0, 0, size)] = 1
        below = np.zeros((size, size), bool)
        below[int(base) + 1 : int(base) + 20] = inside(scale_on(frame), 0.0, 0, size).any(axis=0)
        maps[row][below] = 3
    whole = suffix == ".nii.gz"
    write_itk(folder / f"{name}_{'half_sequence' if whole else 'sequence'}{suffix}", images, (0.5, 0.5))
    if whole:
        write_itk(folder / f"{name}_half_sequence_gt{suffix}", maps, (0.5, 0.5))
    for phase, row in (("ED", 0), ("ES", len(maps) - 1)):
        write_itk(folder / f"{name}_{phase}_gt{suffix}", maps[row] if whole else maps[row : row + 1], (0.5, 0.5))
    lines = {"ED": 1, "ES": len(images), "NbFrame": len(images), "ImageQuality": "Good", "FrameRate": FPS}
    stated = round(EJECTION_FRACTION)
    lines |= {"EF": stated} if whole else {"LVedv": 100, "LVesv": 51.2, "LVef": stated}
    text = "".join(f"{key}: {value}\n" for key, value in lines.items())
    (folder / f"Info_{view}.cfg").write_text(text, encoding="utf-8")
