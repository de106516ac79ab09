"""The command compare: three systems trained alike on one part of a set, and the report on the other."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path

import pytest
from EchoKeyframeLib.cli import build_parser, main
from EchoKeyframeLib.evaluation.reproduction.departures import (
    DEPARTURES,
    UsedSystem,
    departures_of,
    departures_table,
)
from EchoKeyframeLib.models.presets import PRESETS
from EchoKeyframeLib.models.weights_file import load_card

QUICK = ["--small", "--size", "32", "--window", "8", "--steps", "1", "--threads", "1", "--device", "cpu"]


@pytest.fixture(scope="module")
def cines(tmp_path_factory) -> Path:
    """Six simulated cines as files."""
    folder = tmp_path_factory.mktemp("data") / "cines"
    shape = ["--frames", "30", "--size", "64", "--fps", "25", "30", "--view", "A4C", "--seed", "31"]
    assert main(["phantom", str(folder), "--count", "6", *shape]) == 0
    return folder


@pytest.fixture(scope="module")
def compared(cines, tmp_path_factory) -> tuple[Path, list[str]]:
    output, command = tmp_path_factory.mktemp("compared") / "out", ["compare", str(cines)]
    with pytest.MonkeyPatch.context() as patch:
        told: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: told.append(" ".join(map(str, words))))
        assert main([*command, "--output", str(output), *QUICK]) == 0
    return output, told


@pytest.mark.slow
def test_all_are_trained_alike_and_judged_on_what_none_of_them_saw(compared):
    output, told = compared
    cards = [load_card(output / name / "weights.safetensors")
             for name in ("resnet18-112", "resnet-lstm-small", "cnn3d-lstm-small")]  # fmt: skip
    assert {(card.config.frames, card.config.size) for card in cards} == {(8, 32)}
    recipes = [card.training["recipe"] for card in cards]
    assert recipes[0] == recipes[1] == recipes[2] and recipes[0]["optimiser"] == "adam"
    assert len({card.training["data"]["sha256"] for card in cards}) == 1
    assert not any("learned from" in line for line in told)
    with (output / "report" / "table-4.csv").open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert {"A_mean", "B_mean", "C_mean", "paired_not_tested"} <= lines[0].keys()


def test_the_commands_that_it_prints_are_real_ones(compared):
    _, told = compared
    lines = [shlex.split(line)[1:] for line in told if line.startswith("echokeyframe ")]
    assert [line[0] for line in lines] == ["train"] * 3 + ["reproduce"]
    for line in lines:
        build_parser().parse_args(line)


def test_it_goes_on_where_it_was(compared, cines, capsys):
    output, _ = compared
    before = {path: path.read_bytes() for path in output.rglob("*.safetensors")}
    assert main(["compare", str(cines), "--output", str(output), *QUICK]) == 0
    assert {path: path.read_bytes() for path in output.rglob("*.safetensors")} == before


def test_the_page_of_departures_is_the_table(repository):
    page = (repository / "Docs" / "departures.md").read_text(encoding="utf-8")
    assert departures_table(DEPARTURES) in page


def test_a_report_names_the_departures_that_it_has(compared):
    output, _ = compared
    page = (output / "report" / "report.md").read_text(encoding="utf-8").split("## Departures from the paper")[1]
    assert "| Moment of ES |" in page and "| Start of the encoder |" in page
    assert "EchoNet" not in page and "| Windows past the clip's end |" not in page


def test_the_papers_own_settings_have_no_departure_that_can_be_closed():
    network = {**PRESETS["paper"].to_dict()}
    recipe = {"targets": "paper", "optimiser": "adam", "lr": 1e-5, "loss": "sum", "batch": 4, "epochs": 500,
              "schedule": "multi-step"}  # fmt: skip
    training = {"recipe": recipe, "imagenet": {"source": "resnet50 IMAGENET1K_V1"}, "network_size": 320}
    points = [d.point for d in departures_of([UsedSystem("paper", "maxima", network, training)], "5 labelled clips")]
    closed = {"Recipe", "Start of the encoder", "Size of test images", "Keyframes", "Windows past the clip's end",
              "Compared systems", "Moment of ES", "EchoNet-Dynamic-Tiny"}  # fmt: skip
    assert not closed & set(points) and {"Learning rate", "ImageNet weights", "Spread"} <= set(points)
    assert [d.point for d in departures_of([UsedSystem("motion", "beats")], "2 simulated clips")] == [
        "Moment of ES", "Spread", "Tests",
    ]  # fmt: skip
