"""Keyframes and beats as files: what other programs read in them, what they never show, what is never overwritten."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from EchoKeyframeLib.cine.cine import Cine, CineError, Source
from EchoKeyframeLib.cine.sector import Sector, find_sector, whole_frame
from EchoKeyframeLib.cine.video import read_video
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.detection.beats import form_beats
from EchoKeyframeLib.detection.keyframes import Beat, Keyframe, Phase
from EchoKeyframeLib.export.export_cine import export_cine
from EchoKeyframeLib.export.formats import FORMATS
from EchoKeyframeLib.export.record import Request, is_exported
from EchoKeyframeLib.report.outputs import OutputExists
from PIL import Image

PICTURES = tuple(name for name in FORMATS if FORMATS[name].shows_frames)


@pytest.fixture(scope="module")
def cine(beating_cine) -> Cine:
    """The drawn ventricle, calibrated, in colour, with a name burned in beside the sector."""
    frames = np.repeat(beating_cine.frames[..., np.newaxis], 3, axis=3)
    frames[:, 4:12, 4:40] = (255, 200, 0)
    return replace(beating_cine, frames=frames, spacing=(0.8, 0.4), view="A4C", source=Source("loop.dcm"))


@pytest.fixture(scope="module")
def sector(cine) -> Sector:
    found = find_sector(cine)
    assert found.found and not found.mask[4:12, 4:40].any()
    return found


@pytest.fixture(scope="module")
def beats() -> tuple[Beat, ...]:
    """ED 3, ES 15, ED 31, ES 45: a whole beat, and one that the clip cuts."""
    frames = ((Phase.ED, 3), (Phase.ES, 15), (Phase.ED, 31), (Phase.ES, 45))
    return form_beats([Keyframe(phase, frame, frame / 30, 0.9) for phase, frame in frames])[1]


def request(*formats: str, **choices) -> Request:
    return Request("loop.dcm", formats or PICTURES, "made here", **choices)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture(scope="module")
def exported(tmp_path_factory, cine, sector, beats) -> Path:
    pytest.importorskip("SimpleITK")
    folder = tmp_path_factory.mktemp("Ausgabe ü 心") / "sub"
    _, warnings = export_cine(folder / "loop", cine, sector, beats, request())
    assert warnings == ["beat 2 is cut by the clip's ends, so there is no video of it"]
    return folder


def test_names_say_view_beat_phase_and_frame(exported):
    frames = ("beat01-ED-frame0003", "beat01-ES-frame0015", "beat02-ED-frame0031", "beat02-ES-frame0045")
    assert names(exported) == {
        "loop.export.json", "loop.A4C-beat01-frames0003-0031.avi", "loop.A4C-beat01-frames0003-0031.mp4",
        *(f"loop.A4C-{frame}{suffix}" for frame in frames for suffix in (".png", ".nrrd", ".nii.gz")),
    }  # fmt: skip


def test_a_picture_is_the_frame_inside_the_sector_with_its_calibration(exported, cine, sector):
    image = Image.open(exported / "loop.A4C-beat01-ES-frame0015.png")
    pixels = np.asarray(image)
    np.testing.assert_array_equal(pixels[sector.mask], cine.frames[15][sector.mask])
    assert not pixels[~sector.mask].any()
    assert image.info["dpi"] == pytest.approx((25.4 / 0.4, 25.4 / 0.8), rel=1e-3)
    assert image.info["EchoKeyframe.phase"] == "ES" and image.info["EchoKeyframe.time_s"] == "0.500000"


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz"])
def test_a_volume_is_gray_calibrated_in_mm_and_upright_in_an_axial_view(exported, cine, sector, suffix):
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.ReadImage(str(exported / f"loop.A4C-beat02-ED-frame0031{suffix}"))
    assert image.GetSize() == (128, 128, 1) and image.GetNumberOfComponentsPerPixel() == 1
    assert image.GetSpacing() == pytest.approx((0.4, 0.8, 1.0)) and image.GetOrigin() == (0, 0, 0)
    assert image.GetDirection() == pytest.approx((1, 0, 0, 0, 1, 0, 0, 0, 1)), "ITK: left, posterior, superior"
    expected = np.where(sector.mask, cine.gray(31), 0)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image)[0], expected)
    if suffix == ".nrrd":
        assert image.GetMetaData("EchoKeyframe.phase") == "ED" and image.GetMetaData("EchoKeyframe.beat") == "2"
        assert float(image.GetMetaData("EchoKeyframe.time_s")) == pytest.approx(31 / 30)
    else:
        assert image.GetMetaData("descrip").startswith("A4C-beat02-ED-frame0031, 1.0333 s")
        assert int(image.GetMetaData("xyzt_units")) & 7 == 2, "NIFTI_UNITS_MM"


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz"])
def test_slicer_puts_a_volume_where_its_cine_lies(exported, cine, suffix, tmp_path):
    pytest.importorskip("slicer", reason="needs slicer-core")
    import vtk
    from EchoKeyframeLib.scene.loop.cine_sequence import add_cine_sequence
    from mrml_scene import new_scene, slicer

    kept = new_scene(tmp_path)
    sequence, _ = add_cine_sequence(kept.scene, cine)
    volume = kept.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    kept.scene.AddNode(storage)
    storage.SetFileName(str(exported / f"loop.A4C-beat01-ED-frame0003{suffix}"))
    storage.SetCenterImage(0)
    assert storage.ReadData(volume)
    matrices = [vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()]
    for node, matrix in zip((volume, sequence.GetNthDataNode(3)), matrices, strict=True):
        node.GetIJKToRASMatrix(matrix)
    of_file, of_cine = ([matrix.GetElement(i, j) for i in range(4) for j in range(4)] for matrix in matrices)
    assert of_file == pytest.approx(of_cine, abs=1e-6)


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_a_video_is_the_beat_from_ed_to_next_ed_at_its_own_rate(exported, cine, sector, suffix):
    video = read_video(exported / f"loop.A4C-beat01-frames0003-0031{suffix}")
    assert len(video) == 29 and video.fps == pytest.approx(30, rel=1e-4)
    expected = np.where(sector.mask[..., np.newaxis], cine.frames[3:32], 0)
    difference = np.abs(video.frames.reshape(*video.frames.shape[:3], -1).astype(int) - expected)
    assert difference.max() == 0 if suffix == ".avi" else difference.mean() < 4


def test_uneven_times_give_the_mean_rate_and_a_warning(tmp_path, cine, sector, beats):
    times = cine.times.copy()
    times[20:] += 0.5
    uneven = replace(cine, times=times)
    [path], warnings = export_cine(tmp_path / "loop", uneven, sector, beats, request("avi", beats=(1,)))
    assert read_video(path).fps == pytest.approx(28 / (28 / 30 + 0.5), rel=1e-3)
    assert len(warnings) == 1 and "uneven in time" in warnings[0]


def test_unknown_pixel_size_is_said_in_files_and_warnings(tmp_path, cine, sector, beats):
    sitk = pytest.importorskip("SimpleITK")
    plain = replace(cine, spacing=None, view=None)
    paths, warnings = export_cine(tmp_path / "loop", plain, sector, beats, request("png", "nrrd", beats=(2,)))
    assert paths[0].name == "loop.beat02-ED-frame0031.png"
    assert len(warnings) == 1 and "unknown" in warnings[0]
    assert sitk.ReadImage(str(paths[-1])).GetMetaData("EchoKeyframe.spacing_mm") == "unknown"
    assert "dpi" not in Image.open(paths[0]).info


def test_the_record_lists_every_file_with_its_keyframes(exported, beats):
    document = json.loads((exported / "loop.export.json").read_text(encoding="utf-8"))
    files = {entry.pop("file"): entry for entry in document["files"]}
    assert files.keys() == names(exported) - {"loop.export.json"}
    beat = files["loop.A4C-beat01-frames0003-0031.avi"]
    assert (beat["beat"], beat["first_frame"], beat["last_frame"], beat["spacing_mm"]) == (1, 3, 31, [0.8, 0.4])
    assert [Keyframe(**keyframe) for keyframe in beat["keyframes"]] == [beats[0].ed, beats[0].es, beats[0].next_ed]


def test_text_beside_the_sector_is_shown_only_where_a_person_asks_for_it(tmp_path, cine, sector, beats):
    lost = whole_frame(cine, "no echoes stand out")
    with pytest.raises(CineError, match=r"no scan sector was found .* --whole-frame"):
        export_cine(tmp_path / "loop", cine, lost, beats, request("png"))
    assert not names(tmp_path)
    [path, *_], _ = export_cine(tmp_path / "loop", cine, lost, beats, request("png", whole_frame=True))
    np.testing.assert_array_equal(np.asarray(Image.open(path)), cine.frames[3])


def test_forcing_another_choice_takes_pictures_of_the_whole_frame_away(tmp_path, cine, sector, beats):
    export_cine(tmp_path / "loop", cine, sector, beats, request("png", whole_frame=True))
    (tmp_path / "loop.mine.png").write_text("of a person", encoding="utf-8")
    wanted = request("png", beats=(2,))
    with pytest.raises(OutputExists, match="--force"):
        is_exported(tmp_path / "loop", wanted)
    export_cine(tmp_path / "loop", cine, sector, beats, wanted, force=True)
    assert names(tmp_path) == {"loop.export.json", "loop.mine.png", "loop.A4C-beat02-ED-frame0031.png",
                               "loop.A4C-beat02-ES-frame0045.png"}  # fmt: skip
    assert is_exported(tmp_path / "loop", wanted)


def test_an_export_that_was_cut_short_is_finished_and_foreign_files_stay(tmp_path, cine, sector, beats):
    files, _ = export_cine(tmp_path / "loop", cine, sector, beats, request("png"))
    files[1].unlink()
    assert not is_exported(tmp_path / "loop", request("png"))
    export_cine(tmp_path / "loop", cine, sector, beats, request("png"))
    assert is_exported(tmp_path / "loop", request("png"))
    (tmp_path / "loop.export.json").unlink()
    files[0].write_text("of a person", encoding="utf-8")
    with pytest.raises(OutputExists, match=r"frame0003\.png: is already there"):
        export_cine(tmp_path / "loop", cine, sector, beats, request("png"))
    assert files[0].read_text(encoding="utf-8") == "of a person"


@pytest.mark.parametrize("name", ["../outside.png", "other.png", "loop.export.json/../../x", 7])
def test_a_record_cannot_make_force_delete_anything_else(tmp_path, cine, sector, beats, name):
    folder = tmp_path / "out"
    export_cine(folder / "loop", cine, sector, beats, request("png"))
    record = folder / "loop.export.json"
    document = json.loads(record.read_text(encoding="utf-8"))
    document["files"][0]["file"] = name
    record.write_text(json.dumps(document), encoding="utf-8")
    for path in (tmp_path / "outside.png", folder / "other.png"):
        path.write_text("of a person", encoding="utf-8")
    with pytest.raises(OutputExists, match="no record of an export"):
        is_exported(folder / "loop", request("png"))
    export_cine(folder / "loop", cine, sector, beats, request("png"), force=True)
    assert (tmp_path / "outside.png").exists() and (folder / "other.png").exists()


@pytest.mark.parametrize(("choices", "message"), [
    ({"beats": (1, 7)}, "has no beat 7; there are 1, 2"),
    ({"beats": (2,), "formats": ("avi",)}, "no beat is whole"),
])  # fmt: skip
def test_what_cannot_be_exported_is_said(tmp_path, cine, sector, beats, choices, message):
    with pytest.raises(CineError, match=message):
        export_cine(tmp_path / "loop", cine, sector, beats, replace(request("png"), **choices))
    assert not names(tmp_path)


def test_only_measurable_beats_on_demand(tmp_path, cine, sector, beats):
    edge = replace(beats[0], ed=replace(beats[0].ed, at_edge=True))
    files, _ = export_cine(tmp_path / "loop", cine, sector, (edge, beats[1]), request("png", measurable=True))
    assert {"beat02" in path.name for path in files} == {True}
    wanted = request("png", "avi", "ko", measurable=True)
    files, warnings = export_cine(tmp_path / "loop", cine, sector, (edge,), wanted, force=True)
    assert files == warnings == [] and names(tmp_path) == {"loop.export.json"}
    with pytest.raises(CineError, match="no ED or ES frame was found"):
        export_cine(tmp_path / "other", cine, sector, (), request("png"))


def test_a_full_disk_leaves_what_was_there(tmp_path, cine, sector, beats, monkeypatch):
    export_cine(tmp_path / "loop", cine, sector, beats, request("png"))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(FORMATS, "avi", replace(FORMATS["avi"], write=full))
    with pytest.raises(OSError):
        export_cine(tmp_path / "loop", cine, sector, beats, request("png", "avi"), force=True)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


# The command


@pytest.fixture(scope="module")
def detected(tmp_path_factory, sample_clip, beating_video) -> Iterator[tuple[Path, Path]]:
    """A study of two cines, of which one names a patient in its tags, and what ``detect`` wrote for it."""
    study, results = tmp_path_factory.mktemp("study"), tmp_path_factory.mktemp("results")
    (study / "sub").mkdir()
    dataset = pydicom.dcmread(sample_clip)
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "PID-4711"
    dataset.save_as(study / "sub" / "loop.dcm")
    shutil.copy(beating_video, study / "film.avi")
    assert main(["detect", str(study), "--model", "motion", "--jobs", "1", "--output", str(results)]) == 0
    yield study, results


def test_export_takes_keyframes_that_detect_found_and_skips_what_is_there(detected, tmp_path, capsys):
    study, results = detected
    arguments = ["export", str(study), "--keyframes", str(results), "--format", "png", "avi", "--jobs", "1",
                 "--output", str(tmp_path)]  # fmt: skip
    assert main(arguments) == 0
    told = capsys.readouterr()
    found = json.loads((results / "sub" / "loop.keyframes.json").read_text(encoding="utf-8"))
    pictures = {path.name for path in (tmp_path / "sub").glob("*.png")}
    assert {f"{key['phase']}-frame{key['frame']:04}.png" for key in found["keyframes"]} == {
        name.split("-", 1)[1] for name in pictures}  # fmt: skip
    assert list(tmp_path.glob("film.beat01-frames*.avi"))
    everything = told.out + told.err + "".join(
        path.read_text(encoding="latin-1") for path in tmp_path.rglob("*") if path.is_file())  # fmt: skip
    assert not [part for part in ("Doe^", "Jane", "4711", str(study)) if part in everything]  # 3 letters come by chance
    assert main(arguments) == 0 and "2 already there" in capsys.readouterr().out


def test_export_detects_where_no_keyframes_are_given(detected, tmp_path, capsys):
    study, _ = detected
    arguments = ["export", str(study / "film.avi"), "--model", "motion", "--view", "A2C", "--output", str(tmp_path)]
    assert main(arguments) == 0
    assert list(tmp_path.glob("film.A2C-beat01-E?-frame*.png"))
    assert main([*arguments, "--whole-frame"]) == 1 and "whole_frame; use --force" in capsys.readouterr().err
    assert main([*arguments, "--whole-frame", "--force"]) == 0


def test_keyframes_of_another_cine_are_refused(detected, tmp_path, capsys):
    study, results = detected
    keyframes = str(results / "sub" / "loop.keyframes.json")
    assert main(["export", str(study / "film.avi"), "--keyframes", keyframes, "--output", str(tmp_path)]) == 1
    assert "film.avi: its keyframes file is that of another cine (file loop.dcm, not film.avi)" in (
        capsys.readouterr().err)  # fmt: skip
    other = pydicom.dcmread(study / "sub" / "loop.dcm")
    mine, other.SOPInstanceUID = other.SOPInstanceUID, "1.2.3"
    other.save_as(tmp_path / "loop.dcm")
    assert main(["export", str(tmp_path / "loop.dcm"), "--keyframes", keyframes, "--output", str(tmp_path)]) == 1
    assert f"(SOP instance {mine}, not 1.2.3)" in capsys.readouterr().err
    assert main(["export", str(study / "film.avi"), "--keyframes", str(tmp_path), "--output", str(tmp_path)]) == 1
    assert "run detect on the same arguments first" in capsys.readouterr().err


def test_a_cine_without_a_measurable_beat_is_no_failure_of_a_choice_of_such_beats(detected, tmp_path, capsys):
    study, results = detected
    kept = shutil.copytree(results, tmp_path / "results")
    path = kept / "sub" / "loop.keyframes.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    for keyframe in document["keyframes"]:
        keyframe["at_edge"] = True
    path.write_text(json.dumps(document), encoding="utf-8")
    arguments = ["export", str(study), "--keyframes", str(kept), "--format", "png", "--measurable", "--jobs", "1",
                 "--output", str(tmp_path / "out")]  # fmt: skip
    assert main(arguments) == 0
    told = capsys.readouterr()
    assert "loop.dcm: nothing to export: no measurable beat" in told.out and "2 done" in told.out
    assert "failed" not in told.err and list((tmp_path / "out").glob("film.*.png"))
    assert main(arguments) == 0 and "2 already there" in capsys.readouterr().out


def test_export_takes_keyframes_that_a_person_changed(detected, tmp_path):
    study, results = detected
    document = json.loads((results / "film.keyframes.json").read_text(encoding="utf-8"))
    moved = next(key for key in document["keyframes"] if key["phase"] == "ES")
    moved.update(frame=moved["frame"] + 2, source="manual")
    path = tmp_path / "film.keyframes.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert main(["export", str(study / "film.avi"), "--keyframes", str(path), "--output", str(tmp_path)]) == 0
    files = json.loads((tmp_path / "film.export.json").read_text(encoding="utf-8"))["files"]
    [shown] = [key for file in files for key in file["keyframes"] if key["source"] == "manual"]
    assert shown["frame"] == moved["frame"]
    assert shown["time"] == pytest.approx(read_video(study / "film.avi").times[moved["frame"]])


@pytest.mark.parametrize("arguments", [
    "--format tiff", "--beat 0", "--keyframes missing", "--keyframes . --model motion", "--model no-such",
])  # fmt: skip
def test_unusable_arguments_end_with_2(tmp_path, beating_video, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(["export", str(beating_video), "--output", "out", *arguments.split()])
    except SystemExit as error:
        code = error.code
    assert code == 2 and not (tmp_path / "out").exists()


def test_a_missing_extra_is_said_before_any_work(tmp_path, beating_video, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    assert main(["export", str(beating_video), "--format", "nrrd", "--output", str(tmp_path / "out")]) == 2
    assert 'pip install "echokeyframe[export]"' in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
@pytest.mark.parametrize("folder", ["out", "out\udcfe"])
def test_a_cine_named_in_bytes_that_are_no_text_is_exported_and_resumed(tmp_path, beating_video, capsys, folder):
    """ITK would end the process for such a path."""
    path = tmp_path / "beat\udcff.avi"
    path.write_bytes(beating_video.read_bytes())
    command = ["export", str(path), "--format", "png", "nrrd", "nifti", "avi", "--model", "motion",
               "--output", str(tmp_path / folder)]  # fmt: skip
    assert main(command) == 0
    names = os.listdir(tmp_path / folder)
    assert {Path(name).suffix for name in names} == {".png", ".nrrd", ".gz", ".avi", ".json"}
    assert all(name.startswith("beat\udcff.") for name in names)
    assert main(command) == 0 and "already" in "".join(capsys.readouterr())
