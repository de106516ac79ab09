"""Networks are not judged on clips that they learned from without a word."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.detection.catalogue import network_weights
from EchoKeyframeLib.detection.keyframes import DetectionError
from EchoKeyframeLib.models.registry import bundled_weights
from EchoKeyframeLib.models.weights_file import load_card
from EchoKeyframeLib.simulator.clip_labels import clip_name, seed_of
from EchoKeyframeLib.training.fit.learned_clips import LearnedClips, learned_clips

TINY = ["--frames", "24", "--size", "32", "--fps", "20", "20"]
SHIPPED = load_card(bundled_weights()["two-stream"])


@pytest.fixture(scope="module")
def edge(tmp_path_factory) -> Path:
    """Two cines: the last one that the shipped network learned from, and the first that it did not."""
    folder = tmp_path_factory.mktemp("data") / "edge"
    last = learned_clips(SHIPPED).seeds[0][-1]
    assert main(["phantom", str(folder), "--count", "2", "--seed", str(last), *TINY]) == 0
    return folder


def evaluated(data: Path, output: Path, *models: str) -> int:
    return main(["evaluate", str(data), "--output", str(output), "--device", "cpu", "--model", *models])


def test_each_network_is_named_with_the_clips_that_it_learned_from(edge, tmp_path, capsys):
    assert evaluated(edge, tmp_path, "motion", "fused", "two-stream") == 0
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert len(warnings) == 1, "both detectors have the same network"
    assert warnings[0].startswith(f"warning: {SHIPPED.title} learned from 1 of 2 clips")


def test_nothing_is_said_of_others(edge, tmp_path, capsys):
    assert evaluated(edge, tmp_path / "motion", "motion") == 0
    assert main(["phantom", str(tmp_path / "new"), "--count", "1", "--seed", "9000000", *TINY]) == 0
    assert evaluated(tmp_path / "new", tmp_path / "fused", "fused") == 0
    assert "warning" not in capsys.readouterr().err


def test_a_store_that_was_trained_on(tmp_path, capsys):
    store, run = tmp_path / "store", tmp_path / "run"
    assert main(["phantom", str(store), "--store", "--count", "2", "--seed", "5", *TINY]) == 0
    shape = ["--size", "32", "--window", "8", "--batch", "2", "--threads", "1", "--device", "cpu"]
    assert main(["train", str(store), "--output", str(run), "--preset", "motion-only", "--steps", "1", *shape]) == 0
    assert evaluated(store, tmp_path / "report", str(run / "weights.safetensors"), "--clips", "1") == 0
    told = capsys.readouterr().err
    assert f"warning: {load_card(run / 'weights.safetensors').title} learned from 1 of 1 clips" in told


def test_real_clips_are_known_by_their_pictures(tmp_path, capsys):
    """Under other names, in another folder; and by weights that began with those that learned from them."""
    cines, run, further = tmp_path / "cines", tmp_path / "run", tmp_path / "further"
    assert main(["phantom", str(cines), "--count", "3", "--seed", "5", *TINY]) == 0
    copies, others = anonymous(cines, tmp_path / "copies", 0, 2), anonymous(cines, tmp_path / "others", 2, 3)
    shape = ["--size", "32", "--window", "8", "--batch", "2", "--threads", "1", "--device", "cpu", "--steps", "1"]
    trained = ["--preset", "motion-only", *shape]
    assert main(["train", str(anonymous(cines, tmp_path / "set", 0, 2)), "--output", str(run), *trained]) == 0
    weights = run / "weights.safetensors"
    more = ["--init", str(weights), "--replay", "0", *shape]
    assert main(["train", str(others), "--output", str(further), *more]) == 0
    capsys.readouterr()
    assert evaluated(copies, tmp_path / "1", str(weights), str(further / "weights.safetensors")) == 0
    told = capsys.readouterr().err
    for network in (weights, further / "weights.safetensors"):
        assert f"warning: {load_card(network).title} learned from 2 of 2 clips" in told
    assert evaluated(others, tmp_path / "2", str(weights)) == 0
    assert "warning" not in capsys.readouterr().err


def anonymous(cines: Path, folder: Path, first: int, stop: int) -> Path:
    """Some of the simulated cines under names that say nothing."""
    folder.mkdir()
    names = sorted(path.name for path in cines.glob("*.avi"))[first:stop]
    header, *rows = (cines / "labels.csv").read_text(encoding="utf-8").splitlines()
    lines = [row.replace(name, f"{folder.name}-{place}.avi") for place, name in enumerate(names) for row in rows
             if row.startswith(name)]  # fmt: skip
    for place, name in enumerate(names):
        shutil.copy(cines / name, folder / f"{folder.name}-{place}.avi")
    (folder / "labels.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return folder


def simulated(first: object, clips: object) -> dict[str, object]:
    return {"kind": "simulated", "first_seed": first, "clips": clips}


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({}, []),
        ({"data": simulated(3, 4), "replay": None, "init": None}, [range(3, 7)]),
        ({"data": {"kind": "labelled", "clips": 3}, "replay": simulated(20, 2)}, [range(20, 22)]),
        ({"init": SHIPPED.sha256, "data": simulated(3, 4)}, [range(3, 7), *learned_clips(SHIPPED).seeds]),
        ({"adaptation": {"init_sha256": SHIPPED.sha256, "replay": simulated(20, 2)}},
         [range(20, 22), *learned_clips(SHIPPED).seeds]),
        ({"data": simulated("3", 4), "replay": simulated(3, None), "adaptation": 7}, []),
        ({"data": [1], "init": {}}, []),
        ({"learned": {"seeds": [[3, 7]], "sources": 5}, "data": simulated(0, 9)}, [range(3, 7)]),
        ({"learned": {"seeds": [[3], "7", [1, "2"]], "sources": [7, None]}}, []),
    ],
)  # fmt: skip
def test_what_a_card_tells(training, expected):
    assert learned_clips(replace(SHIPPED, sha256="0" * 64, training=training)) == LearnedClips(tuple(expected))


@pytest.mark.parametrize("seed", [0, 40, 9_000_000, 2**31 - 1])
@pytest.mark.parametrize("suffix", ["", ".avi", ".dcm"])
def test_a_name_tells_its_seed(seed, suffix):
    assert seed_of(clip_name(seed) + suffix) == seed


@pytest.mark.parametrize("name", ["loop.avi", "simulated-7.avi", "simulated-0000007.mask.tif", "my simulated-0000007"])
def test_other_names_tell_none(name):
    assert seed_of(name) is None


def test_the_network_behind_a_name(tmp_path):
    shipped, other = bundled_weights()["two-stream"], tmp_path / "mine.safetensors"
    assert network_weights("motion") is None
    assert {network_weights(name) for name in ("auto", "fused", "two-stream", "fused:two-stream")} == {shipped}
    assert network_weights(other) == network_weights(f"fused:{other}") == other
    with pytest.raises(DetectionError, match="is unknown"):
        network_weights("crystal-ball")
