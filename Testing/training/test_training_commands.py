"""The commands phantom, train and evaluate, from nothing to a table, on tiny clips."""

from __future__ import annotations

import csv
import shlex
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.datasets.labels import ClipLabels, read_labels, write_labels
from EchoKeyframeLib.models.presets import PRESETS
from EchoKeyframeLib.models.weights_file import load_card, load_weights
from EchoKeyframeLib.training.fit.recipe import RECIPES
from EchoKeyframeLib.training.stores.clip_store import ClipStore

TINY = ["--size", "32", "--window", "8", "--batch", "2", "--threads", "1", "--device", "cpu"]


@pytest.fixture(scope="module")
def cines(tmp_path_factory) -> Path:
    """Two simulated cines as files."""
    folder = tmp_path_factory.mktemp("data") / "cines"
    shape = ["--frames", "40", "--size", "96", "--fps", "25", "30", "--view", "A4C", "--seed", "11"]
    assert main(["phantom", str(folder), "--count", "2", *shape]) == 0
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """Two simulated clips as a store."""
    folder = tmp_path_factory.mktemp("data") / "store"
    shape = ["--frames", "24", "--size", "32", "--fps", "20", "20", "--without", "overlays", "drift"]
    assert main(["phantom", str(folder), "--store", "--count", "2", *shape]) == 0
    return folder


@pytest.fixture(scope="module")
def trained(store, tmp_path_factory) -> Path:
    """The folder of a training of two steps."""
    folder = tmp_path_factory.mktemp("runs") / "motion"
    assert main(["train", str(store), "--output", str(folder), "--preset", "motion-only", "--steps", "2", *TINY]) == 0
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_phantom_writes_labelled_cines(cines):
    labels = read_labels(cines)
    assert [clip.file for clip in labels] == ["simulated-0000011.avi", "simulated-0000012.avi"]
    for clip in labels:
        cine = read_cine(cines / clip.file)
        assert len(cine) == clip.frames == 40 and cine.fps == pytest.approx(clip.fps, rel=0.01)
        assert clip.view == "A4C" and 25 <= clip.fps <= 30 and clip.ed and clip.es
    assert {row["source"] for row in table(cines / "parameters.csv")} == {"simulated"}


def test_phantom_overwrites_no_labels(cines, capsys):
    before = (cines / "labels.csv").read_bytes()
    assert main(["phantom", str(cines), "--count", "1"]) == 2
    assert "--force" in capsys.readouterr().err
    assert (cines / "labels.csv").read_bytes() == before


def test_phantom_finishes_a_store(store, capsys):
    made = ClipStore(store)
    assert made.is_complete and len(made) == 2 and made.frames.shape == (48, 32, 32)
    assert made.description["phantom"]["drift"] is False and made.description["phantom"]["clutter"] is True
    assert made[0].fps == pytest.approx(20)
    assert main(["phantom", str(store), "--store", "--count", "3"]) == 2
    assert "holds other clips" in capsys.readouterr().err


def test_evaluate_motion_on_cines(cines, tmp_path, capsys):
    command = ["evaluate", str(cines), "--model", "motion", "--decoder", "both", "--output", str(tmp_path)]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert told.strip() == (tmp_path / "comparison.md").read_text(encoding="utf-8").strip()
    assert "2 simulated clips" in told and "| motion, maxima | ES |" in told
    inside = sum(0 <= frame < 40 for clip in read_labels(cines) for frame in (*clip.ed, *clip.es))
    both = [r for r in table(tmp_path / "comparison.csv") if (r["group"], r["phase"]) == ("all", "both")]
    assert [(r["detector"], r["decoder"], int(r["true"])) for r in both] == [
        ("motion", "beats", inside), ("motion", "maxima", inside)
    ]  # fmt: skip
    events = table(tmp_path / "motion-beats" / "events.csv")
    assert sum(event["outcome"] != "extra" for event in events) == inside


