"""Whether three samples of a pixel are RGB or YCbCr: the codestream's word, then the picture's, then the header's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .finding import Finding, FindingKind

_MOST_SAMPLED = 1 << 16  # pixels that are looked at
_GRAY = 12  # levels by which samples of a gray pixel may differ from one another, after lossy coding
_LEAST_SHARE = 0.3  # of the picture that is gray in one reading
_ODDS = 4  # times as many gray pixels as in the other reading
_CERTAIN = 0.9, 0.1  # shares of gray pixels, in one reading and in the other, against which no tag is believed
_NAMES = {True: "RGB", False: "YCbCr"}


@dataclass(frozen=True)
class ColorSpace:
    """is_rgb: else YCbCr of full range. finding: where statements contradict each other, else None."""

    is_rgb: bool
    finding: Finding | None = None


def header_says_rgb(photometric: str) -> bool:
    """What Photometric Interpretation means for decoded samples: YBR_ICT and YBR_RCT are undone by JPEG 2000."""
    return not photometric.startswith("YBR_FULL")


@dataclass(frozen=True)
class PictureWord:
    """What the picture shows. is_certain: it is gray in one reading and has next to no gray in the other."""

    is_rgb: bool
    is_certain: bool


def color_space(photometric: str, codestream: bool | None, shown: PictureWord | None) -> ColorSpace:
    """Which of the statements is believed.

    codestream: whether it says RGB; None where it says nothing. shown: None where the picture decides nothing. The
    codestream is believed against the header alone, not against header and picture, and neither against a picture that
    leaves no doubt.
    """
    header = header_says_rgb(photometric)
    picture = None if shown is None else shown.is_rgb
    believed, witness = header, ""
    if shown is not None and shown.is_certain and shown.is_rgb not in (header, codestream):
        believed, witness = shown.is_rgb, "gray pixels show"
    elif codestream is not None and not (picture is not None and picture == header != codestream):
        believed, witness = codestream, "their codestream says"
    elif codestream is None and picture is not None:
        believed, witness = picture, "gray pixels show"
    if believed == header:
        return ColorSpace(believed)
    text = (
        f"PhotometricInterpretation says {photometric} but the frames are {_NAMES[believed]}, as {witness}; "
        f"they are read as {_NAMES[believed]}, gray levels and colours follow from it"
    )
    return ColorSpace(believed, Finding(FindingKind.PHOTOMETRIC, text))


def picture_word(samples: np.ndarray) -> PictureWord | None:
    """What the picture shows, uint8 ``[H, W, 3]``; None where it does not decide.

    Most of an echo is gray: three like samples in RGB, Cb and Cr in the middle of their range in YCbCr.
    """
    step = max(1, int((samples.shape[0] * samples.shape[1] / _MOST_SAMPLED) ** 0.5))
    few = samples[::step, ::step].astype(np.int16)
    as_rgb = np.ptp(few, axis=2) <= _GRAY
    as_ycbcr = np.abs(few[..., 1:] - 128).max(axis=2) <= _GRAY // 2
    rgb, ycbcr = float(as_rgb.mean()), float(as_ycbcr.mean())
    if max(rgb, ycbcr) < _LEAST_SHARE or max(rgb, ycbcr) < _ODDS * min(rgb, ycbcr):
        return None
    return PictureWord(rgb > ycbcr, max(rgb, ycbcr) >= _CERTAIN[0] and min(rgb, ycbcr) <= _CERTAIN[1])
