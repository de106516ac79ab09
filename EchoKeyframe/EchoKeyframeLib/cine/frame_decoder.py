"""Decodes one compressed frame of a DICOM file to the samples that are coded in it.

The decoders are imported where they are used: what only looks at a file, as Slicer's own process does, needs none.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np

from .codestream import Codec, FrameShape, j2k_start, jpeg_is_sound, rle_is_sound, rle_segments

_START_OF_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_MOST_SCANS = 48  # of a JPEG: each is a pass over the whole image, however few bytes it takes
_MOST_PADDING = 16  # zeros behind a codestream
_RLE_PADDING = 2  # bytes that a segment may decode to beyond its pixels, for its length is even
# Names for libjpeg of samples that are to stay as they are coded, by how many a pixel has.
_AS_CODED = {1: "GRAYSCALE", 3: "RGB"}


def decode_frame(data: bytes, codec: Codec, shape: FrameShape, rle_excess: int = 0) -> np.ndarray:
    """Samples of a frame, ``[H, W]`` or ``[H, W, 3]``, in the colour space in which they are coded.

    JPEG 2000's and JPEG XL's own colour transforms, which are part of these codecs, are undone; YCbCr of JPEG stays.
    shape: what the frame's header declares, for RLE what the file does: checked by the caller, for it decides how much
    memory is set aside. rle_excess: what that function says of most frames of the clip.

    Raises ValueError, or an error of the decoder's own, where the data are damaged.
    """
    samples = _rle(data, shape, rle_excess) if codec is Codec.RLE else _DECODERS[codec](data, shape)
    wanted = (shape.rows, shape.columns) if shape.samples == 1 else (shape.rows, shape.columns, shape.samples)
    if samples.shape != wanted:
        raise ValueError("decodes to another size than its header says")
    return samples


def _jpeg(data: bytes, shape: FrameShape) -> np.ndarray:
    if data.count(_START_OF_SCAN) > _MOST_SCANS:
        raise ValueError("a JPEG of more scans than any encoder writes")
    if not _is_whole_jpeg(data):
        raise ValueError("a JPEG that ends early")
    return _decoded_jpeg(data, shape)


def _is_whole_jpeg(data: bytes) -> bool:
    """Whether all of a JPEG is there: libjpeg makes up what is missing without a word, and some lack the end marker."""
    if _ends_in_zeros(data):
        return False
    if _END in data[-_MOST_PADDING:].rstrip(b"\0"):
        return True
    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=("JPEG",)) as image:
            image.load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def _ends_in_zeros(data: bytes) -> bool:
    """Whether zeros have taken the place of a codestream's end; behind its end marker they are padding."""
    if data[-_MOST_PADDING:].strip(b"\0"):
        return False
    return _END not in data.rstrip(b"\0")[-_MOST_PADDING:]


def _decoded_jpeg(data: bytes, shape: FrameShape) -> np.ndarray:
    import imagecodecs

    space = _AS_CODED.get(shape.samples)
    return imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace=space)


def _lossless_jpeg(data: bytes, shape: FrameShape) -> np.ndarray:
    if not jpeg_is_sound(data):
        raise ValueError("damaged lossless JPEG frame")
    return _decoded_jpeg(data, shape)


def _jpeg_ls(data: bytes, shape: FrameShape) -> np.ndarray:
    import imagecodecs

    if not jpeg_is_sound(data):
        raise ValueError("damaged JPEG-LS frame")
    return imagecodecs.jpegls_decode(data)


def _jpeg_2000(data: bytes, shape: FrameShape) -> np.ndarray:
    import imagecodecs

    start = j2k_start(data)
    if _ends_in_zeros(data):
        raise ValueError("a JPEG 2000 frame that ends early")
    # The codestream without the boxes of a JP2 file, which may ask for a palette or another colour space.
    return imagecodecs.jpeg2k_decode(data[start:], numthreads=1)


def _jpeg_xl(data: bytes, shape: FrameShape) -> np.ndarray:
    import imagecodecs

    return imagecodecs.jpegxl_decode(data, index=0, numthreads=1)


def jpeg_xl_shape(data: bytes) -> FrameShape:
    """Size of a JPEG XL frame, whose samples and bits are known only once it is decoded."""
    samples = _jpeg_xl(data, FrameShape(0, 0, 0, 0))
    rows, columns = samples.shape[:2]
    return FrameShape(rows, columns, samples.shape[2] if samples.ndim == 3 else 1, samples.itemsize * 8)


def rle_excess(data: bytes, pixels: int) -> int:
    """Bytes that the longest segment of a sound RLE frame decodes to beyond one for each pixel; 0 for a damaged one."""
    try:
        return max(0, max(len(plane) for plane in _rle_planes(data, 2 * pixels)) - pixels)
    except Exception:  # it is reported where it is decoded
        return 0


def _rle(data: bytes, shape: FrameShape, excess: int = 0) -> np.ndarray:
    """excess: bytes by which segments of this clip decode to too many; noise in one makes it far more, or fewer.

    Raises ValueError for a damaged frame, imagecodecs' error for a segment that is too long.
    """
    pixels, size = shape.rows * shape.columns, -(-shape.bits // 8)
    if not rle_is_sound(data, shape.samples * size, pixels):
        raise ValueError("damaged RLE frame")
    planes = _rle_planes(data, pixels + excess + _RLE_PADDING)
    if min(map(len, planes)) < pixels:
        raise ValueError("an RLE frame that ends early")
    # The most significant byte of a sample has a segment of its own, and comes first (PS3.5 G.2).
    stored = np.stack([plane[:pixels] for plane in planes]).reshape(shape.samples, size, shape.rows, shape.columns)
    samples = stored[:, 0] if size == 1 else stored[:, 0].astype(np.uint16) << 8 | stored[:, 1]
    return samples[0] if shape.samples == 1 else np.moveaxis(samples, 0, 2)


def _rle_planes(data: bytes, most: int) -> list[np.ndarray]:
    """The bytes of each segment, decoded. Raises ValueError, or an error of the decoder's own, for one that decodes to
    more than ``most``. Two bytes stand for 128 at most, so few data never have more memory set aside than that."""
    from imagecodecs import packbits_decode

    return [
        np.frombuffer(packbits_decode(data[first:end], out=min(most, 64 * (end - first))), np.uint8)
        for first, end in rle_segments(data)
    ]


_DECODERS = {
    Codec.JPEG: _jpeg,
    Codec.LOSSLESS_JPEG: _lossless_jpeg,
    Codec.JPEG_LS: _jpeg_ls,
    Codec.JPEG_2000: _jpeg_2000,
    Codec.JPEG_XL: _jpeg_xl,
}
