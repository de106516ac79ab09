"""DICOM structured reports of LV measurements: numbers, codes, contours, frames, and that they are sound DICOM."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_files import beating_frames, region, write_dicom
from dicom_validator import findings
from EchoKeyframeLib.cine.cine import Cine, CineError
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.export.key_object import read_key_object, write_key_object
from EchoKeyframeLib.export.measurement_report import QUANTITIES, write_measurement_report
from EchoKeyframeLib.measurement.contour import Contour
from EchoKeyframeLib.measurement.contours_file import write_contours
from EchoKeyframeLib.measurement.measure import measure
from EchoKeyframeLib.measurement.measurement import Measurement
from EchoKeyframeLib.measurement.traced_view import TracedView, beats_of_contours
from EchoKeyframeLib.report.keyframes_file import read_json
from highdicom.sr import srread
from pydicom.sr.codedict import codes

STUDY = {"StudyInstanceUID": "1.2.3.4", "SeriesInstanceUID": "1.2.3.4.5", "PatientName": "Иванова^SECRET",
         "SpecificCharacterSet": "ISO_IR 144"}  # fmt: skip
FRAMES = ((Phase.ED, 0), (Phase.ES, 7), (Phase.ED, 20), (Phase.ES, 27), (Phase.ED, 39))


def arch(cine: Cine, frame: int, phase: Phase) -> Contour:
    """Two thirds of an ellipse, smaller in systole and from beat to beat."""
    height, width = cine.size
    angles = np.linspace(-0.15 * np.pi, 1.15 * np.pi, 30)
    half = np.array([0.16, 0.3]) * (0.8 if phase is Phase.ES else 1.0) * (1 - frame / 500) * height
    points = [width / 2, height / 2] + half * np.stack([np.cos(angles), -np.sin(angles)], axis=1)
    return Contour(phase, frame, points)


def traced(cine: Cine, view: str | None, frames=FRAMES) -> TracedView:
    cine = replace(cine, view=view, spacing=cine.spacing or (1.0, 1.0), region=None)
    contours = tuple(arch(cine, frame, phase) for phase, frame in frames if frame < len(cine))
    return TracedView.of(cine, beats_of_contours(contours, cine.times), contours)


def cine_file(path: Path, **tags: object) -> Path:
    """Forty frames of 96x128 pixels of 1 mm at 25 frames/s."""
    regions = [region(0, 0, 127, 95, delta=0.1)]
    frames = beating_frames(40, 96, 128)
    return write_dicom(path, frames, **{**STUDY, "SequenceOfUltrasoundRegions": regions, **tags})


@pytest.fixture
def four(tmp_path: Path) -> Cine:
    return read_cine(cine_file(tmp_path / "four.dcm"))


@pytest.fixture
def single(four: Cine) -> Measurement:
    return measure(traced(four, "A4C"))


def groups_of(path: Path) -> dict[str, object]:
    """Groups of measurements by their identifier, read by highdicom."""
    return {group.tracking_identifier: group for group in srread(path).content.get_image_measurement_groups()}


def numbers(group: object) -> dict[tuple[str, str | None], tuple[float, str]]:
    """Value and unit of each measurement by code of its name and its method."""
    return {
        (m.name.value, m.method.value if m.method else None): (m.value, m.unit.value) for m in group.get_measurements()
    }


def test_another_library_reads_the_numbers_with_their_codes_and_units(four, single, tmp_path):
    assert write_measurement_report(tmp_path / "sr.dcm", single, [four.source]) == ()
    groups = groups_of(tmp_path / "sr.dcm")
    assert list(groups) == ["Beat 1", "Beat 2", "Mean of 2 beats"]
    beat = single.beats[0]
    assert numbers(groups["Beat 1"]) == {
        ("18026-5", "125208"): (pytest.approx(beat.edv, abs=0.005), "ml"),
        ("18148-7", "125208"): (pytest.approx(beat.esv, abs=0.005), "ml"),
        ("90096001", "125208"): (pytest.approx(beat.stroke_volume, abs=0.005), "ml"),
        ("18043-0", "125208"): (pytest.approx(beat.ejection_fraction, abs=0.005), "%"),
        ("8867-4", None): (pytest.approx(75.0, abs=0.005), "{H.B.}/min"),
        ("82799009", "125208"): (pytest.approx(beat.cardiac_output, abs=0.005), "l/min"),
        ("18077-8", None): (pytest.approx(beat.length_ed, abs=0.005), "mm"),
        ("18076-0", None): (pytest.approx(beat.length_es, abs=0.005), "mm"),
        ("18026-5", "125205"): (pytest.approx(beat.area_length_edv, abs=0.005), "ml"),
        ("18148-7", "125205"): (pytest.approx(beat.area_length_esv, abs=0.005), "ml"),
    }
    means = groups["Mean of 2 beats"]
    assert numbers(means)["18043-0", "125208"][0] == pytest.approx(single.mean("ejection_fraction"), abs=0.005)
    assert all(m.derivation == codes.SCT.Mean for m in means.get_measurements())
    assert all(m.derivation is None for m in groups["Beat 1"].get_measurements())


def test_the_names_are_those_of_the_echo_report():
    left_ventricle = [getattr(codes, f"cid{number}") for number in (12200, 12201, 12202, 12239)]
    known = {getattr(cid, name) for cid in left_ventricle for name in cid.dir()}
    assert {quantity.name for quantity in QUANTITIES} <= known


def test_volumes_refer_to_their_contours_and_ratios_to_their_frames(four, single, tmp_path):
    write_measurement_report(tmp_path / "sr.dcm", single, [four.source])
    second = groups_of(tmp_path / "sr.dcm")["Beat 2"]
    for measured in second.get_measurements(name=codes.LN.LeftVentricularEndSystolicVolume):
        [contour] = measured.referenced_coordinates
        np.testing.assert_allclose(contour.value - 0.5, arch(four, 27, Phase.ES).points, atol=1e-4)
        [image] = contour.ContentSequence
        assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == four.source.sop_instance_uid
        assert image.ReferencedSOPSequence[0].ReferencedFrameNumber == 28
    [axis] = second.get_measurements(name=codes.LN.LeftVentricleDiastolicMajorAxis)
    [line] = axis.referenced_coordinates
    # 1 mm pixels: the line is as long as the value.
    assert np.hypot(*(line.value[1] - line.value[0])) == pytest.approx(axis.value, abs=0.01)
    [fraction] = second.get_measurements(name=codes.LN.LeftVentricularEjectionFractionByUS)
    assert [image.referenced_frame_numbers for image in fraction.referenced_images] == [[21], [28]]
    assert [image.referenced_frame_numbers for image in second.source_images] == [[21], [28]]


def test_biplane_refers_to_both_cines(four, tmp_path):
    two = read_cine(cine_file(tmp_path / "two.dcm", SeriesInstanceUID="1.2.3.4.6"))
    measurement = measure(traced(two, "A2C"), traced(four, "A4C"))
    write_measurement_report(tmp_path / "sr.dcm", measurement, [four.source, two.source])
    group = groups_of(tmp_path / "sr.dcm")["Beat 1"]
    assert numbers(group)["18043-0", "125207"][0] == pytest.approx(measurement.beats[0].ejection_fraction, abs=0.005)
    [edv, check] = group.get_measurements(name=codes.LN.LeftVentricularEndDiastolicVolume)
    uids = [four.source.sop_instance_uid, two.source.sop_instance_uid]
    for measured in (edv, check):
        images = [contour.ContentSequence[0].ReferencedSOPSequence[0] for contour in measured.referenced_coordinates]
        assert [image.ReferencedSOPInstanceUID for image in images] == uids
    views = [evaluation.value for evaluation in group.get_qualitative_evaluations(name=codes.DCM.ImageView)]
    assert views == [codes.SCT.ApicalFourChamber, codes.SCT.ApicalTwoChamber]
    assert findings(tmp_path / "sr.dcm") == []


def test_found_contours_are_said_to_be_unverified_until_a_person_accepts_them(four, tmp_path):
    view = traced(four, "A4C")
    for accepted, words in ((False, "not verified by a person"), (True, "accepted by a person")):
        contours = tuple(replace(c, source="auto", confidence=0.8, doubts=("border uncertain",), accepted=accepted)
                         for c in view.contours)  # fmt: skip
        measurement = measure(replace(view, contours=contours, algorithm="lv-contour 1.0"))
        write_measurement_report(tmp_path / "sr.dcm", measurement, [four.source])
        assert pydicom.dcmread(tmp_path / "sr.dcm").VerificationFlag == "UNVERIFIED"  # nobody has signed
        group = groups_of(tmp_path / "sr.dcm")["Beat 1"]
        told = [(item.ConceptNameCodeSequence[0].CodeMeaning, item.TextValue)
                for item in group[0].ContentSequence if item.ValueType == "TEXT"]  # fmt: skip
        assert {("Algorithm Name", "lv-contour"), ("Algorithm Version", "1.0")} <= set(told)
        assert ("Comment", f"Contours found by lv-contour 1.0, {words}") in told
        assert ("Comment", "doubtful: border uncertain") in told
        assert findings(tmp_path / "sr.dcm") == []
        (tmp_path / "sr.dcm").unlink()


def test_doubts_and_unknown_views_reach_the_report(four, tmp_path):
    measurement = measure(traced(four, None, FRAMES[1:3]))
    write_measurement_report(tmp_path / "sr.dcm", measurement, [four.source])
    [group] = groups_of(tmp_path / "sr.dcm").values()
    comments = [item.TextValue for item in group[0].ContentSequence if item.ValueType == "TEXT"]
    assert "beat 1: the heart rate is not known, so no cardiac output" in comments
    assert ("8867-4", None) not in numbers(group) and ("82799009", "125208") not in numbers(group)
    assert group.get_qualitative_evaluations(name=codes.DCM.ImageView) == []
    assert findings(tmp_path / "sr.dcm") == []


@pytest.mark.parametrize("origin", ["sample", "simulated", "development"])
def test_the_validator_finds_no_error_in_either_document(origin, request, tmp_path):
    if origin == "simulated":
        assert main(["phantom", str(tmp_path / "clips"), "--count", "1", "--format", "dicom", "--frames", "30",
                     "--size", "64", "--view", "A4C"]) == 0  # fmt: skip
        [file] = (tmp_path / "clips").glob("*.dcm")
    elif origin == "sample":
        file = request.getfixturevalue("sample_clip")
    else:
        file = request.getfixturevalue("development_data") / "DIRW0007.dcm"
    cine = read_cine(file)
    view = traced(cine, "A4C", FRAMES[:2])
    write_measurement_report(tmp_path / "sr.dcm", measure(view), [cine.source])
    write_key_object(tmp_path / "ko.dcm", cine.source, [k for beat in view.beats for k in (beat.ed, beat.es)])
    assert findings(tmp_path / "sr.dcm") == findings(tmp_path / "ko.dcm") == []


def test_the_validator_would_find_an_error(four, single, tmp_path):
    write_measurement_report(tmp_path / "sr.dcm", single, [four.source])
    document = pydicom.dcmread(tmp_path / "sr.dcm")
    del document.CompletionFlag, document.ContentSequence[0].ConceptNameCodeSequence
    document.save_as(tmp_path / "sr.dcm")
    assert len(findings(tmp_path / "sr.dcm")) >= 2


def test_the_patient_is_named_in_the_document_alone(four, single, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    write_measurement_report(tmp_path / "sr.dcm", single, [four.source])
    assert "SECRET" not in caplog.text + "".join(capfd.readouterr())
    document = pydicom.dcmread(tmp_path / "sr.dcm")
    assert document.PatientName == "Иванова^SECRET" and document.StudyInstanceUID == "1.2.3.4"
    assert (document.VerificationFlag, document.CompletionFlag) == ("UNVERIFIED", "COMPLETE")


def test_cines_that_no_report_can_hold(four, single, tmp_path):
    two = read_cine(cine_file(tmp_path / "two.dcm", StudyInstanceUID="1.2.3.9"))
    biplane = measure(traced(two, "A2C"), traced(four, "A4C"))
    with pytest.raises(CineError, match=r"^four\.dcm and two\.dcm: belong to different studies"):
        write_measurement_report(tmp_path / "sr.dcm", biplane, [four.source, two.source])
    with pytest.raises(CineError, match=r"^two\.dcm: not the cines that were measured, four\.dcm$"):
        write_measurement_report(tmp_path / "sr.dcm", single, [two.source])
    assert not (tmp_path / "sr.dcm").exists()


def test_command_measure_writes_a_report(four, beating_video, tmp_path, capsys):
    contours = traced(four, "A4C").contours
    write_contours(tmp_path / "a.json", contours)
    arguments = ["--contours", str(tmp_path / "a.json"), "--view", "A4C", "--sr", "--output", str(tmp_path / "Übung")]
    assert main(["measure", str(tmp_path / "four.dcm"), *arguments]) == 0
    path = tmp_path / "Übung" / "four.measurement.dcm"
    assert "EF" in capsys.readouterr().out and "Beat 1" in groups_of(path)
    assert main(["measure", str(tmp_path / "four.dcm"), *arguments]) == 2, "results that are there stay"

    arguments[-1] = str(tmp_path / "video")
    assert main(["measure", str(beating_video), *arguments, "--spacing", "1", "1"]) == 1
    assert "beating.avi: is no DICOM file" in capsys.readouterr().err
    assert not (tmp_path / "video").exists()


def test_commands_export_and_import_a_key_object(four, tmp_path, capsys):
    file, output = str(tmp_path / "four.dcm"), tmp_path / "out"
    assert main(["export", file, "--format", "ko", "--model", "motion", "--output", str(output)]) == 0
    document = output / "four.ko.dcm"
    assert read_key_object(document).sop_instance_uids == (four.source.sop_instance_uid,)
    assert main(["import", str(document), file, "--output", str(output)]) == 0
    contents = read_json(output / "four.keyframes.json")
    contents.check_belongs_to(four)
    stated = read_key_object(document).references
    assert [(k.phase, (k.frame + 1,)) for k in contents.keyframes] == [(r.phase, r.frame_numbers) for r in stated]
    assert {k.source for k in contents.keyframes} == {"auto"} and contents.beats
    assert "SECRET" not in "".join(capsys.readouterr())

    assert main(["import", str(document), file, "--output", str(output)]) == 1, "results that are there stay"
    assert "is already there" in capsys.readouterr().err
    assert main(["import", file, file, "--output", str(output)]) == 2
    other = str(cine_file(tmp_path / "other.dcm"))
    assert main(["import", str(document), other, file, "--output", str(output), "--force"]) == 1
    assert "refers to other images than other.dcm" in capsys.readouterr().err
    assert main(["import", str(document), other, "--output", str(tmp_path / "nothing")]) == 1
    assert not (tmp_path / "nothing").exists()
