"""Training of the network that traces on EchoNet-Dynamic and CAMUS, alone and beside simulated clips."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("tensorboard")

from EchoKeyframeLib.cine.cine import CineError
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.commands.train_contour import FIRST_REPLAYED_SEED
from EchoKeyframeLib.datasets.open_dataset import open_dataset
from EchoKeyframeLib.models.registry import VIEW_WEIGHTS
from EchoKeyframeLib.training.contour.labelled_pool import beats_of, store_labelled_pool
from EchoKeyframeLib.training.contour.pool import CONFIG, Pool, PoolError, load_pool
from EchoKeyframeLib.training.contour.run import parts
from EchoKeyframeLib.training.contour.samples import Samples
from safetensors.numpy import load_file
from traced_sets import ED, ES, FRAMES, HALF, HEIGHT, SIZE, SMALLER, write_traced_camus, write_traced_echonet


@pytest.fixture(scope="module")
def echonet(tmp_path_factory):
    return write_traced_echonet(tmp_path_factory.mktemp("sets") / "EchoNet-Dynamic")


@pytest.fixture(scope="module")
def pool(echonet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    assert store_labelled_pool(folder, open_dataset(echonet)) == []
    return folder


def _area(contour: np.ndarray) -> float:
    x, y = contour.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def test_a_set_becomes_clips_with_the_borders_it_traced(pool):
    clips = load_pool(pool)
    assert len(clips) == 20 and clips.kind == "EchoNet-Dynamic" and clips.first_seed is None
    assert clips.frames.shape[1:] == (CONFIG.frames, CONFIG.size, CONFIG.size) and clips.apical.all()
    zoom = CONFIG.size / SIZE
    for clip in range(3):
        first, last = (clips.contours[clip, k].astype(float) for k in clips.traced(clip))
        drawn = np.pi / 2 * HALF * HEIGHT * zoom**2
        assert _area(first) == pytest.approx(drawn, rel=0.02) and _area(last) == pytest.approx(0.64 * drawn, rel=0.02)
        assert first[32, 1] == first[:, 1].min() and first[0, 0] < first[-1, 0]  # the apex in the middle
        for row, contour in zip(clips.traced(clip), (first, last), strict=True):
            (left, y), (right, _) = contour[0] - (0, 4), contour[-1]
            inside, beyond = (slice(round(left) + a, round(left) + b) for a, b in ((2, 6), (-6, -2)))
            picture = clips.frames[clip, row, round(y)].astype(int)
            assert picture[inside].mean() < 60 < 120 < picture[beyond].mean() and right - left > 20


def test_samples_look_at_traced_frames_only(pool):
    batch = Samples(load_pool(pool), 112, seed=1).batch(24)
    apical = batch.apical > 0
    assert apical.sum() > 18 and batch.cavity[apical].reshape(apical.sum(), -1).sum(1).min() > 100
    assert batch.passed[apical].sum() > 0 and np.isfinite(batch.images).all()


def test_one_command_trains_on_the_set_and_beside_simulated_clips(echonet, tmp_path, capsys):
    run = tmp_path / "run"
    command = ["train", str(echonet), "--preset", "lv-contour", "--batch", "4", "--steps", "1", "--output"]
    assert main([*command, str(run), "--init", "lv-contour", "--replay", "2"]) == 0
    assert "dice" in capsys.readouterr().out
    card = json.loads((run / "weights.json").read_text(encoding="utf-8"))
    assert card["about"]["data"] == {
        "kind": "EchoNet-Dynamic", "clips": 18, "patients": 18, "views": {"A4C": 18},
        "labelled_by": "the readers of EchoNet-Dynamic",
    }  # fmt: skip
    assert card["training"]["replayed"] == 2
    assert len(card["training"]["learned"]["sources"]) == 18
    assert [FIRST_REPLAYED_SEED, FIRST_REPLAYED_SEED + 2] in card["training"]["learned"]["seeds"]
    begun, now = (load_file(path) for path in (VIEW_WEIGHTS, run / "weights.safetensors"))
    assert max(float(np.abs(begun[name] - now[name]).max()) for name in begun
               if name.endswith((".weight", ".bias"))) < 0.1  # one step away
    assert main([*command, str(tmp_path / "val"), "--split", "val"]) == 2
    assert "no cines in its part 'val'" in capsys.readouterr().err


def test_camus_gives_both_views_and_all_frames_that_it_traced(tmp_path):
    set_folder, pool = write_traced_camus(tmp_path / "CAMUS"), tmp_path / "pool"
    store_labelled_pool(pool, open_dataset(set_folder))
    clips = load_pool(pool)
    assert clips.views.tolist() == ["A2C", "A4C"] * 2 and clips.patients.tolist() == [0, 0, 1, 1]
    assert len(clips.traced(0)) == CONFIG.frames == ES - ED + 1
    areas = [_area(clips.contours[0, k].astype(float)) for k in (0, -1)]
    assert areas[1] / areas[0] == pytest.approx(SMALLER**2, rel=0.04)
    written = (pool / "clips-000000.npz").stat().st_mtime_ns
    store_labelled_pool(pool, open_dataset(set_folder))  # what was prepared is not prepared again
    assert (pool / "clips-000000.npz").stat().st_mtime_ns == written


def test_no_patient_is_both_learned_from_and_held_apart():
    views, patients = np.array(["A4C", "A2C"] * 15), np.repeat(np.arange(10), 3)
    frames, contours = np.zeros((30, 1, 2, 2), np.uint8), np.zeros((30, 1, 65, 2), np.float32)
    learned, apart = parts(Pool(frames, contours, views, "CAMUS", patients=patients), "CAMUS")
    assert len(learned) == 27 and set(apart.patients) == {9}
    views, patients = views[:20], np.repeat(np.arange(10), 2)
    patients[17:] = 8  # a tenth would cut through the last patient
    learned, apart = parts(Pool(frames[:20], contours[:20], views, "CAMUS", patients=patients), "CAMUS")
    assert len(learned) == 16 and set(apart.patients) == {8}


def test_a_bad_row_is_told_with_its_line_and_left_out_where_asked(echonet, tmp_path, capsys):
    folder = tmp_path / "broken"
    shutil.copytree(echonet, folder)
    table = folder / "VolumeTracings.csv"
    lines = table.read_text("utf-8").splitlines()
    lines[7] = lines[7].replace(lines[7].split(",")[1], "here")
    table.write_text("\n".join(lines) + "\n", "utf-8")
    command = ["train", str(folder), "--preset", "lv-contour", "--batch", "4", "--steps", "1", "--output"]
    assert main([*command, str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    assert "VolumeTracings.csv: line 8: X1 must be a number" in told and told.count("\n") == 1
    listed = folder / "FileList.csv"
    listed.write_text(listed.read_text("utf-8").replace(",51.2,100,", ",51.2,-7,", 1), "utf-8")
    assert main(["check", str(folder)]) == 1
    assert "FileList.csv: line 2: EDV must be a volume in mL" in capsys.readouterr().out


def test_a_tracing_that_is_no_wall_is_told_with_video_and_frame(echonet, tmp_path):
    dataset = open_dataset(echonet)
    masks = dataset.cines[0].masks
    masks.chords[ES][1:, 2:] = masks.chords[ES][1:, :2] + 0.5  # as wide as a hair
    with pytest.raises(CineError, match=rf"^0X0000.avi: A4C ES contour on frame {ES}: "):
        store_labelled_pool(tmp_path / "whole", dataset)
    left_out = store_labelled_pool(tmp_path / "rest", dataset, leave_out=True)
    assert len(left_out) == 1 and len(load_pool(tmp_path / "rest")) == 19
    with pytest.raises(PoolError, match="another set"):
        store_labelled_pool(tmp_path / "rest", open_dataset(echonet))


def test_a_beat_that_spans_two_clips_gives_both(echonet):
    times = np.arange(FRAMES) / 10
    assert beats_of([ES, ED], times) == [[ED], [ES]] and beats_of([ES, ED], times / 2) == [[ED, ES]]
