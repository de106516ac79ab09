"""Reads 2D image sequences from the files of ITK: MetaImage (.mhd, .mha) and NIfTI (.nii, .nii.gz, .hdr).

Header and pixels are read here and not by ITK, whose readers trust what a header says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from .array import cine_from_array
from .cine import Cine, CineError
from .default_spacing import unmeasured_spacing
from .finding import Finding, FindingKind
from .header import CineHeader
from .image_layout import ImageLayout
from .metaimage import is_metaimage, metaimage_layout
from .nifti import is_nifti, nifti_layout
from .stamps import repaired_times


def is_itk_image(path: Path, head: bytes) -> bool:
    """Whether a file is a MetaImage or a NIfTI one. head: its first bytes (32 or more)."""
    return is_metaimage(head) or is_nifti(path, head)


def read_itk_image(path: Path, fps: float | None) -> Cine:
    """Read a sequence of 2D images as a cine; the file's third axis is time. Few files say anything of it (those of the
    PLUS toolkit do): give ``fps``.

    Gray images stored as RGB become gray. A pixel size that nobody measured is not taken over (``default_spacing``).
    Raises CineError for files that cannot be read, volumes over time, and sequences without rate.
    """
    path = Path(path)
    layout = _layout(path)
    if fps is None and layout.images > 1 and not layout.stamps:
        raise CineError(path.name, "its kind of file states no frame rate; give it (--fps, or fps in labels.csv)")
    array, numbers, findings = _without_lost(_as_gray(layout.read()), layout)
    if layout.stamps and fps is None:
        kept = [layout.stamps[i] for i in range(layout.images) if numbers is None or i + 1 in numbers]
        times, _, doubts = repaired_times(kept, 0.0, path.name)
        cine = replace(cine_from_array(array, times=times, name=path.name), timing="Seq_Frame time stamps")
        cine = replace(cine.with_warnings(*doubts), timing_warnings=tuple(doubts))
    else:
        cine = cine_from_array(array, fps=fps if len(array) > 1 else None, name=path.name)
    source = replace(cine.source, path=path, encoding=f"{layout.kind}, {cine.source.encoding}", frame_numbers=numbers)
    unmeasured = unmeasured_spacing(layout.spacing)
    cine = replace(cine, source=source, spacing=None if unmeasured else layout.spacing)
    if layout.turned:
        findings.append(_turned(layout))
    if unmeasured is not None:
        findings.append(unmeasured)
    return cine.with_findings(*findings)


def read_itk_array(path: Path) -> tuple[np.ndarray, tuple[float, float] | None]:
    """Pixels ``[T, H, W]`` or ``[T, H, W, C]`` of a sequence, their spacing in mm (row, column) or None if unusable."""
    layout = _layout(Path(path))
    return layout.read(), layout.spacing


def read_itk_header(path: Path) -> CineHeader:
    """Number and size of the images in a sequence, and the rate where they have times. Raises CineError."""
    layout = _layout(path)
    stamps = [stamp for stamp in layout.stamps if stamp is not None]
    span = stamps[-1] - stamps[0] if len(stamps) > 1 else 0.0
    fps = (len(stamps) - 1) / span if span > 0 else None
    return CineHeader(layout.images, (layout.size[1], layout.size[0]), fps, layout.kind)


def _layout(path: Path) -> ImageLayout:
    if not path.is_file():
        raise CineError(path.name, "no such file")
    try:
        with path.open("rb") as stream:
            head = stream.read(64)
        return metaimage_layout(path) if is_metaimage(head) else nifti_layout(path)
    except OSError as error:
        raise CineError(path.name, f"cannot be opened ({error.strerror or type(error).__name__})") from None


def _as_gray(array: np.ndarray) -> np.ndarray:
    """One channel where all are the same; without opacity."""
    if array.ndim == 3:
        return array
    colors = array[..., :3]
    same = colors.shape[-1] == 3 and all(
        np.array_equal(image[..., 0], image[..., channel]) for image in colors for channel in (1, 2)
    )
    return np.ascontiguousarray(colors[..., 0] if same else colors)


def _without_lost(array: np.ndarray, layout: ImageLayout) -> tuple[np.ndarray, tuple[int, ...] | None, list[Finding]]:
    """The images that are valid, their numbers in the file (None: all), and a finding for those that are not."""
    lost = set(layout.lost)
    if not lost:
        return array, None, []
    if len(lost) == len(array):
        raise CineError(layout.path.name, "all of its images are marked as invalid; record it again")
    kept = [i for i in range(len(array)) if i not in lost]
    text = f"{len(lost)} of {len(array)} images are marked as invalid ({_listed(layout.lost)}) and left out"
    return array[kept], tuple(i + 1 for i in kept), [Finding(FindingKind.LOST_FRAMES, text)]


def _listed(frames: Sequence[int]) -> str:
    return ", ".join(map(str, frames[:5])) + (" and more" if len(frames) > 5 else "")


def _turned(layout: ImageLayout) -> Finding:
    ways = {(1,): "upside down", (2,): "from left to right", (1, 2): "upside down and from left to right"}
    way = ways[layout.turned]
    text = f"UltrasoundImageOrientation: frames were turned {way}, the probe to the top, its marker to the right"
    return Finding(FindingKind.ORIENTATION, text)
