"""The keyframe table of a sequence: detection, edits by hand and in the Tables module, undo, saving, the contract."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from EchoKeyframeLib.detection.keyframes import Phase, Unfit
from EchoKeyframeLib.detection.pieces import Piece
from mrml_scene import detection_of, first_node, new_scene, random_cine, reload_mrb, reload_mrml

from EchoKeyframeLib import scene as layer  # isort: skip  (only once slicer-core is known to be there)
from EchoKeyframeLib.scene.contract import COLUMNS, PHASE_ATTRIBUTE  # isort: skip

EVENTS = (("ED", 2), ("ES", 9), ("ED", 22), ("ES", 29), ("ED", 42))


@pytest.fixture
def loop(tmp_path):
    """A sequence of 50 frames in a scene that is kept alive."""
    kept = new_scene(tmp_path)
    sequence, _ = layer.add_cine_sequence(kept.scene, random_cine(50))
    yield sequence


@pytest.fixture
def table(loop):
    return layer.write_detection(loop, detection_of(layer.frame_times(loop), *EVENTS))


def events(table):
    return [(k.phase.value, k.frame) for k in layer.read_keyframes(table)]


def marks(sequence):
    """The mirror as another extension sees it: frame to phase."""
    values = [sequence.GetNthDataNode(i).GetAttribute(PHASE_ATTRIBUTE) for i in range(sequence.GetNumberOfDataNodes())]
    return {i: value for i, value in enumerate(values) if value}


def assert_in_step(table):
    """Table, mirror and derived columns say the same."""
    sequence = layer.sequence_of_table(table)
    names = {"ED": "end-diastole", "ES": "end-systole"}
    assert marks(sequence) == {frame: names[phase] for phase, frame in events(table)}
    for row, keyframe in enumerate(layer.read_keyframes(table)):
        cells = {name: table.GetCellText(row, column) for column, name in enumerate(COLUMNS)}
        assert int(cells["Beat"]) == keyframe.beat
        assert int(cells["Frame"]) == keyframe.frame
        assert cells["Index value"] == sequence.GetNthIndexValue(keyframe.frame)
        assert float(cells["Time"]) == pytest.approx(keyframe.time, rel=1e-5)


def type_cell(table, row, name, text):
    """What the Tables module does when a person edits a cell."""
    table.SetCellText(row, table.GetColumnIndex(name), text)


def test_detection_arrives_in_table_and_marks(loop, table):
    assert [table.GetColumnName(i) for i in range(table.GetNumberOfColumns())] == list(COLUMNS)
    assert table.GetUseColumnTitleAsColumnHeader()
    found = layer.read_keyframes(table)
    assert [(k.phase.value, k.frame) for k in found] == list(EVENTS)
    assert [k.beat for k in found] == [1, 1, 2, 2, 3]
    assert {k.source for k in found} == {"auto"}
    assert [k.confidence for k in found] == pytest.approx([0.8] * 5)
    assert layer.read_beats(table)[0].heart_rate == pytest.approx(150, rel=0.03)
    assert_in_step(table)


def test_table_is_linked_both_ways(loop, table):
    assert layer.find_keyframe_table(loop) is table
    assert layer.sequence_of_table(table) is loop
    assert layer.keyframe_table(loop) is table
    browser = layer.find_browser(loop)
    assert browser.GetNodeReference("EchoKeyframe.KeyframeTable") is table
    assert table.GetNodeReference("EchoKeyframe.Browser") is browser


def test_edits_by_hand(table):
    layer.add_keyframe(table, Phase.ES, 47)
    layer.move_keyframe(table, 22, 24)
    layer.remove_keyframe(table, 2)
    layer.change_phase(table, 9)
    assert events(table) == [("ED", 9), ("ED", 24), ("ES", 29), ("ED", 42), ("ES", 47)]
    assert [k.source for k in layer.read_keyframes(table)] == ["manual", "manual", "auto", "auto", "manual"]
    assert_in_step(table)


def test_edits_survive_the_next_detection(loop, table):
    layer.move_keyframe(table, 22, 24)
    layer.remove_keyframe(table, 9)
    layer.add_keyframe(table, Phase.ES, 48)
    again = detection_of(layer.frame_times(loop), ("ED", 3), ("ES", 10), ("ED", 22), ("ES", 28), ("ED", 41))
    assert layer.write_detection(loop, again) is table
    assert events(table) == [("ED", 3), ("ED", 24), ("ES", 28), ("ED", 41), ("ES", 48)]
    layer.write_detection(loop, again, keep_edits=False)
    assert events(table) == [("ED", 3), ("ES", 10), ("ED", 22), ("ES", 28), ("ED", 41)]
    assert_in_step(table)


def test_beats_of_a_film_that_is_cut_stay_unfit(loop, table):
    assert not any(Unfit.SPLICE in beat.unfit for beat in layer.read_beats(table))
    cut = replace(detection_of(layer.frame_times(loop), *EVENTS), pieces=(Piece(0, 24), Piece(25, 49, True)))
    layer.write_detection(loop, cut)
    assert [beat.unfit[-1:] for beat in layer.read_beats(table)][1:] == [(Unfit.REPLAY,)] * 2
    assert Unfit.SPLICE in layer.read_beats(table)[1].unfit
    assert table.GetAttribute("EchoKeyframe.Pieces") == "0-24 25-49r"
    table.SetAttribute("EchoKeyframe.Pieces", "what another program wrote")
    assert layer.read_beats(table)[1].unfit == ()
    layer.write_detection(loop, detection_of(layer.frame_times(loop), *EVENTS))
    assert table.GetAttribute("EchoKeyframe.Pieces") is None


def test_one_frame_holds_one_keyframe(loop):
    times = layer.frame_times(loop)
    both = detection_of(times, ("ED", 7), ("ES", 7), ("ES", 29))
    table = layer.write_detection(loop, both)
    assert [frame for _, frame in events(table)] == [7, 29]
    layer.add_keyframe(table, Phase.ED, 29)
    layer.write_detection(loop, detection_of(times, ("ED", 8), ("ES", 29)), keep_edits=True)
    assert ("ED", 29) in events(table) and ("ES", 29) not in events(table)
    assert_in_step(table)


def test_rows_of_a_table_without_memory_keep_their_source(loop, table):
    """A table that was copied, or written by another extension, has the columns but not our attributes."""
    for name in list(table.GetAttributeNames()):
        table.RemoveAttribute(name)
    layer.settle_table(table)
    assert {k.source for k in layer.read_keyframes(table)} == {"auto"}


def test_an_edit_makes_sequence_and_table_unsaved(loop, table, tmp_path):
    """Otherwise Slicer's Save dialog would leave them out."""
    table.AddDefaultStorageNode()
    for node, name in ((loop, "loop.seq.nrrd"), (table, "table.tsv")):
        node.GetStorageNode().SetFileName(str(tmp_path / name))
        assert node.GetStorageNode().WriteData(node)
        assert not node.GetModifiedSinceRead()
    layer.remove_keyframe(table, 22)
    assert loop.GetModifiedSinceRead()
    assert table.GetModifiedSinceRead()


