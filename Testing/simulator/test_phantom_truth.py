"""What the phantom writes beside its cines: the truth of every frame, masks, and nothing by halves on a full disk."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from EchoKeyframeLib.batch.inputs import find_jobs
from EchoKeyframeLib.cine.cine import CineError
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.datasets.labels import read_labels
from EchoKeyframeLib.datasets.open_dataset import open_dataset
from EchoKeyframeLib.simulator.config import PhantomConfig
from EchoKeyframeLib.simulator.phantom import simulate
from EchoKeyframeLib.simulator.recording import FORMATS, write_dicom, write_recordings
from PIL import Image, ImageSequence

CONFIG = PhantomConfig(frames=40, size=48, rows=48, beams=32, fps=(30, 50), heart_rate=(70, 110), mask=True)
SEEDS = range(60, 64)
SMALL = ["--count", "1", "--frames", "30", "--size", "48"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "Wahrheit ä"
    write_recordings(folder, len(SEEDS), SEEDS[0], config=CONFIG)
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def truth_of(folder: Path, file: str) -> dict[str, np.ndarray]:
    rows = [row for row in table(folder / "truth.csv") if row["file"] == file]
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0] if name != "file"}


def test_every_frame_has_its_truth(recorded):
    batch = simulate(SEEDS, CONFIG)
    for index, label in enumerate(read_labels(recorded)):
        truth = truth_of(recorded, label.file)
        assert truth["frame"].tolist() == list(range(40))
        assert truth["time"] == pytest.approx(batch.times()[index], abs=1e-6)
        for name in ("volume", "mitral", "aortic"):
            assert truth[name] == pytest.approx(getattr(batch, name)[index].numpy(), abs=1e-4)
            assert 0 <= truth[name].min() < 0.1 and 0.9 < truth[name].max() <= 1


def test_truth_agrees_with_the_labels(recorded):
    """The volume is largest at ED and smallest at ES, the mitral valve closed and the aortic one open between them."""
    seen = 0
    for label in read_labels(recorded):
        truth = truth_of(recorded, label.file)
        volume, frames = truth["volume"], truth["frame"]
        for keyframes, sign in ((label.ed, 1), (label.es, -1)):
            for frame in (int(frame) for frame in keyframes if 3 <= frame <= 36):
                near = sign * volume[frame - 3 : frame + 4]
                assert near[3] > near.max() - 0.06
                # An ED may be one of several frames in which the volume is the largest that is told, 1.
                assert np.abs(np.flatnonzero(near == near.max()) - 3).min() <= 1
                seen += 1
        for ed in label.ed:
            systole = [es for es in label.es if es > ed][:1]
            inside = (frames > ed) & (frames < (systole[0] if systole else -1))
            assert (truth["mitral"][inside] < 0.01).all()
            if inside.sum() > 5 and ed >= 0:
                assert truth["aortic"][inside].max() > 0.8
        assert (np.minimum(truth["mitral"], truth["aortic"]) < 0.01).all(), "both valves open at once"
    assert seen > 8


def test_masks_open_as_images_and_follow_the_volume(recorded):
    batch = simulate(SEEDS, CONFIG)
    for index, label in enumerate(read_labels(recorded)):
        with Image.open(recorded / label.file.replace(".avi", ".mask.tif")) as image:
            pages = np.stack([np.array(page) for page in ImageSequence.Iterator(image)])
        assert pages.dtype == np.uint8 and np.array_equal(pages, 255 * batch.mask[index].numpy())
        area = (pages > 0).mean((1, 2))
        assert np.corrcoef(area, truth_of(recorded, label.file)["volume"])[0, 1] > 0.8


def test_what_lies_beside_the_cines_is_taken_for_none(recorded, tmp_path, capsys):
    assert [path.suffix for path in recorded.glob("simulated-*.mask.*")] == [".tif"] * len(SEEDS)
    dataset = open_dataset(recorded)
    assert not dataset.findings and len(dataset) == len(SEEDS)
    jobs, unreadable = find_jobs([str(recorded)], tmp_path)
    assert [job.cine.name for job in jobs] == [cine.labels.file for cine in dataset.cines] and not unreadable
    assert main(["check", str(recorded)]) == 0
    assert "nothing must be mended" in capsys.readouterr().out


@pytest.mark.parametrize("format", FORMATS)
def test_all_formats_have_truth_and_masks_on_demand(format, tmp_path):
    assert main(["phantom", str(tmp_path / "with"), *SMALL, "--format", format, "--masks"]) == 0
    assert main(["phantom", str(tmp_path / "without"), *SMALL, "--format", format]) == 0
    cine = "simulated-0000000" + (".dcm" if format == "dicom" else ".avi")
    tables = {"labels.csv", "parameters.csv", "truth.csv"}
    assert {path.name for path in (tmp_path / "without").iterdir()} == {cine, *tables}
    assert {path.name for path in (tmp_path / "with").iterdir()} == {cine, "simulated-0000000.mask.tif", *tables}
    for name in tables:
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()


def test_masks_leave_the_frames_as_they_are():
    assert torch.equal(simulate([61], CONFIG).frames, simulate([61], replace(CONFIG, mask=False)).frames)


def test_a_full_disk_leaves_no_half_file_and_is_told(tmp_path):
    """A limit on the size of files stands in for the full disk: the system refuses the rest of a write."""
    resource = pytest.importorskip("resource")
    batch = simulate([1], replace(CONFIG, mask=False))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(CineError, match=r"^loop.dcm: cannot be written \(File too large\); .*free space$"):
            write_dicom(tmp_path / "loop.dcm", batch, 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_ranges_of_heart_rate_and_ejection_fraction(tmp_path):
    ranges = ["--heart-rate", "50", "60", "--ejection-fraction", "20", "30", "--without", "arrhythmia"]
    assert main(["phantom", str(tmp_path), *SMALL[2:], "--count", "3", *ranges]) == 0
    for row in table(tmp_path / "parameters.csv"):
        assert 48 <= float(row["heart_rate"]) <= 62 and 20 <= float(row["ejection_fraction"]) <= 30


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--heart-rate", "90", "60"], "heart_rate must be a range above 0, got 90.0 to 60.0"),
        (["--heart-rate", "5", "60"], "between 20 and 200"),
        (["--heart-rate", "60", "300"], "between 20 and 200"),
        (["--heart-rate", "nan", "60"], "must lie above 0"),
        (["--heart-rate", "60"], "expected 2 arguments"),
        (["--ejection-fraction", "60", "30"], "ejection_fraction must be a range above 0"),
        (["--ejection-fraction", "0", "30"], "must lie above 0"),
        (["--ejection-fraction", "50", "90"], "up to 85 %"),
    ],
)
def test_impossible_ranges_are_told_and_leave_nothing(options, told, tmp_path, capsys):
    try:
        code = main(["phantom", str(tmp_path / "out"), *SMALL, *options])
    except SystemExit as error:  # how argparse ends
        code = error.code
    assert code == 2 and told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("more", [[], ["--store"]])
def test_a_file_is_no_folder(more, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("afile").write_text("in the way", encoding="utf-8")
    assert main(["phantom", "afile", *SMALL, *more]) == 2
    assert "error: 'afile' is not a folder" in capsys.readouterr().err
    assert Path("afile").read_text(encoding="utf-8") == "in the way"
