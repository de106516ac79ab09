"""Several readers of one set: the majority vote by hand, where it decides nothing, and how far readers differ."""

import math

import pytest
from EchoKeyframeLib.datasets.clip_labels import OPEN_END, ClipLabels, LabelError
from EchoKeyframeLib.datasets.dataset import DatasetError
from EchoKeyframeLib.datasets.labels import read_labels, read_readings, write_readings
from EchoKeyframeLib.datasets.manifest import PREPARED, ManifestEntry, write_manifest
from EchoKeyframeLib.datasets.open_dataset import open_dataset
from EchoKeyframeLib.datasets.readers import ClipReadings, majority
from EchoKeyframeLib.datasets.split import Split
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.evaluation.reader_agreement import ALL_READERS, Kind, reader_agreement


def reading(ed, es, **known):
    return ClipLabels("loop.avi", tuple(ed), tuple(es), **{"frames": 100, "fps": 40, **known})


def test_two_readers_are_averaged_and_must_both_see_it():
    """ED 50 was marked by A alone: one vote of two. Between ES 25 and ES 65 it leaves all undecided but the flanks."""
    vote = majority({"a": reading([10, 50], [24, 66]), "b": reading([11], [26, 64])})
    assert (vote.labels.ed, vote.labels.es) == ((10.5,), (25, 65))
    assert [(m.phase, m.frame, m.readers) for m in vote.disputed] == [(Phase.ED, 50, ("a",))]
    # The only pair in a row, ED 10.5 and ES 25, makes a beat of 36.25 frames, and 0.15 of it are 5.4.
    assert vote.labels.decided == ((0, 30), (60, 99))
    assert vote.labels.check() is vote.labels


def test_three_readers_outvote_one():
    """Of 20, 20, 27 the frame that two chose; of 40, 42, 47 the one in the middle; a mark of one reader is none."""
    vote = majority({
        "a": reading([20, 75], [40, 90]), "b": reading([20, 74], [42, 90]), "c": reading([27, 60, 76], [47, 66, 90])
    })  # fmt: skip
    assert (vote.labels.ed, vote.labels.es, vote.labels.decided) == ((20, 75), (42, 90), None)
    assert [(m.frame, m.readers) for m in vote.rejected] == [(60, ("c",)), (66, ("c",))]
    assert [m.spread for m in vote.accepted] == [7, 7, 2, 0] and not vote.disputed


def test_four_readers_split_in_half_decide_nothing_there():
    pair = reading([10, 50, 80], [25, 65])
    vote = majority({"a": pair, "b": pair, "c": reading([10, 50], [25, 65]), "d": reading([10, 50], [25, 65])})
    assert (vote.labels.ed, vote.labels.es) == ((10, 50), (25, 65))
    assert vote.labels.decided == ((0, 71),)  # 0.15 of the beat of 40 frames beyond ES 65


def test_frames_far_apart_are_two_keyframes():
    """At 40 frames a second, 0.25 s are 10 frames."""
    near = majority({"a": reading([10], [30]), "b": reading([20], [30])})
    far = majority({"a": reading([10], [30]), "b": reading([21], [30])})
    assert near.labels.ed == (15,) and far.labels.ed == () and [m.frame for m in far.disputed] == [10, 21]


def test_a_reader_votes_only_on_what_they_decided():
    part = reading([10], [25], decided=((0, 30),))
    vote = majority({"a": part, "b": reading([12, 50], [25, 65])})
    assert (vote.labels.ed, vote.labels.es, vote.labels.decided) == ((11, 50), (25, 65), None)
    assert majority({"a": part, "b": part}).labels.decided == ((0, 30),)


def test_a_disputed_keyframe_outside_the_clip_leaves_the_clip_decided():
    vote = majority({"a": reading([-4, 40], [12]), "b": reading([40], [12])})
    assert (vote.labels.ed, vote.labels.es, vote.labels.decided) == ((40,), (12,), None)


def test_one_reader_is_taken_as_they_are():
    alone = reading([10.5], [25])
    assert majority({"": alone}).labels is alone


TABLE = """file,phase,frame,frames,fps,view,reader,patient,split
loop.avi,ED,10,60,40,A4C,anna,P1,train
loop.avi,ES,25,60,40,A4C,anna,P1,train
loop.avi,ED,12,,,,ben,,
loop.avi,ES,25,,,,ben,,
loop.avi,ED,11,,,,anna:2,,
loop.avi,ES,28,,,,anna:2,,
"""


def test_readers_patients_and_parts_in_labels_csv(tmp_path):
    (tmp_path / "labels.csv").write_text(TABLE, encoding="utf-8")
    (clip,) = read_readings(tmp_path)
    assert set(clip.by_reader) == {"anna", "ben", "anna:2"} and set(clip.voters) == {"anna", "ben"}
    assert (clip.patient, clip.split) == ("P1", Split.TRAIN) and "P1" not in repr(clip)
    (labels,) = read_labels(tmp_path)
    assert (labels.ed, labels.es, labels.fps, labels.frames, labels.view) == ((11,), (25,), 40, 60, "A4C")
    (cine,) = open_dataset(tmp_path).cines
    assert cine.labels == labels and cine.readings is not None and "P1" not in repr(cine)
    write_readings(tmp_path / "again.csv", [clip])
    assert read_readings(tmp_path / "again.csv")[0].by_reader == clip.by_reader
    assert read_readings(tmp_path / "again.csv")[0].patient == "P1"


