"""Each frame encoded once gives what naive stride-1 windows give."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dataclasses import replace  # noqa: E402

from EchoKeyframeLib.detection.batches import Batches  # noqa: E402
from EchoKeyframeLib.detection.keyframes import DetectionError  # noqa: E402
from EchoKeyframeLib.detection.network import NetworkDetector  # noqa: E402
from EchoKeyframeLib.detection.windows import mean_over_windows, window_starts  # noqa: E402
from EchoKeyframeLib.models.onnx_runner import OnnxRunner  # noqa: E402
from EchoKeyframeLib.models.presets import PRESETS, build_network  # noqa: E402
from EchoKeyframeLib.models.runner import NetworkRunner  # noqa: E402

PAPER = replace(PRESETS["paper-112"], size=64, backbone="resnet18")


def naive_windows(network, frames):
    """The paper's way, written apart: every window of T frames through the whole network, then the mean."""
    length, window = len(frames), network.config.frames
    sums, counts = np.zeros((length, 2)), np.zeros((length, 1))
    with torch.inference_mode():
        for start in range(length if network.config.past_end else max(1, length - window + 1)):
            part = frames[start : start + window]
            zeros = np.zeros((window - len(part), *part.shape[1:]), np.uint8)
            filled = torch.from_numpy(np.concatenate([part, zeros]))[None, :, None]
            values = network(filled)[0, : len(part)].numpy()
            sums[start : start + len(part)] += values
            counts[start : start + len(part)] += 1
    return sums / counts


@pytest.fixture(scope="module")
def paper():
    torch.manual_seed(0)
    network = build_network(PAPER).eval()
    torch.nn.init.normal_(network.vst.linear.weight, std=1.0)
    return network


@pytest.mark.parametrize("frames", [1, 5, 15, 16, 17, 40])
@pytest.mark.parametrize("past_end", [True, False])
def test_encode_once_equals_naive_windows(paper, frames, past_end, monkeypatch):
    monkeypatch.setattr(paper, "config", replace(PAPER, past_end=past_end))
    clip = np.random.default_rng(frames).integers(0, 256, (frames, 64, 64), np.uint8)
    expected = naive_windows(paper, clip)
    network = NetworkDetector.in_torch(paper, "paper", device="cpu")
    once = network.outputs(network.look_at(clip), 30.0)
    assert once.shape == (frames, 2)
    assert np.ptp(expected) > 1e-3 or frames == 1
    assert np.abs(once - expected).max() < 1e-5


@pytest.mark.parametrize(
    ("length", "window", "step"), [(3, 16, 1), (16, 16, 1), (40, 16, 1), (41, 16, 4), (40, 16, 16)]
)
def test_windows_cover_every_frame(length, window, step):
    starts = window_starts(length, window, step)
    covered = {frame for start in starts for frame in range(start, min(start + window, length))}
    assert covered == set(range(length))
    assert starts[-1] == max(length - window, 0)
    assert (np.diff(starts) <= step).all()


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_mean_over_the_windows_that_contain_a_frame(batch):
    """A transformer that returns a frame's place in its window: the mean place can be counted by hand."""

    def place(starts):
        return np.tile(np.arange(4, dtype=np.float32)[None, :, None], (len(starts), 1, 1))

    mean = mean_over_windows(6, place, 4, 6, Batches(batch))
    assert np.allclose(mean[:, 0], [0, 0.5, 1, 2, 2.5, 3])


def frames_themselves(window):
    """Each frame's number for an answer."""
    return lambda starts: (starts[:, None] + np.arange(window))[..., None].astype(np.float32)


def test_windows_hold_the_frames_that_follow_each_other():
    mean = mean_over_windows(10, frames_themselves(4), 4, 10, Batches(3), step=3)
    assert np.allclose(mean[:, 0], np.arange(10))


def test_both_runners_cut_the_same_windows(paper):
    features = np.arange(40 * 2, dtype=np.float32).reshape(40, 1, 2, 1)
    starts = np.array([0, 3, 24])
    torch_runner = NetworkRunner(paper, "cpu")
    cut = OnnxRunner.windows(torch_runner, features, starts)  # which looks at the configuration alone
    assert cut.shape == (3, paper.config.frames, 1, 2, 1)
    assert np.array_equal(cut[1, :, 0, 0, 0], features[3 : 3 + paper.config.frames, 0, 0, 0])
    assert np.array_equal(torch_runner.windows(torch.from_numpy(features), starts).numpy(), cut)


def test_zero_frames_do_not_count():
    mean = mean_over_windows(8, frames_themselves(8), 8, 5, Batches(4))
    assert np.allclose(mean[:, 0], np.arange(5))


def test_batches_shrink_and_keep_their_size():
    done, sizes, released = [], [], []

    def work(part):
        sizes.append(part.stop - part.start)
        if sizes[-1] > 3:
            raise MemoryError
        done.extend(range(part.start, part.stop))

    batches = Batches(16, lambda: released.append(True))
    batches.run(20, work)
    assert done == list(range(20))
    assert sizes[:4] == [16, 8, 4, 2]
    assert batches.size == 2
    assert len(released) == 3


def test_batches_give_up_on_a_single_item():
    def work(part):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    with pytest.raises(DetectionError, match="does not fit"):
        Batches(8).run(3, work)
