"""The simulated rhythm: valves, volume and keyframes agree with one another and with physiology."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from EchoKeyframeLib.simulator.config import PhantomConfig
from EchoKeyframeLib.simulator.isovolumic import draw_isovolumic
from EchoKeyframeLib.simulator.rhythm import ES_BEFORE_OPENING, Rhythm

DURATION = 3.0
TIMES = np.arange(0, DURATION, 0.001)
STEADY = PhantomConfig(arrhythmia=False)


def rhythms(config: PhantomConfig, count: int = 25) -> list[Rhythm]:
    return [Rhythm(np.random.default_rng(seed), config, DURATION) for seed in range(count)]


def test_keyframes_alternate_and_reach_beyond_the_clip():
    for rhythm in rhythms(PhantomConfig()):
        merged = np.sort(np.concatenate([rhythm.ed, rhythm.es]))
        assert np.isin(merged[::2], rhythm.ed).all()
        assert np.isin(merged[1::2], rhythm.es).all()
        for times in (rhythm.ed, rhythm.es):
            assert times[0] < 0 and times[-1] > DURATION


def test_mitral_valve_is_closed_from_ed_to_es_and_open_soon_after():
    for rhythm in rhythms(PhantomConfig()):
        for ed, es in zip(rhythm.ed[1:], rhythm.es[1:], strict=False):
            assert rhythm.mitral(np.linspace(ed, es, 50)).max() < 1e-6
            assert rhythm.mitral(es + ES_BEFORE_OPENING + 0.03) > 0.1
            assert rhythm.mitral(ed - 0.03) > 0.02


def test_volume_is_least_at_es_and_greatest_at_ed():
    for rhythm in rhythms(STEADY):
        for beat in rhythm.beats[1:-1]:
            cycle = np.linspace(beat.start - 0.05, beat.start + beat.length - 0.05, 2000)
            contraction = rhythm.contraction(cycle)
            assert cycle[contraction.argmax()] == pytest.approx(beat.start + beat.es, abs=0.003)
            assert contraction[np.abs(cycle - beat.start) < 0.005].max() < contraction.min() + 0.02


def test_aortic_valve_is_open_only_while_the_mitral_one_is_closed():
    for rhythm in rhythms(PhantomConfig()):
        inside = (rhythm.ed[0] < TIMES) & (rhythm.ed[-1] > TIMES)
        both = np.minimum(rhythm.aortic(TIMES[inside]), rhythm.mitral(TIMES[inside]))
        assert both.max() < 1e-6
        assert rhythm.aortic(TIMES[inside]).max() > 0.9


@pytest.mark.parametrize("rate", [40, 75, 160])
def test_heart_rate_follows_the_configuration(rate):
    for rhythm in rhythms(replace(STEADY, heart_rate=(rate, rate))):
        assert rhythm.heart_rate(DURATION) == pytest.approx(rate, rel=0.06)


def test_systole_shortens_with_the_heart_rate_and_takes_more_of_the_cycle():
    def systole(rate: float) -> float:
        return float(np.median([b.es for r in rhythms(replace(STEADY, heart_rate=(rate, rate))) for b in r.beats]))

    slow, fast = systole(50), systole(130)
    assert 0.38 < slow < 0.52
    assert 0.22 < fast < 0.36
    assert fast / (60 / 130) > slow / (60 / 50)


def test_filling_fuses_at_high_rates_only():
    def fused(rate: float) -> float:
        config = replace(STEADY, heart_rate=(rate, rate))
        return float(np.mean([b.fused for r in rhythms(config) for b in r.beats]))

    assert fused(50) < 0.1
    assert fused(140) > 0.8


def test_fibrillation_is_irregular_without_atrial_kick_and_can_be_switched_off():
    irregular = [r for r in rhythms(PhantomConfig(), 80) if r.rates.fibrillation]
    assert irregular
    assert not any(b.has_atrial for r in irregular for b in r.beats)
    assert np.median([np.std(np.diff(r.ed)) / np.mean(np.diff(r.ed)) for r in irregular]) > 0.1
    regular = rhythms(STEADY, 80)
    assert all(np.std(np.diff(r.ed)) / np.mean(np.diff(r.ed)) < 0.08 for r in regular)


def test_ectopic_beats_come_early_eject_less_and_are_followed_by_a_pause():
    seen = 0
    for rhythm in (r for r in rhythms(PhantomConfig(), 120) if r.rates.ectopic_rate and not r.rates.fibrillation):
        for before, early in zip(rhythm.beats[:-1], rhythm.beats[1:], strict=True):
            if before.length < 0.85 * rhythm.rates.cycle and early.length > 1.1 * rhythm.rates.cycle:
                seen += 1
                assert early.peak < before.peak
    assert seen > 3


def test_walls_move_by_the_drawn_amount_while_both_valves_are_closed():
    seen = 0
    for rhythm in rhythms(STEADY):
        for beat, motion in zip(rhythm.beats[1:-1], rhythm.isovolumic[1:-1], strict=True):
            stroke = beat.peak - beat.at_start
            closure, ejection, turn, es = rhythm.walls(
                beat.start + np.array([0, beat.ejection, beat.aortic_closure + motion.turn, beat.es])
            )
            assert (ejection - beat.at_start) / stroke == pytest.approx(motion.shortening, abs=1e-6)
            assert (closure - beat.at_start) / stroke == pytest.approx(motion.shortening * motion.by_closure, abs=1e-6)
            room = 0.5 * (beat.peak - beat.after_early) / stroke
            assert (turn - es) / stroke == pytest.approx(min(motion.recoil, room), abs=1e-6)
            seen += motion.recoil > 0
    assert seen > 20


def test_walls_begin_to_move_before_the_mitral_leaflets_meet():
    for rhythm in rhythms(STEADY):
        for beat, motion in zip(rhythm.beats[1:-1], rhythm.isovolumic[1:-1], strict=True):
            around = beat.start + np.linspace(-0.12, 0.05, 171)
            assert around[rhythm.walls(around).argmin()] == pytest.approx(beat.start - motion.onset, abs=0.02)


def test_isovolumic_motion_leaves_keyframes_volume_and_valves_as_they_were():
    still = rhythms(replace(PhantomConfig(), isovolumic=False))
    for moving, rhythm in zip(rhythms(PhantomConfig()), still, strict=True):
        assert np.array_equal(moving.ed, rhythm.ed) and np.array_equal(moving.es, rhythm.es)
        for curve in ("contraction", "mitral", "aortic"):
            assert np.array_equal(getattr(moving, curve)(TIMES), getattr(rhythm, curve)(TIMES))
        assert rhythm.walls is rhythm.contraction and moving.walls is not moving.contraction


def test_each_beat_has_an_isovolumic_motion_of_its_own_around_that_of_its_clip():
    clips = [draw_isovolumic(np.random.default_rng(seed), 8) for seed in range(60)]
    within = np.mean([np.std([m.shortening for m in clip]) / np.mean([m.shortening for m in clip]) for clip in clips])
    between = np.array([np.mean([m.shortening for m in clip]) for clip in clips])
    assert 0.1 < within < 0.3
    assert 0.15 < between.mean() < 0.25 and between.std() > 0.04
    assert 0.03 < np.mean([m.recoil for clip in clips for m in clip]) < 0.09
