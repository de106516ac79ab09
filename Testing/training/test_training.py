"""Training on tiny settings: it learns, survives being killed, and names what goes wrong."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from EchoKeyframeLib.models.presets import build_network, preset
from EchoKeyframeLib.models.weights_file import load_card, load_weights, save_weights
from EchoKeyframeLib.simulator.config import PhantomConfig
from EchoKeyframeLib.training.fit import train as fit
from EchoKeyframeLib.training.fit.checkpoints import AtomicCheckpointIO, DivergedError, TrainingError, read_checkpoint
from EchoKeyframeLib.training.fit.losses import mean_squared_errors, summed_squared_error
from EchoKeyframeLib.training.fit.recipe import RECIPES
from EchoKeyframeLib.training.fit.run import Run
from EchoKeyframeLib.training.fit.train import export, train
from EchoKeyframeLib.training.samples.targets import TargetForm
from EchoKeyframeLib.training.stores.clip_store import ClipStore, ClipStoreError
from EchoKeyframeLib.training.stores.fill_store import simulate_store

PHANTOM = PhantomConfig(frames=24, size=32, rows=32, beams=24, fps=(20, 30))
NETWORK = replace(
    preset("two-stream"), size=32, frames=8, width=16, depths=(1, 1), heads=(2, 2), attention_window=(4, 4, 4)
)
RECIPE = replace(RECIPES["modern"], batch=2, warmup=1)
QUICK = dict(seed=3, accelerator="cpu", precision="32-true", threads=1, progress=False)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return simulate_store(tmp_path_factory.mktemp("clips") / "store", 4, PHANTOM, progress=False)


def run_of(folder: Path, **changes) -> Run:
    return Run(folder, **{"steps": 6, "epoch_steps": 2, **QUICK, **changes})


@pytest.fixture(scope="module")
def undisturbed(store, tmp_path_factory):
    """Six steps without interruption: the run and the trained network."""
    run = run_of(tmp_path_factory.mktemp("runs") / "undisturbed")
    return run, train(NETWORK, RECIPE, store, run)


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_training as t
from EchoKeyframeLib.training.fit import train as fit
from EchoKeyframeLib.training.fit.keyframe_training import KeyframeTraining

step = KeyframeTraining.training_step
def dies(self, batch, index):
    if self.global_step == 3:
        os._exit(9)
    return step(self, batch, index)
KeyframeTraining.training_step = dies
fit.train(t.NETWORK, t.RECIPE, t.ClipStore(Path({store!r})), t.run_of(Path({folder!r})))
"""


@pytest.fixture(scope="module")
def killed(store, tmp_path_factory):
    """A run whose process ended without a word in its fourth step of six, after the checkpoint of step 2."""
    folder = tmp_path_factory.mktemp("runs") / "killed"
    code = KILLED.format(tests=str(Path(__file__).parent), store=str(store.folder), folder=str(folder))
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 9, ended.stderr
    return run_of(folder)


@pytest.fixture
def resumable(killed, tmp_path):
    """A copy of the killed run, to be gone on with."""
    shutil.copytree(killed.folder, tmp_path / "run")
    return replace(killed, folder=tmp_path / "run")


def test_a_killed_run_ends_with_the_weights_of_an_undisturbed_one(store, undisturbed, resumable):
    assert torch.load(resumable.folder / "last.ckpt", weights_only=True)["global_step"] == 2
    resumed = train(NETWORK, RECIPE, store, resumable).state_dict()
    expected = undisturbed[1].state_dict()
    assert all(torch.equal(resumed[name], expected[name]) for name in expected)
    first = build_network(NETWORK).state_dict()
    assert not torch.equal(first["vst.linear.weight"], expected["vst.linear.weight"])


def test_what_a_run_leaves_behind(undisturbed, tmp_path):
    run, network = undisturbed
    summary = json.loads((run.folder / "training.json").read_text())
    assert (summary["steps"], summary["samples"], summary["run"]["seed"]) == (6, 12, 3)
    assert summary["data"]["kind"] == "simulated" and np.isfinite(summary["last"]["loss"])
    assert list((run.folder / "log").glob("events.out.tfevents.*"))
    loaded, card = load_weights(export(network, run, version="1"))
    assert card.config == NETWORK and card.training["steps"] == 6
    frames, motion = torch.rand(1, 8, 1, 32, 32), torch.rand(1, 8, 3, 14, 14)
    assert torch.allclose(loaded(frames, motion), network(frames, motion), atol=2e-3)


def test_a_finished_run_is_not_trained_again(store, undisturbed, tmp_path):
    run, network = undisturbed
    shutil.copytree(run.folder, tmp_path / "run")
    again = train(NETWORK, RECIPE, store, replace(run, folder=tmp_path / "run")).state_dict()
    assert all(torch.equal(again[name], value) for name, value in network.state_dict().items())