def test_clearing_also_forgets_removals(loop, table):
    layer.remove_keyframe(table, 9)
    layer.clear_keyframes(table)
    assert events(table) == [] and marks(loop) == {}
    layer.write_detection(loop, detection_of(layer.frame_times(loop), *EVENTS))
    assert events(table) == list(EVENTS)


def test_undo_takes_back_one_edit_or_detection(loop, table):
    layer.add_keyframe(table, Phase.ES, 47)
    with_edit = events(table)
    layer.write_detection(loop, detection_of(layer.frame_times(loop), ("ED", 12)))
    assert ("ED", 12) in events(table)
    layer.undo(table)
    assert events(table) == with_edit
    assert_in_step(table)
    layer.undo(table)
    assert ("ED", 12) in events(table)
    assert_in_step(table)


def test_undo_of_a_removal_lets_detection_find_it_again(loop, table):
    layer.remove_keyframe(table, 9)
    layer.undo(table)
    layer.write_detection(loop, detection_of(layer.frame_times(loop), *EVENTS))
    assert events(table) == list(EVENTS)


def test_nothing_to_undo_is_said(loop):
    table = layer.keyframe_table(loop)
    assert not layer.can_undo(table)
    with pytest.raises(layer.SceneError, match="no edit or detection to take back"):
        layer.undo(table)


