"""Reads damaged files of every kind that is read: each must give a result or an error in one line, and nothing else.

    python Testing/fuzz.py --cases 100000

A case is the same in every run. Cases run in a child process, many in each; a case that ends it is told and the next
child goes on behind it. Failures: an error of no kind that was foreseen, a signal, more than ``HANG`` seconds, more
memory than ``ALLOWED``, a socket, a file outside the case's folder. Linux, for the limits.
"""

from __future__ import annotations

import argparse
import faulthandler
import gzip
import io
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from copy import deepcopy
from pathlib import Path

import numpy as np

HANG = 60  # seconds; a machine may be busy
BUDGET_GB = 0.1
ALLOWED = 500 << 20  # bytes above those before the case: the budget, copies of it, and what a decoder takes
_CORPUS = Path(__file__).with_name("corpus")
_ODD_NUMBERS = (b"0", b"-1", b"1e999", b"nan", b"65536", b"4294967296", b"9" * 400, b"0.5", b"", b"x", b"1 " * 9)
_ODD_VALUES = (None, True, -1, 0, 1e308, 10**400, "", "x" * 5000, "\u001b[2J", [], [[]], {}, {"a": None}, float("nan"))
_ODD_BYTES = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)


def seeds(folder: Path) -> dict[str, bytes]:
    """Small sound files by name, one of each kind."""
    import base64

    import cv2
    from dicom_files import beating_frames, doppler_frames, region, write_dicom
    from PIL import Image
    from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, JPEGLSLossless, RLELossless
    from video_streams import H264, HEVC, MPEG2

    frames = beating_frames(5, 24, 32)
    found = {"a.h264": base64.b64decode(H264), "a.hevc": base64.b64decode(HEVC), "a.m2v": base64.b64decode(MPEG2)}
    for name, code in (("a.avi", "MJPG"), ("a.mkv", "FFV1"), ("a.mp4", "mp4v"), ("a.wmv", "WMV2"), ("a.flv", "FLV1"),
                       ("a.ts", "mp4v"), ("a.mov", "MJPG")):  # fmt: skip
        writer = cv2.VideoWriter(str(folder / name), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*code), 25.0, (64, 48))
        for frame in beating_frames(5, 48, 64):
            writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
        writer.release()
        if (folder / name).is_file():
            found[name] = (folder / name).read_bytes()
    stream = io.BytesIO()
    first, *more = (Image.fromarray(frame) for frame in frames)
    first.save(stream, "GIF", save_all=True, append_images=more, duration=40)
    found["a.gif"] = stream.getvalue()
    tags = {"FrameTime": 40, "HeartRate": 60, "SequenceOfUltrasoundRegions": [region(2, 2, 20, 14, 0.1)]}
    for name, syntax, pixels in (
        ("native.dcm", ExplicitVRLittleEndian, frames),
        ("jpeg.dcm", JPEGBaseline8Bit, doppler_frames(3, 24, 32)),
        ("rle.dcm", RLELossless, frames),
        ("ls.dcm", JPEGLSLossless, frames),
    ):
        found[name] = write_dicom(folder / name, pixels, syntax, **tags).read_bytes()
    for name, syntax in (("planes.dcm", ExplicitVRLittleEndian), ("rle-rgb.dcm", RLELossless)):
        written = write_dicom(folder / name, doppler_frames(3, 24, 32), syntax, planar=1, **tags)
        found[name] = written.read_bytes()
    found["a.mha"] = metaimage(frames)
    stamps = [f"Seq_Frame{i:04d}_Timestamp = {i * 0.04:.3f}\nSeq_Frame{i:04d}_ImageStatus = OK\n" for i in range(5)]
    found["plus.mha"] = metaimage(frames, "UltrasoundImageOrientation = UN\n" + "".join(stamps))
    found["a.nii"] = nifti(frames)
    found["big.nii"] = nifti(frames.astype(">i2"), ">")
    found["a.nii.gz"] = gzip.compress(nifti(frames), mtime=0)
    found["two.nii"] = nifti2(frames)
    found["a.keyframes.json"] = _keyframes(folder / "a.keyframes.json")
    found["a.contours.json"] = json.dumps({"schema": 1, "view": "A4C", "contours": [
        {"phase": "ED", "frame": 3, "curve": "spline", "points": [
            [8, 20], [7, 14], [7, 8], [9, 4], [12, 2], [16, 4], [18, 8], [18, 14], [16, 20]]}]}).encode()  # fmt: skip
    found["labels.csv"] = b"file,phase,frame,fps,view\na.avi,ED,0,30,A4C\na.avi,ES,12,30,A4C\n"
    found |= _tables_and_mailbox(folder, frames)
    from EchoKeyframeLib import models

    found["card.json"] = (Path(models.__file__).parent / "weights" / "two-stream.json").read_bytes()
    return found


