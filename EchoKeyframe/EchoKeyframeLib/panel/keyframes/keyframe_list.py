"""The panel's table of keyframes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import qt
from slicer.i18n import tr as _

from ...detection.keyframes import Beat, Keyframe
from ...scene.contract import PHASE_COLORS

_ICON_SIZE = 12
_ROW_HEIGHT = 22
_NARROWEST = 24


class KeyframeList:
    """Fills a QTableWidget with keyframes, in time order. jump: called with the frame of a row that a person
    clicks or reaches with the arrow keys."""

    def __init__(self, table: Any, jump: Callable[[int], None]) -> None:
        self._table, self._jump = table, jump
        self._keyframes: tuple[Keyframe, ...] = ()
        self._rows: list[tuple[str, ...]] = []
        self._by_itself = False
        self._unfit: dict[int, str] = {}  # beat to reasons
        titles = [_("Beat"), _("Phase"), _("Frame"), _("Time (s)"), _("Confid."), _("Set by"), _("/min")]
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels(titles)
        table.verticalHeader().setVisible(False)
        table.horizontalHeader().setMinimumSectionSize(_NARROWEST)
        table.horizontalHeader().setSectionResizeMode(len(titles) - 1, qt.QHeaderView.Stretch)
        table.horizontalHeader().setHighlightSections(False)
        table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        table.horizontalHeaderItem(6).setToolTip(_("Heart rate of the beat, from ED to ED"))
        self._fit_columns()
        table.connect("cellClicked(int,int)", self._on_clicked)
        table.connect("currentCellChanged(int,int,int,int)", self._on_current)

    @property
    def selected(self) -> Keyframe | None:
        """The keyframe of the selected row."""
        row = self._table.currentRow()
        return self._keyframes[row] if 0 <= row < len(self._keyframes) else None

    def show(self, keyframes: Iterable[Keyframe], beats: Iterable[Beat]) -> None:
        """Show these keyframes; the selection stays on the same keyframe, or on the same row."""
        before, row = self.selected, self._table.currentRow()
        self._keyframes = tuple(keyframes)
        beats = tuple(beats)
        rates = {beat.number: beat.heart_rate for beat in beats}
        unfit = {beat.number: ", ".join(beat.unfit) for beat in beats if beat.unfit}
        rows = [_texts(keyframe, rates.get(keyframe.beat)) for keyframe in self._keyframes]
        if (rows, unfit) != (self._rows, self._unfit):
            self._rows, self._unfit = rows, unfit
            self._by_itself = True
            self._fill()
            self._by_itself = False
        self._select(before, row)

    def select(self, frame: int) -> None:
        """Select the row of a frame; one without a keyframe leaves the selection as it is."""
        row = next((i for i, k in enumerate(self._keyframes) if k.frame == frame), None)
        if row is not None:
            self._set_current(row)

    def _fill(self) -> None:
        self._table.setRowCount(len(self._rows))
        for i, (keyframe, texts) in enumerate(zip(self._keyframes, self._rows, strict=True)):
            for column, text in enumerate(texts):
                self._table.setItem(i, column, _item(text, keyframe if column == 1 else None))
            self._show_fitness(i, self._unfit.get(keyframe.beat))
            if keyframe.at_edge:
                self._table.item(i, 4).setToolTip(_("At the clip's edge: the true extremum may lie outside"))
        self._fit_columns()

    def _show_fitness(self, row: int, unfit: str | None) -> None:
        """The number of a beat that is not to be measured stands in brackets, its tooltip says why."""
        if unfit:
            item = self._table.item(row, 0)
            item.setText(f"({item.text()})")
            item.setToolTip(_("Not fit for measurement: {reasons}").format(reasons=unfit))

    def _fit_columns(self) -> None:
        # By hand: a header that always fits its contents measures all rows again with each cell, 1 ms a cell. The last
        # column takes what is left.
        for column in range(self._table.columnCount - 1):
            self._table.resizeColumnToContents(column)

    def _select(self, before: Keyframe | None, row: int) -> None:
        same = next((i for i, k in enumerate(self._keyframes)
                     if before is not None and (k.phase, k.frame) == (before.phase, before.frame)), row)
        self._set_current(min(same, len(self._keyframes) - 1))

    def _set_current(self, row: int) -> None:
        self._by_itself = True
        self._table.setCurrentCell(row, 0)
        self._by_itself = False

    def _on_current(self, row: int, _column: int, before: int, _before_column: int) -> None:
        if not self._by_itself and row != before:
            self._on_clicked(row, 0)

    def _on_clicked(self, row: int, _column: int) -> None:
        if 0 <= row < len(self._keyframes):
            self._jump(self._keyframes[row].frame)


def _texts(keyframe: Keyframe, rate: float | None) -> tuple[str, ...]:
    confidence = f"{keyframe.confidence:.2f}" + (_(" edge") if keyframe.at_edge else "")
    set_by = _("you") if keyframe.source == "manual" else _("detector")
    shown_rate = f"{rate:.0f}" if rate and keyframe.phase == "ED" else ""
    return (str(keyframe.beat), keyframe.phase.value, str(keyframe.frame), f"{keyframe.time:.3f}", confidence, set_by,
            shown_rate)  # fmt: skip


def _item(text: str, keyframe: Keyframe | None) -> Any:
    item = qt.QTableWidgetItem(text)
    if keyframe is not None:
        square = qt.QPixmap(_ICON_SIZE, _ICON_SIZE)
        square.fill(qt.QColor(*(round(255 * channel) for channel in PHASE_COLORS[keyframe.phase])))
        item.setIcon(qt.QIcon(square))
    return item
