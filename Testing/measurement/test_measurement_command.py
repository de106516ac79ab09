"""``echokeyframe measure`` on the real loop, on simulated ones, and on what cannot be measured."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from dicom_files import write_dicom
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cine.sector import find_sector
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.measurement.contours_file import read_contours, write_contours
from EchoKeyframeLib.measurement.measure import measure
from EchoKeyframeLib.measurement.traced_view import TracedView, beats_of_contours
from EchoKeyframeLib.report.measurement_figure import draw_measurement
from EchoKeyframeLib.report.measurement_file import CSV_COLUMNS
from fuzz import metaimage, nifti
from PIL import Image
from ventricle_shapes import ellipsoid

NAMES = ("examples_ybr_color.measurement.json", "examples_ybr_color.measurement.csv",
         "examples_ybr_color.measurement.png")
ED, ES = ellipsoid(80, 26), ellipsoid(68, 17)


@pytest.fixture(scope="module")
def contours(repository) -> Path:
    """Those of the worked example: a person's, on frames 21 and 5 of the sample."""
    return repository / "Resources" / "measure-a4c.contours.json"


@pytest.fixture(scope="module")
def keyframes(sample_clip, tmp_path_factory) -> Path:
    """What detect finds in the sample."""
    folder = tmp_path_factory.mktemp("detected")
    assert main(["detect", str(sample_clip), "--model", "motion", "--output", str(folder)]) == 0
    return folder / "examples_ybr_color.keyframes.json"


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """Uncalibrated video of 16 frames of noise, 300 x 300."""
    path = tmp_path_factory.mktemp("film") / "Kammer ü.avi"
    rng = np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30.0, (300, 300))
    for _ in range(16):
        writer.write(rng.integers(0, 255, (300, 300, 3), dtype=np.uint8))
    writer.release()
    return path


def shapes_file(path: Path, view: str | None = None, ed=ED, es=ES, frames=(3, 13)) -> Path:
    """Contours of bodies whose volume is known, on pixels of 1 mm."""
    write_contours(path, [shape.contour(61, phase=phase, frame=frame, view=view)
                          for shape, phase, frame in zip((ed, es), Phase, frames, strict=True)])  # fmt: skip
    return path


def command(*arguments: object) -> int:
    return main(["measure", *map(str, arguments)])


def test_the_worked_example(sample_clip, contours, keyframes, tmp_path, capsys):
    assert command(sample_clip, "--contours", contours, "--keyframes", keyframes, "--output", tmp_path) == 0
    told = capsys.readouterr().out
    assert "method of disks, single plane (A4C)" in told
    assert "Note: ultrasound regions were written for an image 2 times as large" in told
    assert "frames ED 21, ES 5" in told
    document = json.loads((tmp_path / NAMES[0]).read_text(encoding="utf-8"))
    (beat,) = document["beats"]
    assert 100 < beat["edv"] < 170 and 30 < beat["esv"] < 60 and 60 < beat["ejection_fraction"] < 75
    assert len(beat["ED"][0]["diameters"]) == 20
    assert beat["ED"][0]["spacing"] == pytest.approx([1.021, 1.021], abs=0.001)
    assert "Lang" in document["recommendation"] and document["warnings"]
    with (tmp_path / NAMES[1]).open(encoding="utf-8", newline="") as file:
        first, mean = csv.DictReader(file)
    assert tuple(first) == CSV_COLUMNS
    assert (first["ed_frame"], first["es_frame"], mean["beat"]) == ("21", "5", "mean")
    for row in (first, mean):
        assert {name: float(row[name]) for name in ("edv", "esv", "length_ed")} == {
            name: pytest.approx(beat[name], abs=1e-5) for name in ("edv", "esv", "length_ed")}  # fmt: skip
    with Image.open(tmp_path / NAMES[2]) as picture:
        assert min(picture.size) > 800


def test_the_worked_examples_page_shows_what_the_command_says(repository, contours, keyframes, tmp_path, capsys):
    page = (repository / "Docs" / "measurement.md").read_text(encoding="utf-8")
    assert command("--sample", "--contours", contours, "--keyframes", keyframes, "--output", tmp_path) == 0
    quoted = [line.removeprefix("> ") for line in page.splitlines() if line.startswith("> ")]
    assert quoted == capsys.readouterr().out.splitlines()[:-1]


