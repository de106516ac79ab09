"""Key Object Selection documents: what they refer to, that they are sound DICOM, and the way back to keyframes."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_files import PATIENT, beating_frames, encode, write_dicom
from dicom_validator import findings
from EchoKeyframeLib.cine.cine import Cine, CineError
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.detection.keyframes import Keyframe, Phase
from EchoKeyframeLib.export.key_object import KeyObject, keyframes_in, read_key_object, write_key_object
from highdicom.ko import KeyObjectSelectionDocument
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEGLSLossless,
    MRImageStorage,
    UltrasoundImageStorage,
    generate_uid,
)

STUDY = {"StudyInstanceUID": "1.2.3.4", "SeriesInstanceUID": "1.2.3.4.5"}


def keyframes_of(cine: Cine) -> tuple[Keyframe, ...]:
    """Two beats, one keyframe set by hand, one at the edge, one in a degraded image."""
    frames = np.linspace(0, len(cine) - 1, 4).astype(int).tolist()
    marks = zip((Phase.ED, Phase.ES, Phase.ED, Phase.ES), frames, (0.4, 0.88, 1.0, 0.91), (1, 1, 2, 2), strict=True)
    keyframes = [Keyframe(p, f, float(cine.times[f]), c, beat=beat) for p, f, c, beat in marks]
    edge, degraded = replace(keyframes[0], at_edge=True), replace(keyframes[1], degraded=True)
    return edge, degraded, replace(keyframes[2], source="manual"), keyframes[3]


def written(path: Path, cine: Cine) -> pydicom.Dataset:
    write_key_object(path, cine.source, keyframes_of(cine))
    return pydicom.dcmread(path)


def cine_file(path: Path, count: int = 6, **tags: object) -> Path:
    return write_dicom(path, beating_frames(count), **{**STUDY, **tags})


@pytest.fixture
def cine(tmp_path: Path) -> Cine:
    return read_cine(cine_file(tmp_path / "loop.dcm"))


def test_keyframes_go_out_and_come_back(sample_clip, tmp_path):
    cine = read_cine(sample_clip)
    assert write_key_object(tmp_path / "ko.dcm", cine.source, keyframes_of(cine)) == ()
    key_object = read_key_object(tmp_path / "ko.dcm")
    assert key_object.title == "Of Interest" and key_object.sop_instance_uids == (cine.source.sop_instance_uid,)
    assert [(r.phase, r.frame_numbers) for r in key_object.references] == [
        (k.phase, (k.frame + 1,)) for k in keyframes_of(cine)
    ]
    assert keyframes_in(key_object, cine) == keyframes_of(cine)


def test_the_document_is_a_new_series_in_the_study_of_the_cine(sample_clip, tmp_path):
    header, document = pydicom.dcmread(sample_clip), written(tmp_path / "ko.dcm", read_cine(sample_clip))
    for keyword in ("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "PatientName", "PatientID"):
        assert document[keyword].value == header[keyword].value, keyword
    assert document.SeriesInstanceUID != header.SeriesInstanceUID and document.Modality == "KO"
    assert "OtherPatientIDs" in header and "OtherPatientIDs" not in document


def test_the_validator_finds_no_error(sample_clip, cine, tmp_path):
    for each in (read_cine(sample_clip), cine):
        written(tmp_path / "ko.dcm", each)
        assert findings(tmp_path / "ko.dcm") == []


def test_the_validator_would_find_an_error(cine, tmp_path):
    document = written(tmp_path / "ko.dcm", cine)
    del document.CurrentRequestedProcedureEvidenceSequence
    document.ContentSequence[-1].RelationshipType = "HAS PROPERTIES"
    document.save_as(tmp_path / "ko.dcm")
    assert len(findings(tmp_path / "ko.dcm")) >= 2


def test_another_library_reads_the_same(cine, tmp_path):
    document = KeyObjectSelectionDocument.from_dataset(written(tmp_path / "ko.dcm", cine))
    references = document.content.get_references()
    assert [item.referenced_frame_numbers for item in references] == [[k.frame + 1] for k in keyframes_of(cine)]
    assert [item.name.value for item in references] == ["416190007", "416430001"] * 2
    uid = cine.source.sop_instance_uid
    assert document.resolve_reference(uid) == (*STUDY.values(), uid)


def test_frames_put_in_order_are_referred_to_by_their_numbers_in_the_file(tmp_path):
    times = np.random.default_rng(5).permutation(10) * 40.0
    vector = np.diff(times, prepend=0).tolist()
    cine = read_cine(cine_file(tmp_path / "loop.dcm", 10, FrameTime=None, FrameTimeVector=vector,
                               FrameIncrementPointer=0x00181065))  # fmt: skip
    document = written(tmp_path / "ko.dcm", cine)
    images = [item for item in document.ContentSequence if item.ValueType == "IMAGE"]
    in_file = [item.ReferencedSOPSequence[0].ReferencedFrameNumber - 1 for item in images]
    assert times[in_file].tolist() == [k.frame * 40.0 for k in keyframes_of(cine)]
    assert keyframes_in(read_key_object(tmp_path / "ko.dcm"), cine) == keyframes_of(cine)


def test_a_frame_that_was_left_out_shifts_no_reference(tmp_path):
    coded = [encode(frame, JPEGLSLossless, "MONOCHROME2") for frame in beating_frames()]
    coded[1] = coded[1][:20] + b"\xff\xd9" * 4
    cine = read_cine(write_dicom(tmp_path / "a.dcm", beating_frames(), JPEGLSLossless, encoded=coded, **STUDY))
    document = written(tmp_path / "ko.dcm", cine)
    assert len(cine) == 5 and document.ContentSequence[-1].ReferencedSOPSequence[0].ReferencedFrameNumber == 6
    key_object = read_key_object(tmp_path / "ko.dcm")
    assert keyframes_in(key_object, cine) == keyframes_of(cine)
    lost = replace(key_object, references=(replace(key_object.references[0], frame_numbers=(2,)),))
    with pytest.raises(CineError, match=r"ko\.dcm: names frame 2 of a\.dcm, which is damaged"):
        keyframes_in(lost, cine)


@pytest.mark.parametrize(("character_set", "name"), [
    (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ("ISO_IR 144", "Иванова^Мария"),
    ("ISO_IR 192", "Þórsdóttir^Ægir"),
    ("GB18030", "Wang^XiaoDong=王^小东"),
    (None, "Muller^Ana"),
])  # fmt: skip
def test_names_survive_in_any_character_set(character_set, name, tmp_path):
    tags = {"SpecificCharacterSet": character_set} if character_set else {}
    file = cine_file(tmp_path / "loop.dcm", **tags, PatientName=name, StudyDescription="Herz")
    document = written(tmp_path / "ko.dcm", read_cine(file))
    assert document.PatientName == name and document.StudyDescription == "Herz"
    original = pydicom.dcmread(file)["PatientName"].value.original_string
    assert document["PatientName"].value.original_string == original
    assert findings(tmp_path / "ko.dcm") == []


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("declared", [None, "ISO_IR 999"])
def test_text_in_no_known_character_set_keeps_its_bytes_under_one_that_fits(encoding, declared, tmp_path):
    file = cine_file(tmp_path / "loop.dcm", **({"SpecificCharacterSet": declared} if declared else {}))
    name = "Jürg^Ä".encode(encoding).ljust(len(PATIENT), b" ")
    file.write_bytes(file.read_bytes().replace(PATIENT.encode(), name, 1))
    cine = read_cine(file)
    [warning] = write_key_object(tmp_path / "ko.dcm", cine.source, keyframes_of(cine))
    assert warning.startswith("loop.dcm: names no known character set") and "Jürg" not in warning
    document = pydicom.dcmread(tmp_path / "ko.dcm")
    assert document.PatientName == "Jürg^Ä" and document["PatientName"].value.original_string == name.rstrip()
    assert findings(tmp_path / "ko.dcm") == []


def test_malformed_values_stay_behind_and_are_told_without_being_quoted(tmp_path):
    with pydicom.config.disable_value_validation():
        file = cine_file(tmp_path / "loop.dcm", PatientBirthDate="1.4.1950", PatientSex="female", PatientID="7",
                         PatientName="A^B\r\nC", PatientIdentityRemoved="YES", StudyDate="20240102")  # fmt: skip
    cine = read_cine(file)
    warnings = write_key_object(tmp_path / "ko.dcm", cine.source, keyframes_of(cine))
    left_out = ("PatientName", "PatientBirthDate", "PatientSex", "PatientIdentityRemoved")
    assert [line.split(" is ")[0] for line in warnings] == [f"loop.dcm: {keyword}" for keyword in left_out]
    assert not any(value in str(warnings) for value in ("1950", "female", "A^B"))
    document = pydicom.dcmread(tmp_path / "ko.dcm")
    assert (document.PatientID, document.PatientSex, document.StudyDate) == ("7", "", "20240102")
    assert findings(tmp_path / "ko.dcm") == []


@pytest.mark.parametrize("header", [b"UN\0\0\x0e\0\0\0", b"LO\x0e\0", b"UT\0\0\x0e\0\0\0"])
def test_a_name_under_another_value_representation_is_a_name_again(header, tmp_path):
    file = cine_file(tmp_path / "loop.dcm")
    tag = b"\x10\0\x10\0"
    whole = file.read_bytes()
    assert tag + b"PN\x0e\0" in whole
    file.write_bytes(whole.replace(tag + b"PN\x0e\0", tag + header, 1))
    document = written(tmp_path / "ko.dcm", read_cine(file))
    assert document["PatientName"].VR == "PN" and document.PatientName == PATIENT
    assert findings(tmp_path / "ko.dcm") == []


def test_a_source_without_patient_data_or_file_meta_information(tmp_path):
    file = cine_file(tmp_path / "loop.dcm", PatientName=None, PatientID=None)
    dataset = pydicom.dcmread(file)
    del dataset.file_meta
    dataset.save_as(file, implicit_vr=False, little_endian=True)
    document = written(tmp_path / "ko.dcm", read_cine(file))
    assert document["PatientName"].value == "" and document["PatientID"].value == ""
    assert findings(tmp_path / "ko.dcm") == []


@pytest.mark.parametrize(("tags", "message"), [
    ({"StudyInstanceUID": ""}, "has no valid Study Instance UID"),
    ({"SeriesInstanceUID": "patient 7"}, "has no valid Series Instance UID"),
    ({"SOPInstanceUID": ""}, "has no valid SOP Instance UID"),
    ({"SOPClassUID": MRImageStorage}, "is no ultrasound cine (MR Image Storage"),
    ({"SOPClassUID": UltrasoundImageStorage, "count": 1}, "is no ultrasound cine (Ultrasound Image Storage, 1 frames)"),
])  # fmt: skip
def test_sources_that_nothing_can_refer_to(tags, message, tmp_path):
    file = cine_file(tmp_path / "loop.dcm", tags.get("count", 6))
    header = pydicom.dcmread(file)
    with pydicom.config.disable_value_validation():
        for keyword, value in tags.items():
            if keyword != "count":
                setattr(header, keyword, value)
        header.save_as(file)
    cine = read_cine(file)
    with pytest.raises(CineError) as raised:
        write_key_object(tmp_path / "ko.dcm", cine.source, [Keyframe(Phase.ED, 0, 0.0)])
    assert str(raised.value).startswith(f"loop.dcm: {message}") and "\n" not in str(raised.value)
    assert not (tmp_path / "ko.dcm").exists()


def test_a_video_no_keyframes_and_frames_of_another_cine(beating_video, cine, tmp_path):
    video = read_cine(beating_video)
    with pytest.raises(CineError, match=r"beating\.avi: is no DICOM file"):
        write_key_object(tmp_path / "ko.dcm", video.source, [Keyframe(Phase.ED, 0, 0.0)])
    with pytest.raises(CineError, match=r"loop\.dcm: has no keyframes"):
        write_key_object(tmp_path / "ko.dcm", cine.source, [])
    for frame in (6, -1):
        with pytest.raises(CineError, match=f"has 6 frames but no frame {frame}"):
            write_key_object(tmp_path / "ko.dcm", cine.source, [Keyframe(Phase.ED, frame, 0.0)])


def test_the_patient_is_named_in_the_document_alone(cine, tmp_path, caplog, capfd, recwarn):
    caplog.set_level(logging.DEBUG)
    written(tmp_path / "ko.dcm", cine)
    keyframes_in(read_key_object(tmp_path / "ko.dcm"), cine)
    out, err = capfd.readouterr()
    told = " ".join([caplog.text, out, err, *(str(w.message) for w in recwarn)])
    assert "SECRET" not in told and PATIENT.encode() in (tmp_path / "ko.dcm").read_bytes()
    assert PATIENT not in str(read_key_object(tmp_path / "ko.dcm"))


def test_a_document_is_replaced_whole_or_not_at_all(cine, tmp_path, monkeypatch):
    written(tmp_path / "ko.dcm", cine)
    before = (tmp_path / "ko.dcm").read_bytes()

    def fail(self, path, **_):
        Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(KeyObjectSelectionDocument, "save_as", fail)
    with pytest.raises(OSError, match="disk full"):
        write_key_object(tmp_path / "ko.dcm", cine.source, keyframes_of(cine))
    assert (tmp_path / "ko.dcm").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"ko.dcm", "loop.dcm"}


def foreign(
    path: Path, cine: Cine, *frames: int, code: tuple[str, str] | None = None, nested: bool = False
) -> KeyObject:
    """A document as another vendor writes it: no description, perhaps older codes or containers, no preamble."""
    document = written(path, cine)
    image = Dataset()
    image.ValueType, image.RelationshipType = "IMAGE", "CONTAINS"
    reference = Dataset()
    reference.ReferencedSOPClassUID = cine.source.sop_class_uid
    reference.ReferencedSOPInstanceUID = cine.source.sop_instance_uid
    if frames:
        reference.ReferencedFrameNumber = list(frames)
    image.ReferencedSOPSequence = [reference]
    if code:
        name = Dataset()
        name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = *code, "Fin de la diastole"
        image.ConceptNameCodeSequence = [name]
    container = Dataset()
    container.ValueType, container.RelationshipType, container.ContentSequence = "CONTAINER", "CONTAINS", [image]
    document.ContentSequence = [container if nested else image]
    document.save_as(path)
    return read_key_object(path)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("code", [("416190007", "SCT"), ("R-FAB5C", "SRT")])
def test_phases_in_documents_of_others(code, nested, cine, tmp_path):
    keyframes = keyframes_in(foreign(tmp_path / "ko.dcm", cine, 2, 5, code=code, nested=nested), cine)
    assert [(k.phase, k.frame, k.source, k.confidence, k.beat) for k in keyframes] == [
        (Phase.ED, 1, "manual", 1.0, 1), (Phase.ED, 4, "manual", 1.0, 2),
    ]  # fmt: skip
    assert [k.time for k in keyframes] == [cine.times[1], cine.times[4]]


def test_documents_of_others_that_give_no_keyframes(cine, tmp_path):
    path, message = tmp_path / "ko.dcm", r"^ko\.dcm: "
    without_phase = foreign(path, cine, 2)
    assert without_phase.references[0].frame_numbers == (2,) and without_phase.references[0].phase is None
    with pytest.raises(CineError, match=message + "states no End diastole or End systole for loop"):
        keyframes_in(without_phase, cine)
    with pytest.raises(CineError, match=message + "states no frames for loop"):
        keyframes_in(foreign(path, cine), cine)
    for frame in (0, 7):
        with pytest.raises(CineError, match=message + f"names frame {frame} of loop.dcm, which has 6"):
            keyframes_in(foreign(path, cine, frame, code=("416190007", "SCT")), cine)
    other = read_cine(cine_file(tmp_path / "other.dcm", SOPInstanceUID=generate_uid()))
    with pytest.raises(CineError, match=message + r"refers to other images than other\.dcm"):
        keyframes_in(read_key_object(path), other)


def test_files_that_are_no_key_object(cine, sample_clip, beating_video, tmp_path):
    with pytest.raises(CineError, match=r"is no Key Object Selection document but Ultrasound Multi-frame Image"):
        read_key_object(sample_clip)
    with pytest.raises(CineError, match=r"beating\.avi: is no DICOM file"):
        read_key_object(beating_video)
    with pytest.raises(CineError, match=r"missing\.dcm: cannot be opened"):
        read_key_object(tmp_path / "missing.dcm")
    document = written(tmp_path / "ko.dcm", cine)
    document.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    document.save_as(tmp_path / "deflated.dcm")
    with pytest.raises(CineError, match=r"deflated\.dcm: is deflated"):
        read_key_object(tmp_path / "deflated.dcm")
    document = written(tmp_path / "ko.dcm", cine)
    document.ContentSequence = []
    document.save_as(tmp_path / "ko.dcm")
    with pytest.raises(CineError, match=r"ko\.dcm: refers to no image"):
        read_key_object(tmp_path / "ko.dcm")


def test_reading_needs_no_extra(cine, tmp_path):
    written(tmp_path / "ko.dcm", cine)
    script = (
        "import sys; sys.modules['highdicom'] = None\n"
        "from pathlib import Path\n"
        "from EchoKeyframeLib.export.key_object import read_key_object\n"
        f"print(len(read_key_object(Path({str(tmp_path / 'ko.dcm')!r})).references))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "4", done.stderr


def test_a_damaged_document_is_an_error_of_one_line(cine, tmp_path):
    written(tmp_path / "ko.dcm", cine)
    whole = (tmp_path / "ko.dcm").read_bytes()
    random = np.random.default_rng(1)
    for i in range(150):
        damaged = bytearray(whole[: random.integers(140, len(whole))] if i % 2 else whole)
        for place in random.integers(140, len(damaged), 4):
            damaged[place] = random.integers(256)
        (tmp_path / "ko.dcm").write_bytes(damaged)
        try:
            keyframes_in(read_key_object(tmp_path / "ko.dcm"), cine)
        except CineError as error:
            assert str(error).startswith("ko.dcm: ") and "\n" not in str(error) and "SECRET" not in str(error)
