"""The network that comes with the package: it is whole, small, named by its card, and finds the sample's keyframes."""

import numpy as np
import pytest
from pydicom.examples import get_path

pytest.importorskip("torch")

from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.detect import detect
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.models.registry import DEFAULT_NETWORK, bundled_weights, detector_names
from EchoKeyframeLib.models.weights_file import load_card


def test_there_is_one_network_of_at_most_12_megabytes_and_its_card_says_it_saw_simulation_only():
    [path] = bundled_weights().values()
    assert path.stem == DEFAULT_NETWORK
    assert path.stat().st_size <= 12e6
    card = load_card(path)
    assert card.training["data"]["kind"] == "simulated"
    assert card.metrics["data"].startswith("simulated")
    assert card.version and card.licence == "Apache-2.0"


def test_with_torch_the_automatic_choice_is_the_fused_detector():
    automatic, fused = load_detector("auto", "cpu"), load_detector("fused", "cpu")
    assert automatic.name == fused.name
    assert "two-stream" in fused.name and "motion" in fused.name
    assert set(detector_names()) >= {"auto", "fused", "motion", "two-stream"}


@pytest.mark.parametrize("model", ["fused", "two-stream"])
def test_the_real_sample_is_read_within_two_frames(model):
    detection = detect(read_cine(get_path("ybr_color")), load_detector(model, "cpu"))
    found = {phase: np.array([k.frame for k in detection.keyframes if k.phase is phase]) for phase in Phase}
    assert np.abs(found[Phase.ED] - 21).min() <= 2
    assert np.abs(found[Phase.ES] - 5).min() <= 2
