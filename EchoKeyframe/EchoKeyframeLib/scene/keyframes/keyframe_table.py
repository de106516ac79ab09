"""The keyframe table of a sequence: the one place where its ED and ES frames stand.

Every change, by a function here, by detection or by a person in the Tables module, ends in the same step, which
numbers the beats, marks the sequence's data nodes, and remembers the state before for one step back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...detection.beats import form_beats
from ...detection.decode import beat_length
from ...detection.keyframes import Beat, Detection, Keyframe, Phase
from ...detection.pieces import Piece, pieces_of_text, pieces_text
from ..contract import BROWSER_REFERENCE, MODEL_ATTRIBUTE, PIECES_ATTRIBUTE, SEQUENCE_REFERENCE, TABLE_REFERENCE
from ..curves.curve_chart import refresh_chart
from ..loop.added_node import add_table
from ..loop.frame_times import frame_times
from ..loop.navigation import find_browser
from ..scene_error import SceneError, require_frame, require_in_scene, require_sequence
from .keyframe_rows import read_rows, write_rows
from .keyframe_state import KeyframeState
from .phase_mirror import read_mirror, write_mirror

_SETTLED, _BEFORE = "EchoKeyframe.Settled", "EchoKeyframe.Before"  # attributes: the state now and one step back
_SAME_EVENT = 1 / 3  # of a beat: a detected keyframe this near to a person's of the same phase is the same event


def find_keyframe_table(sequence: Any) -> Any | None:
    """The vtkMRMLTableNode with a sequence's keyframes, or None. Raises SceneError if the sequence is gone."""
    require_in_scene(sequence, "sequence")
    return sequence.GetNodeReference(TABLE_REFERENCE)


def keyframe_table(sequence: Any) -> Any:
    """The vtkMRMLTableNode with a sequence's keyframes; made on first use, from the data nodes' marks if any.

    Raises SceneError if the sequence is gone or empty.
    """
    require_sequence(sequence)
    table = find_keyframe_table(sequence)
    if table is None:
        times = frame_times(sequence)
        table = add_table(sequence, "keyframes", TABLE_REFERENCE)
        _write(table, KeyframeState(read_mirror(sequence, times)), before=None)
    browser = find_browser(sequence)
    if browser is not None and browser.GetNodeReference(TABLE_REFERENCE) is not table:
        browser.SetNodeReferenceID(TABLE_REFERENCE, table.GetID())
        table.SetNodeReferenceID(BROWSER_REFERENCE, browser.GetID())
    return table


def sequence_of_table(table: Any) -> Any:
    """The sequence whose keyframes a table holds. Raises SceneError if either is gone or it is another table."""
    require_in_scene(table, "keyframe table")
    sequence = table.GetNodeReference(SEQUENCE_REFERENCE)
    if sequence is None:
        raise SceneError(f"{table.GetName()}: leads to no sequence; it was deleted, or this is no keyframe table")
    require_sequence(sequence)
    return sequence


def read_keyframes(table: Any) -> tuple[Keyframe, ...]:
    """Keyframes in time order with their beats, as the table reads now.

    Raises SceneError for a row that cannot be understood (it names the row), or if table or sequence are gone.
    """
    return form_beats(read_rows(table, frame_times(sequence_of_table(table))))[0]


def read_beats(table: Any) -> tuple[Beat, ...]:
    """The beats that the table's keyframes form. Raises SceneError as ``read_keyframes``."""
    return form_beats(read_keyframes(table), _pieces(table))[1]


def _pieces(table: Any) -> tuple[Piece, ...]:
    return pieces_of_text(table.GetAttribute(PIECES_ATTRIBUTE) or "")


def write_detection(sequence: Any, detection: Detection, keep_edits: bool = True) -> Any:
    """Put what was found into the sequence's keyframe table, and return the table.

    Keyframes that a person set stay, and what a person removed stays away, unless ``keep_edits`` is False. One
    ``undo`` brings back what was there before.

    Raises SceneError, before anything is changed, if the sequence is gone or has another number of frames than the
    detection, or a row of its table cannot be understood (only if edits are to be kept).
    """
    require_sequence(sequence)
    count = sequence.GetNumberOfDataNodes()
    if len(detection.curves.times) != count:
        raise SceneError(
            f"{sequence.GetName()}: has {count} frames, the detection {len(detection.curves.times)}; "
            "the sequence has changed meanwhile, detect again"
        )
    times = frame_times(sequence)
    table = keyframe_table(sequence)
    before = _current(table) if keep_edits else _recorded(table)
    start = before if keep_edits else KeyframeState()
    reach = _SAME_EVENT * beat_length(detection.curves) if count > 2 else 0.0
    if detection.pieces:
        table.SetAttribute(PIECES_ATTRIBUTE, pieces_text(detection.pieces))
    else:
        table.RemoveAttribute(PIECES_ATTRIBUTE)
    _write(table, start.detected(detection.keyframes, detection.model, times, reach), before)
    return table


def add_keyframe(table: Any, phase: Phase, frame: int) -> None:
    """Set a keyframe by hand; one of either phase that is on this frame already gives way.

    This and the other edits raise SceneError, before anything is changed, if the frame or keyframe does not exist, a
    row cannot be understood, or table or sequence are gone.
    """
    sequence = sequence_of_table(table)
    require_frame(sequence, frame)
    state = _current(table)
    time = float(frame_times(sequence)[frame])
    kept = [k for k in state.keyframes if k.frame != frame]
    added = Keyframe(Phase(phase), frame, time, source="manual")
    _write(table, state.edited([*kept, added]), state)


