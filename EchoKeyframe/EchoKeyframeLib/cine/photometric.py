"""Whether three samples of a pixel are RGB or YCbCr: the codestream's word, then the picture's, then the header's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .finding import Finding, FindingKind

_MOST_SAMPLED = 1 << 16  # pixels that are looked at
_GRAY = 12  # levels by which samples of a gray pixel may differ from one another, after lossy coding
_LEAST_SHARE = 0.3  # of the picture that is gray in one reading
_ODDS = 4  # times as many gray pixels as in the other reading
_NAMES = {True: "RGB", False: "YCbCr"}


@dataclass(frozen=True)
class ColorSpace:
    """is_rgb: else YCbCr of full range. finding: where statements contradict each other, else None."""

    is_rgb: bool
    finding: Finding | None = None


def header_says_rgb(photometric: str) -> bool:
    """What Photometric Interpretation means for decoded samples: YBR_ICT and YBR_RCT are undone by JPEG 2000."""
    return not photometric.startswith("YBR_FULL")


def color_space(photometric: str, codestream: bool | None, picture: bool | None) -> ColorSpace:
    """Which of the statements is believed.

    codestream, picture: whether they say RGB; None where they say nothing. The codestream is believed against the
    header alone, not against header and picture.
    """
    header = header_says_rgb(photometric)
    believed, witness = header, ""
    if codestream is not None and not (picture is not None and picture == header != codestream):
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


def picture_says_rgb(samples: np.ndarray) -> bool | None:
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
    return rgb > ycbcr