def _tables_and_mailbox(folder: Path, frames: np.ndarray) -> dict[str, bytes]:
    import cv2
    from EchoKeyframeLib.cine.array import cine_from_array
    from EchoKeyframeLib.datasets.manifest import COLUMNS
    from EchoKeyframeLib.worker.cine_result import write_description

    write_description(cine_from_array(frames, fps=30, name="a.avi"), 1, range(0), folder / "cine.json")
    request = {"task": "detect", "name": "a", "model": "motion", "device": "cpu", "decoder": "beats", "timing": "",
               "view": None, "heart_rate": 61, "spacing": [0.3, 0.3], "region": [0, 0, 40, 30],
               "scale": 1, "orientation": "auto"}  # fmt: skip
    event = {"event": "progress", "request": 1, "stage": "x", "fraction": 0.5, "shape": [1, 24, 32], "attempt": 0}
    mask = cv2.ellipse(np.zeros((24, 32), np.uint8), (16, 12), (6, 10), 0, 0, 360, 1, -1)
    return {
        "manifest.csv": f"{','.join(COLUMNS)}\na.avi,prepared,A4C,p,30,29.97,112,112,0.8,0.8,fan,61,,\n".encode(),
        "a.curves.csv": b"frame,time,ed,es\n0,0.0,0.5,0.25\n1,0.04,0.25,0.5\n",
        "cine.json": (folder / "cine.json").read_bytes(),
        "request.json": json.dumps(request).encode(),
        "event.json": json.dumps(event).encode(),
        "mask.png": cv2.imencode(".png", mask)[1].tobytes(),
        "mask.tif": cv2.imencode(".tif", mask * np.uint16(300))[1].tobytes(),
    }


def _keyframes(path: Path) -> bytes:
    from drawn_ventricle import beating_frames
    from EchoKeyframeLib.cine.array import cine_from_array
    from EchoKeyframeLib.detection.detect import detect
    from EchoKeyframeLib.detection.motion import MotionDetector
    from EchoKeyframeLib.report.keyframes_file import KeyframesFile, write_json

    cine = cine_from_array(beating_frames(), fps=30, name="a.avi")
    write_json(path, KeyframesFile.of(cine, detect(cine, MotionDetector())))
    return path.read_bytes()


def metaimage(frames: np.ndarray, more: str = "", kind: str = "MET_UCHAR") -> bytes:
    """A MetaImage file of gray frames uint8 ``[T, H, W]``; ``more`` lines go into its header."""
    count, height, width = frames.shape
    return (f"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
            f"ElementSpacing = 0.3 0.3 1\n"
            f"DimSize = {width} {height} {count}\n{more}ElementType = {kind}\nElementDataFile = LOCAL\n"
            ).encode() + frames.tobytes()  # fmt: skip


def nifti(frames: np.ndarray, order: str = "<", **fields: float) -> bytes:
    """A NIfTI-1 file of frames ``[T, H, W]``, uint8 or int16.

    fields: offset, slope, intercept, datatype, dims, steps.
    """
    count, height, width = frames.shape
    head = bytearray(352)
    struct.pack_into(f"{order}i", head, 0, 348)
    struct.pack_into(f"{order}8h", head, 40, *fields.get("dims", (3, width, height, count, 1, 1, 1, 1)))
    datatype = fields.get("datatype", 2 if frames.dtype == np.uint8 else 4)
    struct.pack_into(f"{order}2h", head, 70, datatype, frames.dtype.itemsize * 8)
    struct.pack_into(f"{order}3f", head, 76, 1, *fields.get("steps", (0.3, 0.3)))
    struct.pack_into(f"{order}3f", head, 108, *(fields.get(key, default) for key, default in
                                                (("offset", 352), ("slope", 1), ("intercept", 0))))  # fmt: skip
    head[123], head[344:348] = 2, b"n+1\0"
    return bytes(head) + frames.tobytes()


def nifti2(frames: np.ndarray) -> bytes:
    """A NIfTI-2 file of gray frames uint8 ``[T, H, W]``."""
    count, height, width = frames.shape
    head = bytearray(544)
    struct.pack_into("<i8s2h", head, 0, 540, b"n+2\0\r\n\x1a\n", 2, 8)
    struct.pack_into("<8q", head, 16, 3, width, height, count, 1, 1, 1, 1)
    struct.pack_into("<3d", head, 104, 1, 0.3, 0.3)
    struct.pack_into("<q2d", head, 168, 544, 1, 0)
    struct.pack_into("<i", head, 500, 2)
    return bytes(head) + frames.tobytes()