def test_typing_in_the_tables_module_gives_the_same_result(loop, table):
    calls = []
    observer = layer.BookmarkObserver(table, changed=lambda: calls.append("changed"), problem=calls.append)
    type_cell(table, 2, "Frame", "24")
    assert events(table) == [("ED", 2), ("ES", 9), ("ED", 24), ("ES", 29), ("ED", 42)]
    assert layer.read_keyframes(table)[2].source == "manual"
    assert_in_step(table)
    type_cell(table, 1, "Phase", "end-diastole")
    assert events(table)[1] == ("ED", 9)
    assert_in_step(table)
    type_cell(table, 0, "Time", "123")
    assert_in_step(table)
    table.RemoveRow(4)
    assert ("ED", 42) not in events(table)
    assert_in_step(table)
    assert set(calls) == {"changed"}
    layer.undo(table)
    assert ("ED", 42) in events(table)
    layer.undo(table)
    again = detection_of(layer.frame_times(loop), *EVENTS)
    layer.write_detection(loop, again)
    assert events(table) == [("ED", 2), ("ED", 9), ("ED", 24), ("ES", 29)]
    observer.stop()
    observer.stop()


def test_typing_without_an_observer_is_settled_later(loop, table):
    type_cell(table, 2, "Frame", "24")
    assert 24 not in marks(loop)
    assert layer.settle_table(table)
    assert_in_step(table)
    assert not layer.settle_table(table)


@pytest.mark.parametrize(
    ("row", "column", "text", "message"),
    [
        (1, "Phase", "systole", "row 2 has the phase 'systole', type ED or ES"),
        (3, "Phase", "", "row 4 has the phase ''"),
        (0, "Frame", "50", "row 1 has the frame 50, the sequence's frames are 0 to 49"),
        (0, "Frame", "-1", "row 1 has the frame -1"),
        (4, "Frame", "9", "row 5 names frame 9 like row 2"),
    ],
)
def test_typing_nonsense_names_the_row_and_changes_nothing(loop, table, row, column, text, message):
    problems = []
    before = marks(loop)
    observer = layer.BookmarkObserver(table, problem=problems.append)
    type_cell(table, row, column, text)
    assert len(problems) == 1 and message in problems[0] and "\n" not in problems[0]
    assert table.GetCellText(row, table.GetColumnIndex(column)) == text
    assert marks(loop) == before
    with pytest.raises(layer.SceneError, match=f"row {row + 1}"):
        layer.write_detection(loop, detection_of(layer.frame_times(loop), ("ED", 12)))
    assert marks(loop) == before
    layer.undo(table)
    assert events(table) == list(EVENTS)
    observer.stop()


def test_row_added_in_the_tables_module_counts_once_it_is_complete(table):
    problems = []
    observer = layer.BookmarkObserver(table, problem=problems.append)
    table.AddEmptyRow()
    type_cell(table, 5, "Frame", "47")
    assert problems
    type_cell(table, 5, "Phase", "es")
    assert events(table)[-1] == ("ES", 47)
    assert layer.read_keyframes(table)[-1].source == "manual"
    assert_in_step(table)
    observer.stop()


