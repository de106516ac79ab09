"""Both runtimes against each other, for every network that has a graph: the same curves, the same keyframes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from EchoKeyframeLib.cine.read import read_cine  # noqa: E402
from EchoKeyframeLib.detection.catalogue import load_detector  # noqa: E402
from EchoKeyframeLib.detection.detect import detect  # noqa: E402
from EchoKeyframeLib.models.onnx_export import graphs_of  # noqa: E402
from EchoKeyframeLib.models.onnx_graph import exportable  # noqa: E402
from EchoKeyframeLib.models.presets import PRESETS, build_network  # noqa: E402
from EchoKeyframeLib.models.weights_file import add_graphs, load_weights, save_weights  # noqa: E402

SMALL = {"size": 32, "frames": 4, "width": 16, "heads": (2,), "depths": (1,)}
"""Of the paper's networks: the same layers, fewer of the transformer's; two-stream ones are tested at their size."""
EXPORTABLE = [name for name, config in PRESETS.items() if exportable(config) and name != "paper" and not config.traces]
"""``paper`` is ``paper-112`` at another size, which is small here; what traces has test_contour_network.py."""


@pytest.fixture(scope="module", params=EXPORTABLE)
def weights(request, tmp_path_factory):
    """Random weights of a preset, with its graphs, whose curves swing."""
    torch.manual_seed(3)
    config = PRESETS[request.param]
    network = build_network(replace(config, **SMALL) if config.architecture == "resnet-vst" else config).eval()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.running_var, 0.5, 2)
    torch.nn.init.normal_(network.vst.linear.weight, std=network.vst.linear.in_features**-0.5)
    path = tmp_path_factory.mktemp("weights") / f"{request.param}.safetensors"
    save_weights(path, network, half=False)
    add_graphs(path, graphs_of(network))
    return path


def agree(one, other, cine):
    """Whether two detectors find the same in a cine; their detections."""
    first, second = (detect(cine, detector) for detector in (one, other))
    assert np.abs(first.curves.probability - second.curves.probability).max() < 1e-4
    assert [(k.phase, k.frame) for k in first.keyframes] == [(k.phase, k.frame) for k in second.keyframes]
    return first, second


def both(model):
    return [load_detector(model, "cpu", runtime=name) for name in ("onnxruntime", "torch")]


def test_every_network_that_has_a_graph_is_tested():
    assert EXPORTABLE == ["paper-112", "resnet18-112", "two-stream", "image-only", "motion-only"]


@pytest.mark.slow
def test_a_presets_curves_and_keyframes_are_the_same(weights, sample_clip, beating_cine):
    detectors = both(weights)
    assert [detector.runtime for detector in detectors] == ["onnxruntime", "torch"]
    for cine in (read_cine(sample_clip), beating_cine):
        one, _ = agree(*detectors, cine)
        assert np.ptp(one.curves.probability[:, 0]) > 1e-3, "curves that say nothing"


def test_a_network_with_a_graph_is_still_loaded_by_torch(weights):
    network, card = load_weights(weights)
    assert card.about.files == {weights.name: card.sha256}
    assert set(network.state_dict()) == set(build_network(card.config).state_dict())


@pytest.mark.parametrize("clip", ["sample", "drawn"])
def test_the_shipped_network_gives_the_same_keyframes(clip, sample_clip, beating_cine):
    one, other = agree(*both("fused"), read_cine(sample_clip) if clip == "sample" else beating_cine)
    assert (one.runtime, one.device, other.runtime) == ("onnxruntime", "cpu", "torch") and one.keyframes


def test_on_real_loops_both_runtimes_give_the_same_keyframes(development_data, development_labels):
    detectors = both("two-stream")
    for path in sorted(development_data.glob("*")):
        if path.suffix in (".dcm", ".mp4", ".avi"):
            agree(*detectors, read_cine(path))
