"""ImageNet weights: from torch's cache or a file, and never silently others."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from EchoKeyframeLib.models import torchvision_blocks
from EchoKeyframeLib.models.imagenet import PUBLISHED, ImageNetError, imagenet_weights
from EchoKeyframeLib.models.presets import PRESETS, build_network
from safetensors.torch import save_file

RESNET18 = replace(PRESETS["resnet18-112"], channels=3)


@pytest.fixture(scope="module")
def published():
    return torchvision_blocks.resnet18().state_dict()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """torch's download cache, empty, without a network."""

    def offline(*args, **kwargs):
        raise OSError("no route to host")

    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    return folder


def test_those_in_the_cache_are_used_and_recorded(cache, published):
    torch.save(published, cache / PUBLISHED["resnet18"].url.rsplit("/", 1)[1])
    weights = imagenet_weights("resnet18")
    network = build_network(RESNET18, weights)
    assert torch.equal(network.encoder.layer1[0].conv1.weight, published["layer1.0.conv1.weight"])
    assert weights.record["source"] == "resnet18 IMAGENET1K_V1"
    assert len(weights.record["sha256"]) == 64


def test_where_there_are_none_it_stops_and_says_what_to_do(cache):
    with pytest.raises(ImageNetError, match=r"^ImageNet weights of resnet50: .*no route to host") as told:
        imagenet_weights("resnet50")
    assert str(told.value).endswith("--imagenet random")
    assert "resnet50-0676ba61.pth into TORCH_HOME/hub/checkpoints" in str(told.value)


def test_a_file_of_either_kind(tmp_path, published):
    trimmed = {name: value for name, value in published.items() if not name.startswith("fc.")}
    torch.save(published, tmp_path / "r18.pth")
    save_file(trimmed, tmp_path / "r18.safetensors")
    for name in ("r18.pth", "r18.safetensors"):
        weights = imagenet_weights("resnet18", tmp_path / name)
        assert torch.equal(build_network(RESNET18, weights).encoder.conv1.weight, published["conv1.weight"])
        assert weights.record["source"] == name


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"\x80\x02}q\x00."])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_that_cannot_be_read(tmp_path, content, suffix):
    file = tmp_path / f"weights{suffix}"
    file.write_bytes(content)
    with pytest.raises(ImageNetError, match=rf"^weights{suffix}: (cannot be read as weights|is not of a resnet18)"):
        build_network(RESNET18, imagenet_weights("resnet18", file))
    with pytest.raises(ImageNetError, match=r"^gone\.pth: cannot be opened"):
        imagenet_weights("resnet18", tmp_path / "gone.pth")


def test_those_of_another_network(tmp_path):
    torch.save(torchvision_blocks.resnet34().state_dict(), tmp_path / "r34.pth")
    weights = imagenet_weights("resnet50", tmp_path / "r34.pth")
    with pytest.raises(ImageNetError, match=r"^r34.pth: is not of a resnet50: "):
        build_network(PRESETS["paper"], weights)
    with pytest.raises(ImageNetError, match="takes no ImageNet weights"):
        imagenet_weights("resnet-thin", tmp_path / "r34.pth")
    assert imagenet_weights("resnet-thin") is None


def test_a_published_densenet_with_dots_in_its_names(tmp_path):
    plain = torchvision_blocks.densenet121().state_dict()
    dotted = {name.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): v for name, v in plain.items()}
    assert dotted.keys() != plain.keys()
    torch.save(dotted, tmp_path / "dense.pth")
    network = build_network(PRESETS["densenet-gru-beat"], imagenet_weights("densenet121", tmp_path / "dense.pth"))
    name = "features.denseblock1.denselayer1.conv2.weight"
    assert torch.equal(network.encoder.body.state_dict()[name], plain[name])
