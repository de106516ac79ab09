"""The published systems from simulated clips to keyframes: samples, masks, two training steps, weights, detection."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dataset_folders import write_echonet  # noqa: E402
from EchoKeyframeLib.cine.cine import Cine, Source  # noqa: E402
from EchoKeyframeLib.cine.sector import whole_frame  # noqa: E402
from EchoKeyframeLib.cli import main  # noqa: E402
from EchoKeyframeLib.datasets.clip_labels import ClipLabels  # noqa: E402
from EchoKeyframeLib.datasets.open_dataset import open_dataset  # noqa: E402
from EchoKeyframeLib.detection.batches import Batches  # noqa: E402
from EchoKeyframeLib.detection.beat_network import BeatNetworkDetector  # noqa: E402
from EchoKeyframeLib.detection.catalogue import load_detector  # noqa: E402
from EchoKeyframeLib.detection.isolated_beats import beat_bounds, beat_frames  # noqa: E402
from EchoKeyframeLib.detection.keyframes import Curves, DetectionError  # noqa: E402
from EchoKeyframeLib.detection.network import NetworkDetector  # noqa: E402
from EchoKeyframeLib.models.presets import PRESETS, build_network  # noqa: E402
from EchoKeyframeLib.simulator.config import PhantomConfig  # noqa: E402
from EchoKeyframeLib.training.samples.augmentation import Augmentation  # noqa: E402
from EchoKeyframeLib.training.samples.beat_samples import BeatSamples, cut_beat, labelled_beats  # noqa: E402
from EchoKeyframeLib.training.samples.mask_samples import MaskSamples, traced_frames  # noqa: E402
from EchoKeyframeLib.training.stores.clip_store import NOT_TRACED, ClipStore, StoredClip  # noqa: E402
from EchoKeyframeLib.training.stores.fill_store import simulate_store, store_labelled  # noqa: E402

SYSTEMS = ("resnet-lstm", "cnn3d-lstm", "resnet-lstm-beat", "densenet-gru-beat", "segmentation")
PHANTOM = PhantomConfig(frames=40, size=32, rows=32, beams=24, fps=(30, 30), heart_rate=(80, 100), mask=True,
                        views=("A4C",), view_weights=(1.0,), ejection_fraction=(40, 75), isovolumic=False)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> ClipStore:
    """Three simulated clips with the masks of their left ventricles."""
    return simulate_store(tmp_path_factory.mktemp("clips") / "store", 3, PHANTOM, first_seed=5, progress=False)


@pytest.mark.parametrize("system", SYSTEMS)
def test_from_clips_to_weights_to_keyframes(system, store, sample_clip, tmp_path):
    run = tmp_path / "run"
    shape = ["--size", "32", "--threads", "1", "--device", "cpu", "--batch", "2", "--steps", "2"]
    assert main(["train", str(store.folder), "--preset", f"{system}-small", "--output", str(run), *shape]) == 0
    weights = run / "weights.safetensors"
    detector = load_detector(weights, "cpu")
    clip = store[0].cine()
    curves = detector.curves(clip, whole_frame(clip))
    assert curves.probability.shape == (40, 2)
    results = tmp_path / "results"
    assert main(["detect", str(sample_clip), "--model", str(weights), "--device", "cpu", "--output", str(results)]) == 0
    assert list(results.rglob("*"))


def a_clip(ed: tuple[float, ...], es: tuple[float, ...], length: int = 40, **more) -> StoredClip:
    frames = np.arange(length, dtype=np.uint8)[:, None, None].repeat(8, 1).repeat(8, 2)
    labels = ClipLabels("clip", ed, es, length, 30.0, **more)
    return StoredClip(frames, np.zeros((length, 3, 14, 14), np.float16), None, 30.0, labels)


def test_a_beat_is_shown_with_its_margins_and_nothing_is_asked_beyond_the_clip():
    clip = a_clip((0.0, 20.0, 40.0), (8.0, 28.0))
    sample = cut_beat(clip, 0, 20, 27)  # from -3 to 23, one frame each
    assert sample.present.tolist() == [False] * 3 + [True] * 24
    assert sample.images[3:, 0, 0, 0].tolist() == list(range(24)) and not sample.images[:3].any()
    targets = sample.targets[:, 0]
    assert targets[:3].isnan().all() and targets[[3, 11, 23]].tolist() == [1, 0, 1]
    assert targets[7].item() == pytest.approx(0.5**3)


def test_only_beats_that_labels_decide_are_learned_from():
    assert labelled_beats(a_clip((2.0, 22.0), (10.0, 30.0))) == [(2.0, 22.0), (22.0, 42.0)]
    partly = a_clip((2.0, 22.0), (10.0,), decided=((2, 22),))
    assert labelled_beats(partly) == [(2.0, 22.0)]
    sample = cut_beat(partly, 2, 22, 27)
    assert sample.targets.isnan().sum() == 27 - 21 and sample.present[3:].all()
    assert labelled_beats(a_clip((2.0,), (10.0,), decided=())) == []


def test_samples_follow_from_seed_and_number(store):
    config = replace(PRESETS["resnet-lstm-beat-small"], size=32)
    for samples in (BeatSamples(store, config, 3), MaskSamples(store, 3)):
        first, again, other = samples[4], samples[4], samples[5]
        assert torch.equal(first.images, again.images)
        assert torch.equal(first.targets.nan_to_num(-9), again.targets.nan_to_num(-9))
        assert not torch.equal(first.images, other.images)


def a_cine(length: int = 60, r_waves: tuple[float, ...] = ()) -> Cine:
    return Cine(np.zeros((length, 8, 8), np.uint8), np.arange(length) / 30, Source("cine"), r_waves=r_waves)


def test_beats_lie_between_r_waves_and_cover_the_clip():
    cine = a_cine(r_waves=(-0.5, 10 / 30, 30 / 30, 9.0))
    nothing = Curves(np.zeros((60, 2), np.float32), cine.times, "motion")
    assert beat_bounds(cine, nothing).tolist() == pytest.approx([-10, 10, 30, 50, 70])
    overlooked = replace(cine, r_waves=(2 / 30, 14 / 30, 26 / 30, 50 / 30))
    assert beat_bounds(overlooked, nothing).tolist() == pytest.approx([-10, 2, 14, 26, 38, 50, 62])


def test_without_r_waves_motion_decides_and_without_motion_the_clip_is_one_beat():
    cine, frames = a_cine(), np.arange(60)
    bumps = [np.exp(-0.5 * ((frames[:, None] - peaks) / 2) ** 2).max(1) for peaks in ([12, 36], [20, 44])]
    motion = Curves(np.stack(bumps, 1).astype(np.float32), cine.times, "motion")
    assert beat_bounds(cine, motion).tolist() == [-12, 12, 36, 60]
    nothing = Curves(np.zeros((60, 2), np.float32), cine.times, "motion")
    assert beat_bounds(cine, nothing).tolist() == [0, 59]


def test_a_beat_of_few_frames_shows_some_of_them_twice():
    index, present = beat_frames(10, 16, 15, 14)
    assert index[0] == 9 and index[-1] == 17 and len(index) == 15
    assert present.tolist() == (index < 14).tolist()


class FrameNumber(torch.nn.Module):
    """Answers with the gray level, which tells the frame's number; a zero frame with -1."""

    def __init__(self):
        super().__init__()
        self.config = PRESETS["resnet-lstm-beat-small"]

    def encode(self, images, motion=None):
        return images.float().mean((2, 3, 4))[..., None] / 255

    def temporal(self, features):
        return torch.where(features > 0, features, -1.0)


