"""Video files are read with the container's own time stamps, and damaged ones are refused."""

import io
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_ventricle import write_video
from EchoKeyframeLib.cine.cine import CineError
from EchoKeyframeLib.cine.stamps import repaired_times
from EchoKeyframeLib.cine.video import decode_stream, read_video
from PIL import Image

STAMPS = [0, 40, 60, 120, 160, 193, 240, 320, 340, 380, 430, 460]  # ms, a variable frame rate


def levels(count: int = 12) -> np.ndarray:
    """Frames ``[T, 64, 96]`` of which each has its own gray level, with a square so that codecs have work."""
    frames = np.empty((count, 64, 96), np.uint8)
    for i, frame in enumerate(frames):
        frame[...] = 20 + 200 * i // count
        frame[10:30, 10:30] = 250 - 200 * i // count
    return frames


def assert_same_order(cine, count: int = 12) -> None:
    assert np.abs(cine.gray()[:, 50, 60].astype(int) - levels(count)[:, 50, 60]).max() <= 6


def write_variable_rate(path: Path, codec: str, **options: str) -> Path:
    av = pytest.importorskip("av")
    from fractions import Fraction

    try:
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt, stream.options = 96, 64, "yuv420p", options
            stream.codec_context.time_base = Fraction(1, 1000)
            for stamp, frame in zip(STAMPS, levels(), strict=True):
                picture = av.VideoFrame.from_ndarray(frame, "gray").reformat(format="yuv420p")
                picture.pts, picture.time_base = stamp, Fraction(1, 1000)
                container.mux(stream.encode(picture))
            container.mux(stream.encode())
    except (av.codec.codec.UnknownCodecError, ValueError) as error:
        pytest.skip(f"PyAV cannot write {codec}: {error}")
    return path


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"bf": "2", "preset": "ultrafast"}),
        ("a.mov", "mpeg4", {}),
        ("a.mkv", "ffv1", {}),
        ("a.webm", "libvpx", {}),
        ("hevc.mp4", "libx265", {"x265-params": "log-level=none"}),
    ],
)
def test_a_variable_frame_rate_is_kept(tmp_path, name, codec, options):
    cine = read_video(write_variable_rate(tmp_path / name, codec, **options))
    assert cine.times == pytest.approx(np.array(STAMPS) / 1000, abs=1e-3)
    assert cine.timing == "container time stamps" and not cine.warnings
    assert_same_order(cine)


def test_gif_with_its_delays(tmp_path):
    delays = np.diff([*STAMPS, 500]) // 10 * 10
    pictures = [Image.fromarray(frame) for frame in levels()]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=delays.tolist(), loop=0)
    cine = read_video(tmp_path / "a.gif")
    assert cine.times == pytest.approx(np.concatenate([[0], np.cumsum(delays[:-1])]) / 1000, abs=1e-6)
    assert_same_order(cine)


@pytest.mark.parametrize(("suffix", "code"), [("avi", "MJPG"), ("mp4", "mp4v"), ("mov", "mp4v"), ("mkv", "FFV1")])
def test_what_opencv_writes_comes_back(tmp_path, suffix, code):
    path = tmp_path / f"a.{suffix}"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), 50, (96, 64))
    for frame in levels():
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    cine = read_video(path)
    assert cine.frames.shape == (12, 64, 96) and cine.fps == pytest.approx(50, rel=1e-3)
    assert cine.source.name == path.name and not cine.warnings
    assert_same_order(cine)


def test_path_and_suffix_do_not_matter(tmp_path):
    path = write_video(tmp_path / "Herz Ä 心臓 ♥.bin", levels())
    assert_same_order(read_video(path))


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "mpeg4"), ("a.h264", "libx264"), ("a.hevc", "libx265")])
def test_streams_in_memory(tmp_path, name, codec):
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    data = write_variable_rate(tmp_path / name, codec, **options).read_bytes()
    decoded = list(decode_stream(data, "cine.dcm"))
    assert len(decoded) == 12
    for (frame, stamp), level, time in zip(decoded, levels(), STAMPS, strict=True):
        assert frame.shape == (64, 96, 3) and frame.dtype == np.uint8
        assert abs(int(frame[50, 60, 0]) - int(level[50, 60])) <= 6
        assert stamp == pytest.approx(time / 1000, abs=1e-3) if name == "a.mp4" else stamp is None


def test_color_is_rgb_not_bgr(tmp_path):
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), 25, (96, 64))
    random = np.random.default_rng(0)
    for i in range(3):
        frame = cv2.cvtColor(random.integers(0, 200, (64, 96), dtype=np.uint8), cv2.COLOR_GRAY2BGR)
        frame[16:48, 30 + 2 * i : 50 + 2 * i] = (0, 0, 255)  # red, in OpenCV's order
        writer.write(frame)
    writer.release()
    cine = read_video(path)
    assert cine.is_color and cine.frames[0, 30, 40, 0] > 200 > 60 > cine.frames[0, 30, 40, 2]