def mutant(name: str, data: bytes, random: np.random.Generator) -> bytes:
    """One to six changes that suit the kind of file."""
    if name.endswith(".json") and random.random() < 0.8:
        return _changed_json(data, random)
    if name.endswith((".csv", ".mha")) and random.random() < 0.8:
        return _changed_text(data, random)
    if name.endswith(".nii.gz") and random.random() < 0.7:
        return gzip.compress(_changed_bytes(gzip.decompress(data), random), 1, mtime=0)
    return _changed_bytes(data, random)


def _changed_json(data: bytes, random: np.random.Generator) -> bytes:
    document = json.loads(data)
    for _ in range(int(random.integers(1, 4))):
        place, key = document, None
        while isinstance(place, dict | list) and place:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            key = keys[int(random.integers(len(keys)))]
            if not isinstance(place[key], dict | list) or not place[key] or random.random() < 0.3:
                break
            place = place[key]
        if key is not None:
            if random.random() < 0.2:
                del place[key]
            else:
                place[key] = deepcopy(_ODD_VALUES[int(random.integers(len(_ODD_VALUES)))])
    return json.dumps(document).encode()


def _changed_text(data: bytes, random: np.random.Generator) -> bytes:
    head, rest = data[:2000], data[2000:]
    for _ in range(int(random.integers(1, 4))):
        numbers = list(re.finditer(rb"-?\d+(\.\d+)?|\b(?:True|False|LOCAL|OK|MET_\w+)\b", head))
        if numbers and random.random() < 0.7:
            found = numbers[int(random.integers(len(numbers)))]
            odd = (*_ODD_NUMBERS, b"True", b"LIST", b"../x.raw", b"MET_DOUBLE", b"MET_LONG_LONG")
            head = head[: found.start()] + odd[int(random.integers(len(odd)))] + head[found.end() :]
        else:
            lines = head.split(b"\n")
            lines.insert(int(random.integers(len(lines))), lines[int(random.integers(len(lines)))])
            del lines[int(random.integers(len(lines)))]
            head = b"\n".join(lines)
    return head + rest


def _changed_bytes(data: bytes, random: np.random.Generator) -> bytes:
    changed = bytearray(data)
    for _ in range(int(random.integers(1, 7))):
        end = len(changed) if random.random() < 0.3 else min(len(changed), 800)
        at = int(random.integers(0, max(1, end - 8)))
        match int(random.integers(0, 7)):
            case 0 | 1:
                changed[at : at + 1] = bytes([int(random.choice(_ODD_BYTES))])
            case 2:
                changed[at : at + 1] = bytes([int(random.integers(256))])
            case 3:
                size = int(random.choice([2, 4, 8]))
                changed[at : at + size] = bytes([int(random.choice(_ODD_BYTES))]) * size
            case 4:
                del changed[at : at + int(random.integers(1, 40))]
            case 5:
                changed[at:at] = changed[at : at + int(random.integers(1, 40))] * int(random.integers(1, 4))
            case _:
                if random.random() < 0.3:
                    del changed[int(random.integers(1, len(changed) + 1)) :]
    return bytes(changed)


def read(path: Path) -> bool:
    """Read a file as the program would; whether it could. Raises what is no foreseen error."""
    from EchoKeyframeLib.cine.cine import CineError
    from EchoKeyframeLib.cine.read import read_cine, read_header
    from EchoKeyframeLib.datasets.manifest import read_manifest
    from EchoKeyframeLib.datasets.open_dataset import open_dataset
    from EchoKeyframeLib.measurement.contours_file import read_contours
    from EchoKeyframeLib.measurement.mask_picture import read_mask
    from EchoKeyframeLib.models.weights_file import load_card
    from EchoKeyframeLib.report.curves_file import read_curves
    from EchoKeyframeLib.report.keyframes_file import read_json
    from EchoKeyframeLib.worker.cine_result import described_cine, read_description
    from EchoKeyframeLib.worker.message import message_from
    from EchoKeyframeLib.worker.request import RequestError, request_from

    try:
        if path.name == "labels.csv":
            open_dataset(path.parent)
        elif path.name == "manifest.csv":
            read_manifest(path.parent)
        elif path.name == "a.curves.csv":
            read_curves(path)
        elif path.name == "cine.json":
            described_cine(read_description(path), path.with_name("a.mha"))
        elif path.name == "request.json":
            request_from(path)
        elif path.name == "event.json":
            return message_from(path.read_bytes()) is not None
        elif path.name.startswith("mask."):
            read_mask(path)
        elif path.name == "card.json":
            load_card(path.with_suffix(".safetensors"))
        elif path.name.endswith(".contours.json"):
            read_contours(path)
        elif path.name.endswith(".json"):
            read_json(path)
        else:
            read_header(path)
            read_cine(path, fps=None if "plus" in path.name else 25.0)
    except (CineError, RequestError) as error:
        if "\n" in str(error) or len(str(error)) > 600:
            raise AssertionError(f"message {str(error)[:200]!r}") from None
        return False
    return True


