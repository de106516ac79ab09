"""The learned detector from prepared frames to curves, whole clips and live."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dataclasses import replace  # noqa: E402

from EchoKeyframeLib.cine.cine import Box, Cine, CineError, Source  # noqa: E402
from EchoKeyframeLib.cine.prepare import prepare  # noqa: E402
from EchoKeyframeLib.cine.sector import whole_frame  # noqa: E402
from EchoKeyframeLib.detection.keyframes import Cancelled, DetectionError  # noqa: E402
from EchoKeyframeLib.detection.motion_features import (  # noqa: E402
    GRID,
    MotionFeatures,
    clip_motion,
    normalise,
    normalise_one,
    stride_motion,
)
from EchoKeyframeLib.detection.network import NetworkDetector  # noqa: E402
from EchoKeyframeLib.models import device  # noqa: E402
from EchoKeyframeLib.models.presets import PRESETS, build_network  # noqa: E402

SMALL = replace(PRESETS["two-stream"], frames=8, width=16, heads=(2, 2), depths=(1, 1), size=64)
SMALL_PAPER = replace(
    PRESETS["paper-112"], backbone="resnet18", channels=1, frames=8, width=16, heads=(2, 2), depths=(1, 1), size=64
)
SMALL_CONFIGS = {
    "paper": SMALL_PAPER,
    "both": SMALL,
    "image": replace(SMALL, streams=("image",)),
    "motion": replace(SMALL, streams=("motion",)),
}


def beating_cine(frames: int, fps: float = 22.0, size: int = 72) -> Cine:
    """A bright ring whose radius beats once a second on a textured ground."""
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[:size, :size] - size / 2
    ground = rng.integers(20, 60, (size, size))
    times = np.arange(frames) / fps
    images = []
    for time in times:
        radius = size * (0.27 + 0.08 * np.cos(2 * np.pi * time))
        ring = 170 * np.exp(-((np.hypot(rows, columns) - radius) ** 2) / 20)
        images.append(np.clip(ground + ring, 0, 255).astype(np.uint8))
    return Cine(np.stack(images), times, Source("beating"))


def detector(config, **options) -> NetworkDetector:
    torch.manual_seed(3)
    network = build_network(config).eval()
    for module in network.modules():
        # Untrained, these networks say nearly the same of every frame; larger weights make differences visible.
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, std=0.3)
    return NetworkDetector.in_torch(network, "untrained", device="cpu", **options)


@pytest.mark.parametrize("name", SMALL_CONFIGS)
def test_curves_have_the_cines_frames_and_depend_on_them(name):
    cine = beating_cine(30)
    curves = detector(SMALL_CONFIGS[name]).curves(cine, whole_frame(cine))
    assert curves.probability.shape == (30, 2)
    assert curves.probability.dtype == np.float32
    assert np.array_equal(curves.times, cine.times)
    assert curves.detector == "untrained"
    assert np.ptp(curves.ed) > 1e-3


def test_strided_clip_is_every_offset_interleaved():
    """At twice the network's rate the result is that of the two half-rate clips, frame by frame."""
    config = SMALL_CONFIGS["image"]
    network, cine = detector(config), beating_cine(31, fps=44)
    prepared = prepare(cine, whole_frame(cine), config.size)
    both = network.outputs(network.look_at(prepared), cine.fps)
    for offset in (0, 1):
        alone = network.outputs(network.look_at(prepared[offset::2]), 22.0)
        assert np.allclose(both[offset::2], alone, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_clip_shorter_than_window_and_stride(frames):
    cine = beating_cine(frames, fps=90)
    curves = detector(SMALL).curves(cine, whole_frame(cine))
    assert curves.probability.shape == (frames, 2)
    assert np.isfinite(curves.probability).all()


def test_batch_sizes_do_not_change_the_result():
    cine = beating_cine(25)
    large, small = detector(SMALL), detector(SMALL)
    small._frame_batches.size, small._window_batches.size = 3, 1
    sector = whole_frame(cine)
    assert np.allclose(large.curves(cine, sector).probability, small.curves(cine, sector).probability, atol=1e-5)


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("MPS backend out of memory"),
     RuntimeError("std::bad_alloc"), RuntimeError("bad allocation")],
)
def test_out_of_memory_halves_the_batch_and_goes_on(error):
    cine, sector = beating_cine(25), whole_frame(beating_cine(25))
    expected = detector(SMALL).curves(cine, sector).probability
    cramped = detector(SMALL)
    cramped._frame_batches.size = 20
    encode, sizes = cramped.runner.encode, []

    def encode_at_most_six(images, motion):
        sizes.append(len(images))
        if len(images) > 6:
            raise error
        return encode(images, motion)

    cramped.runner.encode = encode_at_most_six
    assert np.allclose(cramped.curves(cine, sector).probability, expected, atol=1e-5)
    assert sizes[:3] == [20, 10, 5]
    assert max(sizes[2:]) == 5


