"""The panel's section on keyframes: what stands in the table of one sequence, to look at, jump to and correct."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from ...cine.cine import CineError
from ...detection.beats import heart_rate
from ...detection.keyframes import Beat, Keyframe, Phase
from ...scene import (
    BookmarkObserver,
    PlaybackClock,
    add_frame_pair,
    add_keyframe,
    can_undo,
    change_phase,
    current_frame,
    find_browser,
    find_chart,
    find_keyframe_table,
    keyframe_table,
    move_keyframe,
    next_keyframe,
    previous_keyframe,
    read_beats,
    read_keyframes,
    remove_keyframe,
    restore_table,
    show_frame,
    show_frame_pair,
    undo,
)
from ...scene.contract import MODEL_ATTRIBUTE
from ..layouts.view_layouts import use_side_by_side_layout
from .chart_view import ChartView
from .keyframe_list import KeyframeList
from .keyframe_strip import KeyframeStrip


class KeyframePanel:
    """Connects the section's widgets with a sequence. say: shows one line to the person. bring_up: shows a loop that no
    view shows."""

    def __init__(self, ui: Any, say: Callable[[str], None], bring_up: Callable[[Any], None]) -> None:
        self._ui, self._say, self._bring_up = ui, say, bring_up
        self.sequence: Any | None = None
        self.keyframes: tuple[Keyframe, ...] = ()
        self.beats: tuple[Beat, ...] = ()
        self._bookmarks: BookmarkObserver | None = None
        self._browser: Any | None = None
        self._browser_tag: int | None = None
        self._clock: PlaybackClock | None = None
        self._list = KeyframeList(ui.keyframeTable, self.jump)
        self._strip = KeyframeStrip(self.jump)
        self._chart = ChartView(self.jump)
        ui.stripPlace.layout().addWidget(self._strip)
        self._connect()
        self._refresh()

    def show(self, sequence: Any | None) -> None:
        """Follow this sequence from now on; None: none."""
        self.stop()
        self.sequence = sequence
        table = None
        if sequence is not None and sequence.GetNumberOfDataNodes() > 0:
            try:
                table = restore_table(sequence)
            except CineError as error:
                self._say(str(error))
        if table is not None:
            self._bookmarks = BookmarkObserver(table, self._refresh, self._say)
        self._browser = find_browser(sequence) if sequence is not None else None
        if self._browser is not None:
            self._browser_tag = self._browser.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_browser)
            self._clock = PlaybackClock(self._browser)
        self._ui.seekWidget.setMRMLSequenceBrowserNode(self._browser)
        self._chart.follow(sequence)
        self._refresh()

    def show_detection(self) -> None:
        """Show what a detection left in the followed sequence; a chart on show keeps its cursor."""
        table = find_keyframe_table(self.sequence)
        if self._bookmarks is not None:
            self._bookmarks.stop()
        # Anew: a table that was deleted meanwhile has been made again.
        self._bookmarks = BookmarkObserver(table, self._refresh, self._say) if table is not None else None
        self._refresh()

    def on_removed(self, node: Any) -> None:
        """A node left the scene: take what stood on it away."""
        if node is self._browser:
            self.show(self.sequence)
        elif node.IsA("vtkMRMLTableNode") or node.IsA("vtkMRMLPlotChartNode"):
            self._refresh()

    def stop(self) -> None:
        """Follow nothing. May be called more than once."""
        self._chart.stop()
        if self._bookmarks is not None:
            self._bookmarks.stop()
            self._bookmarks = None
        if self._browser_tag is not None:
            self._browser.RemoveObserver(self._browser_tag)
        if self._clock is not None:
            self._clock.stop()
        self._browser, self._browser_tag, self._clock = None, None, None
        self.sequence = None

    def jump(self, frame: int) -> None:
        """Show a frame, and select its row if it is a keyframe."""
        with self._saying():
            show_frame(self.sequence, frame)
            self._list.select(frame)
            self._bring_up(self.sequence)

    def step(self, forward: bool, phase: Phase | None = None) -> None:
        """Show the next or previous keyframe, of one phase if given."""
        with self._saying():
            search = next_keyframe if forward else previous_keyframe
            keyframe = search(self.keyframes, current_frame(self.sequence), phase)
            if keyframe is not None:
                self.jump(keyframe.frame)

    def add(self, phase: Phase) -> None:
        """Make the frame on show a keyframe."""
        with self._saying():
            frame = current_frame(self.sequence)
            table = keyframe_table(self.sequence)
            if self._bookmarks is None:
                self._bookmarks = BookmarkObserver(table, self._refresh, self._say)
            add_keyframe(table, phase, frame)
            self._list.select(frame)

    def move(self) -> None:
        """Move the selected keyframe to the frame on show, where it stays selected."""

        def move_here(table: Any, frame: int) -> None:
            shown = current_frame(self.sequence)
            move_keyframe(table, frame, shown)
            self._list.select(shown)

        self._edit_selected(move_here)

    def change_phase(self) -> None:
        """Make the selected ED an ES, or the other way round."""
        self._edit_selected(change_phase)

    def remove(self) -> None:
        """Remove the selected keyframe."""
        self._edit_selected(remove_keyframe)

    def undo(self) -> None:
        """Take back the last edit or detection."""
        with self._saying():
            undo(keyframe_table(self.sequence))

    def show_chart(self) -> None:
        """Show the loop above its chart."""
        with self._saying():
            self._chart.show(self.sequence)

    def show_side_by_side(self) -> None:
        """Show ED and ES of the selected beat, or of the first complete one."""
        beat = self.chosen_beat()
        if beat is None:
            self._say(_("There is no beat with both an ED and an ES to show side by side."))
            return
        with self._saying():
            pair = add_frame_pair(self.sequence, beat)
            layout = slicer.app.layoutManager()
            if layout is not None:
                use_side_by_side_layout(layout.layoutLogic().GetLayoutNode())
            slicer.app.processEvents()  # views have no size to fit into before
            show_frame_pair(pair)
            slicer.util.setSliceViewerLayers(fit=True)

    def chosen_beat(self) -> Beat | None:
        """The beat of the selected row if it has both ED and ES, otherwise the first that can be measured; or None."""
        complete = [beat for beat in self.beats if beat.ed is not None and beat.es is not None]
        selected = self._list.selected
        of_row = [beat for beat in complete if selected is not None and beat.number == selected.beat]
        measurable = [beat for beat in complete if beat.measurable]
        return next(iter([*of_row, *measurable, *complete]), None)

    def _edit_selected(self, edit: Callable[[Any, int], None]) -> None:
        keyframe = self._list.selected
        if keyframe is None:
            self._say(_("Select a keyframe in the table first."))
            return
        with self._saying():
            edit(keyframe_table(self.sequence), keyframe.frame)

    @contextmanager
    def _saying(self) -> Iterator[None]:
        """What goes wrong with nodes is told to the person instead of raised."""
        try:
            yield
        except CineError as error:
            self._say(str(error))

    def _on_browser(self, *_arguments: Any) -> None:
        if self._browser is None or self.sequence is None or self.sequence.GetScene() is None:
            return
        self._strip.set_frame(max(0, self._browser.GetSelectedItemNumber()))

    def _refresh(self) -> None:
        """Bring table, strip, summary and buttons up to date with the keyframe table node."""
        self.keyframes, self.beats = (), ()
        table = find_keyframe_table(self.sequence) if self.sequence is not None else None
        if table is not None:
            with self._saying():
                self.keyframes, self.beats = read_keyframes(table), read_beats(table)
        count = self.sequence.GetNumberOfDataNodes() if self.sequence is not None else 0
        self._list.show(self.keyframes, self.beats)
        self._strip.set_keyframes(self.keyframes, count)
        self._on_browser()
        self._ui.summaryLabel.text = self._summary(table)
        self._enable(table)

    def _summary(self, table: Any | None) -> str:
        if not self.keyframes:
            return _("No keyframes yet.")
        parts = [
            _("Beats: {beats}, ED: {ed}, ES: {es}").format(
                ed=sum(k.phase is Phase.ED for k in self.keyframes),
                es=sum(k.phase is Phase.ES for k in self.keyframes),
                beats=len(self.beats),
            )
        ]
        if rate := heart_rate(self.keyframes):
            parts.append(_("{rate:.0f}/min").format(rate=rate))
        manual = sum(k.source == "manual" for k in self.keyframes)
        if manual:
            parts.append(_("set by you: {count}").format(count=manual))
        model = table.GetAttribute(MODEL_ATTRIBUTE)
        return ", ".join(parts) + (f" · {model}" if model else "")

    def _enable(self, table: Any | None) -> None:
        ui, some = self._ui, bool(self.keyframes)
        loop = self._browser is not None
        for button in (ui.addEdButton, ui.addEsButton):
            button.enabled = loop
        for button in (ui.previousEdButton, ui.nextEdButton, ui.previousEsButton, ui.nextEsButton):
            button.enabled = loop and some
        for button in (ui.moveButton, ui.phaseButton, ui.removeButton, ui.sideBySideButton):
            button.enabled = some
        ui.undoButton.enabled = can_undo(table)
        ui.chartButton.enabled = self.sequence is not None and find_chart(self.sequence) is not None

    def _connect(self) -> None:
        ui = self._ui
        steps = {ui.previousEdButton: (False, Phase.ED), ui.nextEdButton: (True, Phase.ED),
                 ui.previousEsButton: (False, Phase.ES), ui.nextEsButton: (True, Phase.ES)}  # fmt: skip
        for button, (forward, phase) in steps.items():
            button.connect("clicked()", lambda forward=forward, phase=phase: self.step(forward, phase))
        ui.addEdButton.connect("clicked()", lambda: self.add(Phase.ED))
        ui.addEsButton.connect("clicked()", lambda: self.add(Phase.ES))
        ui.moveButton.connect("clicked()", self.move)
        ui.phaseButton.connect("clicked()", self.change_phase)
        ui.removeButton.connect("clicked()", self.remove)
        ui.undoButton.connect("clicked()", self.undo)
        ui.chartButton.connect("clicked()", self.show_chart)
        ui.sideBySideButton.connect("clicked()", self.show_side_by_side)