def remove_keyframe(table: Any, frame: int) -> None:
    """Remove the keyframe on a frame; detection will not bring it back. Raises SceneError as ``add_keyframe``."""
    state = _current(table)
    removed = _on_frame(table, state, frame)
    _write(table, state.edited(k for k in state.keyframes if k is not removed), state)


def move_keyframe(table: Any, frame: int, to_frame: int) -> None:
    """Move the keyframe on one frame to another, which must be free. Raises SceneError as ``add_keyframe``."""
    sequence = sequence_of_table(table)
    require_frame(sequence, to_frame)
    state = _current(table)
    moved = _on_frame(table, state, frame)
    if to_frame == frame:
        return
    if any(k.frame == to_frame for k in state.keyframes):
        raise SceneError(f"{table.GetName()}: frame {to_frame} has a keyframe already; remove it first")
    kept = [k for k in state.keyframes if k is not moved]
    time = float(frame_times(sequence)[to_frame])
    _write(table, state.edited([*kept, Keyframe(moved.phase, to_frame, time)]), state)


def change_phase(table: Any, frame: int) -> None:
    """Make the ED on a frame an ES, or the other way round. Raises SceneError as ``add_keyframe``."""
    state = _current(table)
    add_keyframe(table, _on_frame(table, state, frame).phase.other, frame)


def set_keyframes(table: Any, frames: Mapping[Phase, Iterable[int]]) -> None:
    """Put these ED and ES frames, known from a person or a file, in place of all keyframes; ``undo`` brings those back.

    Raises SceneError as ``add_keyframe``, and if a frame is named twice.
    """
    sequence = sequence_of_table(table)
    times = frame_times(sequence)
    pairs = [(phase, int(frame)) for phase, numbers in frames.items() for frame in numbers]
    for _, frame in pairs:
        require_frame(sequence, frame)
        if sum(other == frame for _, other in pairs) > 1:
            raise SceneError(f"{sequence.GetName()}: frame {frame} is named twice; a frame holds one keyframe")
    manual = [Keyframe(phase, frame, float(times[frame]), source="manual") for phase, frame in pairs]
    before = _recorded(table)
    _write(table, before.edited(manual), before)


def clear_keyframes(table: Any) -> None:
    """Remove every keyframe and every memory of edits. Raises SceneError if table or sequence are gone."""
    sequence_of_table(table)
    _write(table, KeyframeState(), _recorded(table))


def settle_table(table: Any) -> bool:
    """Take over what a person typed into the table; True if keyframes changed.

    Rows that differ from before become ``manual``, rows that are gone count as removed, beats, index values and times
    are brought up to date, and data nodes and chart follow. Raises SceneError, before anything is changed, as
    ``read_keyframes``: the table then stays as typed until it is put right.
    """
    before = _recorded(table)
    after = _current(table)
    changed = not after.same_as(before)
    _write(table, after, before if changed else None)
    return changed


def can_undo(table: Any) -> bool:
    """Whether there is a step to take back."""
    return table is not None and bool(table.GetAttribute(_BEFORE))


def undo(table: Any) -> None:
    """Take back the last edit or detection; a second call brings it forth again.

    Where the table has been edited into something that cannot be understood, the first undo discards that.
    Raises SceneError if there is nothing to take back, or table or sequence are gone.
    """
    recorded = _recorded(table)
    try:
        settle_table(table)
    except SceneError:
        _write(table, recorded, before=None)
        return
    before = KeyframeState.from_text(table.GetAttribute(_BEFORE), frame_times(sequence_of_table(table)))
    if before is None:
        raise SceneError(f"{table.GetName()}: there is no edit or detection to take back")
    _write(table, before, _recorded(table))


def _recorded(table: Any) -> KeyframeState:
    """The state after the last change that was completed."""
    times = frame_times(sequence_of_table(table))
    return KeyframeState.from_text(table.GetAttribute(_SETTLED), times) or KeyframeState()


def _current(table: Any) -> KeyframeState:
    """The state that the rows now stand for, a person's typing included."""
    return _recorded(table).edited(read_rows(table, frame_times(sequence_of_table(table))))


def _on_frame(table: Any, state: KeyframeState, frame: int) -> Keyframe:
    for keyframe in state.keyframes:
        if keyframe.frame == frame:
            return keyframe
    raise SceneError(f"{table.GetName()}: has no keyframe on frame {frame}")


def _write(table: Any, state: KeyframeState, before: KeyframeState | None) -> None:
    """Make table, data nodes and chart say the same; ``before`` becomes the step back unless it is None."""
    sequence = sequence_of_table(table)
    keyframes, _ = form_beats(state.keyframes)
    index_values = [sequence.GetNthIndexValue(i) for i in range(sequence.GetNumberOfDataNodes())]
    was_modifying = table.StartModify()
    if before is not None:
        table.SetAttribute(_BEFORE, before.to_text())
    table.SetAttribute(_SETTLED, state.to_text())
    if state.model:
        table.SetAttribute(MODEL_ATTRIBUTE, state.model)
    else:
        table.RemoveAttribute(MODEL_ATTRIBUTE)
    write_rows(table, keyframes, index_values)
    table.EndModify(was_modifying)
    write_mirror(sequence, keyframes)
    refresh_chart(sequence, keyframes)
