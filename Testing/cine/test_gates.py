"""What enters is bounded: memory, sizes, bytes without a frame, other files and the network."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_ventricle import beating_frames, write_video
from EchoKeyframeLib.cine.available_memory import _control_groups, available_memory, vm_stat_bytes
from EchoKeyframeLib.cine.budget import memory_budget, set_memory, share_memory
from EchoKeyframeLib.cine.cine import CineError
from EchoKeyframeLib.cine.container import VIDEO_SUFFIXES, container_of
from EchoKeyframeLib.cine.finding import FindingKind
from EchoKeyframeLib.cine.read import read_cine, read_header
from fuzz import metaimage, nifti, nifti2, run
from hostile_files import bombs
from video_streams import H264, HEVC, MPEG2

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
FRAMES = np.random.default_rng(0).integers(0, 255, (4, 24, 32), dtype=np.uint8)
SDP = (
    b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
)


def refused(path: Path, fps: float | None = 25) -> str:
    with pytest.raises(CineError) as caught:
        read_cine(path, fps)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(autouse=True)
def limits_as_they_were(monkeypatch):
    for variable in ("ECHOKEYFRAME_MEMORY", "ECHOKEYFRAME_PROCESSES"):
        monkeypatch.setenv(variable, "")


def test_the_budget_is_half_of_what_is_there_divided_by_the_processes(monkeypatch):
    monkeypatch.setattr("EchoKeyframeLib.cine.budget.available_memory", lambda: 8 << 30)
    assert memory_budget() == 4 << 30
    share_memory(4)
    assert memory_budget() == 1 << 30
    set_memory(2)
    assert memory_budget() == 500_000_000
    set_memory(None)
    monkeypatch.setenv("ECHOKEYFRAME_MEMORY", "plenty")
    with pytest.raises(CineError, match="ECHOKEYFRAME_MEMORY must be a number of GB"):
        memory_budget()


def test_limits_of_control_groups_count(tmp_path):
    group = tmp_path / "a" / "b"
    group.mkdir(parents=True)
    (tmp_path / "a" / "memory.max").write_text("1000\n")
    (tmp_path / "a" / "memory.current").write_text("900\n")
    (tmp_path / "a" / "memory.stat").write_text("anon 5\ninactive_file 300\n")
    (group / "memory.max").write_text("max\n")
    (tmp_path / "memory" / "c").mkdir(parents=True)
    (tmp_path / "memory" / "c" / "memory.limit_in_bytes").write_text("700\n")
    (tmp_path / "memory" / "c" / "memory.usage_in_bytes").write_text("100\n")
    (tmp_path / "cgroup").write_text("4:memory:/c\n0::/a/b\n")
    assert sorted(_control_groups(tmp_path / "cgroup", tmp_path)) == [400, 600]
    assert available_memory() > 0


def test_what_vm_stat_says_is_understood():
    text = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\nPages free:   10.\nPages active: 9.\n"
        "Pages inactive:  5.\nPages speculative:  1.\nPages purgeable: 2.\n"
    )
    assert vm_stat_bytes(text) == 18 * 16384 and vm_stat_bytes("no such tool") is None


READ = """
import resource, sys
from pathlib import Path
from EchoKeyframeLib.cine.cine import CineError
from EchoKeyframeLib.cine.read import read_cine
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
for name in sys.argv[1:]:
    Path("/proc/self/clear_refs").write_text("5")
    try:
        read_cine(name, 25)
        outcome = "read"
    except CineError as error:
        outcome = error.reason
    peak = next(int(l.split()[1]) >> 10 for l in open("/proc/self/status") if l.startswith("VmHWM"))
    print(peak, outcome, flush=True)