def test_the_picture_shows_contour_axis_and_twenty_disks(sample_clip, contours):
    cine = read_cine(sample_clip)
    traced = read_contours(contours)
    measurement = measure(TracedView.of(cine, beats_of_contours(traced, cine.times), traced))
    figure = draw_measurement([(cine, find_sector(cine))], measurement)
    panels = [axes for axes in figure.axes if axes.images]
    assert len(panels) == 2
    for axes, contour in zip(panels, traced, strict=True):
        (disks,) = axes.collections
        assert len(disks.get_segments()) == 20
        axis, wall, annulus = axes.lines
        assert np.array_equal(wall.get_xydata(), contour.points)
        assert np.array_equal(annulus.get_xydata(), contour.annulus)
        assert axis.get_xydata()[0] == pytest.approx(contour.annulus.mean(axis=0))
        assert f"frame {contour.frame}" in axes.get_title()


def test_no_identity_reaches_any_result(sample_clip, contours, tmp_path, capsys):
    dataset = pydicom.dcmread(sample_clip)
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Doe^Jane", "PID-4711", "19551224"
    dataset.save_as(tmp_path / "named.dcm")
    assert command(tmp_path / "named.dcm", "--contours", contours, "--output", tmp_path / "out") == 0
    told = "".join(capsys.readouterr()).encode()
    for content in (told, *(path.read_bytes() for path in (tmp_path / "out").iterdir())):
        assert not any(word in content for word in (b"Doe", b"Jane", b"4711", b"1224"))


def test_a_film_has_volumes_once_a_person_vouches_for_its_pixels(film, tmp_path, capsys):
    drawn = shapes_file(tmp_path / "c.json")
    assert command(film, "--contours", drawn, "--view", "A4C", "--output", tmp_path / "out") == 0
    told = capsys.readouterr().out
    assert "size of a pixel is not known; pixels are taken for square" in told and "EDV -" in told
    result = tmp_path / "out" / "Kammer ü.measurement.json"
    document = json.loads(result.read_text(encoding="utf-8"))
    (beat,) = document["beats"]
    assert beat["ejection_fraction"] == pytest.approx(100 * (1 - ES.volume / ED.volume), abs=0.5)
    assert beat["edv"] is None and beat["length_ed"] is None and document["mean"]["esv"] is None
    assert beat["ED"][0]["spacing"] is None and beat["ED"][0]["diameters"] is None
    assert (beat["source"], beat["ejection_fraction_interval"], beat["unfit"]) == ("manual", None, [])
    given = ("--spacing", 1, 1, "--view", "A4C", "--output", tmp_path / "out")
    assert command(film, "--contours", drawn, *given) == 2
    assert "already there; use --force" in capsys.readouterr().err
    assert command(film, "--contours", drawn, *given, "--force") == 0
    assert "pixel spacing of 1 x 1 mm (row x column) was given by a person" in capsys.readouterr().out
    assert json.loads(result.read_text(encoding="utf-8"))["mean"]["edv"] == pytest.approx(ED.volume, rel=0.01)


NOISE = np.random.default_rng(0).integers(0, 255, (16, 300, 300), dtype=np.uint8)


def of_unmeasured_pixels(path: Path, size: float) -> Path:
    """A loop whose file gives a pixel size that nobody measured: the format's default, or that of a screen."""
    if path.suffix == ".mha":
        path.write_bytes(metaimage(NOISE).replace(b"0.3 0.3", f"{size:.5g} {size:.5g}".encode()))
    elif path.suffix == ".nii":
        path.write_bytes(nifti(NOISE, steps=(size, size)))
    else:
        capture = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.2", "ConversionType": "WSD"}
        write_dicom(path, NOISE, FrameTime="40", PixelSpacing=[size, size], **capture)
    return path


@pytest.mark.parametrize(("name", "size"), [
    ("a.mha", 1.0), ("a.nii", 1.0), ("a.mha", 25.4 / 72), ("a.nii", 25.4 / 96), ("a.mha", 25.4 / 300), ("a.dcm", 1.0),
])  # fmt: skip
@pytest.mark.parametrize("more", [[], ["--sr"]])
def test_no_volume_follows_from_a_pixel_size_that_nobody_measured(tmp_path, capsys, name, size, more):
    path, drawn = of_unmeasured_pixels(tmp_path / name, size), shapes_file(tmp_path / "c.json")
    given = (path, "--contours", drawn, "--view", "A4C", "--fps", 25, "--output", tmp_path / "out")
    expected = 1 if more else 0  # these files lead to no study
    assert command(*given, *more) == expected
    told = capsys.readouterr()
    assert "mL" not in told.out + told.err
    if more:
        assert f"failed: {name}: " in told.err and not (tmp_path / "out").exists()
    else:
        assert "the size of a pixel is not known" in told.out
        assert command(*given, "--spacing", 1, 1, "--force") == 0
        (result,) = (tmp_path / "out").glob("a*.measurement.json")
        document = json.loads(result.read_text(encoding="utf-8"))
        assert document["mean"]["edv"] == pytest.approx(ED.volume, rel=0.01)
        assert any("given by a person" in warning for warning in document["warnings"])


