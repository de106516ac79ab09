"""The networks: shapes, what depends on what, and the torchvision they are built from."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from EchoKeyframeLib.models import backbones, torchvision_blocks  # noqa: E402
from EchoKeyframeLib.models.config import ConfigError  # noqa: E402
from EchoKeyframeLib.models.frame_input import standardise  # noqa: E402
from EchoKeyframeLib.models.presets import PRESETS, build_network  # noqa: E402


def inputs(config, batch=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(batch, config.frames, 1, config.size, config.size, generator=generator)
    return images, torch.randn(batch, config.frames, 3, 14, 14, generator=generator)


@pytest.mark.parametrize(
    ("name", "map_size", "width"),
    [("paper", 7, 64), ("paper-112", 4, 64), ("resnet18-112", 4, 64), ("two-stream", 4, 128)],
)
def test_shapes_from_frames_to_curves(name, map_size, width):
    config = PRESETS[name]
    network = build_network(config).eval()
    images, motion = inputs(config)
    with torch.inference_mode():
        features = network.encode(images, motion)
        values = network.temporal(features)
        assert torch.allclose(network(images, motion), values, atol=1e-5)
    assert features.shape == (1, config.frames, map_size, map_size, width)
    assert values.shape == (1, config.frames, len(config.outputs))
    assert 0 < values.min() <= values.max() < 1


def test_paper_preset_is_the_papers():
    config = PRESETS["paper"]
    assert (config.backbone, config.size, config.frames, config.dropout) == ("resnet50", 224, 16, 0.5)
    assert (config.window_step, config.rate, config.outputs) == (1, None, ("ED", "ES"))
    network = build_network(config)
    blocks = [m for m in network.modules() if isinstance(m, torchvision_blocks.SwinTransformerBlock)]
    shifts = [block.attn.shift_size for block in blocks]
    assert shifts == [[0, 0, 0], [4, 2, 2], [0, 0, 0], [4, 0, 0]]
    merges = [m for m in network.modules() if isinstance(m, torchvision_blocks.PatchMerging)]
    assert len(merges) == 2


@pytest.mark.parametrize("backbone", ["resnet18", "resnet34", "resnet50"])
@pytest.mark.parametrize(("channels", "stage"), [(1, 3), (3, 4)])
def test_backbones_stages_and_channels(backbone, channels, stage):
    config = replace(PRESETS["paper"], size=64, frames=4, backbone=backbone, channels=channels, stage=stage)
    network = build_network(config).eval()
    with torch.inference_mode():
        features = network.encode(*inputs(config))
        assert network.temporal(features).shape == (1, 4, 2)
    assert features.shape[2] == network.grid == {3: 4, 4: 2}[stage]


@pytest.mark.parametrize("name", ["resnet18-112", "two-stream"])
def test_a_frames_features_depend_on_that_frame_alone(name):
    config = replace(PRESETS[name], frames=6, window_step=1)
    network = build_network(config).eval()
    images, motion = inputs(config)
    changed_images, changed_motion = images.clone(), motion.clone()
    changed_images[:, 3], changed_motion[:, 3] = torch.rand_like(images[:, 3]), torch.randn_like(motion[:, 3])
    with torch.inference_mode():
        before, after = network.encode(images, motion), network.encode(changed_images, changed_motion)
        outputs = network.temporal(before), network.temporal(after)
    same = [i for i in range(6) if torch.allclose(before[:, i], after[:, i], atol=1e-5)]
    assert same == [0, 1, 2, 4, 5]
    # ... while every frame's output depends on the others.
    assert all((outputs[0][:, i] - outputs[1][:, i]).abs().max() > 1e-6 for i in range(6))


def test_gray_bytes_and_unit_floats_are_the_same_input():
    frames = torch.randint(0, 256, (1, 2, 1, 8, 8), dtype=torch.uint8)
    assert torch.allclose(standardise(frames, 1), standardise(frames / 255, 1), atol=1e-5)
    darker = standardise((frames.float() / 255) * 0.5 + 0.1, 3)
    assert darker.shape == (1, 2, 3, 8, 8)
    assert torch.allclose(darker[:, :, :1], standardise(frames, 1), atol=1e-4)


def test_a_zero_frame_is_zero_to_the_network():
    assert not standardise(torch.zeros(1, 1, 1, 8, 8, dtype=torch.uint8), 3).any()


def test_gray_first_layer_answers_like_three_equal_channels():
    torch.manual_seed(1)
    color = backbones.backbone("resnet18", 3)
    torch.manual_seed(1)
    gray = backbones.backbone("resnet18", 1)
    image = torch.rand(1, 1, 32, 32)
    assert torch.allclose(gray.conv1(image), color.conv1(image.expand(-1, 3, -1, -1)), atol=1e-5)


def test_streams_can_be_left_out():
    both = build_network(PRESETS["two-stream"])
    image, motion = build_network(PRESETS["image-only"]), build_network(PRESETS["motion-only"])
    sizes = [sum(p.numel() for p in network.parameters()) for network in (both, image, motion)]
    assert sizes[0] > max(sizes[1:])
    assert sizes[0] < 5e6
    images, flow = inputs(PRESETS["image-only"])
    with torch.inference_mode():
        assert image.eval()(images, None).shape == motion.eval()(None, flow).shape == (1, 32, 5)


def test_a_sample_without_its_images_is_that_of_any_other_images():
    network = build_network(PRESETS["two-stream"]).eval()
    images, motion = inputs(PRESETS["two-stream"], batch=2)
    keep = torch.tensor([True, False])
    with torch.inference_mode():
        values = network(images, motion, keep_image=keep)
        others = network(torch.rand_like(images), motion, keep_image=keep)
        full = network(images, motion)
    assert torch.allclose(values[0], full[0], atol=1e-5)
    assert not torch.allclose(values[0], others[0], atol=1e-5)
    assert torch.equal(values[1], others[1])


def test_images_are_dropped_in_training_only():
    network = build_network(replace(PRESETS["two-stream"], image_dropout=0.5, frames=2, window_step=1))
    images, motion = inputs(network.config, batch=32)
    network.eval()
    with torch.inference_mode():
        without = network.encode(images, motion, keep_image=torch.zeros(32, dtype=torch.bool))
        assert torch.equal(network.encode(images, motion), network.encode(images, motion))
        network.train()
        # Batch norm stays as it is, so that only the drawing differs.
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
        drawn = network.encode(images, motion)
    dropped = sum(torch.allclose(drawn[i], without[i], atol=1e-5) for i in range(32))
    assert 4 < dropped < 28


def test_gradients_reach_every_weight():
    network = build_network(replace(PRESETS["two-stream"], image_dropout=0.0, frames=8))
    network(*inputs(network.config)).sum().backward()
    untouched = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not untouched


@pytest.mark.parametrize(
    "changes",
    [{"heads": (5, 4)}, {"depths": (2,)}, {"streams": ()}, {"size": 10_000}, {"outputs": ("ES", "ED")}, {"frames": 0}],
)
def test_networks_that_cannot_be_built_are_refused(changes):
    with pytest.raises(ConfigError):
        replace(PRESETS["two-stream"], **changes)


WITHOUT_OPERATORS = """
import torch

def does_not_load(path):
    raise OSError("as a torchvision built for CUDA beside a torch built for the CPU")

torch.ops.load_library = does_not_load
from EchoKeyframeLib.models import torchvision_blocks
block = torchvision_blocks.SwinTransformerBlock(
    16, 2, [2, 2, 2], [0, 0, 0], attn_layer=torchvision_blocks.ShiftedWindowAttention3d
)
print(list(block(torch.zeros(1, 2, 2, 2, 16)).shape), len(torchvision_blocks._declarations))
"""


def test_torchvision_without_its_compiled_operators():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_OPERATORS], capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.stdout.strip() == "[1, 2, 2, 2, 16] 1", done.stderr[-2000:]