def test_random_typing_is_taken_over_or_named(loop, table):
    """Whatever is typed: either all is in step, or a message names the table and the marks stand as before."""
    random = np.random.default_rng(3)
    texts = ["ED", "ES", "es ", "x", "", "-1", "7", "7.0", "7.5", "49", "50", "1e9", "nan", "inf", "auto", "é"]
    outcomes = {"taken over": 0, "named": 0}
    for _ in range(150):
        kind = random.integers(8)
        if kind == 0:
            table.AddEmptyRow()
        elif kind == 1 and table.GetNumberOfRows():
            table.RemoveRow(int(random.integers(table.GetNumberOfRows())))
        elif table.GetNumberOfRows():
            type_cell(table, int(random.integers(table.GetNumberOfRows())), str(random.choice(COLUMNS)),
                      str(random.choice(texts)))  # fmt: skip
        before = marks(loop)
        try:
            layer.settle_table(table)
        except layer.SceneError as error:
            assert table.GetName() in str(error) and "\n" not in str(error)
            assert marks(loop) == before
            outcomes["named"] += 1
            if random.random() < 0.5:
                layer.undo(table)
                assert_in_step(table)
        else:
            assert_in_step(table)
            outcomes["taken over"] += 1
    assert min(outcomes.values()) > 20


def test_deleted_or_text_columns(table):
    table.RemoveColumn(table.GetColumnIndex("Beat"))
    table.RemoveColumn(table.GetColumnIndex("Time"))
    layer.settle_table(table)
    assert [table.GetColumnName(i) for i in range(table.GetNumberOfColumns())] == list(COLUMNS)
    assert_in_step(table)
    table.RemoveColumn(table.GetColumnIndex("Phase"))
    with pytest.raises(layer.SceneError, match="no column 'Phase'"):
        layer.settle_table(table)
    layer.undo(table)
    assert events(table) == list(EVENTS)


def test_edits_that_cannot_be_made(loop, table):
    before = events(table)
    with pytest.raises(layer.SceneError, match="no frame 50"):
        layer.add_keyframe(table, Phase.ED, 50)
    with pytest.raises(layer.SceneError, match="no keyframe on frame 7"):
        layer.remove_keyframe(table, 7)
    with pytest.raises(layer.SceneError, match="frame 9 has a keyframe already"):
        layer.move_keyframe(table, 2, 9)
    with pytest.raises(layer.SceneError, match=r"has 50 frames, the detection 40"):
        layer.write_detection(loop, detection_of(np.arange(40) / 50, ("ED", 3)))
    assert events(table) == before


def test_deleted_nodes_and_closed_scene(loop, table):
    scene = loop.GetScene()
    observer = layer.BookmarkObserver(table)
    scene.RemoveNode(loop)
    with pytest.raises(layer.SceneError, match="leads to no sequence"):
        layer.add_keyframe(table, Phase.ED, 5)
    with pytest.raises(layer.SceneError, match="no longer in the scene"):
        layer.write_detection(loop, detection_of(np.arange(50) / 50, ("ED", 3)))
    scene.Clear(0)
    table.Modified()
    with pytest.raises(layer.SceneError, match="no longer in the scene"):
        layer.undo(table)
    observer.stop()


def test_deleted_table_is_made_anew_from_the_marks(loop, table):
    before = events(table)
    loop.GetScene().RemoveNode(table)
    assert layer.has_bookmarks(loop)
    again = layer.restore_table(loop)
    assert again is not table
    assert events(again) == before
    assert {k.source for k in layer.read_keyframes(again)} == {"auto"}


def test_marks_follow_the_frame_to_the_proxy(loop, table):
    browser = layer.find_browser(loop)
    proxy = browser.GetProxyNode(loop)
    for frame in (9, 10, 22):
        browser.SetSelectedItemNumber(frame)
        assert proxy.GetAttribute(PHASE_ATTRIBUTE) == marks(loop).get(frame)
    layer.remove_keyframe(table, 22)
    assert proxy.GetAttribute(PHASE_ATTRIBUTE) is None
    layer.add_keyframe(table, Phase.ES, 22)
    assert proxy.GetAttribute(PHASE_ATTRIBUTE) == "end-systole"