def test_a_cut_file_says_what_is_missing(tmp_path):
    data = write_video(tmp_path / "whole.avi", levels(40)).read_bytes()
    (tmp_path / "cut.avi").write_bytes(data[: len(data) * 2 // 3])
    cine = read_video(tmp_path / "cut.avi")
    assert 10 < len(cine) < 40
    assert any("of 40 declared frames" in warning for warning in cine.warnings)
    assert (np.diff(cine.times) > 0).all()


def damaged(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / f"{kind}.avi"
    whole = write_video(tmp_path / "whole.avi", levels()).read_bytes()
    if kind == "header only":
        path.write_bytes(whole[: whole.index(b"movi")])
    elif kind == "no frames":
        cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (96, 64)).release()
    elif kind == "huge":
        data = bytearray(whole[: whole.index(b"movi") + 4])
        at = data.index(b"strf") + 12
        data[at : at + 8] = (20000).to_bytes(4, "little") * 2
        path.write_bytes(data)
    elif kind == "noise":
        path.write_bytes(b"RIFF\xff\xff\xff\x7fAVI " + np.random.default_rng(0).bytes(20000))
    elif kind == "mp4 without index":
        write = cv2.VideoWriter(str(tmp_path / "a.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25, (96, 64))
        for frame in levels():
            write.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
        write.release()
        data = (tmp_path / "a.mp4").read_bytes()
        path.write_bytes(data[: data.index(b"moov") - 4])
    else:
        contents = {"text": b"not a video\n" * 500, "empty": b"", "playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hosts\n"}
        path.write_bytes(contents[kind])
    return path


@pytest.mark.parametrize(
    "kind", ["text", "empty", "playlist", "header only", "no frames", "huge", "noise", "mp4 without index"]
)
def test_what_is_no_video_is_refused_in_one_line(tmp_path, kind):
    with pytest.raises(CineError) as caught:
        read_video(damaged(tmp_path, kind))
    message = str(caught.value)
    assert message.startswith(f"{kind}.avi: ") and "\n" not in message and str(tmp_path) not in message


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "nothing.avi", tmp_path):
        with pytest.raises(CineError, match="cannot be opened"):
            read_video(path)


def test_stderr_stays_clean_and_the_environment_as_it_was(tmp_path):
    data = write_video(tmp_path / "whole.avi", levels(40)).read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(data[: len(data) * 2 // 3] + bytes(300))
    code = (
        "import os, sys, cv2; before = dict(os.environ)\n"
        "from pathlib import Path\n"
        "from EchoKeyframeLib.cine.video import read_video\n"
        "read_video(Path(sys.argv[1])); assert dict(os.environ) == before"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code, str(cut)], capture_output=True, env=environment, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")


def test_opencv_gets_no_exception_from_a_stream_that_fails(monkeypatch, tmp_path):
    data = write_video(tmp_path / "whole.avi", levels()).read_bytes()

    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > len(data) // 2:
                raise OSError("the drive is gone")
            return super().read(size)

    monkeypatch.setattr("builtins.open", lambda *_: Failing(data))
    try:
        assert len(read_video(tmp_path / "a.avi")) < 12
    except CineError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("stamps", "expected", "warned"),
    [
        ([0.0, 0.1, 0.2], [0, 0.1, 0.2], False),
        ([5.0, 5.1, 5.3], [0, 0.1, 0.3], False),
        ([0.0, 0.1, 0.1, 0.3], [0, 0.1, 0.2, 0.3], True),
        ([0.0, 0.1, 0.05, 0.3, 0.4], None, True),
        ([0.0, 0.1, 9.0, 0.3, 0.4], [0, 0.1, 0.2, 0.3, 0.4], True),
        ([None, 0.1, 0.2, None], [0, 0.1, 0.2, 0.3], True),
        ([0.0, 0.1, float("nan"), 0.3], [0, 0.1, 0.2, 0.3], True),
        ([None, None, None], [0, 0.02, 0.04], True),
        ([0.0, 0.0, 0.0], [0, 0.02, 0.04], True),
        ([float("inf"), float("-inf"), 1e300], [0, 0.02, 0.04], True),
        ([7.0], [0], False),
    ],
)
def test_bad_stamps_are_repaired_and_said(stamps, expected, warned):
    times, timing, warnings = repaired_times(stamps, 50.0, "clip")
    assert len(times) == len(stamps) and times[0] == 0 and timing
    assert np.isfinite(times).all() and (np.diff(times) > 0).all()
    assert bool(warnings) == warned
    if expected is not None:
        assert times == pytest.approx(expected)


def test_a_gap_is_said():
    times = np.concatenate([np.arange(10) / 30, 2 + np.arange(10) / 30])
    repaired, _, warnings = repaired_times(times.tolist(), 30.0, "clip")
    assert repaired == pytest.approx(times)
    assert len(warnings) == 1 and "gap" in warnings[0] and "frame 9" in warnings[0]


@pytest.mark.parametrize("rate", [0.0, -3.0, float("nan"), 1e9])
def test_without_stamps_or_a_usable_rate_one_is_assumed(rate):
    times, timing, warnings = repaired_times([None] * 3, rate, "clip")
    assert timing == "assumed frame rate" and len(warnings) == 1 and np.diff(times) == pytest.approx(0.04)
    with pytest.raises(CineError):
        repaired_times([], rate, "clip")