@pytest.mark.parametrize("name", ["a.mha", "a.nii", "a.dcm"])
def test_frames_are_exported_without_a_pixel_size_that_nobody_measured(tmp_path, beating_cine, monkeypatch, name):
    monkeypatch.setattr(sys.modules[__name__], "NOISE", beating_cine.frames)
    path, out = of_unmeasured_pixels(tmp_path / name, 1.0), tmp_path / "out"
    assert main(["export", str(path), "--model", "motion", "--fps", "30", "--format", "png", "nrrd",
                 "--output", str(out)]) == 0  # fmt: skip
    pictures, volumes = list(out.glob("*.png")), list(out.glob("*.nrrd"))
    assert pictures and not any(Image.open(picture).info.get("dpi") for picture in pictures)
    assert volumes and all(b"spacing_mm:=unknown" in volume.read_bytes() for volume in volumes)


def test_a_screens_pixel_size_in_dicom_is_used_and_doubted_in_every_result(tmp_path, capsys):
    """A header that states a size is believed; a person is asked to check it."""
    path = write_dicom(tmp_path / "a.dcm", NOISE, FrameTime="40", PixelSpacing=[25.4 / 72] * 2)
    drawn = shapes_file(tmp_path / "c.json")
    assert command(path, "--contours", drawn, "--view", "A4C", "--output", tmp_path / "out") == 0
    assert "72 dots per inch" in capsys.readouterr().out
    document = json.loads((tmp_path / "out" / "a.measurement.json").read_text(encoding="utf-8"))
    assert any("72 dots per inch" in warning for warning in document["warnings"])


def test_a_persons_spacing_stands_above_the_files(sample_clip, contours, tmp_path, capsys):
    assert command(sample_clip, "--contours", contours, "--spacing", 2, 2, "--output", tmp_path) == 0
    assert "pixel spacing of 2 x 2 mm (row x column) was given by a person, instead of the file's 1.021 x 1.021 mm" in (
        capsys.readouterr().out)  # fmt: skip
    with (tmp_path / NAMES[1]).open(encoding="utf-8", newline="") as file:
        assert float(next(csv.DictReader(file))["length_ed"]) == pytest.approx(80.55 * 2 / 1.021, rel=0.001)


def test_two_films_are_measured_biplane(film, tmp_path):
    other = film.with_name("two.avi")
    other.write_bytes(film.read_bytes())
    four, two = shapes_file(tmp_path / "4.json", "A4C"), shapes_file(tmp_path / "2.json", "A2C", ellipsoid(80, 20))
    assert command(film, other, "--contours", four, two, "--spacing", 1, 1, "--spacing", 1, 1,
                   "--output", tmp_path) == 0  # fmt: skip
    document = json.loads((tmp_path / "Kammer ü.measurement.json").read_text(encoding="utf-8"))
    assert document["views"] == ["A4C", "A2C"]
    assert document["mean"]["edv"] == pytest.approx(2 / 3 * np.pi * 80 * 26 * 20 / 1000, rel=0.01)
    assert (tmp_path / "Kammer ü.measurement.png").stat().st_size > 50_000


def test_another_tools_masks_do(film, tmp_path):
    entries = []
    for shape, phase, frame in ((ED, "ED", 3), (ES, "ES", 13)):
        mask = cv2.fillPoly(np.zeros((300, 300), np.uint8), [np.round(shape.points(201)).astype(np.int32)], 255)
        (tmp_path / f"{phase}.png").write_bytes(cv2.imencode(".png", mask)[1].tobytes())
        entries.append({"phase": phase, "frame": frame, "mask": f"{phase}.png"})
    (tmp_path / "c.json").write_text(json.dumps({"schema": 1, "view": "A2C", "contours": entries}), encoding="utf-8")
    assert command(film, "--contours", tmp_path / "c.json", "--spacing", 1, 1, "--output", tmp_path) == 0
    document = json.loads((tmp_path / "Kammer ü.measurement.json").read_text(encoding="utf-8"))
    assert document["mean"]["edv"] == pytest.approx(ED.volume, rel=0.06)  # drawn on whole pixels of 1 mm


