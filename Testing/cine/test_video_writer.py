"""Video files are what was given, whole, at the given rate, or they are not there."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from EchoKeyframeLib.cine.cine import CineError
from EchoKeyframeLib.cine.video import read_video
from EchoKeyframeLib.cine.video_writer import CODECS, video_rate, write_video

SUFFIX = {"ffv1": ".avi", "mjpeg": ".avi", "mpeg4": ".mp4"}


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(9, 64, 80), (9, 63, 81), (9, 64, 80, 3), (9, 31, 33, 3)])
def test_lossless_is_lossless_for_odd_sizes_and_colour_too(tmp_path, shape):
    frames = noise(*shape)
    path = tmp_path / "Herz Ä 心臓.avi"
    write_video(path, frames, 25.0)
    read = read_video(path).frames
    assert read.shape[1] % 2 == 0 and read.shape[2] % 2 == 0
    np.testing.assert_array_equal(read[:, : shape[1], : shape[2]], frames)
    assert not read[:, shape[1] :].any() and not read[:, :, shape[2] :].any()


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("fps", [14.2857, 29.97, 52.5, 200 / 3, 123.456, 999.5])
def test_every_codec_keeps_the_rate_and_the_number_of_frames(tmp_path, codec, fps):
    path = tmp_path / f"loop{SUFFIX[codec]}"
    write_video(path, noise(8, 48, 64), fps, codec)
    cine = read_video(path)
    assert len(cine) == 8 and cine.fps == pytest.approx(fps, rel=1e-4)


def test_rate_of_uneven_times_is_their_mean_and_the_error_is_told():
    rate, error = video_rate(np.array([0.0, 0.1, 0.2, 0.4]))
    assert rate == pytest.approx(7.5) and error == pytest.approx(2 / 30)
    assert video_rate(np.arange(5) / 50) == pytest.approx((50, 0))


def test_a_missing_codec_or_folder_is_said(tmp_path, monkeypatch):
    with pytest.raises(CineError, match="check that its folder exists"):
        write_video(tmp_path / "none" / "loop.avi", noise(3, 16, 16), 25)
    monkeypatch.setitem(CODECS, "ffv1", "XYZW")
    with pytest.raises(CineError, match="cannot be written as ffv1"):
        write_video(tmp_path / "loop.avi", noise(3, 16, 16), 25)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files as POSIX systems do")
def test_a_disk_that_fills_up_leaves_an_error_and_no_short_file(tmp_path):
    script = (
        "import resource, signal, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from EchoKeyframeLib.cine.video_writer import write_video\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000))\n"
        "frames = np.random.default_rng(3).integers(0, 256, (60, 112, 112), dtype=np.uint8)\n"
        "for name, codec in (('a.avi', 'ffv1'), ('b.avi', 'mjpeg'), ('c.mp4', 'mpeg4')):\n"
        "    try:\n"
        "        write_video(Path(sys.argv[1], name), frames, 30, codec)\n"
        "    except Exception as error:\n"
        "        print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60)
    told = done.stdout.splitlines()
    assert len(told) == 3 and all("CineError" in line and "of 60 frames could be stored" in line for line in told)
    assert not list(tmp_path.iterdir())
