"""The LV cavity in a picture that another tool's segmentation was saved as.

Tools write 0 and 1, 0 and 255, several labels in one picture (8 or 16 bits), soft edges, probabilities, or colour with
transparency. A wall or an atrium must not be counted as cavity: where a picture holds several labels, somebody has to
say which one is the cavity, and what has the shape of a wall or of all but a cavity is refused.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from ..cine.budget import require_frame_size, require_memory
from ..cine.cine import CineError
from .contour import MeasurementError

LARGEST_FILE = 64 * 2**20
_BYTES_A_PIXEL = 24
"""Taken at most while a picture is decoded and its values are told apart."""
_FORMATS = ("PNG", "TIFF", "BMP", "GIF", "JPEG", "PPM", "WEBP")
_LARGEST_LABEL = 32
"""Whole numbers up to here are labels; soft edges reach the end of their scale."""
_MOST_LABELS = 16
_TOLD = 8
_WIDEST_EDGE = 9
"""Pixels across which a soft edge may fall from three quarters to a quarter."""
_LEAST_SOLID = 0.7
"""Share of its convex hull that a cavity fills; those of networks and persons fill 0.9 or more, walls half."""
_MOST_EDGE = 0.5
"""Share of the picture's edge that a cavity may touch."""
_LARGE, _HOLE = 0.4, 0.02
"""What spans so much of the picture and has a hole of so much of its own size is all of a sector but the cavity."""


def read_mask(path: Path, size: tuple[int, int] | None = None, label: int | None = None) -> np.ndarray:
    """Where the cavity is, bool ``[H, W]``.

    size: height and width that the picture must have; compared before a pixel is decoded. label: the cavity's value in
    a picture of several labels. Without it, one value beside 0 is the cavity, and of soft edges what reaches half of
    the greatest value.

    Raises MeasurementError where the file is no picture of that size, takes more than the budget of memory, holds
    several labels of which none was named, or not the one that was, or marks what cannot be a cavity.
    """
    mask = _marked(path, _values(path, size), label)
    _check_shape(path, mask)
    return mask


def _marked(path: Path, values: np.ndarray, label: int | None) -> np.ndarray:
    found = np.unique(values[values != 0])
    if label is not None:
        if label not in found:
            raise MeasurementError(path.name, f"holds no pixel of label {label}; it has {_told(found)}")
        return values == label
    if len(found) <= 1:
        return values != 0
    if _are_labels(values, found):
        raise MeasurementError(path.name, f'holds several labels, {_told(found)}; say which one is the cavity, as in '
                               f'"label": {found[0]:g}')  # fmt: skip
    return values >= found[-1] / 2


def _values(path: Path, size: tuple[int, int] | None) -> np.ndarray:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise MeasurementError(path.name, f"is larger than {LARGEST_FILE >> 20} MB, so no segmentation of a frame")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a size that is checked here
            with Image.open(path, formats=_FORMATS) as picture:
                _check_size(path, picture.size, size)
                return _gray(path, picture)
    except UnidentifiedImageError:
        raise MeasurementError(path.name, "is no picture; save it as PNG, 0 outside the cavity") from None
    except CineError as error:
        raise MeasurementError(path.name, error.reason) from None
    except Image.DecompressionBombError:
        raise MeasurementError(path.name, "is a picture larger than any frame") from None
    except (OSError, SyntaxError, ValueError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise MeasurementError(path.name, f"cannot be read as a picture ({reason})") from error


def _check_size(path: Path, found: tuple[int, int], size: tuple[int, int] | None) -> None:
    if size is not None and found != (size[1], size[0]):
        raise MeasurementError(path.name, f"is {found[0]}x{found[1]} pixels, but a frame {size[1]}x{size[0]}")
    require_frame_size(path.name, *found)
    require_memory(path.name, found[0] * found[1] * _BYTES_A_PIXEL)


def _gray(path: Path, picture: Image.Image) -> np.ndarray:
    """One value a pixel: the stored number, of transparent pictures what is opaque."""
    if picture.mode in ("P", "PA"):
        gray = np.asarray(picture.convert("L"))
        return gray if len(np.unique(gray)) < 3 else np.asarray(picture.getchannel(0))
    if picture.mode in ("1", "L", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"):
        values = np.asarray(picture)
        return np.nan_to_num(values, posinf=0, neginf=0) if picture.mode == "F" else values
    if picture.mode not in ("LA", "La", "RGB", "RGBA", "RGBa", "RGBX"):
        raise MeasurementError(path.name, f"holds colours of the kind {picture.mode}; save it as gray PNG")
    colours = np.asarray(picture.convert("RGBA"))
    alpha = colours[..., 3]
    if alpha.min() < alpha.max():
        opaque = colours[alpha > 0][:, :3]
        if (opaque == opaque[0]).all():
            return alpha
    channels = colours[..., :3]
    if (channels == channels[..., :1]).all():
        return channels[..., 0] * (alpha > 0)
    shown = (channels @ np.array([1 << 16, 1 << 8, 1], np.uint32)) * (alpha > 0)
    kinds = np.count_nonzero(np.unique(shown))
    if kinds > 1:
        raise MeasurementError(path.name, f"holds {kinds} colours; save it as gray labels, or the cavity alone")
    return shown > 0


def _check_shape(path: Path, mask: np.ndarray) -> None:
    """Raise MeasurementError for a wall, or for all but a cavity."""
    edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    if edge.mean() > _MOST_EDGE:
        raise MeasurementError(path.name, "marks the picture's edge all round, so all but the cavity; save it inverted")
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return
    filled, hull = (np.zeros(mask.shape, np.uint8) for _ in range(2))
    outline = max(outlines, key=cv2.contourArea)
    cv2.drawContours(filled, [outline], 0, 1, -1)
    cv2.fillConvexPoly(hull, cv2.convexHull(outline), 1)
    hole = np.count_nonzero(filled.astype(bool) & ~mask) / np.count_nonzero(filled)
    solid = np.count_nonzero(filled.astype(bool) & mask) / np.count_nonzero(hull)
    if solid < _LEAST_SOLID or (hull.mean() > _LARGE and hole > _HOLE):
        raise MeasurementError(path.name, "marks what lies around an empty area, such as the wall, and no cavity; mark "
                               "the cavity alone, the wall and what lies beside it 0")  # fmt: skip


def _are_labels(values: np.ndarray, found: np.ndarray) -> bool:
    """Whether several values are regions of their own and not the border of one, fallen off softly."""
    if (found == found.astype(np.int64)).all() and found[-1] <= _LARGEST_LABEL:
        return True
    if len(found) <= _MOST_LABELS:
        return any(_holds(values == value, 3) for value in found[:-1])
    top = float(found[-1])
    middle = (values > top / 4) & (values < 3 * top / 4)
    return _holds(middle, _WIDEST_EDGE)


def _holds(mask: np.ndarray, side: int) -> bool:
    """Whether a square of this side fits into a mask."""
    return bool(cv2.erode(mask.astype(np.uint8), np.ones((side, side), np.uint8), borderValue=0).any())


def _told(values: np.ndarray) -> str:
    shown = ", ".join(f"{value:g}" for value in values[:_TOLD])
    return f"the values {shown}" + (f" and {len(values) - _TOLD} more" if len(values) > _TOLD else "")
