"""Networks in ONNX Runtime: the same numbers as torch, no torch needed, and what is wrong with a graph is said."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from EchoKeyframeLib.cine.read import read_cine  # noqa: E402
from EchoKeyframeLib.cli import main  # noqa: E402
from EchoKeyframeLib.detection import runtime  # noqa: E402
from EchoKeyframeLib.detection.catalogue import load_detector  # noqa: E402
from EchoKeyframeLib.detection.detect import detect  # noqa: E402
from EchoKeyframeLib.detection.keyframes import DetectionError  # noqa: E402
from EchoKeyframeLib.detection.network import NetworkDetector  # noqa: E402
from EchoKeyframeLib.models.onnx_export import ExportError, export_graphs, graphs_of  # noqa: E402
from EchoKeyframeLib.models.onnx_graph import ENCODE, TEMPORAL, GraphError, external_weights, inflated  # noqa: E402
from EchoKeyframeLib.models.onnx_runner import OnnxRunner  # noqa: E402
from EchoKeyframeLib.models.onnx_weights import has_graphs, load_onnx_weights  # noqa: E402
from EchoKeyframeLib.models.presets import PRESETS, build_network  # noqa: E402
from EchoKeyframeLib.models.registry import bundled_weights  # noqa: E402
from EchoKeyframeLib.models.weights_file import (  # noqa: E402
    WeightsError,
    add_graphs,
    load_card,
    load_weights,
    save_weights,
)

SHIPPED = bundled_weights()["two-stream"]
SMALL = replace(PRESETS["motion-only"], frames=4, window_step=2, width=16, heads=(2,), depths=(2,),
                attention_window=(2, 2, 2))  # fmt: skip
NETWORKS = {
    "two streams": replace(SMALL, streams=("image", "motion"), size=64),
    "motion": SMALL,
    "the paper's": replace(PRESETS["resnet18-112"], size=32, frames=4, width=16, heads=(2,), depths=(1,)),
}


@pytest.fixture(scope="module", params=NETWORKS)
def small(request, tmp_path_factory):
    """Weights of a small network with its graphs."""
    torch.manual_seed(3)
    network = build_network(NETWORKS[request.param]).eval()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.running_var, 0.5, 2)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_weights(path, network, half=False)
    add_graphs(path, graphs_of(network))
    return path


def test_both_runtimes_give_the_same_curves(small):
    clip = np.random.default_rng(1).integers(0, 256, (21, *[load_card(small).config.size] * 2), np.uint8)
    in_torch = NetworkDetector.in_torch(load_weights(small)[0], "net", "cpu")
    in_onnx = NetworkDetector(OnnxRunner(load_onnx_weights(small)), "net")
    in_torch, in_onnx = (network.outputs(network.look_at(clip), 30.0) for network in (in_torch, in_onnx))
    assert np.ptp(in_torch[:, 0]) > 1e-4 and np.abs(in_torch - in_onnx).max() < 1e-4


def test_a_network_with_a_graph_is_still_loaded_by_torch(small):
    network, card = load_weights(small)
    assert card.about.files == {small.name: card.sha256}
    assert set(network.state_dict()) == set(build_network(card.config).state_dict())


def test_the_shipped_network_gives_the_same_keyframes(sample_clip):
    cine = read_cine(sample_clip)
    found = {name: detect(cine, load_detector("fused", "cpu", runtime=name)) for name in ("onnxruntime", "torch")}
    one, other = found["onnxruntime"], found["torch"]
    assert np.abs(one.curves.probability - other.curves.probability).max() < 1e-4
    assert [(k.phase, k.frame) for k in one.keyframes] == [(k.phase, k.frame) for k in other.keyframes]
    assert (one.runtime, one.device, other.runtime) == ("onnxruntime", "cpu", "torch")


def test_on_real_loops_both_runtimes_give_the_same_keyframes(development_data, development_labels):
    detectors = [load_detector("two-stream", "cpu", runtime=name) for name in ("onnxruntime", "torch")]
    for path in sorted(development_data.glob("*")):
        if path.suffix in (".dcm", ".mp4", ".avi"):
            cine = read_cine(path)
            one, other = (detect(cine, detector) for detector in detectors)
            assert np.abs(one.curves.probability - other.curves.probability).max() < 1e-4
            assert [(k.phase, k.frame) for k in one.keyframes] == [(k.phase, k.frame) for k in other.keyframes]


def test_live_frames_give_the_curves_of_the_whole_clip(sample_clip):
    from EchoKeyframeLib.cine.sector import find_sector

    cine = read_cine(sample_clip)
    sector, detector = find_sector(cine), load_detector("two-stream", "cpu", runtime="onnxruntime")
    live = detector.live(sector, cine.fps)
    points = [p for frame, time in zip(cine.frames, cine.times, strict=True) for p in live.push(frame, time)]
    points += live.finish()
    whole = detector.curves(cine, sector).probability
    assert np.abs(np.array([(p.ed, p.es) for p in points]) - whole).max() < 1e-5


@pytest.mark.slow
def test_detection_without_torch(tmp_path):
    """The default detector on the sample where torch cannot be imported."""
    script = (
        "import sys\n"
        "class No:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('torch', 'torchvision', 'lightning', 'onnx', 'onnxscript'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, No())\n"
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, package=None: None if name.startswith('torch') else find(name, package)\n"
        "from EchoKeyframeLib.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "assert 'torch' not in sys.modules\n"
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", script, "detect", "--sample", "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    [path] = tmp_path.glob("*.keyframes.json")
    told = json.loads(path.read_text("utf-8"))
    assert {(k["phase"], k["frame"]) for k in told["keyframes"]} == {("ES", 5), ("ED", 22)}
    assert told["model"].endswith("+ motion") and (told["runtime"], told["device"]) == ("onnxruntime", "cpu")


def changed(tmp_path: Path, change) -> Path:
    """The shipped weights with other graphs."""
    path = tmp_path / "two-stream.safetensors"
    for suffix in (".safetensors", ".json"):
        shutil.copy(SHIPPED.with_suffix(suffix), path.with_suffix(suffix))
    graphs = graphs_of(load_weights(path)[0])
    add_graphs(path, change(dict(graphs)))
    return path


def with_bytes(old: bytes, new: bytes):
    """A change of one graph's bytes, of the same length."""
    assert len(old) == len(new)

    def change(graphs):
        graph = inflated(graphs[ENCODE])
        assert old in graph
        return graphs | {ENCODE: zlib.compress(graph.replace(old, new))}

    return change


