"""``echokeyframe adapt`` on a few simulated cines: from files to weights, stopped and gone on with, and refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from EchoKeyframeLib.cine.video_writer import write_video
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.commands import adapt as command
from EchoKeyframeLib.detection.catalogue import absolute_model, load_detector
from EchoKeyframeLib.models.presets import preset
from EchoKeyframeLib.models.registry import bundled_weights
from EchoKeyframeLib.models.weights_file import load_card, load_weights, save_weights
from EchoKeyframeLib.simulator.config import PhantomConfig
from EchoKeyframeLib.simulator.recording import write_recordings
from EchoKeyframeLib.training.adaptation import adapt as adaptation
from EchoKeyframeLib.training.adaptation.adaptation_check import Check
from EchoKeyframeLib.training.fit.keyframe_training import KeyframeTraining
from EchoKeyframeLib.training.stores.clip_store import ClipStore

EASY = PhantomConfig(
    frames=48, fps=(20, 24), heart_rate=(90, 110), ejection_fraction=(50, 65), views=("A4C",), drift=False,
    breathing=False, arrhythmia=False, dropout=False, clutter=False, degradation=False, overlays=False,
    upended=False, isovolumic=False,
)  # fmt: skip
SHORT = ["--rounds", "1", "--steps", "2", "--replay", "2", "--device", "cpu", "--threads", "1"]


@pytest.fixture(scope="module")
def cines(tmp_path_factory) -> Path:
    """Ten simulated cines, and a file that is none."""
    folder = tmp_path_factory.mktemp("data") / "études"
    write_recordings(folder, 10, 400, config=EASY)
    (folder / "broken.avi").write_bytes(b"no video")
    return folder


@pytest.fixture
def one_clip_checked(monkeypatch):
    monkeypatch.setattr(command, "CHECK_CLIPS", 1)


@pytest.fixture(scope="module")
def adapted(cines, tmp_path_factory):
    """The folder of a finished adaptation, whose first attempt had a wrong frame rate."""
    run = tmp_path_factory.mktemp("runs") / "adapted"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "CHECK_CLIPS", 1)
        # Two steps on an easy clip are no test of whether it helps.
        patch.setattr(adaptation, "check", lambda *_: Check(0.9, 0.9, 0.5))
        assert adapt(cines, run, "--fps", "4") == 2  # a beat every few seconds: nothing is agreed on
        assert adapt(cines, run) == 0
    return run


def adapt(cines: Path, run: Path, *more: str) -> int:
    return main(["adapt", str(cines), "--output", str(run), *SHORT, *more])


@pytest.mark.slow
def test_weights_that_detect_can_use_and_a_card_without_names(adapted, cines):
    weights = adapted / "weights.safetensors"
    card, shipped = load_card(weights), load_card(bundled_weights()["two-stream"])
    assert card.config == shipped.config and card.sha256 != shipped.sha256
    made = card.training["adaptation"]
    assert made["init"] == shipped.title and made["cines"] == 10 and made["held_back"] == 2
    assert made["rounds"][0]["beats"] >= adaptation.FEWEST_BEATS and made["rounds"][0]["cines"] <= 8
    assert load_detector(weights, "cpu").name == card.title and load_detector(weights, "cpu").runtime == "onnxruntime"
    assert load_detector(f"fused:{weights}", "cpu").name == f"{card.title} + motion"
    assert absolute_model(f"fused:{weights}") == f"fused:{weights.absolute()}" and absolute_model("fused") == "fused"
    for path in (weights.with_suffix(".json"), adapted / "adaptation.json", adapted / "cines" / "store.json"):
        text = path.read_text(encoding="utf-8")
        assert "simulated-00004" not in text and str(cines) not in text and "études" not in text
    assert [ClipStore(adapted / "cines")[i].labels.file for i in (0, 9)] == ["cine-00000", "cine-00009"]


def test_only_frames_between_agreed_keyframes_are_learned_from(adapted):
    store = ClipStore(adapted / "cines")
    observed = [adaptation.observe(store[i]) for i in range(3)]
    network = load_detector("two-stream", "cpu", runtime="torch").runner.network
    found = adaptation.agreements(network, observed, "cpu", False)
    labelled = adaptation.PseudoLabelled(store, observed, found)
    assert 1 <= len(labelled) <= 3 and labelled.size == 112
    clip = labelled[0]
    decided = clip.labels.decided_frames(len(clip.frames))
    assert decided.any() and not decided.all()


def test_an_adaptation_that_was_stopped_is_gone_on_with(adapted, cines, one_clip_checked, monkeypatch, capsys):
    before = (adapted / "weights.safetensors").read_bytes()
    (adapted / "weights.safetensors").unlink()
    (adapted / "adaptation.json").unlink()
    ClipStore(adapted / "cines", writable=True).clips["done"][4] = 0
    monkeypatch.setattr(KeyframeTraining, "training_step", None)  # the round is done: nothing is trained again
    monkeypatch.setattr(adaptation, "check", lambda *_: Check(0.9, 0.9, 0.5))
    assert adapt(cines, adapted) == 0
    assert (adapted / "weights.safetensors").read_bytes() == before
    assert "use it: echokeyframe detect CINE --model fused:" in capsys.readouterr().out


def test_rounds_that_began_with_other_weights_are_not_used(adapted, cines, one_clip_checked, tmp_path, capsys):
    other = tmp_path / "other.safetensors"
    network, _ = load_weights(bundled_weights()["two-stream"])
    with torch.no_grad():
        next(network.parameters())[0] *= 1.01
    save_weights(other, network)
    before = (adapted / "weights.safetensors").read_bytes()
    assert adapt(cines, adapted, "--init", str(other)) == 2
    assert "round-1/last.ckpt: began with the weights" in capsys.readouterr().err
    assert (adapted / "weights.safetensors").read_bytes() == before


def test_advice_names_another_folder_where_something_was_learned(adapted, cines, one_clip_checked, monkeypatch, capsys):
    monkeypatch.setattr(adaptation, "check", lambda *_: Check(0.9, 0.9, 0.5))
    monkeypatch.setattr(adaptation, "FEWEST_BEATS", 10_000)
    assert adapt(cines, adapted) == 2
    assert "at least 10000 are needed" in (told := capsys.readouterr().err) and "in another --output" in told


def test_weights_that_do_worse_are_not_kept(adapted, cines, one_clip_checked, monkeypatch, capsys):
    checks = iter([Check(0.8, 0.99, 0.4), Check(0.9, 0.9, 0.4)])
    monkeypatch.setattr(adaptation, "check", lambda *_: next(checks))
    assert adapt(cines, adapted) == 1
    told = capsys.readouterr()
    assert "F1 on simulated clips 0.990 -> 0.900" in told.err and "stay with --model two-stream" in told.err
    assert not (adapted / "weights.safetensors").exists()
    assert json.loads((adapted / "adaptation.json").read_text(encoding="utf-8"))["refused"]


def test_too_few_cines(cines, tmp_path, capsys):
    assert main(["adapt", *map(str, sorted(cines.glob("*.avi"))[:4]), "--output", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    assert "failed: broken.avi: " in told and "3 cines can be used, at least 10 are needed" in told
    assert not (tmp_path / "run").exists()


def test_cines_in_which_nothing_beats(tmp_path, one_clip_checked, capsys):
    random = np.random.default_rng(0)
    (tmp_path / "still").mkdir()
    for number in range(10):
        frame = random.integers(0, 255, (64, 64), np.uint8)
        write_video(tmp_path / "still" / f"{number}.avi", np.repeat(frame[None], 12, 0), 25.0, "ffv1")
    assert adapt(tmp_path / "still", tmp_path / "run") == 2
    told = capsys.readouterr()
    assert "in 0 of them a heart is seen to beat" in told.out and "agree on 0 beats" in told.err
    assert "check their frame rate (--fps)" in told.err and "another --output" not in told.err
    assert ClipStore(tmp_path / "run" / "cines")[9].fps == pytest.approx(25)
    (tmp_path / "still" / "0.avi").unlink()
    write_video(tmp_path / "still" / "10.avi", np.zeros((12, 64, 64), np.uint8), 25.0, "ffv1")
    assert adapt(tmp_path / "still", tmp_path / "run", "--fps", "60", "--view", "A4C") == 2
    assert "cines: holds other cines than given; made again" in capsys.readouterr().err
    clip = ClipStore(tmp_path / "run" / "cines")[9]
    assert clip.fps == pytest.approx(60) and clip.labels.view == "A4C"


@pytest.mark.parametrize("fault", ["cut short", "another kind"])
def test_weights_that_cannot_be_adapted_are_refused_before_cines_are_prepared(cines, tmp_path, fault, capsys):
    shipped, weights = bundled_weights()["two-stream"], tmp_path / "bad.safetensors"
    weights.write_bytes(shipped.read_bytes()[: -1 if fault == "cut short" else None])
    card = json.loads(shipped.with_suffix(".json").read_text(encoding="utf-8"))
    if fault == "another kind":
        card["config"] = preset("segmentation-small").to_dict()
    weights.with_suffix(".json").write_text(json.dumps(card), encoding="utf-8")
    assert adapt(cines, tmp_path / "run", "--init", str(weights)) == 2
    assert ("is damaged" if fault == "cut short" else "gives no curves of ED and ES") in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_other_cines_need_another_folder(adapted, cines, capsys):
    assert main(["adapt", str(cines / "simulated-0000401.avi"), "--output", str(adapted), *SHORT]) == 2
    assert "holds other cines" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        (["--fps", "30"], "cines: holds cines read with their own frame rates, not with --fps 30"),
        (["--view", "A2C"], "cines: holds cines read with their own frame rates, not with their own frame rates and "
         "--view A2C"),
    ],
)  # fmt: skip
def test_cines_that_were_learned_from_are_not_read_in_another_way(adapted, cines, options, difference, capsys):
    before = ClipStore(adapted / "cines")[0].fps
    assert adapt(cines, adapted, *options) == 2
    assert f"{difference}, and was learned from; choose another folder" in capsys.readouterr().err
    assert ClipStore(adapted / "cines")[0].fps == before


@pytest.mark.parametrize(
    ("after", "reasons"),
    [
        (Check(0.79, 0.985, 0.44), 0),  # within chance
        (Check(0.7, 0.99, 0.4), 1),
        (Check(0.9, 0.9, 0.5), 2),
        (Check(0.9, 0.0, math.nan), 2),  # nothing found at all
    ],
)
def test_what_counts_as_worse(after, reasons):
    assert len(after.worse_than(Check(0.8, 0.99, 0.4))) == reasons