def test_out_of_memory_for_a_single_frame_names_the_file():
    cine = beating_cine(10)
    cramped = detector(SMALL)

    def never(images, motion):
        raise torch.OutOfMemoryError("CUDA out of memory")

    cramped.runner.encode = never
    with pytest.raises(DetectionError, match=r"^beating: .*memory"):
        cramped.curves(cine, whole_frame(cine))


def test_other_errors_are_not_taken_for_lack_of_memory():
    cine = beating_cine(10)
    broken = detector(SMALL)

    def fails(images, motion):
        raise RuntimeError("shapes do not match")

    broken.runner.encode = fails
    with pytest.raises(RuntimeError, match="shapes do not match"):
        broken.curves(cine, whole_frame(cine))


def test_progress_rises_to_one_and_cancelling_stops_at_once():
    cine = beating_cine(60)
    sector, network = whole_frame(cine), detector(SMALL)
    network._frame_batches.size, network._window_batches.size = 4, 1
    seen = []
    network.curves(cine, sector, seen.append)
    assert len(seen) > 20
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1)
    calls = []

    def cancel(fraction):
        calls.append(fraction)
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        network.curves(cine, sector, cancel)
    assert calls == [f for f in seen if f <= 0.3] + [next(f for f in seen if f > 0.3)]


def test_values_that_are_not_numbers_are_refused():
    cine = beating_cine(10)
    network = detector(SMALL)
    torch.nn.init.constant_(network.runner.network.vst.linear.bias, float("nan"))
    with pytest.raises(DetectionError, match="not numbers"):
        network.curves(cine, whole_frame(cine))


@pytest.mark.parametrize("wish", ["abacus", "cuda:99"])
def test_device_that_is_not_here(wish):
    with pytest.raises(CineError, match="cannot be used here"):
        NetworkDetector.in_torch(build_network(SMALL), "untrained", device=wish)


def test_half_precision_stays_close(monkeypatch):
    monkeypatch.setattr(device, "cpu_computes_in_bfloat16", lambda: True)  # else emulated, to the same numbers
    cine = beating_cine(20)
    sector = whole_frame(cine)
    full = detector(SMALL, precision="32-true").curves(cine, sector).probability
    half = detector(SMALL, precision="bf16-mixed").curves(cine, sector).probability
    assert 0 < np.abs(full - half).max() < 0.1


@pytest.mark.parametrize("wish", ["bf16-mixed", "16-mixed"])
def test_a_precision_that_the_processor_would_emulate(monkeypatch, wish):
    monkeypatch.setattr(device, "cpu_computes_in_bfloat16", lambda: False)
    with pytest.raises(CineError, match=f"precision {wish}: this processor has no units for it"):
        detector(SMALL, precision=wish)


