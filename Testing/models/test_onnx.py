"""Networks in ONNX Runtime: the same numbers as torch, no torch needed, and what is wrong with a graph is said."""

from __future__ import annotations

import json
import os
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
from EchoKeyframeLib.models.onnx_export import ExportError, export_graphs, graphs_of  # noqa: E402
from EchoKeyframeLib.models.onnx_graph import ENCODE, TEMPORAL, GraphError, external_weights, inflated  # noqa: E402
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
def test_the_runtime_leaves_nothing_in_the_home_folder(tmp_path):
    """Not even the number of the device that its telemetry makes up."""
    environment = {**os.environ, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    command = [sys.executable, "-c", "import EchoKeyframeLib.models.onnx_runner"]
    subprocess.run(command, env=environment, check=True, timeout=120)
    assert not list(tmp_path.iterdir())


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
    found = {k["phase"]: k["frame"] for k in told["keyframes"]}
    assert len(told["keyframes"]) == 2 and abs(found["ED"] - 21) <= 2 and abs(found["ES"] - 5) <= 1
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
        (lambda graphs: graphs | {ENCODE: zlib.compress(inflated(graphs[ENCODE]) + message(8, message(1, b"com.x")))},
         "operators that no network of this package has"),
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
    save_weights(path, build_network(replace(PRESETS["two-stream"], width=64)))
    add_graphs(path, graphs_of(load_weights(SHIPPED)[0]))
    with pytest.raises(WeightsError, match="refuses its graph"):
        load_detector(path, "cpu", runtime="onnxruntime")


def greedy(known_size: bool):
    """A change of the head: beside its work it makes a tensor of 256 GB, of a size known when it is loaded or not."""
    from onnx import ModelProto, TensorProto, helper

    def change(graphs):
        model = ModelProto.FromString(inflated(graphs[TEMPORAL]))
        graph = model.graph
        graph.initializer.append(helper.make_tensor("much", TensorProto.INT64, [1], [1 << 36]))
        graph.initializer.append(helper.make_tensor("first", TensorProto.INT64, [1], [0]))
        [result] = graph.output
        last = next(node for node in graph.node if result.name in node.output)
        last.output[0] = "own"
        nodes = [
            helper.make_node("Shape", ["own"], ["shape"]),
            helper.make_node("Gather", ["shape", "first"], ["count"]),
            helper.make_node("Mul", ["count", "much"], ["asked"]),
            helper.make_node("ConstantOfShape", ["much" if known_size else "asked"], ["large"]),
            helper.make_node("ReduceMean", ["large"], ["mean of it"], keepdims=0),
            helper.make_node("Add", ["own", "mean of it"], [result.name]),
        ]
        graph.node.extend(nodes)
        return graphs | {TEMPORAL: zlib.compress(model.SerializeToString())}

    return change


@pytest.mark.parametrize("known_size", [True, False])
def test_a_graph_that_asks_for_too_much_memory_is_a_line_after_smaller_batches(tmp_path, beating_cine, known_size):
    detector = load_detector(changed(tmp_path, greedy(known_size)), "cpu", runtime="onnxruntime")
    tried = []
    temporal = detector.runner.temporal
    detector.runner.temporal = lambda windows: tried.append(len(windows)) or temporal(windows)
    with pytest.raises(DetectionError, match="does not fit into this device's memory") as refused:
        detect(beating_cine, detector)
    assert tried[0] > tried[-1] == 1 and "\n" not in str(refused.value)


def test_a_graph_that_fails_at_its_work_is_a_line(tmp_path, beating_cine):
    """Right in all that can be seen beforehand: frames are encoded to another grid than windows are made of."""
    from onnx import ModelProto

    def change(graphs):
        model = ModelProto.FromString(inflated(graphs[TEMPORAL]))
        for dimension in model.graph.input[0].type.tensor_type.shape.dim[2:4]:
            dimension.dim_value = 5
        return graphs | {TEMPORAL: zlib.compress(model.SerializeToString())}

    with pytest.raises(WeightsError) as refused:
        detect(beating_cine, load_detector(changed(tmp_path, change), "cpu", runtime="onnxruntime"))
    assert "its graph" in str(refused.value) and "\n" not in str(refused.value)


def test_a_runtime_that_is_too_old_is_named(monkeypatch):
    """A stand-in for onnxruntime 1.16, with its words: it cannot be installed beside this one."""
    from EchoKeyframeLib.models import onnx_session

    def refuse(*_, **__):
        raise RuntimeError("[ONNXRuntimeError] : 1 : FAIL : ONNX Runtime only *guarantees* support for models stamped "
                           "with official released onnx opset versions.\nOpset 20 is under development")  # fmt: skip

    monkeypatch.setattr(onnx_session.onnxruntime, "InferenceSession", refuse)
    monkeypatch.setattr(onnx_session.onnxruntime, "__version__", "1.16.3")
    with pytest.raises(WeightsError, match=r"^two-stream: ONNX Runtime 1.16.3 refuses its graph \(.*opset") as refused:
        load_detector("two-stream", "cpu", runtime="onnxruntime")
    assert "\n" not in str(refused.value)


def test_weights_of_an_earlier_version_are_converted(tmp_path, capsys):
    path = changed(tmp_path, lambda graphs: {})
    before = load_card(path)
    assert not has_graphs(path)
    assert main(["convert", str(path)]) == 0
    assert f"{load_card(SHIPPED).title} runs in ONNX Runtime" in capsys.readouterr().out
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


@pytest.mark.parametrize(
    ("machine", "library", "told"),
    [
        ("riscv64", "glibc", "onnxruntime is not installed (none is published for riscv64)"),
        ("x86_64", "", "onnxruntime is not installed (none is published for Linux without glibc)"),
        ("aarch64", "glibc", "onnxruntime is not installed"),
    ],
)
def test_a_machine_for_which_onnx_runtime_is_not_published(monkeypatch, machine, library, told):
    find = runtime.find_spec
    monkeypatch.setattr(runtime, "find_spec", lambda name: None if name == "onnxruntime" else find(name))
    monkeypatch.setattr(runtime.sys, "platform", "linux")
    monkeypatch.setattr(runtime.platform, "machine", lambda: machine)
    monkeypatch.setattr(runtime.platform, "libc_ver", lambda: (library, ""))
    assert runtime.choose_runtime(SHIPPED) == "torch"
    with pytest.raises(DetectionError) as caught:
        runtime.choose_runtime(SHIPPED, "onnxruntime")
    assert str(caught.value).endswith(told)


def test_an_onnx_runtime_that_cannot_be_loaded_is_a_line(tmp_path, sample_clip):
    """As on Windows where the libraries of Visual C++ are missing."""
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('DLL load failed\\nwhile importing')", "utf-8")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    command = [sys.executable, "-m", "EchoKeyframeLib", "detect", str(sample_clip), "--output", str(tmp_path / "out")]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and "ONNX Runtime is installed but cannot be loaded (DLL load failed while" in line


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
