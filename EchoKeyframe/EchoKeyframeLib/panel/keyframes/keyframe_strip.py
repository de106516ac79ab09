"""A strip below the seek slider that shows where in the loop the keyframes lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import qt

from ...detection.keyframes import Keyframe
from ...scene.contract import PHASE_COLORS

_HEIGHT = 26
_MARGIN = 9
_BACKGROUND = (38, 40, 44)
_CURSOR = (235, 235, 235)


class KeyframeStrip(qt.QLabel):
    """Keyframes as lines over the frames, manual ones with a dot, and a cursor at the frame on show.

    jump: called with the frame that was clicked.
    """

    def __init__(self, jump: Callable[[int], None]) -> None:
        super().__init__()
        self._jump = jump
        self._keyframes: tuple[Keyframe, ...] = ()
        self._count, self._frame = 0, 0
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Fixed)

    def set_keyframes(self, keyframes: Iterable[Keyframe], count: int) -> None:
        """Show these keyframes of a loop of ``count`` frames."""
        self._keyframes, self._count = tuple(keyframes), count
        self._draw()

    def set_frame(self, frame: int) -> None:
        """Move the cursor."""
        if frame != self._frame:
            self._frame = frame
            self._draw()

    def frame_at(self, x: float) -> int:
        """The frame nearest to a horizontal position in pixels."""
        share = (x - _MARGIN) / max(1, self.width - 2 * _MARGIN)
        return round(min(1.0, max(0.0, share)) * max(0, self._count - 1))

    def mousePressEvent(self, event) -> None:
        """Qt's."""
        if self._count:
            self._jump(self.frame_at(event.pos().x()))

    def resizeEvent(self, event) -> None:
        """Qt's."""
        self._draw()

    def _x(self, frame: int) -> int:
        return round(_MARGIN + frame / max(1, self._count - 1) * (self.width - 2 * _MARGIN))

    def _draw(self) -> None:
        if self.width <= 0:
            return
        picture = qt.QPixmap(self.width, _HEIGHT)
        picture.fill(qt.QColor(*_BACKGROUND))
        painter = qt.QPainter()
        painter.begin(picture)
        for keyframe in self._keyframes:
            color = qt.QColor(*(round(255 * channel) for channel in PHASE_COLORS[keyframe.phase]))
            x = self._x(keyframe.frame)
            painter.fillRect(x - 1, 4, 3, _HEIGHT - 8, color)
            if keyframe.source == "manual":
                painter.fillRect(x - 4, 4, 9, 5, color)
        if self._count:
            painter.fillRect(self._x(self._frame), 0, 1, _HEIGHT, qt.QColor(*_CURSOR))
        painter.end()
        self.setPixmap(picture)