def test_a_start_for_the_frame_that_is_not_traced(sample_clip, contours, keyframes, tmp_path, capsys):
    document = json.loads(contours.read_text(encoding="utf-8"))
    document["contours"] = document["contours"][:1]
    (tmp_path / "ed.json").write_text(json.dumps(document), encoding="utf-8")
    arguments = (sample_clip, "--contours", tmp_path / "ed.json", "--start", "--output", tmp_path / "out")
    assert command(*arguments) == 2
    assert "--start needs --keyframes" in capsys.readouterr().err
    assert command(*arguments, "--keyframes", keyframes) == 0
    assert "A4C ES contour on frame 5 is a start; look at it and correct it" in capsys.readouterr().out
    (made,) = (tmp_path / "out").iterdir()
    assert [(c.phase, c.frame) for c in read_contours(made)] == [(Phase.ED, 21), (Phase.ES, 5)]
    assert command(sample_clip, "--contours", made, "--keyframes", keyframes, "--output", tmp_path) == 0


def test_contours_on_frames_that_detect_did_not_find(sample_clip, keyframes, tmp_path, capsys):
    drawn = shapes_file(tmp_path / "c.json", frames=(20, 5))
    assert command(sample_clip, "--contours", drawn, "--keyframes", keyframes, "--output", tmp_path) == 1
    told = capsys.readouterr().err
    assert "ED contour on frame 20 lies on no ED frame (ED frames: 21)" in told and "leave out --keyframes" in told
    assert command(sample_clip, "--contours", drawn, "--output", tmp_path) == 0


def test_keyframes_that_a_person_changed_give_frames_times_and_rate(film, tmp_path, capsys):
    found = [{"phase": phase, "frame": frame} for phase, frame in (("ED", 1), ("ES", 8), ("ED", 12))]
    document = {"schema": 1, "source": film.name, "sop_instance_uid": None, "view": None, "frames": 16,
                "frame_rate": 60, "timing": "given frame rate", "model": "motion", "decoder": "beats", "heart_rate": 1,
                "version": "1", "keyframes": found, "beats": [], "warnings": []}  # fmt: skip
    path = tmp_path / "film.keyframes.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    drawn = shapes_file(tmp_path / "c.json", "A4C", frames=(1, 8))
    arguments = (film, "--contours", drawn, "--keyframes", path, "--spacing", 1, 1, "--force", "--output", tmp_path)
    for rate, more in ((60, ()), (30, ("--fps", 30))):  # as detection was told, or anew
        assert command(*arguments, *more) == 0
        [beat] = json.loads((tmp_path / "Kammer ü.measurement.json").read_text(encoding="utf-8"))["beats"]
        assert beat["heart_rate"] == pytest.approx(60 * rate / 11)


def test_keyframes_of_another_cine(film, keyframes, tmp_path, capsys):
    drawn = shapes_file(tmp_path / "c.json")
    assert command(film, "--contours", drawn, "--keyframes", keyframes, "--output", tmp_path) == 1
    assert "its keyframes file is that of another cine" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "message"), [
    (["--contours", "a"], "name a CINE"),
    (["a"], "or find them with --auto"),
    (["a", "--auto", "--start", "--contours", "a"], "--start carries a contour on"),
    (["a", "a", "--auto"], "the same cine is named twice"),
    (["a", "b", "c", "--contours", "a"], "more cannot be combined"),
    (["a", "b", "--contours", "a"], "--contours is needed once for each cine"),
    (["a", "--contours", "a", "--view", "A4C", "A2C"], "--view is needed once for each cine"),
    (["a", "b", "--contours", "a", "b", "--spacing", "1", "1"], "--spacing is needed once for each cine"),
])  # fmt: skip
def test_arguments_that_cannot_be_used(arguments, message, tmp_path, capsys):
    assert command(*arguments, "--output", tmp_path) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("spacing", [("0", "1"), ("nan", "1"), ("-1", "1"), ("x", "1"), ("100", "100")])
def test_a_spacing_is_that_of_an_echo(spacing, tmp_path):
    with pytest.raises(SystemExit) as ended:
        command("a", "--contours", "a", "--output", tmp_path, "--spacing", *spacing)
    assert ended.value.code == 2


def test_what_is_missing_is_named(film, contours, tmp_path, capsys):
    assert command(tmp_path / "gone.dcm", "--contours", contours, "--output", tmp_path / "new" / "out") == 1
    assert "gone.dcm" in capsys.readouterr().err and not list(tmp_path.iterdir())
    assert command(film, "--contours", tmp_path / "gone.json", "--output", tmp_path) == 1
    assert "gone.json" in capsys.readouterr().err
