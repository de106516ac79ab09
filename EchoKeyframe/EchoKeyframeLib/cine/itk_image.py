"""Reads 2D image sequences from the files of ITK: MetaImage (.mhd, .mha) and NIfTI (.nii, .nii.gz)."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .array import cine_from_array
from .cine import Cine, CineError
from .dicom_file import MAX_BYTES
from .header import CineHeader

if TYPE_CHECKING:
    import SimpleITK

_META_KEY = re.compile(rb"\s*(ObjectType|NDims|Comment)\s*=")
_META_DATA = re.compile(rb"^\s*ElementDataFile\s*=\s*(.+?)\s*$", re.MULTILINE)
_GZIP = b"\x1f\x8b"
_NIFTI_HEADER = 348
_NIFTI_MAGIC = (b"n+1\0", b"ni1\0")


def is_itk_image(path: Path, head: bytes) -> bool:
    """Whether a file is a MetaImage or a NIfTI one. head: its first bytes (32 or more)."""
    if _META_KEY.match(head):
        return True
    if head[:2] != _GZIP and head[:4] not in (b"\x5c\x01\0\0", b"\0\0\x01\x5c"):
        return False
    try:
        with _opener(path)(path, "rb") as stream:
            return stream.read(_NIFTI_HEADER)[344:348] in _NIFTI_MAGIC
    except (OSError, EOFError, zlib.error):
        return False


def read_itk_image(path: Path, fps: float | None) -> Cine:
    """Read a sequence of 2D images as a cine; the file's third axis is time, of which it says nothing: give ``fps``.

    Raises CineError without SimpleITK, for files that cannot be read, volumes over time, and sequences without rate.
    """
    path = Path(path)
    array, spacing = read_itk_array(path)
    if fps is None and len(array) > 1:
        raise CineError(path.name, "its kind of file states no frame rate; give it (--fps, or fps in labels.csv)")
    cine = cine_from_array(array, fps=fps if len(array) > 1 else None, name=path.name)
    source = replace(cine.source, path=path, encoding=f"{_kind(path)}, {cine.source.encoding}")
    return replace(cine, source=source, spacing=spacing)


def read_itk_array(path: Path) -> tuple[np.ndarray, tuple[float, float] | None]:
    """Pixels ``[T, H, W]`` or ``[T, H, W, 3]`` of a sequence, their spacing in mm (row, column) or None if unusable."""
    reader = _reader(path)
    _sequence_shape(reader, path)
    _require_whole_nifti(path)
    try:
        image = reader.Execute()
    except RuntimeError:
        raise CineError(path.name, "cannot be decoded; the file is cut short or damaged") from None
    sitk = _simple_itk(path)
    array = sitk.GetArrayFromImage(image)
    color = image.GetNumberOfComponentsPerPixel() > 1
    array = array.reshape(-1, *array.shape[-3:] if color else array.shape[-2:])
    spacing = image.GetSpacing()
    usable = all(np.isfinite(s) and s > 0 for s in spacing[:2])
    return array, (spacing[1], spacing[0]) if usable else None


def read_itk_header(path: Path) -> CineHeader:
    """Number and size of the images in a sequence. Raises CineError."""
    images, *size = _sequence_shape(_reader(path), path)
    return CineHeader(images, tuple(size), None, _kind(path))


def _reader(path: Path) -> SimpleITK.ImageFileReader:
    sitk = _simple_itk(path)
    _require_own_data(path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        raise CineError(path.name, "is no MetaImage or NIfTI file that can be read; check it or copy it again"
                        ) from None
    return reader


def _sequence_shape(reader: SimpleITK.ImageFileReader, path: Path) -> tuple[int, int, int]:
    """Images, rows, columns."""
    size = [*reader.GetSize(), 1, 1][: max(3, reader.GetDimension())]
    if len(size) > 3 and sum(n > 1 for n in size[2:]) > 1:
        raise CineError(path.name, f"holds volumes over time ({' x '.join(map(str, size))}); export a 2D sequence")
    images = int(np.prod(size[2:]))
    if images * size[0] * size[1] * reader.GetNumberOfComponents() > MAX_BYTES:
        raise CineError(path.name, f"claims {images} images of {size[0]}x{size[1]} pixels; too large, or damaged")
    return images, size[1], size[0]


def _require_own_data(path: Path) -> None:
    """A MetaImage header names the file with its pixels: one from elsewhere must not lead out of its folder."""
    if not path.is_file():
        raise CineError(path.name, "no such file")
    with path.open("rb") as stream:
        head = stream.read(65536)
    named = _META_DATA.search(head) if _META_KEY.match(head) else None
    if named is None:
        return
    name = named[1].decode("utf-8", "replace")
    if name.upper() != "LOCAL" and (Path(name).name != name or "\\" in name or name.upper() == "LIST"):
        raise CineError(path.name, "its pixels are not in one file beside it; convert it to .mha or .nii.gz")
    if name.upper() != "LOCAL" and not (path.parent / name).is_file():
        raise CineError(path.name, f"the file with its pixels, {name}, is missing; put it beside it")


def _require_whole_nifti(path: Path) -> None:
    """ITK reads a NIfTI file that was cut short without a word, the missing part black."""
    try:
        with _opener(path)(path, "rb") as stream:
            header = stream.read(_NIFTI_HEADER)
            if header[344:348] not in _NIFTI_MAGIC:
                return
            order = "<" if header[:2] == b"\x5c\x01" else ">"
            dimensions = struct.unpack_from(f"{order}8h", header, 40)
            (bits,) = struct.unpack_from(f"{order}h", header, 72)
            (start,) = struct.unpack_from(f"{order}f", header, 108)
            needed = int(start) + math.prod(dimensions[1 : dimensions[0] + 1]) * bits // 8
            whole = stream.seek(needed - 1) == needed - 1 and bool(stream.read(1))
    except (OSError, EOFError, zlib.error, ValueError):
        whole = False
    if not whole:
        raise CineError(path.name, "is cut short; copy it again")


def _opener(path: Path):
    with path.open("rb") as stream:
        return gzip.open if stream.read(2) == _GZIP else open


def _kind(path: Path) -> str:
    return "MetaImage" if path.suffix.lower() in (".mhd", ".mha") else "NIfTI"


def _simple_itk(path: Path):
    try:
        import SimpleITK
    except ModuleNotFoundError:
        raise CineError(
            f'{path.name}: MetaImage and NIfTI files need SimpleITK: pip install "echokeyframe[datasets]"'
        ) from None
    return SimpleITK
