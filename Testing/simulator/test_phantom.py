"""The simulated cines: seeds, truth, motion, switches, and recordings that read back."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from cavity_turns import cavity_turns
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.datasets.labels import read_labels
from EchoKeyframeLib.simulator.config import RARE, VIEWS, PhantomConfig
from EchoKeyframeLib.simulator.phantom import PhantomBatch, simulate
from EchoKeyframeLib.simulator.recording import FORMATS, write_recordings

SMALL = PhantomConfig(frames=12, size=64, rows=64, beams=48)
# Nothing but the beating heart, so that the truth can be measured in the mask and the frames.
STILL = {"drift": False, "breathing": False, "degradation": False, "overlays": False, "compression": False}
STILL |= {"upended": False} | dict.fromkeys(RARE, 0.0)
PLAIN = PhantomConfig(
    frames=48, fps=(40, 40), views=("A4C", "A2C"), mask=True, arrhythmia=False, regional=False, **STILL
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Threads within a clip cost more than they gain."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def plain() -> PhantomBatch:
    return simulate(range(9), replace(PLAIN, ejection_fraction=(35, 70)))


def differs(one: torch.Tensor, other: torch.Tensor) -> float:
    """Share of pixels that differ by more than a gray level."""
    return float(((one.int() - other.int()).abs() > 1).float().mean())


def test_shapes_and_ranges():
    batch = simulate([3, 4, 5], replace(SMALL, mask=True))
    assert batch.frames.shape == (3, 12, 64, 64) and batch.frames.dtype == torch.uint8
    assert batch.mask.shape == batch.frames.shape and batch.mask.dtype == torch.bool
    for curve in (batch.volume, batch.mitral):
        assert curve.shape == (3, 12) and curve.min() >= 0 and curve.max() <= 1
    assert set(batch.view) <= set(VIEWS)
    assert (batch.fps >= 8).all() and (batch.fps <= 120).all()
    assert (batch.ejection_fraction >= 8).all() and (batch.ejection_fraction <= 75).all()
    assert all(times[0] < 0 and times[-1] > 11 / fps for times, fps in zip(batch.ed, batch.fps, strict=True))
    assert all(times[0] < 0 and times[-1] > 11 / fps for times, fps in zip(batch.es, batch.fps, strict=True))


def test_a_clip_depends_on_its_seed_only():
    together = simulate(range(20, 29), SMALL, chunk=9)
    alone = simulate([26], SMALL)
    shuffled = simulate([26, 21, 23], SMALL, chunk=2)
    assert differs(together.frames[6:7], alone.frames) == 0
    assert differs(together.frames[[6, 1, 3]], shuffled.frames) == 0
    assert np.array_equal(together.ed[6], alone.ed[0])
    assert torch.equal(together.volume[6], alone.volume[0])
    assert differs(together.frames[0], together.frames[1]) > 0.1


def test_a_clip_is_made_in_one_thread_and_the_callers_number_stays(monkeypatch):
    module, seen, threads = sys.modules[simulate.__module__], [], torch.get_num_threads()
    monkeypatch.setattr(module, "_simulate", lambda *_: seen.append(torch.get_num_threads()))
    monkeypatch.setattr(module, "_join", len)
    torch.set_num_threads(3)
    try:
        assert simulate([1, 2], SMALL) == 2
        assert seen == [1, 1] and torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_shows_a_beating_heart_in_a_sector(view):
    batch = simulate(range(3), replace(SMALL, views=(view,), overlays=False, compression=False))
    assert batch.view == [view] * 3
    frames = batch.frames.float()
    assert (frames.mean((1, 2, 3)) > 5).all()
    assert (frames.amax(1)[:, 0, 0] == 0).all(), "the corner beside the probe lies outside the sector"
    assert ((frames[:, 1:] - frames[:, :-1]).abs().mean((1, 2, 3)) > 0.3).all()


def test_mask_is_largest_at_ed_and_smallest_at_es_where_walls_follow_the_volume():
    batch = simulate(range(9), replace(PLAIN, ejection_fraction=(35, 70), isovolumic=False))
    for errors in cavity_turns(batch, 5):
        assert len(errors) > 8
        assert abs(np.median(errors)) < 1.0
        assert np.mean(np.abs(errors)) < 1.5


def test_walls_turn_before_the_keyframes(plain):
    """At 40 frames/s: they begin to contract before mitral closure, and recoil before it opens."""
    for errors in cavity_turns(plain, 5):
        assert len(errors) > 8
        assert -3.0 < np.median(errors) < -0.4


def test_volume_and_valve_follow_the_keyframes(plain):
    times = plain.times()
    for clip in range(len(plain)):
        for ed, es in zip(plain.ed[clip], plain.es[clip], strict=False):
            systole = (times[clip] >= ed) & (times[clip] <= es)
            assert (plain.mitral[clip][torch.from_numpy(systole)] < 1e-4).all()
            inside = (es > 0) & (es < times[clip][-1])
            if inside:
                nearest = int(np.abs(times[clip] - es).argmin())
                assert plain.volume[clip][nearest] < 0.12


def test_area_at_es_falls_with_the_ejection_fraction():
    shares = []
    for percent in (12, 30, 50, 70):
        batch = simulate(range(3), replace(PLAIN, ejection_fraction=(percent, percent), heart_rate=(75, 75)))
        area = batch.mask.sum((2, 3)).double()
        shares.append((area.amin(1) / area.amax(1)).numpy())
    shares = np.array(shares)
    assert (np.diff(shares, axis=0) < 0).all()
    # The area goes with the 2/3 power of the volume where all directions shorten alike.
    assert np.abs(shares.mean(1) - (1 - np.array([0.12, 0.3, 0.5, 0.7])) ** (2 / 3)).max() < 0.08


def test_speckle_moves_with_the_wall():
    """Optical flow in the tissue beside the cavity is as large as the border's own shift, known from the mask."""
    config = replace(PLAIN, ejection_fraction=(65, 70), heart_rate=(60, 60), noise=False, clutter=False, dropout=False)
    batch = simulate(range(8), config)
    measured, known = [], []
    for clip in range(len(batch)):
        ed = batch.ed[clip][(batch.ed[clip] > 0) & (batch.ed[clip] < 0.6)]
        if not len(ed):
            continue
        first = int(np.ceil(ed[0] * 40)) + 4
        mask = batch.mask[clip].numpy().astype(np.uint8)
        border = cv2.dilate(mask[first], np.ones((5, 5), np.uint8)) - mask[first]
        flow = cv2.calcOpticalFlowFarneback(
            batch.frames[clip, first].numpy(), batch.frames[clip, first + 3].numpy(), None, 0.5, 3, 11, 4, 5, 1.1, 0
        )
        inward = np.stack(np.gradient(cv2.GaussianBlur(mask[first].astype(np.float32), (0, 0), 4))[::-1], -1)
        inward /= np.linalg.norm(inward, axis=-1, keepdims=True) + 1e-6
        measured.append(float((flow * inward).sum(-1)[border > 0].mean()))
        (outline, *_), _ = cv2.findContours(mask[first], cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        shrunk = float(mask[first].sum()) - float(mask[first + 3].sum())
        known.append(shrunk / cv2.arcLength(outline, True))
    assert len(known) >= 4 and np.mean(known) > 0.5
    assert np.mean(measured) == pytest.approx(np.mean(known), rel=0.5)
    assert np.corrcoef(measured, known)[0, 1] > 0.5


def test_blood_noise_does_not_stay():
    frames = simulate([2], replace(PLAIN, clutter=False)).frames[0].float()
    quiet = simulate([2], replace(PLAIN, clutter=False, noise=False)).frames[0].float()
    cavity = torch.from_numpy(cv2.erode(simulate([2], PLAIN).mask[0, 0].numpy().astype(np.uint8), np.ones((9, 9)))) > 0
    assert (frames[1:] - frames[:-1])[:, cavity].abs().mean() > (quiet[1:] - quiet[:-1])[:, cavity].abs().mean()


SWITCHES = ["drift", "breathing", "arrhythmia", "regional", "leaflets", "dropout", "clutter", "noise", "degradation"]
SWITCHES += ["processing", "overlays", "compression", "isovolumic", "upended"]


@pytest.mark.parametrize("name", SWITCHES)
def test_each_part_can_be_switched_off(name):
    seeds = range(38, 49)
    small = replace(SMALL, frames=6, noise=False) if name != "noise" else replace(SMALL, frames=6)
    on, off = simulate(seeds, small), simulate(seeds, replace(small, **{name: False}))
    assert any(differs(a, b) > 0.002 for a, b in zip(on.frames, off.frames, strict=True))
    assert on.view == off.view
    if name != "arrhythmia":
        assert all(np.array_equal(a, b) for a, b in zip(on.ed, off.ed, strict=True))


def test_degrading_views_lose_contrast():
    config = replace(SMALL, frames=24, fps=(25, 25), overlays=False, compression=False)
    seeds = range(16)
    good = simulate(seeds, replace(config, degradation=False)).frames.float()
    worse = simulate(seeds, config).frames.float()
    changed = (good - worse).abs().mean((1, 2, 3)) > 1
    assert 1 <= changed.sum() <= 8
    assert (worse.std((2, 3)).amin(1)[changed] < good.std((2, 3)).amin(1)[changed]).float().mean() > 0.7


@pytest.mark.parametrize("format", FORMATS)
def test_recordings_read_back(tmp_path, format):
    folder = tmp_path / "Aufnahmen é"
    config = replace(SMALL, frames=20, fps=(20, 60))
    paths = write_recordings(folder, 3, seed=40, format=format, config=config)
    truth = simulate([40, 41, 42], config)
    labels = read_labels(folder)
    rows = list(csv.DictReader((folder / "parameters.csv").open(encoding="utf-8")))
    assert [r["seed"] for r in rows] == ["40", "41", "42"] and {r["source"] for r in rows} == {"simulated"}
    for clip, (path, label) in enumerate(zip(paths, labels, strict=True)):
        cine = read_cine(path)
        assert len(cine) == 20 and label.file == path.name and label.view == truth.view[clip]
        assert cine.fps == pytest.approx(truth.fps[clip], rel=0.001)
        error = np.abs(cine.gray().astype(int) - truth.frames[clip].numpy())
        assert error.max() <= 1 if format != "mjpg" else error.mean() < 3
        if format == "dicom":
            assert cine.spacing == pytest.approx((truth.pixel_mm[clip],) * 2, rel=1e-4)
        for given, times in ((label.ed, truth.ed[clip]), (label.es, truth.es[clip])):
            expected = np.round(times * truth.fps[clip])
            assert set(expected[(expected >= 0) & (expected <= 19)]) <= set(given) <= set(expected)
            assert given[0] < 0 and given[-1] > 19


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"views": ("SAX",)}, "views"),
        ({"fps": (30.0, 20.0)}, "fps"),
        ({"heart_rate": (0.0, 60.0)}, "heart_rate"),
        ({"ejection_fraction": (10.0, 95.0)}, "ejection_fraction"),
        ({"effusion": 1.5}, "effusion is a probability"),
        ({"size": 4}, "16 pixels"),
    ],
)
def test_impossible_configurations_are_named(fault, problem):
    with pytest.raises(ValueError, match=problem):
        PhantomConfig(**fault)


def test_bad_requests_are_named(tmp_path):
    with pytest.raises(ValueError, match="seeds"):
        simulate([])
    with pytest.raises(ValueError, match="seeds"):
        simulate([-1])
    with pytest.raises(ValueError, match="format"):
        write_recordings(tmp_path, 1, format="gif")
    with pytest.raises(ValueError, match="count"):
        write_recordings(tmp_path, 0)