def test_a_trained_network_and_what_is_told_of_it(trained, store, cines, tmp_path, monkeypatch, capsys):
    network, card = load_weights(trained / "weights.safetensors")
    assert network.config.streams == ("motion",) and network.config.frames == 8
    assert card.training["steps"] == 2 and card.training["data"]["kind"] == "simulated"
    assert card.title == f"{trained.name} {card.sha256[:8]}"
    again = (trained / "weights.safetensors").read_bytes()
    (trained / "training.json").unlink()  # as if killed before it was written
    command = ["train", str(store), "--output", str(trained), "--preset", "motion-only", "--steps", "2", *TINY]
    assert main(command) == 0
    assert (trained / "weights.safetensors").read_bytes() == again
    use = capsys.readouterr().out.splitlines()[-1].removeprefix("use it: echokeyframe ")
    monkeypatch.chdir(tmp_path)
    assert main([str(cines / "simulated-0000011.avi") if word == "CINE" else word for word in shlex.split(use)]) == 0
    assert (tmp_path / "results" / "simulated-0000011.keyframes.json").is_file()


def test_evaluate_models_side_by_side(trained, store, tmp_path, capsys):
    weights = trained / "weights.safetensors"
    models = ["motion", str(weights)]
    assert main(["evaluate", str(store), "--model", *models, "--clips", "1", "--output", str(tmp_path)]) == 0
    title = load_weights(weights)[1].title
    told = capsys.readouterr().out
    assert "1 simulated clip\n" in told and f"| {title}, beats | ED | 1 |" in told and "| motion, beats | ED |" in told
    assert (tmp_path / f"{title.replace(' ', '-')}-beats" / "evaluation.md").is_file()


