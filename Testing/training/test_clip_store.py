"""Stores of clips: made, interrupted, finished, read; and the windows that training cuts from them."""

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from EchoKeyframeLib.datasets.dataset import LabelledCine
from EchoKeyframeLib.datasets.labels import ClipLabels, LabelError, write_labels
from EchoKeyframeLib.datasets.open_dataset import open_dataset
from EchoKeyframeLib.detection.keyframes import Curves
from EchoKeyframeLib.detection.motion_features import clip_motion, normalise, stride_motion
from EchoKeyframeLib.evaluation.evaluate import evaluate, stored_clips
from EchoKeyframeLib.models.presets import preset
from EchoKeyframeLib.simulator.config import PhantomConfig
from EchoKeyframeLib.simulator.phantom import simulate
from EchoKeyframeLib.training.samples.targets import TargetForm, complete_keyframes, target_curves
from EchoKeyframeLib.training.samples.windows import ClipOrder, EpochSampler, WindowSamples, cut_window, strides
from EchoKeyframeLib.training.stores import clip_store
from EchoKeyframeLib.training.stores.clip_store import ClipStore, ClipStoreError, create_store
from EchoKeyframeLib.training.stores.fill_store import holds, simulate_store, store_labelled

PHANTOM = PhantomConfig(frames=40, size=32, rows=32, beams=24, fps=(25, 50), heart_rate=(60, 120))
NETWORK = replace(preset("two-stream"), size=32, frames=16)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return simulate_store(tmp_path_factory.mktemp("clips") / "store", 4, PHANTOM, first_seed=7, progress=False)


def test_a_store_holds_what_the_simulator_made(store):
    batch = simulate([9], PHANTOM)
    clip = store[2]
    assert len(store) == 4
    assert np.array_equal(clip.frames, batch.frames[0])
    assert np.allclose(clip.motion, clip_motion(batch.frames[0].numpy()).features, atol=2e-3)
    assert np.allclose(clip.volume, batch.volume[0], atol=1e-3)
    inside = [f for f in clip.labels.ed if 0 <= f <= 39]
    times = batch.ed[0][(batch.ed[0] >= 0) & (batch.ed[0] <= 39 / clip.fps)]
    assert inside == pytest.approx((times * clip.fps).tolist())
    assert clip.labels.ed[0] < 0 and clip.labels.es[0] < 0
    assert clip.labels.ed[-1] > 39 and clip.labels.es[-1] > 39


def test_an_interrupted_store_is_finished_to_the_same_bytes(store, tmp_path):
    whole = ClipStore(store.folder)
    copy = tmp_path / "store"
    shutil.copytree(store.folder, copy)
    broken = ClipStore(copy, writable=True)
    broken.clips["done"][1:3] = 0
    broken.frames[:] = 0
    broken.frames[:40] = whole.frames[:40]
    broken.frames[120:] = whole.frames[120:]
    assert len(ClipStore(copy)) == 2
    finished = simulate_store(copy, 4, PHANTOM, first_seed=7, progress=False)
    assert np.array_equal(finished.frames, whole.frames) and np.array_equal(finished.motion, whole.motion)
    assert finished.clips.tobytes() == whole.clips.tobytes()


def test_a_store_of_other_clips_is_refused(store):
    with pytest.raises(ClipStoreError, match="holds other clips"):
        simulate_store(store.folder, 4, PHANTOM, first_seed=8, progress=False)
    with pytest.raises(ClipStoreError, match="holds other clips"):
        simulate_store(store.folder, 5, PHANTOM, first_seed=7, progress=False)


@pytest.mark.slow
def test_two_processes_make_the_same_store(store, tmp_path):
    other = simulate_store(tmp_path / "two", 4, PHANTOM, first_seed=7, processes=2, progress=False)
    assert np.array_equal(other.frames, store.frames)
    assert other.clips.tobytes() == store.clips.tobytes()