OPSET, NEWER = b"\x42\x04\x0a\x00\x10\x14", b"\x42\x04\x0a\x00\x10\x7f"  # opset_import, as it is written


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda graphs: {}, "holds no ONNX graph; 'echokeyframe convert' adds it"),
        (lambda graphs: graphs | {ENCODE: graphs[ENCODE][:-40]}, "its graph is cut off"),
        (lambda graphs: graphs | {ENCODE: b"PK" + graphs[ENCODE]}, "its graph is damaged"),
        (lambda graphs: graphs | {ENCODE: zlib.compress(bytes(80 << 20))}, "too large"),
        (lambda graphs: graphs | {ENCODE: graphs[TEMPORAL]}, "another network than its card"),
        (with_bytes(b"location\x12\x07weights", b"location\x12\x07../../x"), "refers to another file"),
        (with_bytes(b"network.motion.0.weight", b"network.motion.0.heavyy"), "motion.0.heavyy is missing"),
        (lambda graphs: graphs | {ENCODE: zlib.compress(b"\x08\x7f" + inflated(graphs[ENCODE]))}, "newer ONNX (IR"),
        (with_bytes(OPSET, NEWER), "newer ONNX (opset 127)"),
        (lambda graphs: graphs | {ENCODE: zlib.compress(inflated(graphs[ENCODE])[:-60])}, "cut off"),
    ],
)  # fmt: skip
def test_a_graph_that_cannot_be_used_is_refused_in_a_line(tmp_path, change, complaint):
    path = changed(tmp_path, change)
    with pytest.raises((WeightsError, DetectionError)) as refused:
        load_detector(path, "cpu", runtime="onnxruntime")
    assert complaint in str(refused.value) and "\n" not in str(refused.value)


def test_a_graph_of_another_network_is_found_by_the_runtime(tmp_path):
    """Names and frames agree, sizes do not."""
    path = tmp_path / "wider.safetensors"
    save_weights(path, build_network(replace(SMALL, width=32)))
    add_graphs(path, graphs_of(build_network(SMALL)))
    with pytest.raises(WeightsError, match="refuses its graph"):
        load_detector(path, "cpu", runtime="onnxruntime")


