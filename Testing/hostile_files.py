"""Small files that claim, or decode to, gigabytes or hours: each must be refused within the budget of memory."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from pathlib import Path

import numpy as np
from dicom_files import beating_frames, encode, write_dicom
from drawn_ventricle import write_video
from fuzz import metaimage, nifti
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

FRAMES = np.random.default_rng(0).integers(0, 255, (4, 24, 32), dtype=np.uint8)
_LARGE = (3, 4096, 4096, 400, 1, 1, 1, 1)


def gif(width: int, height: int, images: int) -> bytes:
    image = b",\0\0\0\0" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\0\2\2D\1\0"
    return b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\0\0\0" + image * images + b";"


def huge_avi(folder: Path) -> bytes:
    data = bytearray(write_video(folder / "small.avi", beating_frames(6, 48, 64)).read_bytes())
    at = data.index(b"strf") + 12
    data[at : at + 8] = (16000).to_bytes(4, "little") * 2
    return bytes(data)


def bombs(folder: Path) -> dict[str, bytes]:
    """Images by name; ``folder`` is written to while they are made."""
    head = nifti(FRAMES)[:352]
    claims = nifti(FRAMES, dims=_LARGE)[:352]
    header = metaimage(FRAMES, "CompressedData = True\n")[: -FRAMES.size].replace(b"32 24 4", b"4096 4096 400")
    return {
        "canvas.gif": gif(32767, 32767, 1),
        "many.gif": gif(8000, 8000, 2000),
        "huge.avi": huge_avi(folder),
        "claims.nii": nifti(FRAMES, dims=_LARGE),
        "packed.nii.gz": gzip.compress(claims + bytes(64 << 20)),
        "doubles.nii": nifti(FRAMES, dims=_LARGE, datatype=64),
        "overflow.nii": head[:40] + b"\3\0" + b"\xff\x7f" * 7 + head[56:],
        "claims.mha": header.replace(b"CompressedData", b"Comment"),
        "packed.mha": header + zlib.compress(bytes(64 << 20), 9),
        "tiny.mha": metaimage(np.zeros((65535, 1, 1), np.uint8)),
        **_dicom_bombs(folder / "bomb.dcm"),
    }


def _dicom_bombs(path: Path) -> dict[str, bytes]:
    def written(*args: object, **tags: object) -> bytes:
        return write_dicom(path, *args, **tags).read_bytes()

    gray = beating_frames(4)
    jpeg = encode(gray[0], JPEGBaseline8Bit, "MONOCHROME2")
    at = jpeg.index(b"\xff\xc0") + 5
    size_claimed = jpeg[:at] + b"\xff\xdc\xff\xdc" + jpeg[at + 4 :]
    rle = np.array([1, 64, *[0] * 14], "<u4").tobytes() + b"\x81\0" * 2000
    endless = np.array([1, 64, *[0] * 14], "<u4").tobytes() + b"\x81\0" * 6 * 2**20  # decodes to 768 MiB
    j2k = bytearray(encode(gray[0], JPEG2000Lossless, "MONOCHROME2"))
    j2k[8:16] = b"\0\1\0\0" * 2
    many = np.zeros((65535, 1, 1), np.uint8)
    return {
        "rows.dcm": written(gray, JPEGBaseline8Bit, encoded=[size_claimed] * 4, Rows=65500, Columns=65500),
        "jpeg.dcm": written(gray, JPEGBaseline8Bit, encoded=[size_claimed] * 400, NumberOfFrames=400),
        "rle.dcm": written(gray, RLELossless, encoded=[rle] * 400, NumberOfFrames=400, Rows=8000, Columns=8000),
        "endless.dcm": written(gray, RLELossless, encoded=[endless] * 2, NumberOfFrames=2),
        "tiles.dcm": written(gray, JPEG2000Lossless, encoded=[bytes(j2k)] * 4),
        "specks.dcm": written(many, NumberOfFrames=65535),
        "deflated.dcm": written(np.zeros((20, 4096, 4096), np.uint8), DeflatedExplicitVRLittleEndian),
    }


def scans_jpeg() -> bytes:
    """A progressive JPEG of 5,000 scans: each is a pass over the whole image."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(beating_frames(1, 64, 64)[0]).save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 5000 + data[-2:]


def documents() -> dict[str, bytes]:
    """Cards and tables of our own whose values would take gigabytes."""
    from EchoKeyframeLib import models

    card = json.loads((Path(models.__file__).parent / "weights" / "two-stream.json").read_bytes())
    for key, value in card["config"].items():
        if isinstance(value, int) and not isinstance(value, bool):
            card["config"][key] = 10**9
    return {
        "card.json": json.dumps(card).encode(),
        "digits.keyframes.json": b'{"schema": 1, "keyframes": [], "frames": ' + b"9" * 4000 + b"}",
        "nested.keyframes.json": b'{"schema": 1, "keyframes": ' + b"[" * 10**6,
    }


def mask_picture(side: int = 23000) -> bytes:
    """A black PNG of ``side`` pixels each way."""
    import struct

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, packed, row = zlib.compressobj(9), b"", bytes(side + 1)
    for _ in range(side):
        packed += packer.compress(row)
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed + packer.flush()) + chunk(b"IEND", b"")
