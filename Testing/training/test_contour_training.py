"""From simulated borders to weights that trace, by the commands a person gives."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("tensorboard")

import torch
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.models.config import ConfigError
from EchoKeyframeLib.models.contour_runner import TorchContourRunner
from EchoKeyframeLib.models.presets import preset
from EchoKeyframeLib.models.registry import VIEW_WEIGHTS
from EchoKeyframeLib.models.weights_file import load_weights
from EchoKeyframeLib.training.contour import fit
from EchoKeyframeLib.training.contour import pool as pools
from EchoKeyframeLib.training.contour.fit import loss_of
from EchoKeyframeLib.training.contour.pool import CONFIG, PoolError, load_pool, simulate_pool
from EchoKeyframeLib.training.contour.samples import Samples, cavity_share, landmark_places
from EchoKeyframeLib.training.contour.widen import widened

SEED = 300


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips") / "Ränder"
    assert main(["phantom", str(folder), "--borders", "--count", "20", "--seed", str(SEED)]) == 0
    return folder


def test_a_pool_that_was_begun_is_finished_and_other_clips_do_not_mix_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "CLIPS_A_FILE", 2)
    simulate_pool(tmp_path, 2, 7)
    first = (tmp_path / "clips-000000.npz").stat().st_mtime_ns
    simulate_pool(tmp_path, 3, 7)
    assert (tmp_path / "clips-000000.npz").stat().st_mtime_ns == first and len(load_pool(tmp_path)) == 3
    with pytest.raises(PoolError, match="other seeds"):
        simulate_pool(tmp_path, 3, 8)
    (tmp_path / "clips-000002.npz").write_bytes(b"no archive")
    with pytest.raises(PoolError, match="cannot be read"):
        load_pool(tmp_path)


def test_samples_hold_what_was_simulated(pool):
    clips = load_pool(pool)
    assert clips.first_seed == SEED and clips.frames.shape[1:] == (CONFIG.frames, CONFIG.size, CONFIG.size)
    batch = Samples(clips, 112, seed=2).batch(40)
    assert batch.images.shape == (40, 3, 112, 112) and np.isfinite(batch.images).all()
    apical = batch.apical > 0
    assert 0 < apical.sum() < 40
    assert batch.cavity[~apical].sum() == 0 and batch.cavity[apical].reshape(apical.sum(), -1).sum(1).min() > 20
    assert np.abs(batch.places[apical].sum((2, 3)).round(3) % 1).max() == 0  # within the image or not at all
    assert batch.places[apical].sum() > 2.5 * apical.sum()


def test_pairs_are_frames_of_one_clip_seen_alike(pool):
    clips = load_pool(pool)
    still = replace(clips, frames=clips.frames[:, :1].repeat(12, 1), contours=clips.contours[:, :1].repeat(12, 1))
    seen = Samples(still, 112, seed=2).batch(23)
    assert len(seen.images) == 24
    for values in (seen.images, seen.cavity, seen.places, seen.apical):
        assert np.array_equal(values[::2], values[1::2])
    batch = Samples(clips, 112, seed=2).batch(40)
    apart, passed = np.abs(batch.cavity[::2] - batch.cavity[1::2]), batch.passed[::2]
    extremes = (apart == passed).all((1, 2))[batch.apical[::2] > 0]
    assert 0.2 < extremes.mean() < 1 and (batch.passed[::2] == batch.passed[1::2]).all()


def test_borders_that_miss_the_contraction_of_a_pair_cost_more_than_ones_that_err_alike(pool, monkeypatch):
    batch = Samples(load_pool(pool), 112, seed=2).batch(40)
    apical = torch.from_numpy(np.where(batch.apical > 0, 9.0, -9.0)).float()
    # A border that is off by a pixel of the maps: inward everywhere, or inward in one frame and outward in the other.
    costs = []
    for changes in ((cv2.erode, cv2.erode), (cv2.erode, cv2.dilate)):
        logits = []
        for index, share in enumerate(batch.cavity):
            inside, change = (share > 0.5).astype(np.uint8), changes[index % 2]
            logits.append(8.0 * (2 * change(inside, np.ones((3, 3), np.uint8)).astype(np.float32) - 1))
        maps = torch.zeros(len(logits), 4, 56, 56)
        maps[:, 0] = torch.from_numpy(np.stack(logits))
        with_it = float(loss_of(lambda images, maps=maps: (maps, apical), batch))
        with monkeypatch.context() as patch:
            patch.setattr(fit, "_CONTRACTION_WEIGHT", 0.0)
            costs.append(with_it - float(loss_of(lambda images, maps=maps: (maps, apical), batch)))
    assert 0 < costs[0] < costs[1] / 3


def test_targets_lie_where_the_contour_does():
    contour = np.array([[40, 90], [38, 50], [56, 20.5], [74, 50], [72, 90]])
    share = cavity_share(contour, 56)
    corners = np.vstack([contour, contour[:1]])
    area = 0.5 * abs(np.sum(corners[:-1, 0] * corners[1:, 1] - corners[1:, 0] * corners[:-1, 1]))
    assert share.sum() * 4 == pytest.approx(area, rel=0.02)
    places = landmark_places(contour[::-1], 56)  # the left end comes first, whichever way the contour runs
    steps = np.arange(56)
    found = [((places[k].sum(0) @ steps + 0.5) * 2 - 0.5, (places[k].sum(1) @ steps + 0.5) * 2 - 0.5) for k in range(3)]
    assert np.abs(np.array(found) - [[40, 90], [72, 90], [56, 20.5]]).max() < 0.1
    assert landmark_places(contour + np.array([100, 0]), 56).sum() == 0


def test_a_training_writes_weights_that_trace(pool, tmp_path, capsys):
    run = tmp_path / "run"
    command = ["train", str(pool), "--preset", "lv-contour", "--output", str(run), "--batch", "4"]
    assert main([*command, "--steps", "2"]) == 0
    assert "dice" in capsys.readouterr().out
    card = json.loads((run / "weights.json").read_text(encoding="utf-8"))
    assert card["about"]["data"]["clips"] == 18 and card["training"]["first_seed"] == SEED
    maps, _ = TorchContourRunner(run / "weights.safetensors", "cpu").run(np.zeros((1, 3, 112, 112), np.float32))
    assert np.isfinite(maps).all()
    assert main([*command, "--steps", "2"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["train", str(tmp_path), "--preset", "lv-contour", "--output", str(tmp_path / "no")]) == 2
    assert "--borders" in capsys.readouterr().err


def test_a_widened_network_tells_the_same_and_can_learn_more():
    small = load_weights(VIEW_WEIGHTS)[0]
    hidden = preset("lv-contour-large").hidden
    large = widened(small, hidden)
    images = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(4))
    with torch.inference_mode():
        for one, other in zip(small(images), large.eval()(images), strict=True):
            assert torch.allclose(one, other, atol=1e-4)
    assert large.config.hidden == hidden and widened(small, small.config.hidden) is small
    large.train()(images)[0].square().mean().backward()
    assert large.maps.weight.grad[:, small.config.hidden[0] :].abs().max() > 0
    with pytest.raises(ConfigError, match="cannot be widened"):
        widened(large, small.config.hidden)