"""


@linux
def test_bombs_are_refused_within_the_budget(tmp_path, capsys):
    paths = []
    for name, data in bombs(tmp_path).items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "ECHOKEYFRAME_MEMORY": "0.5",
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", READ, *map(str, paths)], capture_output=True, text=True, env=environment, timeout=250
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) == len(paths), done.stderr[-1000:]
    with capsys.disabled():
        for path, line in zip(paths, lines, strict=True):
            if "-s" in sys.argv:
                print(f"\n{path.name} {path.stat().st_size} B: {line[:90]}", end="")
    for path, line in zip(paths, lines, strict=True):
        peak, _, outcome = line.partition(" ")
        assert outcome != "read" and int(peak) < 700, (path.name, line)


def test_preparing_obeys_the_budget(monkeypatch):
    from EchoKeyframeLib.cine.array import cine_from_array
    from EchoKeyframeLib.cine.prepare import prepare
    from EchoKeyframeLib.cine.sector import find_sector

    cine = cine_from_array(beating_frames(8), fps=30)
    sector = find_sector(cine)
    monkeypatch.setenv("ECHOKEYFRAME_MEMORY", "0.0001")
    with pytest.raises(CineError, match="--memory"):
        prepare(cine, sector, 224)


@pytest.mark.parametrize("suffix", ["avi", "mkv", "gif"])
def test_a_tail_of_zeros_is_not_read_to_its_end(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    if suffix == "gif":
        from PIL import Image

        first, *more = (Image.fromarray(frame) for frame in beating_frames(6))
        first.save(path, save_all=True, append_images=more, duration=40)
    else:
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), 25, (64, 48))
        for frame in np.random.default_rng(0).integers(0, 255, (6, 48, 64, 3), dtype=np.uint8):
            writer.write(frame)
        writer.release()
    whole = read_cine(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + (300 << 20))
    cine = read_cine(path)
    assert np.array_equal(cine.frames, whole.frames)
    assert any("the rest of the file was not read" in warning for warning in cine.warnings)


@pytest.mark.parametrize("kind", ["ts", "h264", "hevc", "m2v"])
def test_a_stream_without_a_container_ends_at_its_tail_of_zeros(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    if kind == "ts":
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), 25.0, (64, 48))
        if not writer.isOpened():
            pytest.skip("OpenCV does not write transport streams")
        for frame in beating_frames(12, 48):
            writer.write(cv2.cvtColor(cv2.resize(frame, (64, 48)), cv2.COLOR_GRAY2BGR))
        writer.release()
    else:
        path.write_bytes(base64.b64decode({"h264": H264, "hevc": HEVC, "m2v": MPEG2}[kind]))
    whole = read_cine(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + (300 << 20))
    cine = read_cine(path)
    assert len(cine) >= len(whole) - 1 and np.array_equal(cine.frames[:6], whole.frames[:6])
    assert any("the rest of the file was not read" in warning for warning in cine.warnings)


@linux
@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"\x1a\x45\xdf\xa3 \n",
        b"\0\0\0\x10ftypisom\n",
        b"\0\0\0\x08free\n",
        b"FLV\x01\n",
        b"\x00\x00\x01\xba\n",
        b"GIF89a\x40\0\x40\0\0\0\0\n",
        b"G" + b" " * 187 + b"G\0\xff\n",
    ],
)
@pytest.mark.parametrize("suffix", [".ts", ".dcm"])
def test_no_socket_is_opened(tmp_path, start, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(start + SDP * 20)
    seen, done = [], threading.Event()

    def watch() -> None:
        before = sockets()
        while not done.wait(0.002):
            seen.extend(sockets() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        refused(path)
    finally:
        done.set()
        watcher.join()
    assert not seen


def sockets() -> set[str]:
    links = set()
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            links.add(os.readlink(f"/proc/self/fd/{descriptor}"))
        except OSError:
            continue
    return {link for link in links if link.startswith("socket:")}


@pytest.mark.parametrize(
    "text", [b"#EXTM3U\n#EXTINF:1,\nb.avi\n", b"ffconcat version 1.0\nfile b.avi\n", b"<MPD>b.avi</MPD>"]
)
def test_playlists_are_no_videos(tmp_path, text):
    write_video(tmp_path / "b.avi", beating_frames(4))
    (tmp_path / "a.mp4").write_bytes(text)
    assert "neither DICOM nor a video" in refused(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("name", "code"), [("a.wmv", "WMV2"), ("a.flv", "FLV1"), ("a.ts", "mp4v"), ("a.3gp", "mp4v"), ("a.vob", "MPG2")]
)
def test_kinds_of_video_that_opencv_decodes(tmp_path, name, code):
    writer = cv2.VideoWriter(str(tmp_path / name), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*code), 25.0, (64, 48))
    if not writer.isOpened():
        pytest.skip(f"OpenCV does not write {name}")
    for frame in beating_frames(6, 48):
        writer.write(cv2.cvtColor(cv2.resize(frame, (64, 48)), cv2.COLOR_GRAY2BGR))
    writer.release()
    assert len(read_cine(tmp_path / name)) >= 5 and Path(name).suffix in VIDEO_SUFFIXES


def test_a_transport_stream_with_arrival_times(tmp_path):
    """As cameras and disks store it: four bytes before each packet of 188."""
    writer = cv2.VideoWriter(str(tmp_path / "a.ts"), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), 25.0, (64, 48))
    if not writer.isOpened():
        pytest.skip("OpenCV does not write transport streams")
    for frame in beating_frames(12, 48):
        writer.write(cv2.cvtColor(cv2.resize(frame, (64, 48)), cv2.COLOR_GRAY2BGR))
    writer.release()
    data = (tmp_path / "a.ts").read_bytes()
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    path = tmp_path / "a.m2ts"
    path.write_bytes(b"".join(i.to_bytes(4, "big") + packet for i, packet in enumerate(packets)))
    assert ".m2ts" in VIDEO_SUFFIXES
    assert np.array_equal(read_cine(path).frames, read_cine(tmp_path / "a.ts").frames)


def test_a_missing_codec_is_named(tmp_path):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libsvtav1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for frame in np.zeros((3, 96, 128), np.uint8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "gray").reformat(format="yuv420p")))
        container.mux(stream.encode())
    assert "coded as AV1" in refused(tmp_path / "a.mp4", None)


def test_elementary_streams_are_told_apart():
    for head, demuxer in (
        (b"\0\0\0\1\x67\x42", "h264"),
        (b"\0\0\1\x09\xf0\0\0\1\x27\x42", "h264"),
        (b"\0\0\0\1\x40\1", "hevc"),
        (b"\0\0\1\0\0\0\1\x20\0", "m4v"),
        (b"\0\0\1\xb3\0", "mpegvideo"),
        (b"\0\0\1\xe0\0\0", "mpeg"),
    ):
        assert container_of(head, "a").demuxer == demuxer


@pytest.mark.parametrize(
    "named", ["../secret.raw", "LIST", "secret.raw 0 3 1", "link.raw", "folder", "C:secret.raw", "%d.raw"]
)
def test_metaimage_does_not_lead_out(tmp_path, named):
    (tmp_path / "in" / "folder").mkdir(parents=True)
    (tmp_path / "secret.raw").write_bytes(FRAMES.tobytes())
    (tmp_path / "in" / "link.raw").symlink_to(tmp_path / "secret.raw")
    path = tmp_path / "in" / "a.mhd"
    text = metaimage(FRAMES)[: -FRAMES.size].replace(b"LOCAL", named.encode())
    path.write_bytes(text)
    assert "not in one file beside it" in refused(path)
    path.write_bytes(text.replace(b"ElementDataFile =", b"ElementDataFile :"))
    assert "damaged MetaImage header" in refused(path)
    path.write_bytes(b"Comment = " + b"x" * 70000 + b"\n" + text)
    refused(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"NDims = 3", b"NDims = 99"),
        (b"32 24 4", b"32 24"),
        (b"32 24 4", b"9" * 40 + b" 2 2"),
        (b"MET_UCHAR", b"MET_STRING"),
        (b"32 24 4", b"-32 24 4"),
        (b"ElementDataFile", b"x" * 70000),
    ],
)
def test_odd_metaimage_headers_are_refused(tmp_path, old, new):
    path = tmp_path / "a.mha"
    path.write_bytes(metaimage(FRAMES).replace(old, new))
    refused(path)


def test_itk_and_this_reader_agree(tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    for kind in (np.uint8, np.int16, np.uint16, np.float32, np.float64):
        values = (FRAMES * 3.0 - 20).astype(kind)
        for name in ("a.nii", "a.nii.gz", "a.mha", "a.mhd"):
            image = sitk.GetImageFromArray(values)
            image.SetSpacing((0.4, 0.2, 1.0))
            sitk.WriteImage(image, tmp_path / name, name == "a.mha")
            cine = read_cine(tmp_path / name, 25)
            assert cine.spacing == pytest.approx((0.2, 0.4)) and read_header(tmp_path / name).frames == 4
            expected = (
                values
                if kind is np.uint8
                else np.rint(
                    (values.astype(float) - min(0, values.min()))
                    * 255
                    / (max(values.max(), 255) - min(0, values.min()))
                )
            )
            if values.min() >= 0 or kind is np.uint8:
                assert np.array_equal(cine.frames, expected)


def test_forms_of_nifti(tmp_path):
    for name, data in {
        "big.nii": nifti(FRAMES.astype(">i2"), ">"),
        "two.nii": nifti2(FRAMES),
        "two.nii.gz": gzip.compress(nifti2(FRAMES)),
        "nan.nii": nifti(FRAMES, slope=float("nan")),
    }.items():
        (tmp_path / name).write_bytes(data)
        cine = read_cine(tmp_path / name, 25)
        assert np.array_equal(cine.frames, FRAMES) and cine.spacing == pytest.approx((0.3, 0.3)), name
    for fields in (
        {"offset": float("inf")},
        {"offset": 1e30},
        {"datatype": 1792},
        {"dims": (9, 32, 24, 4, 1, 1, 1, 1)},
    ):
        (tmp_path / "odd.nii").write_bytes(nifti(FRAMES, **fields))
        refused(tmp_path / "odd.nii")
    color = np.repeat(FRAMES[..., None], 3, axis=3)  # RGB with a slope ended ITK
    (tmp_path / "rgb.nii").write_bytes(nifti(FRAMES, datatype=128, slope=2.0)[:352] + color.tobytes())
    assert np.array_equal(read_cine(tmp_path / "rgb.nii", 25).frames, FRAMES)


@pytest.mark.parametrize("size", [1.0, 25.4 / 72, 25.4 / 96, 25.4 / 300])
def test_a_pixel_size_that_nobody_measured_is_not_believed(tmp_path, size):
    (tmp_path / "a.nii").write_bytes(nifti(FRAMES, steps=(size, size)))
    (tmp_path / "a.mha").write_bytes(metaimage(FRAMES).replace(b"0.3 0.3", f"{size:.5g} {size:.5g}".encode()))
    for name in ("a.nii", "a.mha"):
        cine = read_cine(tmp_path / name, 25)
        assert cine.spacing is None and [finding.kind for finding in cine.findings] == [FindingKind.SPACING]
        assert cine.with_spacing((0.3, 0.3)).spacing == (0.3, 0.3)


def test_sequences_of_the_plus_toolkit(tmp_path):
    stamps = (5.0, 5.02, 5.05, 5.1)
    status = ("OK", "INVALID", "OK", "OK")
    lines = "".join(
        f"Seq_Frame{i:04d}_Timestamp = {stamps[i]}\nSeq_Frame{i:04d}_ImageStatus = {status[i]}\n" for i in range(4)
    )
    path = tmp_path / "a.igs.mha"
    path.write_bytes(metaimage(FRAMES, f"UltrasoundImageOrientation = UN\n{lines}"))
    cine = read_cine(path)
    assert cine.times == pytest.approx([0, 0.05, 0.1]) and cine.source.frame_numbers == (1, 3, 4)
    assert np.array_equal(cine.frames, FRAMES[[0, 2, 3], ::-1, ::-1])
    assert [finding.kind for finding in cine.findings] == [FindingKind.LOST_FRAMES, FindingKind.ORIENTATION]
    gray_as_rgb = np.repeat(FRAMES[..., None], 3, axis=3)
    path.write_bytes(metaimage(FRAMES, "ElementNumberOfChannels = 3\n")[: -FRAMES.size] + gray_as_rgb.tobytes())
    assert np.array_equal(read_cine(path, 25).frames, FRAMES)


@pytest.mark.parametrize(("orientation", "shown"), [
    ("MF", FRAMES), ("UF", FRAMES[:, :, ::-1]), ("MN", FRAMES[:, ::-1]), ("UFA", FRAMES[:, :, ::-1]), ("XX", FRAMES),
])  # fmt: skip
def test_orientations_of_the_plus_toolkit(tmp_path, orientation, shown):
    stamps = "".join(f"Seq_Frame{i:04d}_Timestamp = {3 + 0.04 * i:g}\n" for i in range(4))
    path = tmp_path / "a.igs.mha"
    path.write_bytes(metaimage(FRAMES, f"UltrasoundImageOrientation = {orientation}\n{stamps}"))
    cine = read_cine(path)
    assert np.array_equal(cine.frames, shown) and cine.fps == pytest.approx(25)
    assert bool(cine.findings) == (shown is not FRAMES)


@linux
@pytest.mark.parametrize("part", range(2))
@pytest.mark.slow
def test_damaged_files_of_every_kind(part):
    report = run(500_000 * part, 350)  # the first ones are those of the corpus

    assert report["cases"] == 350 and not report["failures"], json.dumps(report)[:3000]
    assert report["read"] > 50


def test_a_message_does_not_quote_what_is_long(tmp_path):
    from EchoKeyframeLib.measurement.contour import MeasurementError
    from EchoKeyframeLib.measurement.contours_file import read_contours

    path = tmp_path / "a.contours.json"
    path.write_text(json.dumps({"schema": 1, "contours": [{"phase": "x" * 5000, "frame": 1}]}))
    with pytest.raises(MeasurementError, match=r"contours\[0\]\.phase") as caught:
        read_contours(path)
    assert len(str(caught.value)) < 300