def test_weights_of_an_earlier_version_are_converted(tmp_path, capsys):
    path = changed(tmp_path, lambda graphs: {})
    before = load_card(path)
    assert not has_graphs(path)
    assert main(["convert", str(path)]) == 0
    assert "two-stream 1 runs in ONNX Runtime" in capsys.readouterr().out
    after = load_card(path)
    assert has_graphs(path) and load_detector(path, "cpu").runtime == "onnxruntime"
    assert replace(after, sha256="", about=before.about) == replace(before, sha256="")
    assert path.read_bytes() == SHIPPED.read_bytes()


def test_what_cannot_be_converted_is_a_line(tmp_path, capsys):
    path = tmp_path / "segmentation.safetensors"
    save_weights(path, build_network(PRESETS["segmentation-small"]))
    assert main(["convert", str(path), str(tmp_path / "none.safetensors")]) == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and all(line.startswith("failed: ") for line in told)
    assert "runs with torch alone" in told[0]
    with pytest.raises(ExportError, match="nothing to convert"):
        export_graphs(build_network(PRESETS["segmentation-small"]))


@pytest.mark.parametrize(
    ("wish", "device", "gpu", "many", "torch_there", "expected"),
    [
        ("auto", "auto", False, False, True, "onnxruntime"),
        ("auto", "auto", False, False, False, "onnxruntime"),
        ("auto", "auto", True, False, True, "onnxruntime"),  # two million weights
        ("auto", "auto", True, True, True, "torch"),
        ("auto", "auto", True, True, False, "onnxruntime"),
        ("auto", "cpu", True, True, True, "onnxruntime"),
        ("auto", "cuda", True, False, True, "torch"),
        ("torch", "auto", False, False, True, "torch"),
        ("onnxruntime", "auto", True, True, True, "onnxruntime"),
        ("onnxruntime", "cuda", True, False, True, "it runs on the CPU, not on cuda"),
        ("torch", "cpu", False, False, False, "needs torch, which is not installed"),
        ("auto", "cuda", True, False, False, "it runs on the CPU, not on cuda"),
        ("tensorrt", "auto", False, False, True, "is not one of auto, onnxruntime, torch"),
    ],
)
def test_which_runtime_runs(monkeypatch, wish, device, gpu, many, torch_there, expected):
    monkeypatch.setattr(runtime, "gpu_seen", lambda: gpu)
    find = runtime.find_spec
    monkeypatch.setattr(runtime, "find_spec", lambda name: find(name) if torch_there or name != "torch" else None)
    if expected in ("onnxruntime", "torch"):
        assert runtime.choose_runtime(SHIPPED, wish, device, many=many) == expected
    else:
        with pytest.raises(DetectionError, match=expected):
            runtime.choose_runtime(SHIPPED, wish, device, many=many)


def test_neither_runtime_is_there(monkeypatch):
    monkeypatch.setattr(runtime, "find_spec", lambda name: None)
    with pytest.raises(DetectionError, match=r"needs torch, .* and ONNX Runtime cannot: onnxruntime is not installed"):
        runtime.choose_runtime(SHIPPED)
    assert not runtime.can_run(SHIPPED)


def test_a_network_for_frames_of_another_size_takes_torch():
    assert runtime.choose_runtime(SHIPPED, resized=True) == "torch"


def test_every_number_is_stored_once():
    """No weight's values stand in a graph."""
    with_graph = load_onnx_weights(SHIPPED)
    assert len(with_graph.encode.data) < 50_000 and len(with_graph.temporal.data) < 600_000
    asked = {*with_graph.encode.weights, *with_graph.temporal.weights}
    assert asked == set(with_graph.tensors)


def message(number: int, *parts: bytes) -> bytes:
    """A field of bytes: ``number``, then all ``parts``."""
    data = b"".join(parts)
    key = number << 3 | 2
    assert len(data) < 128
    return bytes([key] if key < 128 else [key & 127 | 128, key >> 7]) + bytes([len(data)]) + data


@pytest.mark.parametrize(
    ("attribute", "complaint"),
    [
        (message(6, message(5, message(8, b"network.x"))), "holds further graphs"),
        (message(5, message(8, b"network.x"), message(13, message(1, b"location"), message(2, b"weights"))),
         "refers to another file"),
        (message(22), "sparse"),
    ],
)  # fmt: skip
def test_what_a_node_may_not_hold(attribute, complaint):
    with pytest.raises(GraphError, match=complaint):
        external_weights(message(7, message(1, message(5, attribute))))


@pytest.mark.parametrize("data", [b"\xff" * 30, b"\x3a\xff\xff\xff\xff\x0f", b"\x0b", b"\x3a\x02\x2a"])
def test_bytes_that_are_no_graph(data):
    with pytest.raises(GraphError):
        external_weights(data)
