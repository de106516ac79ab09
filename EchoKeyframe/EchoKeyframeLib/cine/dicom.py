"""Reads a DICOM cine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from .cine import Cine, CineError, Source
from .color import FrameStack
from .dicom_file import DicomFile, is_uid, items, number, open_dicom, quiet_pydicom, text, uid_name
from .dicom_fragments import read_items
from .dicom_pixels import StoredFrames
from .dicom_timing import ASSUMED_TIMING, Timing, frame_timing, trim_warnings
from .finding import Finding, FindingKind
from .header import CineHeader
from .lost_frames import count_finding, lost_frames_finding
from .pixel_data_syntax import is_video, video_finding
from .private_images import raw_data_finding, refuse_volume
from .stamps import repaired_times
from .ultrasound_regions import Calibration, calibration, rescaled
from .video import decode_stream

_MOST_FRAMES = 10**6  # that a header may claim
_GIVE_UP = 20  # damaged frames in a row
_VIEWS = (  # words of View Name (0008,2127) or View Code Sequence (0054,0220), in lower case
    ("A4C", ("a4c", "ap4", "apical four", "apical 4", "4 chamber", "four chamber")),
    ("A2C", ("a2c", "ap2", "apical two", "apical 2", "2 chamber", "two chamber")),
    ("A3C", ("a3c", "ap3", "aplax", "apical three", "apical 3", "apical long", "3 chamber", "three chamber")),
    ("PLAX", ("plax", "parasternal long")),
    ("PSAX", ("psax", "parasternal short")),
)


def read_dicom(path: Path) -> Cine:
    """Read a multi-frame (or single-frame) DICOM image frame by frame.

    Frames that are damaged, and those behind the end of a file cut short, are left out with a warning; the others
    keep their times. Besides the decoded frames it needs memory for a few of them.

    Raises CineError if the file is no DICOM image, its transfer syntax or photometric interpretation cannot be read,
    it is a volume over time, none of its frames can be decoded, or it would decode to more than the budget of
    memory.
    """
    path = Path(path)
    try:
        with quiet_pydicom(), open_dicom(path) as file:
            return _read(file, path)
    except CineError:
        raise
    except MemoryError:
        raise CineError(path.name, "does not fit into memory; split it or use a larger machine") from None
    except Exception as error:
        # pydicom raises nearly anything on damaged headers. Its messages quote values, so only the kind is passed on.
        raise CineError(path.name, f"damaged DICOM file ({type(error).__name__}); export it again") from None


def read_dicom_header(path: Path) -> CineHeader:
    """What a DICOM file says of its frames and their times. Raises CineError where it holds no image."""
    path = Path(path)
    try:
        with quiet_pydicom(), open_dicom(path) as file:
            frames = max(1, int(number(file.header, "NumberOfFrames") or 1))
            if frames > _MOST_FRAMES:
                raise CineError(file.name, f"claims {frames} frames; its header is damaged")
            timing = frame_timing(file.header, frames, frames)
            known = frames > 1 and timing.phrase != ASSUMED_TIMING
            fps = (frames - 1) / float(timing.times[-1]) if known else None
            return CineHeader(frames, _declared_size(file.header), fps, uid_name(file.syntax), timing.warnings)
    except CineError:
        raise
    except Exception as error:  # as above
        raise CineError(path.name, f"damaged DICOM file ({type(error).__name__}); export it again") from None


def _read(file: DicomFile, path: Path) -> Cine:
    header = file.header
    refuse_volume(file)
    if is_video(file):
        frames, timing, findings, layout = _read_video(file)
    else:
        frames, timing, findings, layout = _read_frames(file)
    if layout.findings and layout.region is None and (scaled := rescaled(header, frames)):
        layout = scaled
    if (finding := raw_data_finding(file, len(frames))) is not None:
        findings.append(finding)
    warnings = trim_warnings(header, len(frames))
    modality = text(header, "Modality")
    if modality.isalpha() and len(modality) == 2 and modality != "US":
        warnings.append(f"its modality is {modality}, not ultrasound (US)")
    doubts = [Finding(FindingKind.TIMING, warning) for warning in timing.warnings]
    cine = Cine(
        frames,
        timing.times,
        _source(file, path, timing.order),
        spacing=layout.spacing,
        region=layout.region,
        heart_rate=timing.heart_rate,
        r_waves=timing.r_waves,
        timing=timing.phrase,
        view=_view(header),
        timing_warnings=timing.warnings,
    )
    return cine.with_findings(*findings).with_warnings(*warnings).with_findings(*doubts, *layout.findings)


def _read_frames(file: DicomFile) -> tuple[np.ndarray, Timing, list[Finding], Calibration]:
    """Decode stored frames in the order in which they were taken."""
    stored = StoredFrames(file)
    if not len(stored):
        raise CineError(file.name, "its header promises frames but no whole one follows; copy or export it again")
    timing = frame_timing(file.header, len(stored), stored.declared)
    layout = calibration(file.header, *stored.size)
    stack, kept, reason, failed_in_a_row = FrameStack(file.name, len(stored), layout.region), [], "", 0
    for position, index in enumerate(timing.order):
        try:
            frame = stored.frame(int(index))
        except MemoryError:
            raise
        except Exception as error:  # native decoders and pydicom raise nearly anything on damaged data
            reason = reason or type(error).__name__
            failed_in_a_row += 1
            if failed_in_a_row == _GIVE_UP:
                break
            continue
        failed_in_a_row = 0
        stack.append(frame)
        kept.append(position)
    if not kept:
        raise CineError(file.name, f"none of its {len(stored)} frames can be decoded ({reason}); export it again")
    frames = stack.finish()
    for i in stack.grayed:  # decoded as gray because colour appeared only later
        frames[i] = _as_rgb(stored.frame(int(timing.order[kept[i]])))
    findings = [count_finding(len(stored), stored.declared, stored.is_whole)]
    if lost := set(range(len(stored))) - {int(timing.order[position]) for position in kept}:
        findings.append(lost_frames_finding([index + 1 for index in lost], len(stored)))
    findings += stored.findings
    return frames, _of_kept_frames(timing, kept), [finding for finding in findings if finding], layout


def _as_rgb(frame: np.ndarray) -> np.ndarray:
    return frame if frame.ndim == 3 else frame[..., None]


def _read_video(file: DicomFile) -> tuple[np.ndarray, Timing, list[Finding], Calibration]:
    """Decode an embedded MPEG-2, H.264 or HEVC stream, whose fragments make one stream (PS3.5 A.4.5)."""
    size = _declared_size(file.header)
    layout = calibration(file.header, *size)
    items = read_items(file)
    stream = b"".join(file.read(start, length) for start, length in items.spans)
    if not items.spans and not file.has_items:
        stream = file.read(0, file.pixel_length)
    if not stream:
        raise CineError(file.name, "its header promises a video stream but none follows; copy or export it again")
    declared = int(number(file.header, "NumberOfFrames") or 0)
    stack, stamps = FrameStack(file.name, 0, layout.region), []
    for frame, stamp in decode_stream(stream, file.name):
        stack.append(frame)
        stamps.append(stamp)
    frames = stack.finish()
    by_stream = None
    if None not in stamps and len(stamps) > 1:
        by_stream = repaired_times(stamps, 0.0, file.name)[0]
    timing = frame_timing(file.header, len(frames), declared, by_stream)
    # A video decodes in the order of presentation, whatever the header says.
    timing = replace(timing, order=np.arange(len(frames)))
    findings = [*file.findings, video_finding(file), count_finding(len(frames), declared, items.is_whole)]
    layout = layout if frames.shape[1:3] == size else Calibration()
    return frames, timing, [finding for finding in findings if finding], layout


def _of_kept_frames(timing: Timing, kept: list[int]) -> Timing:
    """The timing of some of the frames, counted from the first of them."""
    times = timing.times[kept]
    start = float(times[0])
    r_waves = tuple(wave - start for wave in timing.r_waves if wave >= start)
    return replace(timing, order=timing.order[kept], times=times - start, r_waves=r_waves)


def _declared_size(header: Dataset) -> tuple[int, int]:
    rows, columns = number(header, "Rows"), number(header, "Columns")
    return int(rows or 0), int(columns or 0)


def _source(file: DicomFile, path: Path, order: np.ndarray) -> Source:
    """order: int ``[T]``, which stored frame, from 0, each frame of the cine is."""
    uids = {key: text(file.header, key) for key in ("SOPInstanceUID", "SOPClassUID")}
    instance, sop_class = (uid if is_uid(uid) else None for uid in uids.values())
    numbers = None if (order == np.arange(len(order))).all() else tuple(int(index) + 1 for index in order)
    return Source(file.name, path, instance, sop_class, uid_name(file.syntax), numbers)


def _view(header: Dataset) -> str | None:
    code = next((text(item, "CodeMeaning") for item in items(header, "ViewCodeSequence")), "")
    stated = f"{text(header, 'ViewName')} {code}".lower()
    return next((view for view, words in _VIEWS if any(word in stated for word in words)), None)
