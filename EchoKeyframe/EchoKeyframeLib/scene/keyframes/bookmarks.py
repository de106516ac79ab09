"""Keeps a keyframe table, the marks on its sequence and its chart in step while people edit the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import vtk

from ..loop.frame_times import frame_times
from ..scene_error import SceneError, require_sequence
from .keyframe_table import find_keyframe_table, keyframe_table, settle_table
from .phase_mirror import read_mirror


class BookmarkObserver:
    """Follows edits of a keyframe table, wherever they are made, until ``stop`` or the table leaves the scene.

    changed: called after the keyframes changed or the table was tidied up. problem: called with one line when a row
    cannot be understood; nothing has been changed then.
    """

    def __init__(
        self, table: Any, changed: Callable[[], None] | None = None, problem: Callable[[str], None] | None = None
    ) -> None:
        self._table, self._changed, self._problem = table, changed, problem
        self._busy = False
        self._tag: int | None = table.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_modified)

    def stop(self) -> None:
        """Stop following. May be called more than once."""
        if self._tag is not None:
            self._table.RemoveObserver(self._tag)
            self._tag = None

    def _on_modified(self, *_: Any) -> None:
        if self._busy:
            return
        if self._table.GetScene() is None:
            self.stop()
            return
        self._busy = True
        try:
            settle_table(self._table)
        except SceneError as error:
            if self._problem is not None:
                self._problem(str(error))
        else:
            if self._changed is not None:
                self._changed()
        finally:
            self._busy = False


def restore_table(sequence: Any) -> Any | None:
    """The keyframe table of a sequence that came with marks but without its table, as from a bare .seq.nrrd file.

    Returns the table that exists, or a new one made from the marks, or None if there are neither. Raises SceneError if
    the sequence is gone or empty.
    """
    require_sequence(sequence)
    if not has_bookmarks(sequence):
        return None
    return keyframe_table(sequence)


def has_bookmarks(sequence: Any) -> bool:
    """Whether a sequence has a keyframe table, or marks from which one can be made. Raises as ``restore_table``."""
    require_sequence(sequence)
    return find_keyframe_table(sequence) is not None or bool(read_mirror(sequence, frame_times(sequence)))
