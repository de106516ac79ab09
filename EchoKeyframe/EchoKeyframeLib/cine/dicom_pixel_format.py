"""The Image Pixel module of a DICOM file (PS3.3 C.7.6.3): how its samples are laid out, read and checked."""

from __future__ import annotations

from dataclasses import dataclass

from .budget import require_frame_size
from .cine import CineError
from .dicom_file import DicomFile, number, text

GRAY = ("MONOCHROME1", "MONOCHROME2")
_COLOR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "XYB")


@dataclass(frozen=True)
class PixelFormat:
    """What the header says of the samples.

    photometric: of PS3.3 C.7.6.3.1.2. stored: bits of a sample that count. planar: 1 where each frame holds all red
    samples, then all green ones, then all blue ones.
    """

    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    signed: bool
    photometric: str
    planar: int

    @property
    def frame_bytes(self) -> int:
        """Length of an uncompressed frame; YBR_FULL_422 stores two samples per pixel (PS3.3 C.7.6.3.1.2)."""
        length = self.rows * self.columns * self.samples * self.allocated // 8
        return length // 3 * 2 if self.photometric == "YBR_FULL_422" else length

    @property
    def is_gray(self) -> bool:
        return self.photometric in GRAY


def pixel_format(file: DicomFile) -> PixelFormat:
    """Read and check the Image Pixel module. Raises CineError where it is incomplete or impossible."""
    header, name = file.header, file.name
    wanted = ("Rows", "Columns", "BitsAllocated")
    sizes = {key: size for key in wanted if (size := whole(number(header, key))) is not None and size >= 1}
    absent = [key for key in wanted if key not in sizes]
    if absent:
        raise CineError(name, f"the DICOM header lacks a usable {absent[0]}; export the file again")
    photometric = text(header, "PhotometricInterpretation").upper()
    rows, columns, allocated = sizes["Rows"], sizes["Columns"], sizes["BitsAllocated"]
    require_frame_size(name, columns, rows)
    if photometric not in (*GRAY, *_COLOR, "PALETTE COLOR"):
        shown = photometric if photometric.startswith(("YBR_", "HSV", "ARGB", "CMYK")) else "of an unknown kind"
        raise CineError(name, f"photometric interpretation {shown} is not supported; export it as RGB")
    if allocated not in (8, 16):
        raise CineError(name, f"{allocated} bits per sample are not supported; export it with 8 or 16")
    stored = whole(number(header, "BitsStored")) or allocated
    stored = stored if 1 <= stored <= allocated else allocated
    samples = 3 if photometric in _COLOR else 1
    if (whole(number(header, "SamplesPerPixel")) or samples) != samples:
        raise CineError(name, f"SamplesPerPixel contradicts {photometric}; the header is damaged")
    planar = 1 if whole(number(header, "PlanarConfiguration")) == 1 else 0
    signed = number(header, "PixelRepresentation") == 1
    return PixelFormat(rows, columns, samples, allocated, stored, signed, photometric, planar)


def whole(value: float | None) -> int | None:
    """A number as an integer; None for none, NaN and what a float cannot count."""
    return int(value) if value is not None and value == value and abs(value) < 2**53 else None
