"""What kind of video a file is: one table for its name's suffix and its first bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .cine import CineError

HEAD = 1 << 16
"""Bytes of a file's start that decide what it is."""


@dataclass(frozen=True)
class Container:
    """A kind of video file.

    demuxer: FFmpeg's name of what takes it apart. No other is let near the file: FFmpeg's own guess would also follow
    playlists and session descriptions to other files and to the network. suffixes: of file names, lower case.
    counts_frames: its header holds their number; others leave it to be guessed from the duration.
    has_times: its frames carry time stamps; elementary streams have none.
    """

    name: str
    demuxer: str
    suffixes: tuple[str, ...] = ()
    counts_frames: bool = False
    has_times: bool = True


AVI = Container("AVI", "avi", (".avi", ".divx"), counts_frames=True)
MP4 = Container("MP4", "mov", (".mp4", ".m4v", ".3gp", ".3g2", ".f4v"), counts_frames=True)
MOV = Container("MOV", "mov", (".mov", ".qt", ".mj2"), counts_frames=True)
MATROSKA = Container("Matroska", "matroska", (".mkv",))
WEBM = Container("WebM", "matroska", (".webm",))
GIF = Container("GIF", "gif", (".gif",))
WMV = Container("WMV", "asf", (".wmv", ".asf"))
FLV = Container("FLV", "flv", (".flv",))
OGG = Container("Ogg", "ogg", (".ogv",))
MXF = Container("MXF", "mxf", (".mxf",))
IVF = Container("IVF", "ivf", (".ivf",))
PROGRAM_STREAM = Container("MPEG program stream", "mpeg", (".mpg", ".mpeg", ".vob"))
TRANSPORT_STREAM = Container("MPEG transport stream", "mpegts", (".ts", ".m2ts", ".mts"))
MPEG_VIDEO = Container("MPEG video", "mpegvideo", (".m1v", ".m2v"), has_times=False)
H264 = Container("H.264 or HEVC", "h264", (".h264", ".264"), has_times=False)
HEVC = Container("H.264 or HEVC", "hevc", (".h265", ".265", ".hevc"), has_times=False)
MPEG4_VIDEO = Container("H.264 or HEVC", "m4v", has_times=False)
VC1 = Container("VC-1", "vc1", (".vc1",), has_times=False)

CONTAINERS = (AVI, MP4, MOV, MATROSKA, WEBM, GIF, WMV, FLV, OGG, MXF, IVF, PROGRAM_STREAM, TRANSPORT_STREAM, MPEG_VIDEO,
              H264, HEVC, MPEG4_VIDEO, VC1)  # fmt: skip

VIDEO_SUFFIXES = frozenset(suffix for container in CONTAINERS for suffix in container.suffixes)
"""Of names of files that are taken for videos where a folder is searched."""

_STARTS = (
    (b"\x1a\x45\xdf\xa3", MATROSKA),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", WMV),
    (b"FLV\x01", FLV),
    (b"OggS\x00", OGG),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02", MXF),
    (b"DKIF\x00\x00", IVF),
    (b"\x00\x00\x01\xba", PROGRAM_STREAM),
    (b"\x00\x00\x01\xb3", MPEG_VIDEO),
)
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_START_CODE = re.compile(rb"\x00\x00\x01(.)(.)", re.DOTALL)
_VISUAL_OBJECT = re.compile(rb"\x00?\x00\x00\x01(?:\xb0|[\x00-\x1f]\x00\x00\x01[\x20-\x2f])")  # ISO 14496-2, 6.2.1
_FEWEST_PACKETS = 2  # of a transport stream, that must begin where one is due
_UNDECODABLE = (  # what a file says of its codec, for codecs that OpenCV's FFmpeg comes without
    (b"av01", "AV1"), (b"AV01", "AV1"), (b"V_AV1", "AV1"), (b"vvc1", "VVC (H.266)"), (b"vvi1", "VVC (H.266)"),
    (b"V_MPEGI/ISO/VVC", "VVC (H.266)"), (b"dvav", "Dolby Vision"), (b"theo", "Theora"),
)  # fmt: skip
# Lines and tags by which FFmpeg takes a text for a session description or a playlist, wherever in the file it stands.
_LEADS_ELSEWHERE = re.compile(rb"(?:^|[\r\n])c=IN IP|<MPD|<CompositionPlaylist", re.IGNORECASE)


def container_of(head: bytes, name: str) -> Container:
    """What a file's first bytes, ``HEAD`` of them or all, say it is. Raises CineError where it is no video."""
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return AVI
    if head[4:8] in _BOXES:
        return MOV if head[8:12] == b"qt  " or head[4:8] != b"ftyp" else MP4
    for start, container in _STARTS:
        if head.startswith(start):
            return WEBM if container is MATROSKA and b"webm" in head[:64] else container
    if _is_transport_stream(head):
        return TRANSPORT_STREAM
    if head[:3] == b"\x00\x00\x01" or head[:4] == b"\x00\x00\x00\x01":
        return _elementary(head)
    what = "is empty" if not head else "is neither DICOM nor a video of a known kind (AVI, MP4, MOV, MKV, WebM, WMV, " \
                                       "FLV, GIF, MPEG)"  # fmt: skip
    raise CineError(name, f"{what}; check the file or convert it")


def leads_elsewhere(head: bytes) -> bool:
    """Whether FFmpeg, left to guess, might take a file that starts so for a list of other files or addresses."""
    return _LEADS_ELSEWHERE.search(head) is not None


def undecodable_codec(text: bytes) -> str | None:
    """The name of a codec that cannot be decoded here, where a part of a file names one."""
    return next((codec for mark, codec in _UNDECODABLE if mark in text), None)


def _is_transport_stream(head: bytes) -> bool:
    """Packets of 188 bytes that begin with 0x47, in M2TS behind four bytes of time (ISO 13818-1, 2.4.3.2)."""
    for first, step in ((0, 188), (4, 192), (0, 204)):
        marks = head[first : 20 * step : step]
        if len(marks) >= _FEWEST_PACKETS and marks[:2] == b"\x47\x47" and marks.count(0x47) * 2 > len(marks):
            return not head[:512].isascii() or b"\0" in head[:512]  # a text may have its letters there, too
    return False


def _elementary(head: bytes) -> Container:
    """Which codec a stream without a container is of, by its first start codes."""
    codes = [(code[0], following[0]) for code, following in _START_CODE.findall(head)[:32]]
    first = codes[0][0] if codes else 0
    if 0xC0 <= first <= 0xEF or first in (0xBB, 0xBD):  # packets of a program stream without its headers
        return PROGRAM_STREAM
    if _VISUAL_OBJECT.match(head):
        return MPEG4_VIDEO
    if first == 0x0F:
        return VC1
    for code, following in codes:
        if code in (0x40, 0x42, 0x44) and following == 1:  # parameter sets of HEVC (H.265, 7.3.1.2)
            return HEVC
        if code & 0x1F == 7:  # that of H.264, whose byte is odd, which a first byte of HEVC seldom is
            return H264
    return H264
