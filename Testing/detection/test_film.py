"""Films of a loop: repeated, frozen, cut and replayed frames are found, told, and left out of the detection."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from EchoKeyframeLib.cine.cine import Cine, CineError, Source
from EchoKeyframeLib.cine.finding import FindingKind
from EchoKeyframeLib.cine.sector import find_sector
from EchoKeyframeLib.detection.beats import certain_heart_rate, form_beats, heart_rate
from EchoKeyframeLib.detection.detect import detect
from EchoKeyframeLib.detection.film import Film
from EchoKeyframeLib.detection.film_curves import film_curves
from EchoKeyframeLib.detection.keyframes import Curves, Keyframe, Phase, Unfit
from EchoKeyframeLib.detection.motion import MotionDetector
from EchoKeyframeLib.detection.pieces import Piece
from EchoKeyframeLib.report.keyframes_file import KeyframesFile, read_json, write_json


@pytest.fixture(scope="module")
def loop(beating_cine):
    """Two beats of 30 frames, each with its own noise."""
    noise = np.random.default_rng(0).normal(0, 6, beating_cine.frames.shape)
    frames = np.clip(beating_cine.frames + noise * (beating_cine.frames > 0), 0, 255).astype(np.uint8)
    return replace(beating_cine, frames=frames)


def film_of(loop, shown, left=0.0):
    """A film at 30 frames/s that shows these frames of the loop. left: gray levels by which a second compression makes
    each of them differ."""
    frames = loop.frames[np.asarray(shown)]
    noise = np.random.default_rng(1).normal(0, 1, frames.shape) * left * (frames > 0)
    frames = np.clip(np.round(frames + noise), 0, 255).astype(np.uint8)
    return Cine(frames, np.arange(len(frames)) / 30.0, Source("film.avi"))


def look(film):
    return Film.of(film, find_sector(film))


def kinds(detection):
    return [finding.kind for finding in detection.findings]


def test_a_loop_as_it_is_tells_nothing(loop):
    found = look(loop)
    assert found.new.all() and found.findings() == () and found.pieces == (Piece(0, 59),)


@pytest.mark.parametrize("left", [0.0, 0.8])
@pytest.mark.parametrize(
    "shown", [np.arange(60) // 2, np.delete(np.repeat(np.arange(30), 2), np.s_[::3]), np.repeat(np.arange(12), 5)]
)
def test_repeated_frames_are_found_also_where_they_were_compressed_anew(loop, shown, left):
    found = look(film_of(loop, shown, left))
    assert np.array_equal(found.repeats.repeated[1:], np.diff(shown) == 0)
    assert [finding.kind for finding in found.findings()] == [FindingKind.REPEATED]
    assert f"{int((np.diff(shown) == 0).sum())} of {len(shown)} frames" in found.findings()[0].text


def test_a_picture_that_stands_still_is_told_apart_from_repetitions(loop):
    found = look(film_of(loop, [*range(20), *[20] * 8, *range(21, 60)]))
    [finding] = found.findings()
    assert (finding.kind, finding.frames) == (FindingKind.FROZEN, (21, 27))


def test_keyframes_lie_on_new_frames_of_the_file(loop):
    shown = np.repeat(np.arange(60), 2)
    once, twice = (detect(film_of(loop, frames), MotionDetector()) for frames in (np.arange(60), shown))
    assert [(k.phase, k.frame) for k in twice.keyframes] == [(k.phase, 2 * k.frame) for k in once.keyframes]
    assert kinds(twice) == [FindingKind.REPEATED] and twice.findings[0].text in twice.warnings
    assert len(twice.curves.times) == 120


def test_a_loop_that_starts_again_is_a_replay_with_the_first_ones_keyframes(loop):
    shown = [*range(40), *range(40), *range(25)]
    found = detect(film_of(loop, shown), MotionDetector())
    first = [(k.phase, k.frame) for k in found.keyframes if k.frame < 40]
    again = [(k.phase, k.frame - 40) for k in found.keyframes if 40 <= k.frame < 80]
    assert first and again == first
    assert found.pieces == (Piece(0, 39), Piece(40, 79, True), Piece(80, 104, True))
    assert kinds(found) == [FindingKind.REPLAY] and found.findings[0].frames == (40, 104)
    for beat in found.beats:
        frames = [k.frame for k in (beat.ed, beat.es) if k]
        assert (Unfit.REPLAY in beat.unfit) == (max(frames) >= 40)
        assert beat.next_ed is None or beat.next_ed.frame // 40 == frames[0] // 40


def test_a_loop_run_backwards_is_a_replay(loop):
    found = look(film_of(loop, [*range(40), *range(38, -1, -1)]))
    assert [piece.replay for piece in found.pieces] == [False, True] and found.pieces[1].first == 40
    assert np.array_equal(found.shows[40:], np.arange(38, -1, -1))


def test_a_cut_is_found_and_no_beat_runs_across_it(loop):
    calm = replace(loop, frames=np.stack([cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in loop.frames]))
    found = detect(film_of(calm, [*range(16), *range(31, 60)]), MotionDetector())
    assert found.pieces == (Piece(0, 15), Piece(16, 44))
    [finding] = found.findings
    assert (finding.kind, finding.frames, finding.text) == (
        FindingKind.SPLICE, (15, 16), "the film is cut before frame 16"
    )  # fmt: skip


def keyframes(*frames):
    return [Keyframe(list(Phase)[i % 2], frame, frame / 30) for i, frame in enumerate(frames)]


def test_beats_and_rates_across_a_cut():
    found = keyframes(3, 14, 33, 44, 63, 74)
    assert not any(Unfit.SPLICE in beat.unfit for beat in form_beats(found)[1])
    between, within = (Piece(0, 39), Piece(40, 99)), (Piece(0, 49), Piece(50, 99))
    _, beats = form_beats(found, between)  # ED 33 before it, ES 44 behind it
    assert [Unfit.SPLICE in beat.unfit for beat in beats] == [False, True, False]
    _, beats = form_beats(found, within)  # ED 33 and ES 44 belong together; the ED at 63 ends another beat
    assert [Unfit.SPLICE in beat.unfit for beat in beats] == [False, False, False]
    assert beats[1].next_ed is None and beats[0].next_ed.frame == 33
    far = keyframes(3, 14, 33, 44, 90, 99)
    assert heart_rate(far, within) == certain_heart_rate(far, within) == pytest.approx(60.0)
    assert heart_rate(keyframes(3, 14, 33), [Piece(0, 1), Piece(2, 99, True)]) is None


def test_pieces_stay_with_a_keyframes_file(loop, tmp_path):
    film = film_of(loop, [*range(40), *range(40)])
    detection, path = detect(film, MotionDetector()), tmp_path / "film.keyframes.json"
    write_json(path, KeyframesFile.of(film, detection))
    assert read_json(path).pieces == detection.pieces != ()
    assert [b.unfit for b in read_json(path).beats] == [b.unfit for b in detection.beats]
    assert [b.unfit for b in read_json(path).timed_by(film).beats] == [b.unfit for b in detection.beats]
    path.write_text(path.read_text(encoding="utf-8").replace('"last": 39', '"last": 38'), encoding="utf-8")
    with pytest.raises(CineError, match="pieces that do not make up the cine"):
        read_json(path)


class Remembers:
    """A detector that says how many frames it was shown and how fast."""

    name, device = "remembers", "cpu"

    def __init__(self):
        self.seen = []

    def curves(self, cine, sector, progress=None):
        self.seen.append((len(cine), round(cine.fps, 1)))
        assert cine.size == sector.mask.shape
        return Curves(np.zeros((len(cine), 2), np.float32), cine.times, self.name)


def test_detectors_see_true_frames_at_their_own_rate(loop):
    film, detector = film_of(loop, np.repeat(np.arange(60), 2)), Remembers()
    sector = find_sector(film)
    assert film_curves(film, sector, Film.of(film, sector), detector).probability.shape == (120, 2)
    assert detector.seen == [(60, 15.0)]