@pytest.mark.parametrize(
    ("text", "spans"),
    [("3-17 40-", ((3, 17), (40, OPEN_END))), ("none", ()), ("9", ((9, 9),)), ("labelled", ((2, 30),)), ("", None)],
)
def test_decided_frames_in_labels_csv(tmp_path, text, spans):
    """ED 8, ES 25: a beat of 42.5 frames, 0.15 of it are 6.4; the clip ends at frame 30."""
    path = tmp_path / "labels.csv"
    header = "file,phase,frame,frames,decided\n"
    ed, es = (8, 25) if text == "labelled" else (9, 9.5)
    path.write_text(f"{header}a.avi,ED,{ed},31,{text}\na.avi,ES,{es},31,\n", encoding="utf-8")
    (labels,) = read_labels(path)
    assert labels.decided == spans
    write_readings(path, [ClipReadings({"": labels})])
    assert read_labels(path) == [labels]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.avi,ED,3,anna,P1,,,\na.avi,ES,9,anna,P2,,,", "line 3: its patient differs from .* in line 2"),
        ("a.avi,ED,3,,,all,,\na.avi,ES,9,,,,,", "split must be train, val or test$"),
        ("a.avi,ED,3,,,,17-3,\na.avi,ES,9,,,,,", "decided frames must be spans such as 3-17 in ascending order"),
        ("a.avi,ED,3,,,,some,\na.avi,ES,9,,,,,", "decided must be 'labelled' or spans such as 3-17$"),
        ("a.avi,ED,3,,,,,1\na.avi,ES,9,,,,,", "needs the clip's length in column 'frames'"),
        ("a.avi,ED,3,anna,,,,\na.avi,ED,9,anna,,,,", "ED frames 3 and 9 without an ES between"),
    ],
)
def test_what_cannot_be_right_is_named_without_the_patient(tmp_path, rows, message):
    path = tmp_path / "labels.csv"
    path.write_text(f"file,phase,frame,reader,patient,split,decided,outside\n{rows}\n", encoding="utf-8")
    with pytest.raises(LabelError, match=message) as caught:
        read_labels(path)
    assert "P1" not in str(caught.value) and "P2" not in str(caught.value)
    dataset = open_dataset(path)
    assert len(dataset.errors) == 1 and not dataset.cines
    with pytest.raises(DatasetError, match=message):
        dataset.sound()


def test_a_prepared_folder_tells_patients_and_views(tmp_path):
    """``prepare`` writes manifest.csv; labels come later and need not repeat it."""
    entries = [ManifestEntry("a.avi", PREPARED, view="A2C", patient="patient-1"), ManifestEntry("b.avi", PREPARED)]
    write_manifest(tmp_path, entries)
    labels = [ClipLabels("a.avi", (3,), (9,)), ClipLabels("b.avi", (3,), (9,), view="A4C")]
    write_readings(tmp_path / "labels.csv", [ClipReadings({"": clip}) for clip in labels])
    cines = open_dataset(tmp_path).cines
    assert [(cine.patient, cine.labels.view) for cine in cines] == [("patient-1", "A2C"), (None, "A4C")]
    (tmp_path / "manifest.csv").write_text("another,table\n1,2\n", encoding="utf-8")
    assert [cine.patient for cine in open_dataset(tmp_path).cines] == [None, None]


def test_other_clips_are_read_beside_a_wrong_one(tmp_path):
    path = tmp_path / "labels.csv"
    rows = ["a.avi,ED,3", "a.avi,XX,9", "b.avi,ED,3", "b.avi,ES,9", "../c.avi,ED,1"]
    path.write_text("\n".join(["file,phase,frame", *rows]), encoding="utf-8")
    dataset = open_dataset(tmp_path)
    assert [cine.labels.file for cine in dataset.cines] == ["b.avi"] and len(dataset.errors) == 2


def test_readers_are_compared_by_hand():
    """ED: anna 10, 50; ben 12, 49 (differences +2 and -1). ES: 25 and 25; anna marks one more. 40 frames a second."""
    first = ClipReadings({"anna": reading([10, 50], [25, 70]), "ben": reading([12, 49], [25])})
    second = ClipReadings({"anna": reading([30], [40]), "anna:2": reading([33], [38])})
    rows = {(r.kind, r.first, r.phase): r for r in reader_agreement([first, second])}
    ed, es = rows[Kind.INTER, "anna", Phase.ED], rows[Kind.INTER, "anna", Phase.ES]
    assert (ed.second, ed.clips, ed.pairs, ed.alone) == ("ben", 1, 2, 0)
    assert (ed.afd_frames, ed.afd_frames_sd, ed.bias_frames) == (1.5, 0.5, 0.5)
    assert (ed.afd_ms, ed.afd_ms_sd) == (37.5, 12.5)
    assert (es.pairs, es.alone, es.afd_frames) == (1, 1, 0)
    intra = rows[Kind.INTRA, "anna", Phase.ES]
    assert (intra.second, intra.afd_frames, intra.bias_frames, intra.clips) == ("anna:2", 2, -2, 1)
    assert rows[Kind.INTER, ALL_READERS, Phase.ED].afd_frames == 1.5 and len(rows) == 8


def test_agreement_without_a_frame_rate_or_a_second_reader():
    pair = ClipReadings({"a": reading([10], [25], fps=None), "b": reading([14], [25], fps=None)})
    ed = next(r for r in reader_agreement([pair]) if r.phase is Phase.ED)
    assert ed.afd_frames == 4 and math.isnan(ed.afd_ms)
    assert reader_agreement([ClipReadings({"": reading([10], [25])})]) == ()
