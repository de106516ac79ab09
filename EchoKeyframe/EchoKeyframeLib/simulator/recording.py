"""Simulated cines as files: a folder of AVI or DICOM files with labels.csv, parameters.csv and truth.csv."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid
from tqdm import tqdm

from ..atomic_file import written_atomically
from ..cine.cine import CineError
from ..cine.video_writer import write_video
from ..csv_file import write_rows
from ..datasets.labels import LABELS_NAME, write_labels
from .clip_labels import clip_labels, clip_name
from .config import PhantomConfig
from .phantom import PhantomBatch, simulate
from .truth import MASK_SUFFIX, ClipTruth, mask_file, write_truth

FORMATS = ("avi", "mjpg", "dicom")
PARAMETERS_NAME = "parameters.csv"
PARAMETERS = (
    "file", "view", "fps", "heart_rate", "ejection_fraction", "arrhythmia", "variants", "seed", "source", "cuts",
)  # fmt: skip
BATCH = 8


def write_recordings(
    folder: str | Path,
    count: int,
    seed: int = 0,
    format: str = "avi",
    config: PhantomConfig | None = None,
    device: str = "cpu",
    progress: bool = False,
) -> list[Path]:
    """Simulate ``count`` clips with seeds from ``seed`` on and write them into ``folder`` (made if it is missing).

    format: ``"avi"`` (lossless, FFV1), ``"mjpg"`` (Motion JPEG in an AVI) or ``"dicom"`` (multi-frame ultrasound with
    FrameTime and a calibrated region). Beside them lie labels.csv (``labels.read_labels`` reads it; 0-based frames,
    also the virtual ones just outside the clip), parameters.csv (view, heart rate, EF, seed), truth.csv (volume and
    valves of each frame, see ``truth.write_truth``) and, where the configuration asks for masks, a TIFF of the left
    ventricle for each clip, named as the clip with ``MASK_SUFFIX``. progress: a bar where stderr is a terminal.
    Returns the paths of the cines.

    Raises ValueError for an unknown format or a count below 1, CineError if a clip or mask cannot be written, OSError
    for the folder and the tables.
    """
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format}")
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths, labels, parameters, truth = [], [], [], []
    clips = _clips(count, seed, config or PhantomConfig(), device)
    for batch, index in tqdm(clips, total=count, unit="clip", disable=None if progress else True):
        name = clip_name(batch.seeds[index]) + (".dcm" if format == "dicom" else ".avi")
        if format == "dicom":
            write_dicom(folder / name, batch, index)
        else:
            codec = "ffv1" if format == "avi" else "mjpeg"
            write_video(folder / name, batch.frames[index].cpu().numpy(), float(batch.fps[index]), codec)
        if batch.mask is not None:
            _write(folder / (clip_name(batch.seeds[index]) + MASK_SUFFIX), mask_file(batch.mask[index].cpu().numpy()))
        paths.append(folder / name)
        labels.append(clip_labels(name, batch, index, whole_frames=True))
        parameters.append(_parameters(name, batch, index))
        truth.append(ClipTruth.of(name, batch, index))
    write_truth(folder, truth)
    write_labels(folder / LABELS_NAME, labels)
    write_rows(folder / PARAMETERS_NAME, PARAMETERS, parameters)
    return paths


def _clips(count: int, seed: int, config: PhantomConfig, device: str) -> Iterator[tuple[PhantomBatch, int]]:
    """A few clips at a time, so that memory does not grow with their number."""
    for first in range(seed, seed + count, BATCH):
        batch = simulate(range(first, min(first + BATCH, seed + count)), config, device)
        yield from ((batch, index) for index in range(len(batch)))


def _parameters(name: str, batch: PhantomBatch, index: int) -> dict[str, object]:
    """A value for each of ``PARAMETERS``."""
    return {
        "file": name,
        "view": batch.view[index],
        "fps": f"{batch.fps[index]:.4f}",
        "heart_rate": f"{batch.heart_rate[index]:.1f}",
        "ejection_fraction": f"{batch.ejection_fraction[index]:.1f}",
        "arrhythmia": batch.arrhythmia[index],
        "variants": batch.variants[index],
        "seed": int(batch.seeds[index]),
        "source": "simulated",
        "cuts": " ".join(map(str, batch.cuts[index])),
    }


def write_dicom(path: Path, batch: PhantomBatch, index: int) -> None:
    """One clip as a multi-frame ultrasound image (uncompressed, explicit little endian).

    Raises CineError if the file cannot be written.
    """
    dataset = _dataset(batch.frames[index].cpu().numpy(), float(batch.fps[index]), float(batch.pixel_mm[index]))
    dataset.HeartRate = str(round(float(batch.heart_rate[index])))
    dataset.ImageComments = f"simulated, seed {batch.seeds[index]}, view {batch.view[index]}"
    # Through memory: where a write fails, pydicom reports a traceback in place of the full disk.
    content = io.BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    _write(path, content.getvalue())


def _write(path: Path, content: bytes) -> None:
    try:
        with written_atomically(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        reason = error.strerror or error
        raise CineError(path.name, f"cannot be written ({reason}); check its folder and the free space") from None


def _dataset(frames: np.ndarray, fps: float, pixel_mm: float) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.PatientName, dataset.PatientID, dataset.Modality = "Phantom^Simulated", "PHANTOM", "US"
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = frames.shape
    dataset.FrameIncrementPointer = 0x00181063
    dataset.FrameTime = f"{1000 / fps:.6f}"
    dataset.SequenceOfUltrasoundRegions = [_region(frames.shape[1], frames.shape[2], pixel_mm)]
    pixels = frames.tobytes()
    dataset.PixelData = pixels + b"\0" * (len(pixels) % 2)
    return dataset


def _region(rows: int, columns: int, pixel_mm: float) -> Dataset:
    """The whole image as a 2D tissue region (0018,6011) in cm."""
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = columns - 1, rows - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = pixel_mm / 10
    return region
