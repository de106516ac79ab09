"""Previous and next keyframe in the application's sequence toolbar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _


class ToolbarActions:
    """Two actions at the end of the sequence toolbar, until ``remove``.

    step: called with whether to go forward. Their shortcuts, Alt+, and Alt+. (the keys of < and >), work only while
    ``shortcuts`` is on: other modules may use the same keys.
    """

    def __init__(self, step: Callable[[bool], None]) -> None:
        style = qt.QApplication.style()
        self._keys = ("Alt+,", "Alt+.")
        self._actions = [
            self._action(_("Previous keyframe"), style.standardIcon(qt.QStyle.SP_MediaSkipBackward), False, step),
            self._action(_("Next keyframe"), style.standardIcon(qt.QStyle.SP_MediaSkipForward), True, step),
        ]
        self._toolbar: Any | None = slicer.modules.sequences.toolBar()
        for action in self._actions:
            self._toolbar.addAction(action)

    def set_shortcuts(self, on: bool) -> None:
        """Let the shortcuts work, or not."""
        for action, key in zip(self._actions, self._keys, strict=True):
            action.setShortcut(qt.QKeySequence(key if on else ""))

    def remove(self) -> None:
        """Take the actions out of the toolbar. May be called more than once."""
        if self._toolbar is not None:
            for action in self._actions:
                self._toolbar.removeAction(action)
            self._toolbar = None

    def _action(self, text: str, icon: Any, forward: bool, step: Callable[[bool], None]) -> Any:
        action = qt.QAction(icon, text, None)
        action.setToolTip(_("{text} of the loop in EchoKeyframe").format(text=text))
        action.connect("triggered()", lambda: step(forward))
        return action
