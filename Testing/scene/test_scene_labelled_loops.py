"""Corrected loops to a folder that training reads, and back: pixels, labels, names, what was there before."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from drawn_ventricle import beating_frames
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cine.sector import find_sector
from EchoKeyframeLib.datasets.label_renewal import renew_labels
from EchoKeyframeLib.datasets.labelled_folder import SectorMissing
from EchoKeyframeLib.datasets.labels import ClipLabels, LabelError, read_labels, write_labels
from EchoKeyframeLib.detection.keyframes import Phase
from mrml_scene import new_scene

from EchoKeyframeLib import scene as layer  # isort: skip  (only once slicer-core is known to be there)

KEYFRAMES = {Phase.ED: (0, 10, 20), Phase.ES: (5, 15)}
NAME_TEXT = (slice(0, 9), slice(0, 40))
"""Where an overlay could name a patient: beside the sector."""


def overlaid_cine(name="ZZYZX^QUENTIN 4711.dcm", **fields) -> Cine:
    """A drawn ventricle in its sector, 30 frames at 60/s, and bright writing in the corner above it."""
    frames = beating_frames(30, 60.0, rate=180, size=128)
    frames[(slice(None), *NAME_TEXT)] = np.random.default_rng(1).integers(0, 2, (9, 40)) * 255
    return Cine(frames, np.arange(30) / 60, Source(name), spacing=(0.5, 0.5), view="A4C", **fields)


@pytest.fixture
def kept(tmp_path):
    return new_scene(tmp_path)


def add_loop(kept, cine=None):
    sequence, _ = layer.add_cine_sequence(kept.scene, cine or overlaid_cine())
    layer.set_keyframes(layer.keyframe_table(sequence), KEYFRAMES)
    return sequence


def frames_of(sequence):
    keyframes = layer.read_keyframes(layer.find_keyframe_table(sequence))
    return {phase: tuple(k.frame for k in keyframes if k.phase is phase) for phase in Phase}


def test_what_is_stored_is_the_sector_and_the_keyframes_and_no_name(kept, tmp_path):
    folder = tmp_path / "Trainingsdaten ü"
    stored = layer.store_loop(add_loop(kept), folder)
    (labels,) = read_labels(folder)
    assert labels == stored.labels
    assert (labels.ed, labels.es) == ((0, 10, 20), (5, 15))
    assert (labels.frames, labels.fps, labels.view) == (30, 60, "A4C")
    cine, original = read_cine(folder / labels.file), overlaid_cine()
    mask = find_sector(original).mask
    np.testing.assert_array_equal(cine.gray(), original.frames * mask)
    assert not cine.frames[(slice(None), *NAME_TEXT)].any() and mask.mean() > 0.3
    everything = b"".join(path.name.encode() + path.read_bytes() for path in folder.iterdir())
    assert b"ZZYZX" not in everything and b"QUENTIN" not in everything and b"4711" not in everything


def test_the_folder_is_what_training_takes(kept, tmp_path):
    from EchoKeyframeLib.datasets.open_dataset import open_dataset
    from EchoKeyframeLib.training.stores.fill_store import store_labelled

    layer.store_loop(add_loop(kept), tmp_path / "data")
    store = store_labelled(tmp_path / "store", open_dataset(tmp_path / "data").cines, 64, progress=False)
    assert len(store) == 1
    assert (store[0].labels.ed, store[0].labels.es, store[0].fps) == ((0, 10, 20), (5, 15), 60)


def test_storing_again_renews_labels_and_leaves_the_rest(kept, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "labels.csv").write_text("reader,file,phase,frame\nanna,sub/a.dcm,ED,3.5\nanna,sub/a.dcm,ES,9\n", "utf-8")
    sequence = add_loop(kept)
    first = layer.store_loop(sequence, folder)
    second = layer.store_loop(add_loop(kept, overlaid_cine(heart_rate=180.0)), folder)
    assert second.labels.file == first.labels.file
    layer.move_keyframe(layer.find_keyframe_table(sequence), 10, 11)
    layer.store_loop(sequence, folder)
    assert [(c.file, c.ed) for c in read_labels(folder)] == [("sub/a.dcm", (3.5,)), (first.labels.file, (0, 11, 20))]
    assert (folder / "labels.csv").read_text("utf-8").startswith("reader,file,phase,frame,frames,")
    assert "anna,sub/a.dcm,ED,3.5" in (folder / "labels.csv").read_text("utf-8")
    assert len(list(folder.iterdir())) == 2


def test_import_gives_loops_with_a_persons_keyframes(kept, tmp_path):
    layer.store_loop(add_loop(kept), tmp_path / "data")
    again = new_scene(tmp_path)
    (labels,) = read_labels(tmp_path / "data")
    sequence, browser, note = layer.add_labelled_cine(again.scene, read_cine(tmp_path / "data" / labels.file), labels)
    assert note == "" and layer.find_browser(sequence) is browser
    assert frames_of(sequence) == KEYFRAMES
    assert {k.source for k in layer.read_keyframes(layer.find_keyframe_table(sequence))} == {"manual"}
    assert sequence.GetAttribute("EchoKeyframe.View") == "A4C"
    np.testing.assert_allclose(layer.frame_times(sequence), np.arange(30) / 60, atol=1e-6)


def test_a_corrected_import_goes_back_to_its_own_file(kept, tmp_path):
    """Whoever made the data set named the file; a second copy under another name would be trained on twice."""
    folder = tmp_path / "data"
    stored = layer.store_loop(add_loop(kept), folder)
    (folder / stored.labels.file).rename(folder / "0X1A.avi")
    write_labels(folder / "labels.csv", [replace(stored.labels, file="0X1A.avi", ed=(0, 10.5, 20), es=(5, 15, 30.5))])
    again = new_scene(tmp_path)
    (labels,) = read_labels(folder)
    sequence, _, note = layer.add_labelled_cine(again.scene, read_cine(folder / "0X1A.avi"), labels)
    assert "1 keyframe(s) outside the clip" in note and "1 position(s) between frames" in note
    layer.move_keyframe(layer.find_keyframe_table(sequence), 15, 14)
    layer.store_loop(sequence, folder)
    (renewed,) = read_labels(folder)
    assert (renewed.file, renewed.ed, renewed.es) == ("0X1A.avi", (0, 10, 20), (5, 14))
    assert sorted(path.name for path in folder.iterdir()) == ["0X1A.avi", "labels.csv"]


def test_without_a_sector_a_person_has_to_vouch(kept, tmp_path):
    still = Cine(np.full((8, 40, 48), 9, np.uint8), np.arange(8) / 30, Source("still.avi"))
    sequence, _ = layer.add_cine_sequence(kept.scene, still)
    layer.set_keyframes(layer.keyframe_table(sequence), {Phase.ED: (1,), Phase.ES: (5,)})
    with pytest.raises(SectorMissing, match=r"still.avi: .*show no name"):
        layer.store_loop(sequence, tmp_path / "data")
    assert not (tmp_path / "data").exists()
    stored = layer.store_loop(sequence, tmp_path / "data", whole_frames=True)
    np.testing.assert_array_equal(read_cine(tmp_path / "data" / stored.labels.file).gray(), still.frames)


def test_what_cannot_be_trained_on_is_told_and_nothing_is_written(kept, tmp_path):
    folder = tmp_path / "data"
    sequence = add_loop(kept)
    table = layer.find_keyframe_table(sequence)
    layer.remove_keyframe(table, 5)
    with pytest.raises(LabelError, match="ED frames 0 and 10 without an ES"):
        layer.store_loop(sequence, folder)
    layer.set_keyframes(table, {Phase.ED: (3,)})
    with pytest.raises(LabelError, match="has no ES keyframe"):
        layer.store_loop(sequence, folder)
    layer.clear_keyframes(table)
    with pytest.raises(layer.SceneError, match="has no keyframes"):
        layer.store_loop(sequence, folder)
    assert not folder.exists()
    layer.set_keyframes(table, KEYFRAMES)
    folder.mkdir()
    (folder / "labels.csv").write_text("file,phase,frame\nx.dcm,ED,three\n", "utf-8")
    with pytest.raises(LabelError, match="line 2: frame must be a number"):
        layer.store_loop(sequence, folder)
    assert [path.name for path in folder.iterdir()] == ["labels.csv"]


def test_labels_that_are_another_loops_leave_no_node(kept):
    nodes = kept.scene.GetNumberOfNodes()
    for labels in (ClipLabels("x.avi", (3,), (9,), 25), ClipLabels("x.avi", (3,), (44,))):
        with pytest.raises(LabelError, match="30 frames"):
            layer.add_labelled_cine(kept.scene, overlaid_cine(), labels)
    assert kept.scene.GetNumberOfNodes() == nodes


def test_uneven_frame_times_are_told(kept, tmp_path):
    cine = overlaid_cine()
    times = cine.times.copy()
    times[15:] += 0.1
    stored = layer.store_loop(add_loop(kept, replace(cine, times=times)), tmp_path / "data")
    assert "unevenly spaced" in stored.note and "\n" not in stored.note


def test_keyframes_from_a_file_replace_all_and_can_be_undone(kept):
    sequence = add_loop(kept)
    table = layer.find_keyframe_table(sequence)
    layer.set_keyframes(table, {Phase.ED: [4], Phase.ES: [12]})
    assert frames_of(sequence) == {Phase.ED: (4,), Phase.ES: (12,)}
    layer.undo(table)
    assert frames_of(sequence) == KEYFRAMES
    for frames, message in (({Phase.ED: [30]}, "no frame 30"), ({Phase.ED: [4], Phase.ES: [4]}, "named twice")):
        with pytest.raises(layer.SceneError, match=message):
            layer.set_keyframes(table, frames)
    assert frames_of(sequence) == KEYFRAMES


def test_readings_of_others_and_what_is_known_of_a_clip_stay(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(
        "file,phase,frame,reader,patient,split,decided\n"
        "a.avi,ED,3,,p7,val,0-12\na.avi,ES,9,,p7,val,0-12\na.avi,ED,4,anna,p7,val,0-12\na.avi,ES,8,anna,p7,val,0-12\n"
        "b.avi,ED,2,,p8,train,\nb.avi,ES,7,,p8,train,\n",
        "utf-8",
    )
    renew_labels(path, ClipLabels("a.avi", (5,), (10,), 20, 30.0))
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert [(r["file"], r["frame"], r["reader"]) for r in rows] == [
        ("a.avi", "4", "anna"), ("a.avi", "8", "anna"), ("b.avi", "2", ""), ("b.avi", "7", ""),
        ("a.avi", "5", ""), ("a.avi", "10", ""),
    ]  # fmt: skip
    assert {(r["patient"], r["split"], r["decided"]) for r in rows[4:]} == {("p7", "val", "labelled")}
    assert {c.file for c in read_labels(path)} == {"a.avi", "b.avi"}
