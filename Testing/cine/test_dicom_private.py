"""Vendors' own classes and elements: volumes are refused as such, raw data beside a still are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from dicom_files import beating_frames, write_dicom
from EchoKeyframeLib.cine.cine import CineError
from EchoKeyframeLib.cine.finding import FindingKind
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cli import main
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit

VENDORS = [
    (0x7FE1, "GEMS_Ultrasound_MovieGroup_001", "GE"),
    (0x7FE1, "KRETZ_US", "Kretz"),
    (0x200D, "Philips US Imaging DD 033", "Philips"),
]


def add_private(path: Path, group: int, creator: str, element: int, vr: str, value: object) -> None:
    header = dcmread(path)
    header.private_block(group, creator, create=True).add_new(element, vr, value)
    header.save_as(path)


@pytest.mark.parametrize("last", [1, 2, 3])
def test_philips_private_volumes_by_class(tmp_path: Path, last: int) -> None:
    path = write_dicom(tmp_path / "v.dcm", beating_frames(), SOPClassUID=f"1.2.840.113543.6.6.1.3.1000{last}")
    with pytest.raises(CineError, match=r"3D\+t"):
        read_cine(path)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize(("slices", "is_volume"), [(24, True), (1, False)])
def test_philips_private_volumes_by_their_slices(tmp_path: Path, syntax: str, slices: int, is_volume: bool) -> None:
    path = write_dicom(tmp_path / "v.dcm", beating_frames(24), syntax)
    add_private(path, 0x3001, "Philips3D", 1, "US", slices)
    if is_volume:
        with pytest.raises(CineError, match=r"3D\+t"):
            read_cine(path)
    else:
        assert len(read_cine(path)) == 24


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit])
@pytest.mark.parametrize(("group", "creator", "vendor"), VENDORS)
def test_raw_data_beside_a_still(tmp_path: Path, group: int, creator: str, vendor: str, syntax: str) -> None:
    path = write_dicom(tmp_path / "still.dcm", beating_frames(1), syntax, NumberOfFrames=None)
    assert read_cine(path).findings == ()
    add_private(path, group, creator, 1, "OB", b"\1" * 64)
    finding = read_cine(path).findings[0]
    assert finding.kind is FindingKind.SYNTAX and vendor in finding.text and "export it" in finding.text


def test_raw_data_beside_a_cine_are_no_matter(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "clip.dcm", beating_frames(6))
    add_private(path, *VENDORS[0][:2], 1, "OB", b"\1" * 64)
    assert read_cine(path).findings == ()


@pytest.mark.parametrize("command", ["info", "detect", "prepare"])
def test_a_still_with_raw_data_says_how_a_cine_is_had(
    tmp_path: Path, capsys: pytest.CaptureFixture, command: str
) -> None:
    study = tmp_path / "study"
    study.mkdir()
    path = write_dicom(study / "still.dcm", beating_frames(1), NumberOfFrames=None)
    add_private(path, *VENDORS[0][:2], 1, "OB", b"\1" * 64)
    more = [] if command == "info" else ["--output", str(tmp_path / "out")]
    more += ["--model", "motion"] if command == "detect" else []
    assert main([command, str(study), *more]) == 0
    shown = capsys.readouterr()
    assert "passed over" in shown.out and "private raw data of GE" in shown.out and "export it" in shown.out
    if command != "prepare":
        assert main([command, str(path), *more]) == 1
        assert "private raw data of GE" in capsys.readouterr().err
