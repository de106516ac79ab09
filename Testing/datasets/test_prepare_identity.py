"""``prepare`` attacked: the patient's identity in every place that a file has, and nothing of it in what is written."""

from __future__ import annotations

import csv
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from dicom_files import region, write_dicom
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cine.sector import find_sector
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.datasets.clip_labels import ClipLabels
from EchoKeyframeLib.datasets.labels import write_readings
from EchoKeyframeLib.datasets.manifest import read_manifest
from EchoKeyframeLib.datasets.readers import ClipReadings
from PIL import Image, ImageDraw, ImageFont

NAME, NUMBER, BORN = "QUIXOTE^DULCINEA", "ZQX48151623", "19480229"
IDENTITY = ("QUIXOTE", "DULCINEA", NUMBER, BORN)
FONT = ImageFont.load_default(14)


def stamped(frames: np.ndarray, at: tuple[int, int], text: str = "QUIXOTE DULCINEA") -> np.ndarray:
    stamp = Image.new("L", frames.shape[2:0:-1])
    ImageDraw.Draw(stamp).text(at, text, fill=255, font=FONT)
    return np.maximum(frames, np.asarray(stamp))


def fan(count: int = 20) -> np.ndarray:
    """Moving speckle in a sector, a black border around it."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:240, :320]
    inside = (np.hypot(y - 20, x - 160) < 200) & (np.abs(x - 160) < 0.9 * (y - 20))
    speckle = rng.rayleigh(40, (count, 240, 320)).clip(1, 255)
    return np.where(inside, speckle, 0).astype(np.uint8)


def dicom(path: Path, frames: np.ndarray, **tags: object) -> Path:
    write_dicom(path, frames, PatientName=NAME, PatientID=NUMBER, PatientBirthDate=BORN, OtherPatientIDs=NUMBER,
                InstitutionName=NAME, ReferringPhysicianName=NAME, AccessionNumber=NUMBER, StudyDescription=NAME,
                SeriesDescription=NAME, ImageComments=NAME, OperatorsName=NAME, FrameTime="40",
                SequenceOfUltrasoundRegions=[region(20, 10, 300, 235)], **tags)  # fmt: skip
    from pydicom import dcmread

    dataset = dcmread(path)
    block = dataset.private_block(0x0099, f"{NAME} CREATOR"[:64], create=True)
    block.add_new(1, "LO", NAME)
    block.add_new(2, "OB", NAME.encode("utf-16"))
    dataset.save_as(path)
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    sitk = pytest.importorskip("SimpleITK")
    av = pytest.importorskip("av")
    folder = tmp_path_factory.mktemp("archive")
    inner = folder / f"{NAME} {NUMBER}"
    inner.mkdir()
    beside = stamped(fan(), (2, 2))
    dicom(inner / f"{NAME}  {BORN}.dcm", beside)  # two blanks
    for number, name in enumerate((f"Quixote Dulcinea\u00a0{BORN}.dcm", f"QUIXOTE DULCINEA\n{BORN}.dcm",
                                   f"quixote  dulcinea {BORN}.dcm")):  # fmt: skip
        whole = dicom(folder / "whole.dcm", beside).read_bytes()
        (inner / name).write_bytes(whole[: -beside.size - 100 - number])  # ends before its images
    (folder / "whole.dcm").unlink()
    dicom(inner / f"{NUMBER}.dcm", beside, PhotometricInterpretation="QUIXOTE DULCINEA")
    dicom(folder / f"{NAME}.still.dcm", beside[:1])
    with av.open(str(folder / f"{NAME}.mp4"), "w") as container:
        for key in ("title", "comment", "artist", "description"):
            container.metadata[key] = f"{NAME} {NUMBER}"
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 320, 240, "yuv420p", 4_000_000
        for frame in beside:
            picture = av.VideoFrame.from_ndarray(np.repeat(frame[..., None], 3, axis=2), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    image = sitk.GetImageFromArray(beside)
    image.SetMetaData("descrip", NAME)
    image.SetMetaData("aux_file", NUMBER)
    sitk.WriteImage(image, str(folder / f"{NAME}.nii"))
    image = sitk.GetImageFromArray(beside)
    image.SetMetaData("Comment", NAME)
    sitk.WriteImage(image, str(folder / f"{NUMBER} {NAME}.mha"))
    (folder / f"{NAME} lost.mhd").write_text(
        "NDims = 3\nDimSize = 320 240 20\nElementType = MET_UCHAR\nElementSpacing = 1 1 1\n"
        f"ElementDataFile = {NAME} {BORN}.raw\n", encoding="utf-8",
    )  # fmt: skip
    clip = ClipLabels(f"{NAME}.mp4", (2.0,), (9.0,))
    wrong = ClipLabels(f"{NAME}.still.dcm", (0.0,), ())
    write_readings(folder / "labels.csv", [ClipReadings({"": c}, patient=f"{NAME} {NUMBER}") for c in (clip, wrong)])
    return folder


@pytest.fixture(scope="module")
def output(archive) -> Path:
    output = archive.parent / "set"
    assert main(["prepare", str(archive), "--output", str(output), "--size", "native", "--jobs", "1",
                 "--mapping", str(archive.parent / "who.csv"), "--fps", "25"]) == 1  # fmt: skip
    return output


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_nothing_of_the_patient_is_below_the_output(output):
    entries = read_manifest(output).values()
    assert {entry.status for entry in entries} == {"prepared", "failed"}
    for path in output.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        for text in (path.name, content.decode("latin-1"), content.decode("utf-16-le", "replace"),
                     content[1:].decode("utf-16-le", "replace"), content.decode("utf-16-be", "replace")):
            found = [word for word in IDENTITY if word.casefold() in text.casefold()]
            assert not found, f"{found} in {path.name}"


def test_what_lies_beside_the_sector_is_black(output, archive):
    sector = find_sector(read_cine(next(archive.glob("*.nii")), fps=25))
    box, shown = sector.box, 0
    for entry in read_manifest(output).values():
        if entry.status == "prepared":
            frames = read_cine(output / entry.file).gray()
            outside = np.zeros(frames.shape[1:], bool)
            outside[: box.height, : box.width] = ~sector.mask[box.slices]
            if frames.shape[1:] == (box.height + box.height % 2, box.width + box.width % 2):
                assert not frames[:, outside].any()
                shown += 1
    assert shown


def test_the_terminal_names_the_sources_and_each_once(archive, tmp_path, capsys):
    assert main(["prepare", str(archive), "--output", str(tmp_path / "set"), "--jobs", "1", "--fps", "25"]) == 1
    told = capsys.readouterr()
    failed = [line for line in told.err.splitlines() if line.startswith("failed: ")]
    entries = [entry for entry in read_manifest(tmp_path / "set").values() if entry.status == "failed"]
    assert len(failed) == len(set(failed)) == len(entries) > 3
    assert sum(f"{NAME} {NUMBER}/" in line for line in failed) >= 3 and "cine-" not in told.err + told.out


@pytest.mark.skipif(sys.platform == "win32", reason="no such permissions there")
def test_what_leads_back_to_patients_is_for_its_owner_alone(output, archive):
    for path in (archive.parent / "who.csv", output.with_name("set.key")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("row", [
    "loop.avi,{0},ED,3,,", "loop.avi,ED,{0},3,,", "loop.avi,ED,3,train,{0},", "{0},loop.avi,ED,3,,",
    "loop.avi,ED,3,{0},,",
])  # fmt: skip
def test_a_slipped_column_of_labels_shows_no_patient(tmp_path, row, capsys):
    (tmp_path / "labels.csv").write_text(
        f"file,phase,frame,split,fps,patient\n{row.format(NUMBER)}\n", encoding="utf-8"
    )  # fmt: skip
    assert main(["check", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert NUMBER not in told.out + told.err and "line 2" in told.out + told.err


def test_text_burned_in_inside_the_sector_is_found_and_said(tmp_path):
    plain = fan()
    stamps = [
        stamped(plain, (120 + 7 * (number % 3), 90 + 9 * number), text)
        for number, text in enumerate(["DOE JANE", "Müller, K", "19480229", "ID 4711-88", "SMITH^JOHN"] * 2)
    ]  # fmt: skip
    archive = tmp_path / "in"
    archive.mkdir()
    for number, frames in enumerate([plain, *stamps]):
        write_dicom(archive / f"{number:02}.dcm", frames, FrameTime="40")
    assert main(["prepare", str(archive), "--output", str(tmp_path / "set"), "--jobs", "1",
                 "--mapping", str(tmp_path / "who.csv")]) == 0  # fmt: skip
    entries = read_manifest(tmp_path / "set")
    with (tmp_path / "who.csv").open(encoding="utf-8", newline="") as file:
        said = {row["source"]: "burned into the image" in entries[row["file"]].warnings for row in csv.DictReader(file)}
    assert not said.pop("00.dcm") and sum(said.values()) >= 9