def test_training_lowers_the_loss(store, tmp_path):
    network = replace(NETWORK, streams=("motion",), dropout=0.0, block_dropout=0.0)
    recipe = replace(RECIPE, lr=5e-3, appearance=False, batch=4, average=0.0)
    losses = []
    for steps in (2, 40):
        train(network, recipe, store, run_of(tmp_path / str(steps), steps=steps, epoch_steps=steps))
        losses.append(json.loads((tmp_path / str(steps) / "training.json").read_text())["last"]["loss"])
    assert losses[1] < 0.7 * losses[0]


def test_the_papers_recipe_on_a_resnet(store, tmp_path):
    network = replace(preset("resnet18-112"), size=32, frames=4, width=16, heads=(2, 2), attention_window=(2, 1, 1))
    recipe = replace(RECIPES["paper"], imagenet=False, epochs=1, batch=2)
    train(network, recipe, store, Run(tmp_path, **QUICK))
    summary = json.loads((tmp_path / "training.json").read_text())
    assert summary["steps"] == 2  # one pass over four clips, two at a time
    assert summary["recipe"]["targets"] == "paper"


def test_steps_are_checkpointed_in_equal_parts(store, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "EPOCH_STEPS", 4)
    train(NETWORK, RECIPE, store, run_of(tmp_path, epoch_steps=None))
    assert json.loads((tmp_path / "training.json").read_text())["steps"] == 6  # twice three, not twice four


def test_another_models_checkpoint_is_refused(store, resumable):
    before = (resumable.folder / "last.ckpt").read_bytes()
    with pytest.raises(TrainingError, match=r"another network \(frames is 8, not 16\)"):
        train(replace(NETWORK, frames=2 * NETWORK.frames), RECIPE, store, resumable)
    with pytest.raises(TrainingError, match=r"another recipe \(lr is"):
        train(NETWORK, replace(RECIPE, lr=1e-4), store, resumable)
    with pytest.raises(TrainingError, match=r"another run \(seed is 3, not 4\)"):
        train(NETWORK, RECIPE, store, replace(resumable, seed=4))
    assert (resumable.folder / "last.ckpt").read_bytes() == before


@pytest.fixture(scope="module")
def first_weights(tmp_path_factory) -> list[Path]:
    """Two weights files of the same network."""
    paths = [tmp_path_factory.mktemp("weights") / f"{name}.safetensors" for name in ("one", "other")]
    for path in paths:
        save_weights(path, build_network(NETWORK))
    return paths


def test_a_run_is_not_gone_on_with_from_other_weights(store, first_weights, tmp_path):
    one, other = first_weights
    run = run_of(tmp_path / "run", init=one, steps=1)
    trained = train(NETWORK, RECIPE, store, run).state_dict()
    with pytest.raises(TrainingError, match=r"^run/last\.ckpt: began with the weights \w{8} \(SHA-256\), not with the"):
        train(NETWORK, RECIPE, store, replace(run, init=other))
    with pytest.raises(TrainingError, match="not with no given weights"):
        train(NETWORK, RECIPE, store, replace(run, init=None))
    moved = tmp_path / "moved.safetensors"
    for suffix in (".safetensors", ".json"):
        shutil.copy(one.with_suffix(suffix), moved.with_suffix(suffix))
    again = train(NETWORK, RECIPE, store, replace(run, init=moved)).state_dict()
    assert all(torch.equal(again[name], trained[name]) for name in trained)
    assert json.loads((run.folder / "training.json").read_text())["init"] == load_card(one).sha256


def test_a_checkpoint_that_does_not_say_what_it_began_with(store, undisturbed, first_weights, tmp_path):
    """As an earlier version wrote it: gone on with as before, but not where weights to start from are given."""
    checkpoint = torch.load(undisturbed[0].folder / "last.ckpt", weights_only=True)
    del checkpoint["echokeyframe"]["init"]
    torch.save(checkpoint, tmp_path / "last.ckpt")
    assert train(NETWORK, RECIPE, store, run_of(tmp_path)) is not None
    with pytest.raises(TrainingError, match="an earlier version did not record which"):
        train(NETWORK, RECIPE, store, run_of(tmp_path, init=first_weights[0]))


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_a_damaged_checkpoint_is_refused(store, tmp_path, content):
    (tmp_path / "last.ckpt").write_bytes(content)
    with pytest.raises(TrainingError, match="is damaged or no checkpoint"):
        train(NETWORK, RECIPE, store, run_of(tmp_path))
    assert (tmp_path / "last.ckpt").read_bytes() == content


