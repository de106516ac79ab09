"""Cards tell what a model card for a medical network should, and ``info`` shows it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from EchoKeyframeLib.cli import main  # noqa: E402
from EchoKeyframeLib.models.card_description import UNKNOWN, describe_card  # noqa: E402
from EchoKeyframeLib.models.model_card import MOMENTS, CardData, ModelCard, describe  # noqa: E402
from EchoKeyframeLib.models.presets import PRESETS, build_network  # noqa: E402
from EchoKeyframeLib.models.registry import bundled_weights  # noqa: E402
from EchoKeyframeLib.models.weights_file import WeightsError, card_path, load_card, save_weights  # noqa: E402

SMALL = replace(PRESETS["motion-only"], frames=8, width=16, heads=(2, 2), depths=(1, 1))


@pytest.fixture
def weights(tmp_path):
    """With all that a training on this machine writes."""
    path = tmp_path / "mine.safetensors"
    data = CardData("labelled", 12, 7, {"A2C": 4, "A4C": 8}, "", (24.0, 60.5), "2 readers, by majority")
    about = describe(SMALL, data, {"minutes": 12.25})
    save_weights(path, build_network(SMALL), training={"imagenet": None}, about=about)
    return path


def test_what_is_written_comes_back(weights):
    card = load_card(weights)
    assert card.about.data.views == {"A2C": 4, "A4C": 8} and card.about.data.frame_rates == (24.0, 60.5)
    assert card.about.moments == MOMENTS and card.about.minutes == 12.2
    assert card.about.files == {"mine.safetensors": card.sha256}
    assert [tensor.name for tensor in card.about.inputs] == ["motion"]
    assert [tensor.name for tensor in card.about.outputs] == list(SMALL.outputs)
    assert {"echokeyframe", "python", "torch"} <= card.about.versions.keys()


def test_info_shows_a_card(weights, capsys):
    assert main(["info", str(weights)]) == 0
    told = capsys.readouterr().out
    for words in ("12 labelled clips, 7 patients, A2C 4, A4C 8, 24 to 60.5 frames/s", "2 readers, by majority",
                  "not a medical device", "ImageNet     not used", "catches mix-ups, not attackers"):  # fmt: skip
        assert words in told
    assert main(["info", "--json", str(weights)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["file"] == "mine.safetensors" and document["about"]["data"]["patients"] == 7


def test_a_card_of_the_first_version_says_what_it_does_not_know(weights):
    card = replace(load_card(weights), about=ModelCard(), training={})
    rows = describe_card(card)
    assert ("labelled by", UNKNOWN) in rows and ("ImageNet", UNKNOWN) in rows


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"about": {"data": {"patients": -3}}}, r"\$\.about\.data\.patients"),
        ({"about": {"limits": "none"}}, r"\$\.about\.limits"),
        ({"about": {"data": {"frame_rates": [20.0]}}}, r"\$\.about\.data\.frame_rates"),
        ({"about": {"files": {"a": "xyz"}}}, r"\$\.about\.files"),
        ({"about": {"use": "anything"}}, None),
    ],
)
def test_an_edited_card_is_refused_where_it_is_wrong(weights, change, message):
    beside = card_path(weights)
    beside.write_text(json.dumps(json.loads(beside.read_text("utf-8")) | change), "utf-8")
    if message is None:  # of a later version
        assert load_card(weights).name == "mine"
    else:
        with pytest.raises(WeightsError, match=message):
            load_card(weights)


def test_info_of_weights_and_a_card_that_do_not_belong_together(weights, tmp_path, capsys):
    other = tmp_path / "other.safetensors"
    shutil.copy(bundled_weights()["two-stream"], other)
    shutil.copy(card_path(weights), card_path(other))
    assert main(["info", str(other)]) == 1
    assert "does not belong to other.json" in capsys.readouterr().err


def test_the_shipped_card_is_complete_and_of_blind_clips():
    card = load_card(bundled_weights()["two-stream"])
    missing = [heading for heading, text in describe_card(card) if UNKNOWN in text]
    assert missing == []
    assert "blind" in card.metrics["data"] and card.metrics["ED"]["events"] == 1523
    assert card.about.limits and card.about.inputs and card.about.changelog
    assert card.about.files == {"two-stream.safetensors": card.sha256}