def test_merged_beats_give_each_frame_its_own_answer():
    ramp = np.linspace(20, 250, 60).astype(np.uint8)
    cine = replace(a_cine(r_waves=(0.3, 0.6, 1.3)), frames=np.tile(ramp[:, None, None], (1, 64, 64)))
    detector = BeatNetworkDetector.in_torch(FrameNumber(), "numbers", "cpu")
    features = detector._encode(cine.frames, None, lambda done: None)
    bounds = beat_bounds(cine, Curves(np.zeros((60, 2), np.float32), cine.times, "motion"))
    merged = detector._merged(features, bounds, lambda done: None)
    assert np.abs(merged[2:-2, 0] - ramp[2:-2] / 255).max() < 0.03


def test_3d_features_do_not_depend_on_the_size_of_batches(store):
    torch.manual_seed(0)
    config = replace(PRESETS["cnn3d-lstm-small"], size=32, width=16, frames=8, rate=None)
    detector = NetworkDetector.in_torch(build_network(config), "3d", "cpu")
    cine = store[0].cine()
    whole = detector.curves(cine, whole_frame(cine))
    detector._frame_batches = Batches(3)
    parts = detector.curves(cine, whole_frame(cine))
    assert np.allclose(parts.probability, whole.probability, atol=1e-5)


@pytest.mark.parametrize("system", ["resnet-lstm", "segmentation"])
def test_systems_that_need_whole_clips_refuse_a_stream(system, store):
    detector = NetworkDetector.in_torch(build_network(PRESETS[f"{system}-small"]), system, "cpu")
    cine = store[0].cine()
    with pytest.raises(DetectionError, match="use two-stream"):
        detector.live(whole_frame(cine), 30.0)


def test_simulated_masks_follow_the_volume(store):
    clip = store[0]
    areas = clip.masks.reshape(len(clip.masks), -1).mean(1)
    assert set(np.unique(clip.masks)) == {0, 1}
    assert np.corrcoef(areas, clip.volume.astype(float))[0, 1] > 0.8


def test_images_and_masks_move_as_one():
    images = torch.zeros(4, 1, 1, 48, 48, dtype=torch.uint8)
    images[..., 10:30, 20:35] = 255
    masks = images[:, :, 0].float() / 255
    augment = Augmentation(rotation=30, shift=0.2, scaling=1.3)
    moved, followed = augment.with_masks(images, masks, torch.Generator().manual_seed(1))
    assert torch.allclose(moved[:, :, 0], followed, atol=1e-5)
    assert not torch.allclose(followed, masks, atol=0.5)


def test_traced_ventricles_of_echonet_lie_where_the_frames_show_them(tmp_path):
    cines = open_dataset(write_echonet(tmp_path / "set", count=1)).cines
    store = store_labelled(tmp_path / "store", cines, 56, progress=False, masks=True)
    clip, drawn = store[0], cines[0].masks
    assert traced_frames(clip).tolist() == list(drawn.frames)
    for frame in drawn.frames:
        rows, columns = np.nonzero(drawn.mask(frame))
        inside = np.argwhere(clip.masks[frame] == 1)
        assert inside.mean(0) == pytest.approx([(rows.mean() - 0.5) / 2, (columns.mean() - 0.5) / 2], abs=1)
    assert (clip.masks[[i for i in range(len(clip.masks)) if i not in drawn.frames]] == NOT_TRACED).all()


def test_a_segmentation_does_not_learn_without_masks(tmp_path, capsys):
    simulate_store(tmp_path / "plain", 1, replace(PHANTOM, mask=False), progress=False)
    run = ["train", str(tmp_path / "plain"), "--preset", "segmentation-small", "--size", "32"]
    assert main([*run, "--output", str(tmp_path / "run"), "--steps", "1", "--device", "cpu"]) == 2
    assert "holds no masks" in capsys.readouterr().err