def test_a_checkpoint_runs_no_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "evil"),)

    torch.save({"echokeyframe": Evil()}, tmp_path / "last.ckpt")
    with pytest.raises(TrainingError, match="is damaged or no checkpoint"):
        read_checkpoint(tmp_path / "last.ckpt")
    assert not (tmp_path / "evil").exists()


def test_nan_loss_ends_the_run_and_keeps_the_last_good_checkpoint(store, resumable, tmp_path):
    shutil.copytree(store.folder, tmp_path / "store")
    spoilt = ClipStore(tmp_path / "store", writable=True)
    spoilt.motion[:] = np.nan
    before = (resumable.folder / "last.ckpt").read_bytes()
    with pytest.raises(DivergedError, match="the loss is nan at step 2; the last checkpoint is kept"):
        train(NETWORK, RECIPE, spoilt, resumable)
    assert (resumable.folder / "last.ckpt").read_bytes() == before
    with pytest.raises(DivergedError, match="the loss is nan at step 0; there is no checkpoint yet"):
        train(NETWORK, RECIPE, spoilt, run_of(tmp_path / "new"))


def test_a_full_disk_keeps_the_last_good_checkpoint(tmp_path):
    """A limit on the size of files stands in for the full disk: the system refuses the rest of a write."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"step": 1}, path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(TrainingError, match="last good one is kept: the disk is full"):
            AtomicCheckpointIO().save_checkpoint({"weights": torch.zeros(10_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_store_that_does_not_fit(store, tmp_path):
    with pytest.raises(ClipStoreError, match="its frames are 32 pixels wide, the network wants 112"):
        train(replace(NETWORK, size=112), RECIPE, store, run_of(tmp_path))
    shutil.copytree(store.folder, tmp_path / "empty")
    ClipStore(tmp_path / "empty", writable=True).clips["done"][:] = 0
    with pytest.raises(ClipStoreError, match="holds no finished clip"):
        train(NETWORK, RECIPE, ClipStore(tmp_path / "empty"), run_of(tmp_path))


def test_minutes_end_a_run(store, tmp_path):
    train(NETWORK, RECIPE, store, run_of(tmp_path, steps=None, minutes=0.02))
    summary = json.loads((tmp_path / "training.json").read_text())
    assert summary["steps"] >= 1 and summary["minutes"] >= 0.02


def test_losses_by_hand():
    """Two frames, two curves, one target unknown: (0.5 - 1)^2 + (0.5 - 0)^2 + (0.5 - 0.7)^2 = 0.54."""
    outputs = torch.full((1, 2, 2), 0.5)
    targets = torch.tensor([[[1.0, 0.0], [0.7, float("nan")]]])
    assert summed_squared_error(outputs, targets).item() == pytest.approx(0.54)
    # By curve: (0.25 + 0.04) / 2, and 0.25 alone.
    assert mean_squared_errors(outputs, targets).tolist() == pytest.approx([0.145, 0.25])


def test_recipes():
    paper, modern = RECIPES["paper"], RECIPES["modern"]
    assert (paper.optimiser, paper.lr, paper.batch, paper.epochs, paper.loss) == ("adam", 1e-5, 4, 500, "sum")
    assert paper.targets is TargetForm.PAPER and not paper.appearance and not paper.average
    assert [paper.lr_factor(0, p) for p in (0, 0.59, 0.6, 0.85)] == pytest.approx([1, 1, 0.1, 0.01])
    assert modern.lr_factor(0, 0) == pytest.approx(1 / modern.warmup)
    assert modern.lr_factor(modern.warmup, 0.5) == pytest.approx(0.02 + 0.98 / 2)
    assert modern.lr_factor(10**6, 1.0) == pytest.approx(0.02)


@pytest.mark.slow
def test_two_processes(store, tmp_path):
    """Lightning's launcher starts the second process; each takes its own samples, gradients are averaged."""
    command = [sys.executable, "-m", "EchoKeyframeLib", "train", str(store.folder), "--output", str(tmp_path)]
    tiny = ["--preset", "motion-only", "--size", "32", "--window", "8", "--batch", "2", "--threads", "1"]
    without_export = tmp_path / "no_export"  # as where onnxscript is not installed: a graph takes most of a minute
    without_export.mkdir()
    (without_export / "onnxscript.py").write_text("raise ModuleNotFoundError(name='onnxscript')")
    folders = os.pathsep.join([str(without_export), *filter(None, [os.environ.get("PYTHONPATH")])])
    ended = subprocess.run(
        [*command, *tiny, "--steps", "2", "--devices", "2", "--device", "cpu"],
        capture_output=True, text=True, timeout=240, env=os.environ | {"PYTHONPATH": folders},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    summary = json.loads((tmp_path / "training.json").read_text())
    assert summary["samples"] == 8 and summary["run"]["processes"] == 2
    _, card = load_weights(tmp_path / "weights.safetensors")
    assert card.config.frames == 8