@pytest.mark.parametrize(
    ("name", "frames", "fps"),
    [
        ("both", 5, 22),
        ("both", 8, 22),
        ("both", 90, 22),
        ("both", 175, 50),
        ("motion", 101, 22),
        ("image", 60, 50),
        ("image", 31, 22),
        ("paper", 5, 50),
        ("paper", 25, 50),
    ],
)
def test_live_equals_the_whole_clip(name, frames, fps):
    cine = beating_cine(frames, fps)
    sector, network = whole_frame(cine), detector(SMALL_CONFIGS[name])
    whole = network.curves(cine, sector).probability
    live = network.live(sector, fps)
    points = []
    for index, (frame, time) in enumerate(zip(cine.frames, cine.times, strict=True)):
        new = live.push(frame, time)
        points += new
        # Fixed latency: once it has passed, each pushed frame makes exactly one point final.
        assert [p.frame for p in new] == ([index - live.latency] if index >= live.latency else [])
    points += live.finish()
    assert [p.frame for p in points] == list(range(frames))
    assert np.array_equal([p.time for p in points], cine.times)
    assert np.allclose([(p.ed, p.es) for p in points], whole, atol=1e-4)


def test_live_refuses_frames_that_do_not_follow():
    cine = beating_cine(4)
    live = detector(SMALL).live(whole_frame(cine), 22.0)
    live.push(cine.frames[0], 0.0)
    with pytest.raises(CineError, match="time of frame 1"):
        live.push(cine.frames[1], 0.0)
    with pytest.raises(CineError, match="another size"):
        live.push(cine.frames[1][:50], 1.0)


def test_motion_features_measure_a_known_shift():
    """A texture that moves right and down by a pixel of the 56x56 image a frame."""
    rng = np.random.default_rng(1)
    import cv2

    texture = cv2.GaussianBlur(rng.random((160, 160)).astype(np.float32), (0, 0), 5)
    texture = ((texture - texture.min()) / np.ptp(texture) * 255).astype(np.uint8)
    frames = np.stack([texture[24 - 2 * t : 136 - 2 * t, 24 - 2 * t : 136 - 2 * t] for t in range(6)])
    features = clip_motion(frames).features
    assert features.shape == (6, 3, GRID, GRID)
    assert features.dtype == np.float32
    assert not features[0, :2].any()
    inner = features[1:, :2, 3:-3, 3:-3]
    assert np.abs(inner - 1).mean() < 0.1
    assert features[:, 2].min() >= 0
    assert features[:, 2].max() < 1.1


def test_streamed_motion_features_are_those_of_the_clip():
    cine = beating_cine(5)
    one = MotionFeatures()
    assert np.array_equal(np.stack([one(frame) for frame in cine.frames]), clip_motion(cine.frames).features)


def test_flow_adds_up_over_the_stride():
    features = np.random.default_rng(2).normal(size=(10, 3, GRID, GRID)).astype(np.float32)
    chosen = stride_motion(features, 3, 1)
    assert chosen.shape == (3, 3, GRID, GRID)
    assert not chosen[0, :2].any()
    assert np.allclose(chosen[1, :2], features[2:5, :2].sum(0), atol=1e-5)
    assert np.allclose(chosen[2, :2], features[5:8, :2].sum(0), atol=1e-5)
    assert np.array_equal(chosen[:, 2], features[1::3, 2])


def test_normalised_motion_forgets_scale_and_brightness():
    features = np.random.default_rng(2).normal(size=(32, 3, GRID, GRID)).astype(np.float32)
    other = features * np.array([5, 5, 3], np.float32)[:, None, None] + np.array([0, 0, 40], np.float32)[:, None, None]
    normal = normalise(features)
    assert np.sqrt((normal[:, :2] ** 2).mean()) == pytest.approx(1, abs=1e-3)
    assert normal[:, 2].std() == pytest.approx(1, abs=1e-2)
    assert np.allclose(normal, normalise(other), atol=0.02)
    assert not normalise(np.zeros_like(features)).any()
    one_by_one = [normalise_one(features, index, 5) for index in range(len(features))]
    assert np.allclose(one_by_one, normalise(features, 5), atol=1e-6)


def test_sector_outside_does_not_reach_the_network():
    cine = beating_cine(12)
    sector = whole_frame(cine)
    mask = sector.mask.copy()
    mask[:, :30] = False
    inside = replace(sector, mask=mask, box=Box(0, 0, 72, 72), shape="sector")
    scribbled = cine.frames.copy()
    scribbled[::2, :, :30] = 255
    network = detector(SMALL)
    with_text = network.curves(replace(cine, frames=scribbled), inside).probability
    assert np.array_equal(with_text, network.curves(cine, inside).probability)