def test_too_little_room_is_said_before_anything_is_written(tmp_path, monkeypatch):
    usage = type(shutil.disk_usage(tmp_path))(10**9, 10**9 - 1000, 1000)
    monkeypatch.setattr(clip_store.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(ClipStoreError, match=r"^store: needs 0\.1 MB, the disk has 0\.0 MB left"):
        create_store(tmp_path / "new" / "store", [40], 32, {})
    assert not list(tmp_path.iterdir())
    with pytest.raises(ClipStoreError, match=r"needs 2\.2 GB, the disk has 0\.0 MB left"):
        create_store(tmp_path / "store", [10**6], 32, {})


def test_a_quota_leaves_nothing_of_a_store(tmp_path):
    """A limit on the size of files stands in for the quota, which the free space of the disk does not tell."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (90_000, limits[1]))
    try:
        with pytest.raises((ClipStoreError, OSError), match=r"room|large"):
            create_store(tmp_path / "store", [80], 32, {}, masks=True)  # its frames fit, its motion does not
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_no_store_and_a_damaged_store(store, tmp_path):
    with pytest.raises(ClipStoreError, match="is no store of clips"):
        ClipStore(tmp_path)
    shutil.copytree(store.folder, tmp_path / "damaged")
    (tmp_path / "damaged" / "frames.npy").write_bytes(b"\x93NUMPY\x01\x00")
    with pytest.raises(ClipStoreError, match="is damaged"):
        ClipStore(tmp_path / "damaged")
    description = json.loads((store.folder / "store.json").read_text())
    (tmp_path / "damaged" / "store.json").write_text(json.dumps({**description, "format": 99}))
    with pytest.raises(ClipStoreError, match="another version"):
        ClipStore(tmp_path / "damaged")


@pytest.fixture
def labelled(store, tmp_path):
    """Two videos of the simulated clips with their labels."""
    clips = []
    for index in (0, 1):
        clip = store[index]
        name = f"loop {index}.avi"
        writer = cv2.VideoWriter(str(tmp_path / name), cv2.VideoWriter_fourcc(*"MJPG"), 30, (32, 32))
        for frame in clip.frames:
            writer.write(cv2.cvtColor(np.array(frame), cv2.COLOR_GRAY2BGR))
        writer.release()
        clips.append(replace(clip.labels, file=name))
    write_labels(tmp_path / "labels.csv", clips)
    return tmp_path, clips


def test_a_store_of_labelled_cines(labelled, tmp_path):
    folder, clips = labelled
    made = store_labelled(tmp_path / "real", open_dataset(folder).cines, 32, progress=False)
    assert len(made) == 2
    assert made[1].labels.ed == pytest.approx(clips[1].ed, abs=1e-3)
    assert made[1].volume is None and made[1].fps == pytest.approx(clips[1].fps)
    sample = WindowSamples(made, NETWORK, TargetForm.BEAT, 0)[0]
    assert torch.isnan(sample.targets[:, 4]).all() and torch.isfinite(sample.targets[sample.present][:, :2]).all()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (ClipLabels("loop 0.avi", (3, 60), (20,)), r"ED frame 60 lies beyond the clip's 40 frames"),
        (ClipLabels("loop 0.avi", (3,), (20,), 50), r"has 40 frames, its labels say 50"),
        (ClipLabels("loop 0.avi", (3,), ()), r"has ED but no ES"),
        (
            ClipLabels("loop 0.avi", tuple(range(0, 130, 2)), tuple(range(1, 130, 2))),
            r"^loop 0\.avi: has 65 ED keyframes, a store holds at most 64",
        ),
    ],
)
def test_labels_that_do_not_fit_their_cine(labelled, tmp_path, labels, message):
    folder, _ = labelled
    write_labels(folder / "labels.csv", [labels])
    with pytest.raises(LabelError, match=message):
        store_labelled(tmp_path / "real", open_dataset(folder).cines, 32, progress=False)


@pytest.mark.parametrize("changed", [{"fps": 20.0}, {"fps": None}, {"view": "A2C"}, {"view": None}, {"ed": (2.0,)}])
def test_a_store_does_not_hold_corrected_labels(labelled, tmp_path, changed):
    cine = open_dataset(labelled[0]).cines[0]
    cine = replace(cine, labels=replace(cine.labels, fps=60.0, view="A4C"))
    made = store_labelled(tmp_path / "real", [cine], 32, progress=False)
    assert holds(made, [cine]) and made[0].fps == 60
    corrected = [replace(cine, labels=replace(cine.labels, **changed))]
    assert not holds(made, corrected)
    with pytest.raises(ClipStoreError, match="other labels"):
        store_labelled(tmp_path / "real", corrected, 32, progress=False)


def test_a_store_holds_cines_whose_own_rate_is_taken(labelled, tmp_path):
    folder, clips = labelled
    write_labels(folder / "labels.csv", [replace(clips[0], fps=None, view=None)])
    cines = open_dataset(folder).cines
    made = store_labelled(tmp_path / "real", cines, 32, progress=False)
    assert made[0].fps == pytest.approx(30) and holds(made, cines)


def test_labels_that_cannot_be_trained_on_are_told_before_any_cine_is_read(labelled, tmp_path, monkeypatch):
    folder, clips = labelled
    write_labels(folder / "labels.csv", [clips[0], ClipLabels("loop 1.avi", (3,), ())])
    read = []
    monkeypatch.setattr(LabelledCine, "read", lambda cine: read.append(cine))
    with pytest.raises(LabelError, match=r"^loop 1\.avi: has ED but no ES"):
        store_labelled(tmp_path / "real", open_dataset(folder).cines, 32, progress=False)
    assert not read


def test_a_window_by_hand(store):
    """Stride 2 from frame 3: frames 3, 5, ..., 33, their curves, and the flow as at inference."""
    clip = store[0]
    sample = cut_window(clip, 3, 2, NETWORK, TargetForm.BEAT)
    index = np.arange(3, 35, 2)
    assert np.array_equal(sample.images[:, 0], clip.frames[index])
    ed, es = complete_keyframes(clip.labels.ed, clip.labels.es, 40)
    assert np.allclose(sample.targets[:, :2], target_curves(index, ed, es, TargetForm.BEAT))
    assert np.allclose(sample.targets[:, 4], clip.volume[index])
    assert np.allclose(sample.motion, normalise(stride_motion(clip.motion, 2, 1))[1:17])
    assert sample.present.all()


def test_zero_frames_fill_the_end_and_nothing_is_asked_of_them(store):
    sample = cut_window(store[0], 30, 4, NETWORK, TargetForm.PAPER)  # frames 30, 34, 38
    assert sample.present.tolist() == [True] * 3 + [False] * 13
    assert sample.images[:3].any() and not sample.images[3:].any() and not sample.motion[3:].any()
    assert torch.isfinite(sample.targets[:3]).all() and torch.isnan(sample.targets[3:]).all()


def test_strides():
    assert strides(preset("paper"), 50.0) == [1, 2, 4]
    # 22 frames a second, give or take a factor of 1.5: 50 / 2 = 25 and 50 / 3 = 17.
    assert strides(NETWORK, 50.0) == [2, 3]
    assert strides(NETWORK, 30.0) == [1, 2]
    assert strides(NETWORK, 8.0) == [1]


def test_a_sample_depends_on_seed_and_number_alone(store):
    samples, again = (WindowSamples(ClipStore(store.folder), NETWORK, TargetForm.BEAT, 3) for _ in range(2))
    other = WindowSamples(store, NETWORK, TargetForm.BEAT, 4)
    samples[0]
    assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(samples[5], again[5], strict=True))
    assert not torch.equal(samples[5].images, other[5].images)
    filled = [not samples[n].present.all() for n in range(60)]
    assert any(filled) and not all(filled)


def test_each_clip_once_in_a_pass():
    order = ClipOrder(7, 3)
    passes = [[order.clip(number) for number in range(7 * turn, 7 * turn + 7)] for turn in range(3)]
    assert all(sorted(shown) == list(range(7)) for shown in passes)
    assert len(set(map(tuple, passes))) == 3
    assert [ClipOrder(7, 3).clip(number) for number in (20, 0, 13)] == [passes[2][6], passes[0][0], passes[1][6]]


def test_two_processes_share_the_samples_of_one():
    def epoch(number, *arguments):
        sampler = EpochSampler(*arguments)
        sampler.set_epoch(number)
        return list(sampler)

    assert epoch(2, 3, 4) == list(range(24, 36))
    assert epoch(1, 2, 2, 0, 2) == [8, 10, 12, 14] and epoch(1, 2, 2, 1, 2) == [9, 11, 13, 15]


class LabelDetector:
    """Draws its curves from the labels, as a perfect network would."""

    name = "labels"

    def __init__(self, store):
        self.by_name = {store[i].labels.file: store[i].labels for i in range(len(store))}

    def curves(self, cine, sector, progress=None):
        labels = self.by_name[cine.source.name]
        ed, es = complete_keyframes(labels.ed, labels.es, PHANTOM.frames)
        frames = np.rint(cine.times * labels.fps)  # of a film, some are left out
        return Curves(target_curves(frames, ed, es, TargetForm.BEAT), cine.times, self.name)


def test_perfect_curves_are_scored_as_nearly_perfect(store):
    beats, maxima = evaluate(stored_clips(store), LabelDetector(store), ("beats", "maxima"), "simulated")
    assert len(beats.results) == 4 and not beats.failures
    for evaluation in (beats, maxima):
        away = evaluation.metrics(at_end=False)
        assert away.true >= 8 and away.recall == 1.0
        # Frames are whole numbers, keyframes are not: a quarter of a frame on average.
        assert away.afd_frames < 0.5
    assert beats.paper().true_cycles == beats.metrics().true / 2
