"""The network that traces the left ventricle: its form, its weights, the same numbers in torch and ONNX Runtime."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from EchoKeyframeLib.detection.catalogue import load_detector  # noqa: E402
from EchoKeyframeLib.detection.keyframes import DetectionError  # noqa: E402
from EchoKeyframeLib.models.config import ConfigError  # noqa: E402
from EchoKeyframeLib.models.contour_runner import OnnxContourRunner, TorchContourRunner  # noqa: E402
from EchoKeyframeLib.models.loop_images import equalised, loop_images  # noqa: E402
from EchoKeyframeLib.models.presets import build_network, preset  # noqa: E402
from EchoKeyframeLib.models.registry import CONTOUR_NETWORKS, CONTOUR_WEIGHTS, bundled_weights  # noqa: E402
from EchoKeyframeLib.models.weights_card import WeightsError, load_card  # noqa: E402

NETWORK = preset("lv-contour")


def test_maps_are_half_as_large_as_the_images():
    network = build_network(NETWORK).eval()
    maps, apical = network(torch.zeros(3, 3, 112, 112))
    assert maps.shape == (3, 4, 56, 56) and apical.shape == (3,)
    maps, _ = build_network(replace(NETWORK, size=64, hidden=(8, 8, 16, 16))).eval()(torch.zeros(1, 3, 64, 64))
    assert maps.shape == (1, 4, 32, 32)


@pytest.mark.parametrize("changes", [{"outputs": ("ED", "ES")}, {"channels": 1}, {"size": 100}, {"hidden": (16, 32)}])
def test_what_cannot_be_built_is_refused(changes):
    with pytest.raises(ConfigError):
        replace(NETWORK, **changes)


@pytest.mark.parametrize("name", CONTOUR_NETWORKS)
def test_the_shipped_weights_are_small_and_their_card_says_what_they_are(name):
    path = CONTOUR_NETWORKS[name]
    assert path.stat().st_size <= 4e6
    card = load_card(path)
    assert card.config == preset(name) and card.name == name and card.licence == "Apache-2.0" and card.version
    assert card.about.data.kind == "simulated" and card.about.limits and "keyframes" not in card.about.intended_use
    assert [tensor.name for tensor in card.about.outputs] == list(NETWORK.outputs)


@pytest.mark.parametrize("path", CONTOUR_NETWORKS.values())
def test_both_runtimes_give_the_same_numbers(path):
    images = np.random.default_rng(3).random((5, 3, 112, 112), np.float32)
    one, other = (runner.run(images) for runner in (OnnxContourRunner(path), TorchContourRunner(path, "cpu")))
    for in_onnx, in_torch in zip(one, other, strict=True):
        assert in_onnx.shape == in_torch.shape and np.ptp(in_onnx) > 0.01
        assert np.abs(in_onnx - in_torch).max() < 1e-4 * max(1, np.abs(in_torch).max())


def test_it_is_no_detector_and_a_detector_traces_nothing():
    assert not set(CONTOUR_NETWORKS) & set(bundled_weights())
    with pytest.raises(DetectionError, match="traces the left ventricle"):
        load_detector(str(CONTOUR_WEIGHTS))
    with pytest.raises(WeightsError, match="traces no ventricle"):
        TorchContourRunner(bundled_weights()["two-stream"], "cpu")


def test_loop_images_show_what_stands_still_and_what_moves():
    loop = np.full((8, 4, 4), 50, np.uint8)
    loop[3, 0, 0] = 0  # one dark moment is noise, two are blood
    loop[[2, 5], 1, 1] = 10
    loop[:4, 2, 2] = 150
    images = loop_images(loop[0], loop)
    assert images.shape == (4, 4, 3) and (images[..., 0] == loop[0]).all()
    assert images[0, 0, 1] == 50 and images[1, 1, 1] == 10
    assert images[1, 1, 2] == 40 and images[2, 2, 2] == 100
    assert (loop_images(loop[3], loop[3:4]) == loop[3][..., None]).all()


def test_equalised_levels_hardly_depend_on_gain():
    frame = np.random.default_rng(1).gamma(2, 25, (64, 64, 3)).clip(0, 120).astype(np.uint8)
    dim, bright = equalised(frame), equalised(frame * 2)
    assert dim.dtype == np.float32 and dim.shape == (3, 64, 64) and dim.min() >= 0 and dim.max() <= 1
    assert np.abs(dim - bright).max() < 0.03
    assert np.isfinite(equalised(np.zeros((64, 64, 3), np.uint8))).all()
