"""Small made-up data sets as files, in the layout of the real ones: what they show is drawn, nobody's heart."""

from __future__ import annotations

import csv
import zlib
from pathlib import Path

import numpy as np
from drawn_ventricle import beating_frames
from EchoKeyframeLib.cine.video_writer import write_video

ECHONET_ED, ECHONET_ES = 30, 45
"""Frames that ``write_echonet`` traces; the drawn ventricle is largest at 0, 30, 60 and smallest at 15, 45."""


def write_table(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def ellipse_chords(center: tuple[float, float], half: tuple[float, float], number: int = 20) -> np.ndarray:
    """An ellipse as EchoNet traces the ventricle: the long axis (vertical), then chords downwards, ``[n, 4]``."""
    (x, y), (a, b) = center, half
    heights = np.linspace(-0.98, 0.98, number)
    widths = a * np.sqrt(1 - heights**2)
    chords = np.stack([x - widths, y + b * heights, x + widths, y + b * heights], axis=1)
    return np.vstack([[x, y - b, x, y + b], chords])


def write_echonet(
    folder: Path, count: int = 6, frames: int = 70, fps: float = 30.0, smaller_first: bool = True
) -> Path:
    """EchoNet-Dynamic with ``count`` videos; TRAIN, VAL, TEST in turn. Tracings in either order of size."""
    (folder / "Videos").mkdir(parents=True)
    video = beating_frames(frames, fps, size=112)
    files, tracings = [], []
    for number in range(count):
        name = f"0X{number:04X}"
        write_video(folder / "Videos" / f"{name}.avi", np.roll(video, number, axis=2), fps, "mjpeg")
        split = ("TRAIN", "VAL", "TEST")[number % 3]
        files.append({"FileName": name, "EF": 55.1, "ESV": 40.2, "EDV": 89.5, "FrameHeight": 112, "FrameWidth": 112,
                      "FPS": int(fps), "NumberOfFrames": frames, "Split": split})  # fmt: skip
        traced = [(ECHONET_ED, (20, 30)), (ECHONET_ES, (14, 24))]
        for frame, half in reversed(traced) if smaller_first else traced:
            for chord in ellipse_chords((56, 60), half):
                x1, y1, x2, y2 = (f"{value:.4f}" for value in chord)
                tracings.append({"FileName": f"{name}.avi", "X1": x1, "Y1": y1, "X2": x2, "Y2": y2, "Frame": frame})
    write_table(folder / "FileList.csv", files)
    write_table(folder / "VolumeTracings.csv", tracings)
    return folder


def label_maps(count: int, size: tuple[int, int] = (90, 70), reverse: bool = False) -> np.ndarray:
    """Cavity (1) in muscle (2) under an atrium (3), smaller from map to map, uint8 ``[count, H, W]``."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    maps = np.zeros((count, *size), np.uint8)
    for index in range(count):
        radius = 18 - 8 * index / max(1, count - 1)
        distance = np.hypot(columns - size[1] / 2, (rows - 40) / 1.4)
        maps[index][distance < radius + 6] = 2
        maps[index][distance < radius] = 1
        maps[index][(rows > 70) & (np.abs(columns - size[1] / 2) < 10)] = 3
    return maps[::-1].copy() if reverse else maps


def write_itk(path: Path, array: np.ndarray, spacing: tuple[float, float] = (0.3, 0.15)) -> None:
    """``[T, H, W]`` or ``[H, W]`` as MetaImage or NIfTI, spacing in mm (row, column)."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(array)
    image.SetSpacing((spacing[1], spacing[0], *[1.0] * (array.ndim - 2)))
    sitk.WriteImage(image, str(path))


def write_camus_patient(
    folder: Path, view: str, suffix: str, count: int = 12, reverse: bool = False, info: dict | None = None
) -> None:
    """One view of one patient: sequence from ED to ES (or from ES to ED), label maps and Info file."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = suffix.startswith(".nii")
    name = f"{folder.name}_{view}"
    maps = label_maps(count, reverse=reverse)
    speckle = np.random.default_rng(zlib.crc32(name.encode())).integers(0, 20, maps.shape)
    images = (np.where(maps == 2, 180, np.where(maps == 1, 20, 60)) + speckle).astype(np.uint8)
    ed, es = (count, 1) if reverse else (1, count)
    write_itk(folder / f"{name}_{'half_sequence' if whole else 'sequence'}{suffix}", images)
    if whole:
        write_itk(folder / f"{name}_half_sequence_gt{suffix}", maps)
    for phase, frame in (("ED", ed), ("ES", es)):
        write_itk(folder / f"{name}_{phase}{suffix}", images[frame - 1 : frame] if not whole else images[frame - 1])
        write_itk(folder / f"{name}_{phase}_gt{suffix}", maps[frame - 1 : frame] if not whole else maps[frame - 1])
    lines = {"ED": ed, "ES": es, "NbFrame": count, "Sex": "F", "Age": 56, "ImageQuality": "Good"}
    lines |= {"EF": 55, "FrameRate": 48.5} if whole else {"LVedv": 94.4, "LVesv": 46.1, "LVef": 51}
    lines |= info or {}
    text = "".join(f"{key}: {value}\n" for key, value in lines.items() if value is not None)
    (folder / f"Info_{view}.cfg").write_text(text, encoding="utf-8")


def write_camus_nifti(folder: Path, patients: int = 5) -> Path:
    """The later release: NIfTI, with the lists of its parts (three to train, one to validate, the others to test)."""
    names = [f"patient{number:04d}" for number in range(1, patients + 1)]
    for number, name in enumerate(names):
        for view in ("2CH", "4CH"):
            write_camus_patient(folder / "database_nifti" / name, view, ".nii.gz", reverse=number == 1)
    (folder / "database_split").mkdir()
    parts = {"training": names[:3], "validation": names[3:4], "testing": names[4:]}
    for part, members in parts.items():
        (folder / "database_split" / f"subgroup_{part}.txt").write_text("\n".join(members) + "\n", encoding="utf-8")
    return folder


def write_camus_meta(folder: Path) -> Path:
    """The first release: MetaImage in ``training`` and ``testing``, the latter without ED and ES, no frame rate."""
    for view in ("2CH", "4CH"):
        write_camus_patient(folder / "training" / "patient0001", view, ".mhd")
        write_camus_patient(folder / "training" / "patient0002", view, ".mhd", reverse=True)
        write_camus_patient(folder / "testing" / "patient0001", view, ".mhd", info={"ED": None, "ES": None})
    return folder