def _child(first: int, cases: int, folder: Path) -> None:
    import resource

    os.environ["ECHOKEYFRAME_MEMORY"] = str(BUDGET_GB)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    sound, outside = seeds(folder), []
    for name, data in sound.items():
        (folder / name).write_bytes(data)
        if not read(folder / name) and name not in ("labels.csv", "card.json"):
            print(json.dumps({"case": name, "failure": "the sound file is not read"}), flush=True)
    sys.addaudithook(lambda event, details: outside.append(f"{event} {str(details[0])[:80]}") if _leads_out(
        event, details, folder) else None)  # fmt: skip
    kept = sorted(_CORPUS.iterdir()) if _CORPUS.is_dir() else []
    for case in range(first, first + cases):
        random = np.random.default_rng(case)
        name = sorted(sound)[case % len(sound)]
        path, data = folder / name, mutant(name, sound[name], random)
        if case < len(kept):
            path, data = folder / kept[case].name, kept[case].read_bytes()
        path.write_bytes(data)
        failure, before = "", _memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        print(json.dumps({"start": case, "name": path.name}), flush=True)
        faulthandler.dump_traceback_later(HANG, exit=True)
        outside.clear()
        try:
            done = read(path)
        except BaseException as error:
            done, failure = False, f"{type(error).__name__}: {str(error)[:200]}"
        faulthandler.cancel_dump_traceback_later()
        peak = _memory("VmHWM") - before
        if peak > ALLOWED:
            failure = failure or f"{peak >> 20} MiB"
        if outside or _sockets():
            failure = failure or f"opened {outside[:3]} or a socket"
        print(json.dumps({"case": case, "name": path.name, "read": done, "peak": peak, "failure": failure}), flush=True)


def _leads_out(event: str, details: tuple, folder: Path) -> bool:
    if event.startswith("socket."):
        return True
    if event != "open" or not isinstance(details[0], str | os.PathLike):
        return False
    path = os.path.realpath(details[0])
    known = (str(folder.resolve()), sys.prefix, sys.base_prefix, "/proc/", "/sys/", "/usr/", "/dev/null",
             str(Path(__file__).resolve().parents[1]))  # fmt: skip
    return not path.startswith(known) and ".py" not in path


def _sockets() -> bool:
    """Whether this process has a socket open."""
    links = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        except OSError:
            continue  # that of the listing itself
    return any(link.startswith("socket:") for link in links)


def _memory(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)[1]) << 10


def run(first: int, cases: int) -> dict:
    """Run cases; returns how many, how many gave a result, the highest memory in bytes, and the failures."""
    report = {"cases": 0, "read": 0, "peak": 0, "failures": []}
    at, end = first, first + cases
    while at < end:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            command = [sys.executable, __file__, "--child", str(at), str(min(5000, end - at)), folder]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
            with open(os.path.join(folder, "errors.txt"), "w+b") as errors:
                done = subprocess.run(command, stdout=subprocess.PIPE, stderr=errors, env=environment)
                errors.seek(0)
                trace = errors.read().decode("utf-8", "replace")
        started, finished = None, None
        for line in done.stdout.decode().splitlines():
            told = json.loads(line)
            if "start" in told:
                started = told
                continue
            if told.get("failure"):
                report["failures"].append(told)
            if "read" in told:
                finished = told["case"]
                report["cases"] += 1
                report["read"] += told["read"]
                report["peak"] = max(report["peak"], told["peak"])
        if started is None:
            raise RuntimeError(f"the child did not start: {trace[-2000:]}")
        if finished != started["start"]:
            report["cases"] += 1
            report["failures"].append({**started, "failure": f"ended with {done.returncode}: {trace[-1500:]}"})
        at = started["start"] + 1
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--child", nargs=3)
    options = parser.parse_args()
    if options.child:
        _child(int(options.child[0]), int(options.child[1]), Path(options.child[2]))
        return 0
    report = run(options.first, options.cases)
    print(json.dumps(report, indent=1))
    return 1 if report["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
