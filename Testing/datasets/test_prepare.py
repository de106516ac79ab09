"""An archive made into a data set: what is left in the pictures, what leads back to patients, what a kill costs."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from drawn_ventricle import write_video
from EchoKeyframeLib import __version__
from EchoKeyframeLib.cine.cine import Cine, CineError, Source
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cine.sector import find_sector
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.datasets.clip_labels import ClipLabels
from EchoKeyframeLib.datasets.labels import read_readings, write_readings
from EchoKeyframeLib.datasets.manifest import ManifestEntry, append_entry, read_manifest, write_manifest
from EchoKeyframeLib.datasets.preparation import prepare_cine
from EchoKeyframeLib.datasets.pseudonyms import make_key, patient_identity, read_key
from EchoKeyframeLib.datasets.readers import ClipReadings

IDENTITY = ("Doe", "Jane", "4711", "19551224")


# One cine


@pytest.fixture(scope="module")
def cine(beating_cine) -> Cine:
    """The drawn ventricle on a wide screen with text, a bar and a moving trace beside it."""
    frames = np.zeros((60, 160, 240), np.uint8)
    frames[:, 20:148, 60:188] = beating_cine.frames
    frames[:, 4:14, 4:60] = 255
    frames[:, 20:150, 228:236] = 180
    for i, frame in enumerate(frames):
        frame[150:156, 2 + 3 * i : 8 + 3 * i] = 255
    return replace(beating_cine, frames=frames, spacing=(0.8, 0.8), source=Source("loop.avi"))


@pytest.mark.parametrize("size", [64, 112, 300])
def test_only_the_sector_is_left_at_the_size_asked_for_with_its_spacing(cine, size):
    sector = find_sector(cine)
    prepared = prepare_cine(cine, size)
    assert prepared.frames.shape == (60, size, size) and prepared.rate == pytest.approx(30)
    scale = max(sector.box.height, sector.box.width) / size
    assert prepared.spacing == pytest.approx((0.8 * scale, 0.8 * scale), rel=0.02)
    assert prepared.frames.max() < 240, "text and traces are pure white, tissue is not"
    assert prepared.frames.std() > 5


def test_the_length_of_a_structure_in_mm_outlives_resizing(cine):
    """Anisotropic pixels: what is 40 mm wide and high before is so afterwards."""
    drawn = np.zeros((60, 200, 240), np.uint8)
    drawn[:, 10:190:2, 20:220] = 60
    drawn[::2] += 20
    drawn[:, 50:150, 80:160] = 200
    spaced = replace(cine, frames=drawn, spacing=(0.4, 0.5))
    prepared = prepare_cine(spaced, 112, whole_frame=True)
    rows, columns = np.nonzero(prepared.frames[0] > 140)
    assert np.ptp(rows) * prepared.spacing[0] == pytest.approx(40, rel=0.06)
    assert np.ptp(columns) * prepared.spacing[1] == pytest.approx(40, rel=0.06)


def test_native_keeps_every_pixel_of_the_sector(cine):
    sector = find_sector(cine)
    prepared = prepare_cine(cine, None)
    expected = np.where(sector.mask, cine.frames, 0)[:, *sector.box.slices]
    np.testing.assert_array_equal(prepared.frames, expected)
    assert prepared.spacing == (0.8, 0.8)


def test_shrinking_does_not_alias(cine):
    """A checkerboard of single pixels is a flat gray when it shrinks; plain interpolation would make patterns."""
    board = np.indices((400, 400)).sum(axis=0) % 2 * 200
    frames = np.stack([board, board + 10] * 4).astype(np.uint8)
    prepared = prepare_cine(replace(cine, frames=frames, times=cine.times[:8], spacing=None), 112, whole_frame=True)
    assert prepared.frames[0, 20:90, 20:90].std() < 12


def test_without_a_sector_a_cine_is_left_out_unless_a_person_vouches_for_it(cine):
    report = np.zeros((60, 160, 240), np.uint8)
    report[:, 4:14, 4:60] = 255
    still = replace(cine, frames=report)
    assert not find_sector(still).found
    with pytest.raises(CineError, match=r"left out, because no scan sector was found .* --whole-frame"):
        prepare_cine(still, 112)
    assert prepare_cine(still, None, whole_frame=True).frames.max() == 255


def test_a_single_frame_is_no_cine_and_uneven_times_are_said(cine):
    with pytest.raises(CineError, match="has 1 frame"):
        prepare_cine(replace(cine, frames=cine.frames[:1], times=cine.times[:1]), 112)
    times = cine.times.copy()
    times[30:] += 0.4
    prepared = prepare_cine(replace(cine, times=times), 112)
    assert prepared.rate == pytest.approx(59 / times[-1]) and "uneven" in prepared.warnings[-1]


# Names


def test_names_need_the_key_and_are_the_same_again(tmp_path):
    pseudonyms = make_key(tmp_path / "a.key")
    again, other = read_key(tmp_path / "a.key"), make_key(tmp_path / "b.key")
    path = Path("sub") / "Doe_Jane.dcm"
    assert pseudonyms.cine(path) == again.cine(path) != other.cine(path)
    assert pseudonyms.patient("4711") == again.patient("4711") != other.patient("4711")
    assert pseudonyms.patient("") == "" and "Doe" not in pseudonyms.cine(path)
    assert pseudonyms.cine(Path("A\u0308.dcm")) == pseudonyms.cine(Path("\u00c4.dcm")), "systems write either form"
    assert pseudonyms.key not in repr(pseudonyms)
    if os.name == "posix":
        assert (tmp_path / "a.key").stat().st_mode & 0o077 == 0
    with pytest.raises(CineError):
        make_key(tmp_path / "a.key")
    (tmp_path / "b.key").write_text("my shopping list", encoding="ascii")
    with pytest.raises(CineError, match="holds no key"):
        read_key(tmp_path / "b.key")


# The manifest


def test_a_manifest_that_a_kill_cut_keeps_its_whole_lines(tmp_path):
    entries = [ManifestEntry("b.avi", "prepared", warnings='says "so", twice\u2028'), ManifestEntry("a", "failed")]
    write_manifest(tmp_path, entries)
    append_entry(tmp_path, ManifestEntry("c.avi", "prepared", message="cut"))
    whole = (tmp_path / "manifest.csv").read_bytes()
    assert list(read_manifest(tmp_path)) == ["a", "b.avi", "c.avi"]
    assert read_manifest(tmp_path)["b.avi"] == entries[0]
    for cut in range(1, 12):
        (tmp_path / "manifest.csv").write_bytes(whole[:-cut])
        assert list(read_manifest(tmp_path)) == ["a", "b.avi"]
    (tmp_path / "manifest.csv").write_text("my,table\n", encoding="utf-8")
    with pytest.raises(CineError, match="no manifest"):
        read_manifest(tmp_path)


# The command


@pytest.fixture(scope="module")
def archive(tmp_path_factory, sample_clip, beating_video) -> Path:
    """Two cines of a patient whose name is in tags and file names, a video, a broken file, a page of text; labels."""
    folder = tmp_path_factory.mktemp("archive ü")
    (folder / "Doe_Jane").mkdir()
    dataset = pydicom.dcmread(sample_clip)
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Doe^Jane", "PID-4711", "19551224"
    dataset.save_as(folder / "Doe_Jane" / "Doe_1.dcm")
    dataset.save_as(folder / "Doe_Jane" / "Doe_2.dcm")
    shutil.copy(beating_video, folder / "Doe_film.avi")
    (folder / "Doe_broken.dcm").write_text("no DICOM", encoding="utf-8")
    page = np.zeros((10, 96, 128), np.uint8)
    page[:, 10:20, 10:60] = 255
    write_video(folder / "Doe_page.avi", page)
    labels = [ClipLabels("Doe_film.avi", (0.0, 30.0), (15.0, 45.0), 60, 30.0, "A4C"),
              ClipLabels("Doe_Jane/Doe_1.dcm", (21.0,), (5.0,), 30), ClipLabels("Doe_broken.dcm", (1.0,), (5.0,))]
    write_readings(folder / "labels.csv", [ClipReadings({"anna": clip}, patient="Doe, Jane 4711") for clip in labels])
    return folder


def prepare(*arguments: object) -> int:
    return main(["prepare", *map(str, arguments), "--jobs", "1"])


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, archive) -> Path:
    folder = tmp_path_factory.mktemp("prepared") / "set"
    assert prepare(archive, "--output", folder, "--mapping", folder.parent / "who.csv") == 1
    return folder


def everything_in(folder: Path) -> str:
    return "".join(path.name + path.read_text(encoding="latin-1") for path in folder.rglob("*") if path.is_file())


def test_the_folder_holds_cines_a_manifest_and_nothing_of_the_patient(prepared, archive):
    entries = read_manifest(prepared)
    good = [entry for entry in entries.values() if entry.status == "prepared"]
    assert {entry.file for entry in good} == {path.name for path in prepared.glob("*.avi")} and len(good) == 3
    for entry in good:
        cine = read_cine(prepared / entry.file)
        assert (len(cine), cine.size) == (int(entry.frames), (112, 112))
        assert cine.fps == pytest.approx(float(entry.fps), rel=1e-4)
    assert sorted(bool(entry.patient) for entry in good) == [False, True, True]
    assert len({entry.patient for entry in good if entry.patient}) == 1
    assert len({entry.row_spacing for entry in good if entry.patient} - {""}) == 1
    failed = [entry for entry in entries.values() if entry.status == "failed"]
    assert len(failed) == 2 and all(entry.message.startswith(entry.file) for entry in failed)
    assert sum("no scan sector" in entry.message for entry in failed) == 1
    told = everything_in(prepared)
    assert not [part for part in (*IDENTITY, str(archive), read_key(prepared.with_name("set.key")).key) if part in told]


def test_labels_go_with_their_cines(prepared):
    [film, loop] = sorted(read_readings(prepared), key=lambda clip: -len(clip.by_reader["anna"].ed))
    assert film.by_reader["anna"].ed == (0, 30) and film.by_reader["anna"].view == "A4C"
    assert loop.by_reader["anna"].es == (5,)
    assert all((prepared / clip.file).is_file() for clip in (film, loop))
    assert loop.patient == read_manifest(prepared)[loop.file].patient and film.patient.startswith("patient-")


def test_the_mapping_is_written_on_demand_and_the_terminal_is_none(prepared, archive, tmp_path, capsys):
    with (prepared.parent / "who.csv").open(encoding="utf-8", newline="") as file:
        mapping = {row["source"]: row["file"] for row in csv.DictReader(file)}
    assert (prepared / mapping["Doe_Jane/Doe_2.dcm"]).is_file() and len(mapping) == 5
    assert prepare(archive, "--output", tmp_path / "set") == 1
    told = capsys.readouterr()
    assert "cine-" not in told.out + told.err and "Doe_broken.dcm" in told.err
    assert {path.name for path in tmp_path.iterdir()} == {"set", "set.key"}


def test_a_second_run_prepares_only_what_is_missing(prepared, archive, tmp_path, capsys):
    output = tmp_path / "set"
    shutil.copytree(prepared, output)
    shutil.copy(prepared.with_name("set.key"), tmp_path)
    manifest = (output / "manifest.csv").read_bytes()
    first, *others = sorted(output.glob("*.avi"))
    cut = manifest.splitlines()[-1].decode().split(",")[0]  # names are random, so it may be a cine or a failure
    written = {path: path.stat().st_mtime_ns for path in others if path.name != cut}
    first.unlink()
    (output / ".writing-0.avi").write_bytes(b"what a killed run was at")
    (output / "manifest.csv").write_bytes(manifest[:-3])
    assert prepare(archive, "--output", output) == 1
    assert (output / "manifest.csv").read_bytes() == manifest
    assert first.is_file() and not list(output.glob(".writing-*"))
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert "already there" in capsys.readouterr().out
    assert (output / "labels.csv").read_bytes() == (prepared / "labels.csv").read_bytes()


def test_the_papers_preset_is_320_pixels_unless_a_size_is_given(tmp_path, beating_video):
    archive = tmp_path / "archive"
    archive.mkdir()
    shutil.copy(beating_video, archive)
    for arguments, size in ((["--preset", "paper"], 320), (["--preset", "paper", "--size", "64"], 64)):
        output = tmp_path / f"set {size}"
        assert prepare(archive, "--output", output, "--whole-frame", *arguments) == 0
        [made] = output.glob("*.avi")
        assert read_cine(made).size == (size, size)


def test_other_choices_need_force_and_the_key_stays(prepared, archive, tmp_path, capsys):
    output = tmp_path / "set"
    shutil.copytree(prepared, output)
    assert prepare(archive, "--output", output) == 2 and "key of this folder is missing" in capsys.readouterr().err
    make_key(tmp_path / "set.key")
    assert prepare(archive, "--output", output, "--force") == 2 and "is not the key" in capsys.readouterr().err
    key = prepared.with_name("set.key")
    assert prepare(archive, "--output", output, "--key", key, "--size", "64") == 2
    assert "another size; --force" in capsys.readouterr().err
    assert prepare(archive, "--output", output, "--key", key, "--size", "native", "--codec", "mjpeg", "--force") == 1
    assert {path.name for path in output.glob("*.avi")} == {path.name for path in prepared.glob("*.avi")}
    assert len({read_cine(path).size for path in output.glob("*.avi")}) == 2
    assert json.loads((output / "preparation.json").read_text(encoding="utf-8"))["size"] is None


def test_a_forced_run_that_is_stopped_leaves_no_mixture_that_counts_as_done(prepared, archive, tmp_path, monkeypatch):
    from EchoKeyframeLib.commands import prepare as command

    output = tmp_path / "set"
    shutil.copytree(prepared, output)
    arguments = (archive, "--output", output, "--key", prepared.with_name("set.key"), "--size", "64")

    def stopped(*_):
        raise KeyboardInterrupt
        yield

    with monkeypatch.context() as patch:
        patch.setattr(command, "worked_on_cores", stopped)
        assert prepare(*arguments, "--force") == 130
    assert prepare(*arguments) == 1
    assert {read_cine(path).size for path in output.glob("*.avi")} == {(64, 64)}


def test_simulated_cines_stay_called_simulated(tmp_path, beating_video):
    (tmp_path / "in").mkdir()
    shutil.copy(beating_video, tmp_path / "in" / "simulated-0000007.avi")
    assert prepare(tmp_path / "in", "--output", tmp_path / "out") == 0
    [path] = (tmp_path / "out").glob("*.avi")
    assert path.name.startswith("simulated-cine-")


@pytest.mark.parametrize("arguments", [
    "missing --output out", "in --output in", "in --output in/out", "in/sub --output in", "file --output out",
    "in --output out --key out/k", "in --output out --mapping out/m.csv", "in --output out --size 0",
    "in --output out --size 31", "in --output out --size 9999", "in --output out --codec h264",
    "in --output out --mapping binary", "in --output out --mapping empty", "in --output file", "empty --output out",
    "in --output out --key file", "in --output foreign",
])  # fmt: skip
def test_unusable_arguments_end_with_2_and_leave_nothing(tmp_path, beating_video, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    for folder in ("in/sub", "empty", "foreign"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("in/a.avi", "in/sub/b.avi"):
        shutil.copy(beating_video, tmp_path / name)
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00" * 100)
    (tmp_path / "foreign" / "manifest.csv").write_text("my,manifest\n", encoding="utf-8")
    before = {path for path in tmp_path.rglob("*")}
    try:
        code = prepare(*arguments.split())
    except SystemExit as error:
        code = error.code
    assert code == 2 and {path for path in tmp_path.rglob("*")} == before


@pytest.mark.skipif(os.name != "posix", reason="kills a process as POSIX systems do")
def test_a_killed_run_is_resumed(tmp_path, beating_video):
    (tmp_path / "in").mkdir()
    for number in range(12):
        shutil.copy(beating_video, tmp_path / "in" / f"{number:02}.avi")
    command = [sys.executable, "-m", "EchoKeyframeLib", "prepare", str(tmp_path / "in"), "--jobs", "1",
               "--output", str(tmp_path / "out")]  # fmt: skip
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while len(list((tmp_path / "out").glob("*.avi"))) < 2:
            assert running.poll() is None
            time.sleep(0.01)
    finally:
        running.kill()
        running.wait(60)
    there = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.avi")
             if path.name in read_manifest(tmp_path / "out")}  # fmt: skip
    assert 0 < len(there) < 12
    assert prepare(tmp_path / "in", "--output", tmp_path / "out") == 0
    assert len(read_manifest(tmp_path / "out")) == 12 == len(list((tmp_path / "out").glob("*.avi")))
    assert {path: path.stat().st_mtime_ns for path in there} == there


def test_patient_identity_is_that_of_the_file(archive, beating_video):
    assert patient_identity(archive / "Doe_Jane" / "Doe_1.dcm").startswith("PID-4711\0")
    assert patient_identity(archive / "Doe_broken.dcm") == patient_identity(beating_video) == ""


@pytest.mark.parametrize("name", ["DIRW0007.dcm", "apical-long-axis.mp4"])
def test_real_loops_lose_what_is_beside_the_sector(development_data, name):
    prepared = prepare_cine(read_cine(development_data / name), None)
    frames, side = prepared.frames, 20
    corners = [frames[:, :side, :side], frames[:, :side, -side:], frames[:, -side:, :side], frames[:, -side:, -side:]]
    assert prepared.sector == "sector" and not any(corner.any() for corner in corners)
    assert frames.mean() > 10


def test_a_folder_of_another_version_is_not_mixed_with(prepared, archive, tmp_path, capsys):
    output = tmp_path / "set"
    shutil.copytree(prepared, output)
    shutil.copy(prepared.with_name("set.key"), tmp_path)
    record = output / "preparation.json"
    record.write_text(record.read_text(encoding="utf-8").replace(__version__, "0.1.0"), encoding="utf-8")
    assert prepare(archive, "--output", output) == 2
    assert "prepared with another version" in capsys.readouterr().err
