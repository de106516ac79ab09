"""Hearts, views and pictures that only some simulated clips have: each is seen, and none moves the truth."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from cavity_turns import cavity_turns
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.simulator.config import RARE, PhantomConfig
from EchoKeyframeLib.simulator.phantom import PhantomBatch, simulate
from EchoKeyframeLib.simulator.variants import SHOWN_IN

FILM_CUTS = ("splice", "replay")
NONE = dict.fromkeys(RARE, 0.0)
SMALL = PhantomConfig(frames=12, size=64, rows=64, beams=48, **NONE)
# Nothing but the heart's own motion, so that the truth can be measured in the mask.
HEART = replace(
    SMALL, frames=60, fps=(40, 40), mask=True, drift=False, breathing=False, arrhythmia=False, isovolumic=False,
    degradation=False, noise=False, upended=False, heart_rate=(60, 90), views=("A4C",), ejection_fraction=(30, 70),
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def changed(one: torch.Tensor, other: torch.Tensor) -> float:
    """Share of pixels that differ by more than a gray level."""
    return float(((one.int() - other.int()).abs() > 1).float().mean())


@pytest.mark.parametrize("part", [part for part in RARE if part not in FILM_CUTS])
def test_a_part_is_seen_where_it_is_told_and_leaves_keyframes_and_valves(part):
    seeds = range(200, 208)
    config = replace(SMALL, fps=(20, 20), ejection_fraction=(8, 48))
    without, with_it = simulate(seeds, config), simulate(seeds, replace(config, **{part: 1.0}))
    shown = [view in SHOWN_IN.get(part, (view,)) for view in without.view]
    assert without.variants == [""] * 8 and without.view == with_it.view
    assert with_it.variants == [part if s else "" for s in shown] and any(shown)
    for clip, seen in enumerate(shown):
        assert (changed(without.frames[clip], with_it.frames[clip]) > 0.001) == seen
        assert np.array_equal(without.ed[clip], with_it.ed[clip])
        assert np.array_equal(without.es[clip], with_it.es[clip])
        if part != "transcoding":
            for curve in ("volume", "mitral", "aortic"):
                assert torch.equal(getattr(without, curve)[clip], getattr(with_it, curve)[clip])


def test_a_higher_probability_adds_clips_and_leaves_those_that_had_the_part():
    seeds = range(60)
    few, many = (simulate(seeds, replace(SMALL, frames=2, effusion=p)) for p in (0.2, 0.5))
    has_few, has_many = ([bool(v) for v in batch.variants] for batch in (few, many))
    assert 4 <= sum(has_few) < sum(has_many) <= 42
    assert all(m for f, m in zip(has_few, has_many, strict=True) if f)
    same = [torch.equal(few.frames[k], many.frames[k]) for k in seeds if has_few[k] == has_many[k]]
    assert all(same)


@pytest.mark.parametrize("view", ["A4C", "PSAX"])
@pytest.mark.parametrize("part", ["right_overload", "effusion"])
def test_the_cavity_is_largest_at_ed_and_smallest_at_es(part, view):
    batch = simulate(range(12), replace(HEART, views=(view,), **{part: 1.0}))
    assert all(part in variants for variants in batch.variants)
    for errors in cavity_turns(batch, 6):
        assert len(errors) >= 8
        assert abs(np.median(errors)) < 1.1 and np.mean(np.abs(errors)) < 1.8


@pytest.mark.parametrize(
    "change", [{"bundle_branch": 1.0}, {"ballooning": 1.0, "ejection_fraction": (20.0, 45.0)}, {"views": ("PSAX",)},
               {"views": ("SC4C",)}],
)  # fmt: skip
def test_so_it_is_in_other_hearts_and_views(change):
    for errors in cavity_turns(simulate(range(12), replace(HEART, **change)), 6):
        assert len(errors) >= 8
        assert abs(np.median(errors)) < 1.1 and np.mean(np.abs(errors)) < 1.8


def test_a_large_right_ventricle_leaves_a_small_left_one():
    usual, overloaded = (simulate(range(6), replace(HEART, frames=2, right_overload=p)) for p in (0.0, 1.0))
    areas = [batch.mask[:, 0].sum((1, 2)).double() for batch in (usual, overloaded)]
    assert (areas[1] / areas[0]).median() < 0.85


def test_ballooning_stills_the_apex_and_keeps_the_stroke():
    config = replace(HEART, ejection_fraction=(30, 45), dropout=False)
    usual, ballooning = (simulate(range(8), replace(config, ballooning=p)) for p in (0.0, 1.0))
    for one, other in zip(usual.mask, ballooning.mask, strict=True):
        whole = [float(m.sum((1, 2)).double().amin() / m.sum((1, 2)).double().amax()) for m in (one, other)]
        assert whole[1] == pytest.approx(whole[0], abs=0.12)
    assert apical_change(ballooning) < 0.75 * apical_change(usual)


def apical_change(batch: PhantomBatch) -> float:
    """Mean share by which the apical third of the cavity narrows."""
    shares = []
    for mask in batch.mask:
        rows = torch.nonzero(mask.any(0).any(1)).flatten()
        third = mask[:, rows[0] : rows[0] + len(rows) // 3].sum((1, 2)).double()
        shares.append(float(1 - third.amin() / third.amax()))
    return float(np.mean(shares))


def test_a_heart_in_fluid_swings_with_its_beats():
    still, swinging = (simulate(range(16), replace(HEART, effusion=p)) for p in (0.0, 1.0))
    ways = []
    for batch in (still, swinging):
        places = torch.arange(batch.mask.shape[-1]).double()
        area = batch.mask.sum((2, 3)).double()
        ways.append((batch.mask.sum(2) * places).sum(2) / area)
    extra = (ways[1] - ways[0]).amax(1) - (ways[1] - ways[0]).amin(1)
    assert (extra > 1.5).sum() >= 4 and (extra < 0.8).sum() >= 1, "some swing, some lie still in it"


def test_short_axis_is_a_ring_whose_area_falls_with_the_ejection_fraction():
    shares = []
    for percent in (12, 40, 70):
        batch = simulate(
            range(6), replace(HEART, views=("PSAX",), ejection_fraction=(percent, percent), regional=False)
        )
        area = batch.mask.sum((2, 3)).double()
        assert batch.view == ["PSAX"] * 6
        for mask in batch.mask[:, 0]:
            rows, columns = mask.any(1).sum(), mask.any(0).sum()
            assert 0.6 < rows / columns < 1.7
        shares.append(float((area.amin(1) / area.amax(1)).mean()))
    assert shares[0] > shares[1] > shares[2] and shares[0] - shares[2] > 0.3


def test_short_axis_among_other_views_is_the_same_in_any_batch():
    together = simulate(range(30, 42), SMALL, chunk=5)
    assert 0 < together.view.count("PSAX") < 12
    for clip in (0, together.view.index("PSAX"), 11):
        alone = simulate([30 + clip], SMALL)
        assert changed(alone.frames[0], together.frames[clip]) == 0 and alone.view[0] == together.view[clip]
        assert np.array_equal(alone.ed[0], together.ed[clip])


def test_a_film_shows_each_frame_within_half_an_original_one_and_tells_what_it_shows():
    config = replace(SMALL, frames=40, fps=(30, 30), noise=False, compression=False)
    whole, film = simulate(range(12), config), simulate(range(12), replace(config, transcoding=1.0))
    repeats = film.volume[:, 1:] == film.volume[:, :-1]
    assert (repeats.float().mean(1) > 0.1).sum() >= 6
    for clip in range(12):
        curve, shown = whole.volume[clip], film.volume[clip]
        low, high = (f(torch.stack([curve.roll(k) for k in range(-2, 3)]), 0)[0] for f in (torch.min, torch.max))
        inside = (shown >= low - 1e-5) & (shown <= high + 1e-5)
        assert inside[2:-2].float().mean() > 0.85, "all but the few that are frozen"
        picture = film.frames[clip].float().flatten(1)
        same = (picture[1:] - picture[:-1]).abs().mean(1) < 0.5
        assert (same == repeats[clip]).float().mean() > 0.8


def test_colour_stays_in_its_box_and_annotations_stand_still():
    config = replace(SMALL, overlays=False, compression=False, processing=False)
    plain = simulate(range(10), config).frames.int()
    colour = (simulate(range(10), replace(config, colour=1.0)).frames.int() - plain).abs() > 1
    share = colour.any(1).float().mean((1, 2))
    assert (share < 0.5).sum() >= 6, "a box in most"
    marks = simulate(range(10), replace(config, annotations=1.0)).frames.int() - plain
    still = (marks > 20).all(1).float().sum((1, 2))
    assert (still > 3).all()


def test_a_handheld_probe_has_a_narrow_sector_and_a_wide_beam():
    config = replace(SMALL, overlays=False, compression=False, processing=False, noise=False, frames=2)
    usual, handheld = (simulate(range(20), replace(config, handheld=p)).frames.float() for p in (0.0, 1.0))
    shapes = []
    for frames in (usual, handheld):
        lit = frames.amax(1) > 0
        shapes.append(lit.any(1).sum(1) / lit.any(2).sum(1))
    assert (shapes[1] <= shapes[0] + 0.1).all() and (shapes[1] < shapes[0] - 0.1).sum() >= 5
    rough = [
        (frames[..., 1:] - frames[..., :-1]).abs().mean((1, 2, 3)) / frames.std((1, 2, 3))
        for frames in (usual, handheld)
    ]
    assert (rough[1] < rough[0]).float().mean() > 0.7


def test_the_command_tells_the_parts_of_each_clip_and_takes_them_away(tmp_path):
    small = ["--count", "3", "--frames", "4", "--size", "32", "--view", "A4C"]
    assert (
        main(["phantom", str(tmp_path / "with"), *small, "--with", "effusion", "colour", "--without", *RARE[4:]]) == 0
    )
    assert main(["phantom", str(tmp_path / "none"), *small, "--without", *RARE]) == 0
    for folder, expected in (("with", {"effusion"}), ("none", set())):
        with (tmp_path / folder / "parameters.csv").open(encoding="utf-8") as stream:
            rows = [set(row["variants"].split()) for row in csv.DictReader(stream)]
        assert len(rows) == 3 and all(expected <= row for row in rows)
        assert not any("colour" in row for row in rows), "what is switched off stays off"


@pytest.mark.parametrize("part", FILM_CUTS)
def test_a_film_of_pieces_tells_where_they_begin_and_what_they_show(part):
    config = replace(SMALL, frames=48, fps=(25, 25), noise=False)
    whole, film = simulate(range(8), config), simulate(range(8), replace(config, **{part: 1.0}))
    assert whole.cuts == [()] * 8 and film.variants == [part] * 8
    for clip, cuts in enumerate(film.cuts):
        assert cuts and 8 <= cuts[0] < cuts[-1] + 1 <= 48
        shown = [int((whole.frames[clip] == frame).flatten(1).float().mean(1).argmax()) for frame in film.frames[clip]]
        steps = np.diff(shown)
        inside = np.setdiff1d(np.arange(1, 48), cuts) - 1
        assert (np.abs(steps[inside]) == 1).all()
        assert torch.equal(film.volume[clip], whole.volume[clip][shown])
        for name in ("ed", "es"):
            places = getattr(film, name)[clip] * 25
            true = getattr(whole, name)[clip] * 25
            seen = [p for p in places if 0 < p < 47 and all(abs(p - cut + 0.5) > 0.5 for cut in cuts)]
            for place in seen:
                assert np.abs(true - np.interp(place, np.arange(48), shown)).min() < 1.01
            assert (np.diff(places) > 0).all()