def test_marks_of_other_tools_stay(loop):
    loop.GetNthDataNode(5).SetAttribute(PHASE_ATTRIBUTE, "mid-systole")
    loop.GetNthDataNode(9).SetAttribute(PHASE_ATTRIBUTE, "end-systole")
    table = layer.restore_table(loop)
    assert [(k.phase.value, k.frame, k.source) for k in layer.read_keyframes(table)] == [("ES", 9, "manual")]
    layer.clear_keyframes(table)
    assert marks(loop) == {5: "mid-systole"}


@pytest.mark.parametrize("reload", [reload_mrb, reload_mrml])
def test_keyframes_survive_saving(loop, table, tmp_path, reload):
    layer.move_keyframe(table, 22, 24)
    before = layer.read_keyframes(table)
    again = reload(loop.GetScene(), tmp_path / "out" if reload is reload_mrml else tmp_path)
    sequence = first_node(again.scene, "vtkMRMLSequenceNode")
    reloaded = layer.find_keyframe_table(sequence)
    assert [(k.phase, k.frame, k.source, k.beat) for k in layer.read_keyframes(reloaded)] == [
        (k.phase, k.frame, k.source, k.beat) for k in before
    ]
    assert not layer.settle_table(reloaded)
    assert_in_step(reloaded)
    layer.undo(reloaded)
    assert events(reloaded) == list(EVENTS)
    assert layer.sequence_of_table(reloaded) is sequence


def test_keyframes_survive_a_bare_seq_nrrd(loop, table, tmp_path):
    layer.move_keyframe(table, 22, 24)
    before = [(k.phase, k.frame, k.source, k.confidence) for k in layer.read_keyframes(table)]
    storage = loop.GetStorageNode()
    storage.SetFileName(str(tmp_path / "loop.seq.nrrd"))
    assert storage.WriteData(loop)
    again = new_scene(tmp_path)
    sequence = again.scene.AddNewNodeByClass("vtkMRMLSequenceNode")
    reader = again.scene.AddNewNodeByClass("vtkMRMLVolumeSequenceStorageNode")
    reader.SetFileName(str(tmp_path / "loop.seq.nrrd"))
    assert reader.ReadData(sequence)
    restored = layer.read_keyframes(layer.restore_table(sequence))
    assert [(k.phase, k.frame, k.source, k.confidence) for k in restored] == before


def degraded_in(table):
    return [k.frame for k in layer.read_keyframes(table) if k.degraded]


def test_a_degraded_image_is_told_and_survives_all_but_a_persons_word(loop, tmp_path):
    table = layer.write_detection(loop, detection_of(layer.frame_times(loop), *EVENTS, degraded=(22, 29)))
    assert [table.GetCellText(row, COLUMNS.index("Image")) for row in range(5)] == ["", "", "degraded", "degraded", ""]
    assert [[str(reason) for reason in beat.unfit] for beat in layer.read_beats(table)] == [
        [], ["degraded image"], ["cut"]]  # fmt: skip
    image = [loop.GetNthDataNode(frame).GetAttribute("EchoKeyframe.Image") for frame in (9, 22, 29)]
    assert image == [None, "degraded", "degraded"]
    layer.move_keyframe(table, 22, 24)
    assert degraded_in(table) == [29]
    assert loop.GetNthDataNode(22).GetAttribute("EchoKeyframe.Image") is None
    layer.undo(table)
    assert degraded_in(table) == [22, 29]
    loop.RemoveNodeReferenceIDs("EchoKeyframe.KeyframeTable")  # as from a bare .seq.nrrd
    assert degraded_in(layer.keyframe_table(loop)) == [22, 29]


