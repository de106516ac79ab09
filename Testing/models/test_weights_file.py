"""Weights files: what is saved comes back, and what is wrong with a file is said."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import pytest

torch = pytest.importorskip("torch")

from EchoKeyframeLib.cine.cine import CineError  # noqa: E402
from EchoKeyframeLib.detection import runtime  # noqa: E402
from EchoKeyframeLib.detection.catalogue import load_detector  # noqa: E402
from EchoKeyframeLib.detection.keyframes import DetectionError  # noqa: E402
from EchoKeyframeLib.models import registry  # noqa: E402
from EchoKeyframeLib.models.config import ConfigError, NetworkConfig  # noqa: E402
from EchoKeyframeLib.models.presets import PRESETS, build_network, preset  # noqa: E402
from EchoKeyframeLib.models.weights_file import (  # noqa: E402
    WeightsError,
    _compare,
    _is_stored,
    card_path,
    load_weights,
    save_weights,
)

SMALL = replace(PRESETS["motion-only"], frames=8, width=16, heads=(2, 2), depths=(1, 1))


@pytest.fixture
def network():
    torch.manual_seed(4)
    return build_network(SMALL).eval()


@pytest.fixture
def weights(tmp_path, network):
    path = tmp_path / "Gewichte ä.safetensors"
    save_weights(path, network, version="2", licence="Apache-2.0", training={"seed": 4}, metrics={"AFD": 1.5})
    return path


def edit_card(path, **changes):
    beside = card_path(path)
    beside.write_text(json.dumps({**json.loads(beside.read_text("utf-8")), **changes}), "utf-8")


@pytest.mark.parametrize("half", [False, True])
def test_what_is_saved_comes_back(tmp_path, network, half):
    path = tmp_path / "net.safetensors"
    saved = save_weights(path, network, "1.0", "Apache-2.0", {"seed": 4}, {"AFD": {"ED": 1.5}}, half)
    loaded, card = load_weights(path)
    assert card == saved
    assert card.config == SMALL
    assert (card.title, card.licence, card.training, card.metrics) == (
        "net 1.0", "Apache-2.0", {"seed": 4}, {"AFD": {"ED": 1.5}}
    )  # fmt: skip
    motion = torch.randn(2, 8, 3, 14, 14)
    difference = (loaded(None, motion) - network(None, motion)).abs().max().item()
    assert difference < 2e-2 if half else difference == 0
    assert all(p.dtype == torch.float32 for p in loaded.parameters())
    assert sorted(os.listdir(tmp_path)) == ["net.json", "net.safetensors"]


@pytest.mark.parametrize("name", ["two-stream", "image-only", "motion-only"])
def test_shipped_architectures_fit_twelve_megabytes(tmp_path, name):
    path = tmp_path / "net.safetensors"
    save_weights(path, build_network(PRESETS[name]))
    assert path.stat().st_size < 12e6


def test_truncated(weights):
    data = weights.read_bytes()
    weights.write_bytes(data[:-100])
    with pytest.raises(WeightsError, match=r"^Gewichte ä.safetensors: is damaged.*SHA-256"):
        load_weights(weights)
    weights.write_bytes(data[:50])
    with pytest.raises(WeightsError, match="cut off"):
        load_weights(weights)


def test_one_changed_byte(weights):
    data = bytearray(weights.read_bytes())
    data[-5] ^= 1
    weights.write_bytes(data)
    with pytest.raises(WeightsError, match="SHA-256"):
        load_weights(weights)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip, as torch.save writes", b"\xff" * 64, b"text"])
def test_not_safetensors(weights, content):
    weights.write_bytes(content)
    with pytest.raises(WeightsError, match="not a safetensors file"):
        load_weights(weights)


def test_missing_card_and_missing_weights(weights):
    card_path(weights).unlink()
    with pytest.raises(WeightsError, match=r"card Gewichte ä.json is missing"):
        load_weights(weights)
    with pytest.raises(WeightsError, match="cannot be opened"):
        load_weights(weights.with_name("none.safetensors"))


def test_another_architecture(weights):
    edit_card(weights, config=replace(SMALL, width=32).to_dict())
    with pytest.raises(WeightsError, match=r"another architecture.* is \[16"):
        load_weights(weights)
    edit_card(weights, config=replace(SMALL, depths=(2, 1)).to_dict())
    with pytest.raises(WeightsError, match=r"another architecture.*missing"):
        load_weights(weights)
    edit_card(weights, config=PRESETS["resnet18-112"].to_dict())
    with pytest.raises(WeightsError, match="another architecture"):
        load_weights(weights)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "another version"),
        ({"config": {"architecture": "oracle"}}, "architecture must be"),
        ({"config": {**SMALL.to_dict(), "width": 10**9}}, "width must lie"),
        ({"config": {**SMALL.to_dict(), "width": "wide"}}, r"got str - at \$\.config\.width"),
        ({"config": {**SMALL.to_dict(), "rate": float("nan")}}, "rate must lie"),
        ({"config": {**SMALL.to_dict(), "frames": 10**400}}, "config"),
        ({"config": {**SMALL.to_dict(), "depths": [1] * 50}}, "depths must be"),
        ({"config": None}, r"at \$\.config"),
        ({"name": ["a"]}, r"got array - at \$\.name"),
        ({"name": "n" * 5000}, r"at \$\.name"),
        ({"metrics": 7}, r"at \$\.metrics"),
    ],
)
def test_cards_that_say_nothing_usable(weights, changes, message):
    edit_card(weights, **changes)
    with pytest.raises(WeightsError, match=message) as caught:
        load_weights(weights)
    assert "\n" not in str(caught.value)


def test_fields_of_a_later_version_are_ignored(weights):
    edit_card(weights, surprise=1, config={**SMALL.to_dict(), "colour": "red"})
    assert load_weights(weights)[1].config == SMALL


GREEDY = {"width": 1024, "hidden": [4096] * 4, "depths": [24], "heads": [1], "attention_window": [32, 32, 32]}


def test_a_card_is_compared_with_its_weights_before_anything_is_allocated(weights, tmp_path):
    changes = (
        {**GREEDY, "size": 512, "stage": 1, "frames": 128},
        {"architecture": "resnet-lstm", "outputs": ["phase"], "hidden": [4096, 4096], "backbone": "resnet50"},
    )
    paths = []
    for index, change in enumerate(changes):
        paths.append(tmp_path / f"changed-{index}.safetensors")
        shutil.copy(weights, paths[-1])
        shutil.copy(card_path(weights), card_path(paths[-1]))
        edit_card(paths[-1], config={**SMALL.to_dict(), **change})
    script = (
        "import resource, sys\n"
        "from EchoKeyframeLib.models.weights_file import WeightsError, load_weights\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        load_weights(path)\n"
        "    except WeightsError as error:\n"
        "        assert 'another architecture' in str(error), error\n"
        "    else:\n"
        "        raise AssertionError(path)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    pytest.importorskip("resource")
    done = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, text=True, timeout=120)
    assert int(done.stdout) < 200, done.stderr  # MiB


def test_a_table_that_follows_from_the_card_alone_is_bounded(tmp_path):
    with torch.device("meta"):
        config = replace(PRESETS["paper"], size=512, stage=1, frames=32, attention_window=(32, 32, 32))
        network = build_network(config)
    shapes = {key: list(value.shape) for key, value in network.state_dict().items() if _is_stored(key)}
    with pytest.raises(WeightsError, match="GB beside its weights"):
        _compare(network, shapes, "greedy.safetensors")


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b" " * 2_000_000])
def test_cards_that_are_no_json_object(weights, text):
    card_path(weights).write_bytes(text)
    with pytest.raises(WeightsError):
        load_weights(weights)


def test_values_that_are_not_finite_are_not_written(tmp_path, network):
    torch.nn.init.constant_(network.vst.linear.bias, float("nan"))
    with pytest.raises(WeightsError, match="not finite"):
        save_weights(tmp_path / "net.safetensors", network)
    torch.nn.init.constant_(network.vst.linear.bias, 1e6)
    with pytest.raises(WeightsError, match="not finite"):
        save_weights(tmp_path / "net.safetensors", network, half=True)
    assert not os.listdir(tmp_path)


def test_a_failed_write_leaves_the_last_good_files(weights, network, monkeypatch):
    """As on a full disk: the weights are written, their card no longer is."""
    before = weights.read_bytes(), card_path(weights).read_bytes()
    torch.nn.init.constant_(network.vst.linear.bias, 1.0)

    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(WeightsError, match="No space left"):
        save_weights(weights, network)
    assert (weights.read_bytes(), card_path(weights).read_bytes()) == before
    assert len(os.listdir(weights.parent)) == 2


def test_catalogue_loads_files_and_bundled_names(weights, monkeypatch):
    assert load_detector(weights, device="cpu").name == "Gewichte ä 2"
    monkeypatch.setattr(registry.bundled_weights, "__defaults__", (weights.parent,))
    assert registry.detector_names() == ["auto", "motion", "Gewichte ä"]
    assert load_detector("Gewichte ä", device="cpu").name == "Gewichte ä 2"


def test_unknown_model_lists_what_there_is():
    with pytest.raises(DetectionError, match=r"'crystal-ball' is unknown; there are auto, fused, motion"):
        load_detector("crystal-ball")
    with pytest.raises(CineError, match="cannot be opened"):
        load_detector("none.safetensors")


def test_without_torch_the_message_says_what_to_install(weights, monkeypatch):
    """These weights have no graph, so nothing else can run them."""
    monkeypatch.setattr(runtime, "find_spec", lambda name: None if name == "torch" else find_spec(name))
    advice = r"needs torch.*holds no ONNX graph.*pip install 'echokeyframe\[network\]'"
    with pytest.raises(DetectionError, match=advice):
        load_detector(weights)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name):
    config = preset(name)
    assert NetworkConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_unknown_preset_lists_what_there_is():
    with pytest.raises(ConfigError, match="two-stream"):
        preset("lstm")
