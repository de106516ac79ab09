"""The rows of a keyframe table: keyframes in, keyframes out, whatever a person typed in between."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import vtk

from ...detection.keyframes import Keyframe, Phase
from ..contract import COLUMNS, DEGRADED_IMAGE, PHASE_VALUES, UNSEEN_TURN
from ..scene_error import SceneError

_NUMBERS = {
    "Beat": vtk.vtkIntArray,
    "Frame": vtk.vtkIntArray,
    "Time": vtk.vtkDoubleArray,
    "Confidence": vtk.vtkDoubleArray,
}
_COLUMN_TYPES = {name: _NUMBERS.get(name, vtk.vtkStringArray) for name in COLUMNS}
_UNITS = {"Time": "s"}
_PHASE_TEXTS = {text.lower(): phase for phase in Phase for text in (phase.value, PHASE_VALUES[phase])}


def read_rows(table: Any, times: np.ndarray) -> tuple[Keyframe, ...]:
    """Keyframes of a table, in frame order. Phase and Frame decide; Beat, Index value and Time follow from them.

    times: float64 ``[T]`` s of the sequence's items. A missing confidence is 1, a missing source ``manual``. A detected
    keyframe on the first or last frame is ``at_edge`` in any case: tables of version 0.1.0 have no column for it.

    Raises SceneError naming the row (counted from 1, as the Tables module shows them) that cannot be understood.
    """
    rows = [_read_row(table, row, times) for row in range(table.GetNumberOfRows())]
    seen: dict[int, int] = {}
    for number, keyframe in enumerate(rows, 1):
        if keyframe.frame in seen:
            raise _row_error(table, number, f"names frame {keyframe.frame} like row {seen[keyframe.frame]}; remove one")
        seen[keyframe.frame] = number
    return tuple(sorted(rows, key=lambda k: k.frame))


def write_rows(table: Any, keyframes: Iterable[Keyframe], index_values: list[str]) -> bool:
    """Make these keyframes the table's rows, all at once; True if the table changed.

    index_values: text of each of the sequence's items.
    """
    rows = [_row(keyframe, index_values) for keyframe in keyframes]
    if _texts(table) == [[_text(value) for value in row] for row in rows]:
        return False
    content = vtk.vtkTable()
    for i, (name, array_class) in enumerate(_COLUMN_TYPES.items()):
        column = array_class()
        column.SetName(name)
        for row in rows:
            column.InsertNextValue(row[i])
        content.AddColumn(column)
    was_modifying = table.StartModify()
    table.GetTable().DeepCopy(content)
    for name, unit in _UNITS.items():
        table.SetColumnUnitLabel(name, unit)
    table.GetTable().Modified()
    table.Modified()
    table.EndModify(was_modifying)
    return True


def _read_row(table: Any, row: int, times: np.ndarray) -> Keyframe:
    phase_text = _cell(table, row, "Phase").strip()
    phase = _PHASE_TEXTS.get(phase_text.lower())
    if phase is None:
        raise _row_error(table, row + 1, f"has the phase '{phase_text[:40]}', type ED or ES")
    frame_text = _cell(table, row, "Frame")
    frame = _number(frame_text)
    if frame is None or frame != int(frame):
        raise _row_error(table, row + 1, f"has the frame '{frame_text[:40]}', type a whole number")
    frame = int(frame)
    if not 0 <= frame < len(times):
        raise _row_error(table, row + 1, f"has the frame {frame}, the sequence's frames are 0 to {len(times) - 1}")
    confidence = _number(_cell(table, row, "Confidence"))
    confidence = 1.0 if confidence is None else min(1.0, max(0.0, confidence))
    source = "auto" if _cell(table, row, "Source").strip().lower() == "auto" else "manual"
    is_unseen = _cell(table, row, "Turn").strip().lower() == UNSEEN_TURN or frame in (0, len(times) - 1)
    at_edge = source == "auto" and is_unseen
    degraded = source == "auto" and _cell(table, row, "Image").strip().lower() == DEGRADED_IMAGE
    return Keyframe(phase, frame, float(times[frame]), confidence, source, at_edge, degraded=degraded)


def _cell(table: Any, row: int, name: str) -> str:
    column = table.GetColumnIndex(name)
    if column < 0:
        if name in ("Phase", "Frame"):
            raise SceneError(f"{table.GetName()}: has no column '{name}'; undo the edit or detect again")
        return ""
    return table.GetCellText(row, column) or ""


def _number(text: str) -> float | None:
    try:
        value = float(text.strip())
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _row(keyframe: Keyframe, index_values: list[str]) -> tuple[Any, ...]:
    return (keyframe.beat, keyframe.phase.value, keyframe.frame, index_values[keyframe.frame],
            round(keyframe.time, 6), round(keyframe.confidence, 4), keyframe.source,
            DEGRADED_IMAGE if keyframe.degraded else "", UNSEEN_TURN if keyframe.at_edge else "")  # fmt: skip


def _texts(table: Any) -> list[list[str]] | None:
    """Every cell as text; None unless the columns are exactly the contract's, of the right types."""
    content = table.GetTable()
    names = [content.GetColumnName(i) for i in range(content.GetNumberOfColumns())]
    if names != list(COLUMNS):
        return None
    columns = [content.GetColumn(i) for i in range(len(names))]
    if any(not column.IsA(_COLUMN_TYPES[name].__name__) for name, column in zip(names, columns, strict=True)):
        return None
    return [[_text(column.GetValue(row)) for column in columns] for row in range(content.GetNumberOfRows())]


def _text(value: Any) -> str:
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def _row_error(table: Any, number: int, problem: str) -> SceneError:
    return SceneError(f"{table.GetName()}: row {number} {problem}")