def at_edge_in(table):
    return [k.frame for k in layer.read_keyframes(table) if k.at_edge]


def test_a_turn_that_was_not_seen_is_told_and_survives_all_but_a_persons_word(loop, tmp_path):
    detection = detection_of(layer.frame_times(loop), *EVENTS, unseen=(2, 42))
    table = layer.write_detection(loop, detection)
    assert [table.GetCellText(row, COLUMNS.index("Turn")) for row in range(5)] == ["unseen", "", "", "", "unseen"]
    assert layer.read_beats(table) == detection.beats
    assert [loop.GetNthDataNode(frame).GetAttribute("EchoKeyframe.Turn") for frame in (2, 9)] == ["unseen", None]
    layer.move_keyframe(table, 2, 3)
    assert at_edge_in(table) == [42] and loop.GetNthDataNode(2).GetAttribute("EchoKeyframe.Turn") is None
    layer.undo(table)
    assert at_edge_in(table) == [2, 42]
    loop.RemoveNodeReferenceIDs("EchoKeyframe.KeyframeTable")  # as from a bare .seq.nrrd
    assert at_edge_in(layer.keyframe_table(loop)) == [2, 42]


def test_a_scene_from_before_images_and_turns_were_judged_is_read(loop, table):
    for name in ("Image", "Turn"):
        table.RemoveColumn(table.GetColumnIndex(name))
    recorded = json.loads(table.GetAttribute("EchoKeyframe.Settled"))
    recorded["keyframes"] = [row[:4] for row in recorded["keyframes"]]
    table.SetAttribute("EchoKeyframe.Settled", json.dumps(recorded))
    assert not layer.settle_table(table)
    assert events(table) == list(EVENTS) and degraded_in(table) == []
    assert [table.GetColumnName(i) for i in range(table.GetNumberOfColumns())] == list(COLUMNS)


def test_repaired_times_reach_the_table(loop, table):
    cine = random_cine(50, times=np.arange(50) * 0.05)
    layer.repair_from_source(loop, layer.compare_with_source(loop, cine))
    layer.settle_table(table)
    assert [k.time for k in layer.read_keyframes(table)] == pytest.approx([f * 0.05 for _, f in EVENTS])
    assert_in_step(table)


def test_thousand_frames_stay_in_step(tmp_path):
    kept = new_scene(tmp_path)
    sequence, _ = layer.add_cine_sequence(kept.scene, random_cine(1000, 8, 8))
    found = [(phase, frame) for frame in range(5, 990, 40) for phase, frame in (("ED", frame), ("ES", frame + 15))]
    table = layer.write_detection(sequence, detection_of(layer.frame_times(sequence), *found))
    assert events(table) == found
    assert_in_step(table)


def test_contract_as_written(loop, table, repository):
    """The code of Docs/scene-contract.md, run as it stands there, finds the frames without importing ours."""
    document = (repository / "Docs" / "scene-contract.md").read_text(encoding="utf-8")
    programs = [part.split("```")[0] for part in document.split("```python\n")[1:]]
    assert len(programs) == 4
    assert all("EchoKeyframeLib" not in program for program in programs)
    expected = [(p, f, loop.GetNthIndexValue(f)) for p, f in EVENTS]
    from_table, from_marks, jump, _of_measurements = programs  # the last: test_scene_measurement.py
    names = {"sequence": loop}
    exec(from_table, names)
    assert [(k["Phase"], int(k["Frame"]), k["Index value"]) for k in names["keyframes"]] == expected
    names = {"sequence": loop}
    exec(from_marks, names)
    assert [(phase, frame) for frame, phase in sorted(names["phases"].items())] == [
        ({"ED": "end-diastole", "ES": "end-systole"}[p], f) for p, f in EVENTS
    ]
    names = {"table": table, "index_value": expected[3][2]}
    exec(jump, names)
    assert layer.current_frame(loop) == 29
