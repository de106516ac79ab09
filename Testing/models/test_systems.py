"""The published systems as networks: shapes, what is encoded once, targets and losses against hand-computed values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from EchoKeyframeLib.detection.detect import DECODERS  # noqa: E402
from EchoKeyframeLib.detection.keyframes import Curves, Phase  # noqa: E402
from EchoKeyframeLib.detection.output_curves import output_curves  # noqa: E402
from EchoKeyframeLib.models.config import ConfigError, NetworkConfig  # noqa: E402
from EchoKeyframeLib.models.presets import PRESETS, build_network  # noqa: E402
from EchoKeyframeLib.models.weights_file import load_weights, save_weights  # noqa: E402
from EchoKeyframeLib.training.fit import losses  # noqa: E402
from EchoKeyframeLib.training.fit.recipe import RECIPES  # noqa: E402
from EchoKeyframeLib.training.samples.phase_targets import VOLUME_LIKE, phase_curve, systole_share  # noqa: E402

SYSTEMS = ("resnet-lstm", "cnn3d-lstm", "resnet-lstm-beat", "densenet-gru-beat", "segmentation")
ED, ES = np.array([0.0, 20.0]), np.array([8.0, 28.0])


def tiny(system: str) -> NetworkConfig:
    config = replace(PRESETS[f"{system}-small"], size=32, width=16, hidden=(12, 8))
    return config if system == "segmentation" else replace(config, frames=8)


def frames(config: NetworkConfig, batch: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (batch, config.frames, 1, config.size, config.size), generator=generator).byte()


@pytest.mark.parametrize("system", SYSTEMS)
def test_published_sizes_answer_with_one_number_a_frame(system):
    config = PRESETS[system]
    with torch.device("meta"):  # shapes without the arithmetic of 60 million weights
        network = build_network(config).eval()
        answers = network(torch.zeros(2, config.frames, 1, config.size, config.size))
    assert answers.shape == (2, config.frames, 1)
    assert config.size == 112 and (system == "segmentation" or config.frames == 30)


@pytest.mark.parametrize("system", SYSTEMS)
def test_forward_is_encoding_and_then_time(system):
    torch.manual_seed(0)
    config = tiny(system)
    network = build_network(config).eval()
    with torch.inference_mode():
        images = frames(config)
        features = network.encode(images)
        answers = network(images)
        assert torch.allclose(network.temporal(features), answers, atol=1e-6)
        assert answers.shape == (2, config.frames, 1)
        if not getattr(network, "reach", 0):
            alone = torch.cat([network.encode(images[:, t : t + 1]) for t in range(config.frames)], 1)
            assert torch.allclose(alone, features, atol=1e-4)


def test_3d_features_depend_on_the_frames_within_reach_only():
    torch.manual_seed(0)
    config = replace(tiny("cnn3d-lstm"), frames=16)
    network = build_network(config).eval()
    images = frames(config, 1)
    changed = images.clone()
    changed[:, 10] = 255 - changed[:, 10]
    with torch.inference_mode():
        difference = (network.encode(images) - network.encode(changed)).abs().amax((0, 2))
    assert (difference[: 10 - network.reach] == 0).all() and (difference[11 + network.reach :] == 0).all()
    assert difference[10 - network.reach] > 0


@pytest.mark.parametrize("system", SYSTEMS)
def test_weights_and_card_come_back_as_they_were(system, tmp_path):
    torch.manual_seed(0)
    network = build_network(tiny(system)).eval()
    save_weights(tmp_path / f"{system}.safetensors", network, half=False)
    loaded, card = load_weights(tmp_path / f"{system}.safetensors")
    assert card.config == network.config
    with torch.inference_mode():
        images = frames(network.config)
        assert torch.equal(loaded(images), network(images))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"outputs": ("ED", "ES")}, "outputs of resnet-lstm must be phase"),
        ({"backbone": "densenet121"}, "backbone must be one of"),
        ({"hidden": (8,)}, "hidden must be two layers"),
        ({"hidden": (8, 100000)}, "up to 4096 units"),
    ],
)
def test_what_cannot_be_built_is_refused(changes, complaint):
    with pytest.raises(ConfigError, match=complaint):
        replace(PRESETS["resnet-lstm"], **changes)


def test_straight_and_volume_like_phase():
    positions = np.array([0, 4, 8, 14, 20])
    assert phase_curve(positions, ED, ES).tolist() == pytest.approx([1, 0.5, 0, 0.5, 1])
    shaped = phase_curve(positions, ED, ES, VOLUME_LIKE)
    assert shaped.tolist() == pytest.approx([1, 0.5**3, 0, 0.5 ** (1 / 3), 1])
    assert np.isnan(phase_curve(np.array([-1, 29]), ED, ES)).all()


def test_lane_labels_as_in_the_public_code():
    """Its README gives 0.92 and 0.83 for the first frames after an ED: systole of twelve frames."""
    assert phase_curve(np.array([1, 2]), np.array([0]), np.array([12])).round(2).tolist() == pytest.approx([0.92, 0.83])


def test_the_frame_of_a_keyframe_is_half_systole():
    assert systole_share(np.arange(21), ED, ES)[[0, 1, 7, 8, 9, 20]].tolist() == [0.5, 1, 1, 0.5, 0, 0.5]
    between = systole_share(np.array([8]), ED, np.array([8.25, 28]))
    assert between.tolist() == pytest.approx([0.75])
    assert np.isnan(systole_share(np.array([10]), np.array([0, 20]), np.array([25]))).all()


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values)[None, :, None]


def test_structured_error_counts_steps_the_wrong_way():
    targets = column(1, 0.5, 0, 0.5, 1)
    assert losses.structured_error(targets, targets).item() == 0
    # A rise of 0.2 in systole and a fall of 0.3 in diastole; squared errors 0.7^2 and 0.3^2.
    outputs = column(1, 1.2, 0, 0.5, 0.2)
    expected = (0.7**2 + 0.8**2) / 5 + 0.5 * (0.2 + 0.3) / 5
    assert losses.structured_error(outputs, targets).item() == pytest.approx(expected)


def test_extrema_error_counts_what_beats_ed_or_stays_below_es():
    targets = column(1, 0.5, 0, 0.5, 1)
    assert losses.extrema_error(targets, targets).item() == 0
    outputs = column(0.6, 0.8, 0.1, -0.1, 0.9)  # 0.2 above ED, 0.2 below ES; the other ED may exceed the first
    squares = (0.4**2 + 0.3**2 + 0.1**2 + 0.6**2 + 0.1**2) / 5
    assert losses.extrema_error(outputs, targets).item() == pytest.approx(squares + 0.5 * (0.2 + 0.2) / 5)


@pytest.mark.parametrize("name", ["cross_entropy", "structured_error", "extrema_error", "mean_squared_error"])
def test_frames_of_which_nothing_is_asked_cost_nothing(name):
    loss = getattr(losses, name)
    targets, outputs = column(1, 0.25, 0, 0.5), column(0.9, 0.3, 0.2, 0.5).requires_grad_()
    more = torch.cat([targets, torch.full((1, 1, 1), torch.nan)], 1)
    surplus = torch.cat([outputs, torch.full((1, 1, 1), 0.7, requires_grad=True)], 1)
    value = loss(surplus, more)
    gradient = torch.autograd.grad(value, surplus)[0]
    assert torch.isfinite(value) and gradient[0, 4, 0] == 0 and torch.isfinite(gradient).all()


def test_cross_entropies_agree_with_torch():
    probability, share = column(0.9, 0.2, 0.6), column(1, 0, 0.5)
    expected = torch.nn.functional.binary_cross_entropy(probability, share)
    assert losses.cross_entropy(probability, share).item() == pytest.approx(expected.item(), rel=1e-5)
    logits, mask = torch.randn(1, 2, 4, 4), (torch.rand(1, 2, 4, 4) > 0.5).float()
    mask[:, 1] = torch.nan
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, :1], mask[:, :1])
    assert losses.mask_cross_entropy(logits, mask).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("recipe", ["paper", "modern"])
def test_each_system_keeps_its_own_loss(recipe):
    for system in SYSTEMS:
        assert losses.loss_of(PRESETS[system], RECIPES[recipe]) is losses.SYSTEM_LOSSES[system]


def answers(system: str, positions: np.ndarray, ed: np.ndarray, es: np.ndarray) -> np.ndarray:
    """What a perfect network of this system would say."""
    if system == "cnn3d-lstm":
        return systole_share(positions, ed, es)
    if system == "resnet-lstm":
        return phase_curve(positions, ed, es)
    phase = phase_curve(positions, ed, es, VOLUME_LIKE)
    return 0.1 + 0.05 * phase if system == "segmentation" else phase


@pytest.mark.parametrize("decoder", ["beats", "maxima"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_perfect_answers_are_decoded_to_the_keyframes(system, decoder):
    ed, es = np.arange(-13, 130, 25.0), np.arange(-3, 130, 25.0)  # 72 beats a minute at 30 frames a second
    positions = np.arange(95)  # each turn inside is seen from both sides, after diastasis, too
    said = answers(system, positions, ed, es)[:, None]
    probability = output_curves(said, PRESETS[system].outputs)
    found = DECODERS[decoder](Curves(probability, positions / 30, system))
    for phase, truth in ((Phase.ED, ed), (Phase.ES, es)):
        inside = truth[(truth >= 0) & (truth < len(positions))]
        decoded = np.array([k.frame for k in found if k.phase is phase and not k.at_edge])
        assert len(decoded) == len(inside) and np.abs(decoded - inside).max() <= 2


@pytest.mark.parametrize("system", SYSTEMS)
def test_answers_that_do_not_change_give_no_keyframes(system):
    noise = 1e-3 * np.random.default_rng(0).standard_normal((60, 1))
    probability = output_curves((0.5 + noise).astype(np.float32), PRESETS[system].outputs)
    curves = Curves(probability, np.arange(60) / 30, system)
    assert not [k for k in DECODERS["maxima"](curves) if not k.at_edge]