def test_train_on_labelled_cines_from_given_weights(trained, cines, tmp_path, capsys):
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(cines, data)
    weights = str(trained / "weights.safetensors")
    command = ["train", str(data), "--output", str(run), "--init", weights, "--replay", "1", "--steps", "1", *TINY[4:]]
    assert main(command) == 0
    clips = ClipStore(run / "clips")
    assert clips.size == 32 and [clips[i].labels.file for i in range(2)] == [c.file for c in read_labels(cines)]
    card = load_weights(run / "weights.safetensors")[1]
    assert card.config == load_weights(weights)[1].config
    assert card.training["recipe"]["lr"] == RECIPES["fine-tune"].lr and card.training["replay"]["clips"] == 1
    write_labels(data / "labels.csv", [replace(clip, fps=20.0) for clip in read_labels(cines)])
    assert main(command) == 2
    assert "clips: holds other clips or other labels (keyframes, fps, view)" in capsys.readouterr().err
    write_labels(data / "labels.csv", read_labels(cines)[:1])
    assert main(command) == 2
    assert "holds other clips" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kept", "more", "told"),
    [
        (-1, [], "is damaged or does not belong to"),
        (100, [], "is cut off"),
        (None, ["--preset", "image-only"], "holds another network than the one to be trained"),
    ],
)
def test_weights_that_cannot_be_started_from_are_refused_before_clips_are_made(
    trained, cines, tmp_path, kept, more, told, capsys
):
    weights = tmp_path / "bad.safetensors"
    weights.write_bytes((trained / "weights.safetensors").read_bytes()[:kept])
    shutil.copy(trained / "weights.json", tmp_path / "bad.json")
    assert main(["train", str(cines), "--output", str(tmp_path / "run"), "--init", str(weights), *more]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_corrected_labels_never_give_back_old_weights(cines, tmp_path, capsys):
    """One keyframe moved: the same command refuses its old clips, then its old checkpoint, and says what to delete."""
    folder, run = tmp_path / "cines", tmp_path / "run"
    shutil.copytree(cines, folder)
    command = ["train", str(folder), "--output", str(run), "--preset", "motion-only", "--steps", "1", *TINY]
    assert main(command) == 0
    old = load_card(run / "weights.safetensors").training["data"]["sha256"]
    [first, *others] = read_labels(folder)
    write_labels(folder / "labels.csv", [replace(first, ed=(first.ed[0] + 1, *first.ed[1:])), *others])
    assert main(command) == 2
    assert "clips: holds other clips or other labels" in capsys.readouterr().err
    shutil.rmtree(run / "clips")
    assert main(command) == 2
    assert "belongs to a training with another data (sha256 is" in capsys.readouterr().err
    shutil.rmtree(run)
    assert main(command) == 0
    assert load_card(run / "weights.safetensors").training["data"]["sha256"] != old


def test_a_cine_that_was_replaced_is_noticed(cines, tmp_path, capsys):
    """By one of the same name and length."""
    folder, run = tmp_path / "cines", tmp_path / "run"
    shutil.copytree(cines, folder)
    command = ["train", str(folder), "--output", str(run), "--preset", "motion-only", "--steps", "1", *TINY]
    assert main(command) == 0
    first, second = sorted(folder.glob("*.avi"))
    shutil.copy(second, first)
    assert main(command) == 2
    assert "clips: holds other clips" in capsys.readouterr().err


def test_the_papers_preset_means_the_papers_recipe_and_never_random_weights(cines, tmp_path, monkeypatch, capsys):
    """Without ImageNet weights it stops before anything is made, unless the person says random."""
    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    monkeypatch.setitem(PRESETS, "paper-112", replace(PRESETS["paper-112"], backbone="resnet18"))
    run = tmp_path / "run"
    command = ["train", str(cines), "--output", str(run), "--preset", "paper-112", "--steps", "1", *TINY]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert "ImageNet weights of resnet18" in told and "--imagenet random" in told and not run.exists()
    assert main([*command, "--imagenet", "random"]) == 0
    training = load_card(run / "weights.safetensors").training
    assert training["recipe"]["lr"] == RECIPES["paper"].lr and training["recipe"]["loss"] == "sum"
    assert training["imagenet"] is None and training["recipe"]["imagenet"] is False
    assert main([*command, "--imagenet", str(tmp_path / "gone.pth")]) == 2


def test_weights_are_tested_at_another_size_than_they_were_trained_at(cines, tmp_path, capsys):
    run = tmp_path / "run"
    settings = ["--preset", "resnet18-112", "--imagenet", "random", "--steps", "1", *TINY, "--size", "112"]
    assert main(["train", str(cines), "--output", str(run), *settings]) == 0
    weights = str(run / "weights.safetensors")
    resized = ["--model", weights, "--test-size", "128"]
    assert main(["evaluate", str(cines), *resized, "--output", str(tmp_path / "e")]) == 0
    assert "at 128 px, maxima |" in capsys.readouterr().out
    loop = str(min(cines.glob("*.avi")))
    assert main(["detect", loop, *resized, "--output", str(tmp_path / "d")]) == 0
    assert main(["detect", loop, "--model", "two-stream", "--test-size", "64", "--output", str(tmp_path / "d")]) == 2
    assert "leave --test-size out" in capsys.readouterr().err
    assert main(["detect", loop, "--model", weights, "--test-size", "48", "--output", str(tmp_path / "d")]) == 2
    assert "cannot be tested at 48 pixels" in capsys.readouterr().err


def test_a_training_that_diverges_ends_with_1(store, tmp_path, capsys):
    shutil.copytree(store, tmp_path / "store")
    ClipStore(tmp_path / "store", writable=True).motion[:] = np.nan
    command = ["train", str(tmp_path / "store"), "--output", str(tmp_path / "run"), "--preset", "motion-only"]
    assert main([*command, "--steps", "2", *TINY]) == 1
    assert "the loss is nan" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.safetensors"))


def test_ctrl_c_ends_with_130_and_writes_no_weights(store, tmp_path, monkeypatch, capsys):
    from EchoKeyframeLib.training.fit.keyframe_training import KeyframeTraining

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(KeyframeTraining, "training_step", interrupted)
    handler = signal.getsignal(signal.SIGINT)
    command = ["train", str(store), "--output", str(tmp_path), "--preset", "motion-only", "--steps", "2", *TINY]
    assert main(command) == 130
    assert signal.getsignal(signal.SIGINT) == handler, "a library's caller could not be stopped any more"
    assert "stopped; the same command goes on" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_cine_that_is_missing_is_told_and_the_others_are_evaluated(cines, tmp_path, capsys):
    first = read_labels(cines)[0]
    shutil.copy(cines / first.file, tmp_path)
    write_labels(tmp_path / "labels.csv", [first, ClipLabels("gone.avi", (1.0,), (9.0,))])
    assert main(["evaluate", str(tmp_path / "labels.csv"), "--model", "motion", "--output", str(tmp_path / "o")]) == 1
    output = capsys.readouterr()
    assert "gone.avi" in output.err and output.err.count("failed: ") == 1
    assert "| motion, beats | both | 1 |" in output.out and "1 simulated clip and 1 labelled clip" in output.out


@pytest.mark.parametrize(
    "arguments",
    [
        "phantom out",
        "phantom out --count 0",
        "phantom out --count 1 --seed -1",
        "phantom out --count 1 --view A9C",
        "phantom out --count 1 --fps 30 20",
        "phantom out --count 1 --frames 100000",
        "phantom out --count 1 --size 8",
        "phantom out --count 1 --without heart",
        "phantom out --count 1 --store --format dicom",
        "phantom out --count 1 --processes 2",
        "phantom out --count 1 --store --force",
        "phantom file --count 1",
        "train empty --output out",
        "train '' --output out",
        "train wrong --output out",
        "train STORE --output file",
        "train STORE --output file/below --size 32 --window 8",
        "train STORE --output ''",
        "train STORE --output out --preset unknown",
        "train STORE --output out --size 64 --preset motion-only",
        "train STORE --output out --size 32 --window 4000",
        "train STORE --output out --size 32 --init missing.safetensors",
        "train STORE --output out --steps 1 --minutes 1",
        "train STORE --output out --lr nan",
        "train STORE --output out --workers -1",
        "train wrong/labels.csv --output out --nodes 2",
        "evaluate empty --output out",
        "evaluate wrong --output out",
        "evaluate file --output out",
        "evaluate STORE --output file",
        "evaluate STORE --output out --model unknown",
        "evaluate STORE --output out --model missing.safetensors",
        "evaluate STORE --output out --decoder none",
        "evaluate STORE --output out --clips 0",
    ],
)
def test_unusable_arguments_end_with_2_and_leave_nothing(arguments, store, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("in the way", encoding="utf-8")
    Path("empty").mkdir()
    Path("wrong").mkdir()
    Path("wrong/labels.csv").write_text("file,phase,frame\nclip.avi,ED,3\nclip.avi,XX,9\n", encoding="utf-8")
    try:
        code = main([str(store) if word == "STORE" else word for word in shlex.split(arguments)])
    except SystemExit as error:  # how argparse ends
        code = error.code
    told = capsys.readouterr().err
    assert code == 2 and "error: " in told and "Traceback" not in told
    assert len(told.split("error: ")[1].splitlines()) == 1
    assert not list(Path("out").rglob("*")) and Path("file").read_text(encoding="utf-8") == "in the way"


def test_a_missing_library_is_named_with_what_installs_it(store, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert main(["train", str(store), "--output", str(tmp_path / "run")]) == 2
    assert 'tensorboard, which is not installed: pip install "echokeyframe[train]"' in capsys.readouterr().err


def test_help_names_every_preset(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    told = "".join(capsys.readouterr().out.split())  # lines are broken at hyphens
    assert [name for name in PRESETS if name not in told] == []


def test_the_motion_detector_on_the_development_clips(development_data, development_labels, tmp_path):
    clips = [entry for entry in development_labels if (development_data / entry["file"]).is_file()]
    for entry in clips:
        shutil.copy(development_data / entry["file"], tmp_path)
    write_labels(
        tmp_path / "labels.csv",
        [ClipLabels(e["file"], tuple(e["ed"]), tuple(e["es"]), e["frames"], e["fps"], e["view"]) for e in clips],
    )
    assert main(["evaluate", str(tmp_path), "--model", "motion", "--output", str(tmp_path / "report")]) == 0
    both = table(tmp_path / "report" / "motion-beats" / "evaluation.csv")[0]
    assert int(both["true"]) == sum(len(e["ed"]) + len(e["es"]) for e in clips)
    assert int(both["missed"]) == 0 and float(both["afd_frames"]) < 2
