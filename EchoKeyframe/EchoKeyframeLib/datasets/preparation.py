"""The paper's preparation of a cine: the scan sector alone, without ECG, text and identity, at one size."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ..cine.cine import Cine, CineError
from ..cine.orientation import Orientation
from ..cine.prepare import prepare, prepared_box, sector_frames
from ..cine.sector import Sector, find_sector
from ..cine.video_writer import unevenness, video_rate
from ..detection.detect import check_loop
from .burned_text import find_text

BURNED_TEXT = "text seems to be burned into the image inside the sector, and may name the patient; look at it"


@dataclass(frozen=True, eq=False)
class PreparedCine:
    """What is left of a cine.

    frames: gray uint8 ``[T, H, W]``, black outside the scan sector. rate: frames per second. spacing: mm per pixel
    ``(row, column)`` of these frames, None if unknown. sector: kind of scan sector, see ``Sector.shape``.
    """

    frames: np.ndarray
    rate: float
    spacing: tuple[float, float] | None
    sector: str
    warnings: tuple[str, ...]


def prepare_cine(cine: Cine, size: int | None, whole_frame: bool = False) -> PreparedCine:
    """Cut a cine to its scan sector and resize it to a square of ``size`` pixels; None: as it is, not even squared.

    Bilinear as in the paper, with a filter that widens where the image shrinks (Pillow's), so that speckle does not
    alias. The aspect ratio is kept. ``whole_frame`` takes all pixels where no sector is found.

    Raises StillError for a single frame and, without ``whole_frame``, CineError where no sector is found: text beside
    it could not be told from echoes.
    """
    name = cine.source.name
    if len(cine) < 2:
        check_loop(name, len(cine), cine.findings)
    sector = find_sector(cine)
    if not sector.found and not whole_frame:
        reason = sector.note.partition(";")[0]
        raise CineError(
            name,
            f"left out, because no scan sector was found ({reason}) and text in the frame may name the "
            "patient; --whole-frame takes such cines as they are"
        )
    if size is None:
        frames, spacing = np.stack(list(sector_frames(cine, sector))), cine.spacing
    else:
        as_shown = replace(sector, orientation=Orientation.UNKNOWN)
        frames, spacing = prepare(cine, as_shown, size, _bilinear), _resized_spacing(cine, sector, size)
    warnings = [*cine.warnings, *filter(None, [sector.note])]
    if find_text(cine, sector):
        warnings.append(BURNED_TEXT)
    if error := unevenness(cine.times):
        warnings.append(f"its frames are uneven in time; at the mean rate some are shown up to {error:.3f} s off")
    return PreparedCine(frames, video_rate(cine.times)[0], spacing, sector.shape, tuple(warnings))


def _bilinear(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BILINEAR))


def _resized_spacing(cine: Cine, sector: Sector, size: int) -> tuple[float, float] | None:
    if cine.spacing is None:
        return None
    height, width = prepared_box(cine, sector, size)
    return cine.spacing[0] * sector.box.height / height, cine.spacing[1] * sector.box.width / width
