"""The panel's section on measuring: LV contours on the keyframes of one sequence, and the volumes that follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ...cine.cine import CineError
from ...detection.keyframes import Beat, Keyframe, Phase
from ...measurement.measurement import Measurement
from ...measurement.summary import as_text
from ...measurement.traced_view import MEASURABLE_VIEWS
from ...scene import (
    ContourViews,
    LiveMeasurement,
    accept_found,
    add_contour,
    contour_from_segment,
    contour_place,
    current_frame,
    find_contour,
    find_contours,
    find_volume_chart,
    is_being_drawn,
    is_drawn,
    is_image_loop,
    is_shown,
    loop_spacing,
    place_contour,
    propose_contour,
    release_axis,
    remove_contour,
    segment_frame,
    set_pixel_size,
    show_chart,
    start_drawing,
    stop_drawing,
    wanted_contours,
)
from ...scene.contract import SPACING_ATTRIBUTE, VIEW_ATTRIBUTE
from ..keyframes.keyframe_panel import KeyframePanel
from ..layouts.arrangements import layout_node
from ..layouts.view_layouts import use_chart_layout
from .measurement_list import fill_measurement


class MeasurePanel:
    """Connects the section's widgets. logic: the module's. keyframes: says which beat is meant, and jumps to frames.
    say: shows one line to the person. start: makes a request to the background process.
    choice: the panel's DetectorChoice, whose device and orientation count."""

    def __init__(
        self,
        ui: Any,
        logic: Any,
        keyframes: KeyframePanel,
        say: Callable[[str], None],
        start: Callable[[Callable[[], Any]], None],
        choice: Callable[[], Any],
    ) -> None:
        self._ui, self._logic, self._keyframes, self._say = ui, logic, keyframes, say
        self._start, self._choice = start, choice
        self._sequence: Any | None = None
        self._other: Any | None = None
        self._live: LiveMeasurement | None = None
        self._views: ContourViews | None = None
        self._drawn: Any | None = None  # the contour that the hint is about
        self.measurement: Measurement | None = None
        for view in ("", *MEASURABLE_VIEWS):
            ui.viewSelector.addItem(view or _("unknown"), view)
        ui.measureHintLabel.visible = False
        self._connect()
        self.show(None, None)

    def show(self, sequence: Any | None, other: Any | None) -> None:
        """Measure this sequence from now on, with a second view of the heart if one is given; None: none."""
        sequence = sequence if sequence is not None and is_image_loop(sequence) else None
        other = other if other is not sequence and other is not None and is_image_loop(other) else None
        if self._live is not None and sequence is self._sequence and other is self._other:
            return
        if sequence is not self._sequence:
            self._end_drawing()
        self.stop()
        self._sequence, self._other = sequence, other
        self._show_view()
        self.show_pixel_size()
        self._ui.measureSection.enabled = sequence is not None
        self._on_result(None, "")
        # Also without a chosen sequence: contours of all loops follow what the views show.
        self._views = ContourViews(slicer.mrmlScene, self._ui.disksCheckBox.checked)
        if sequence is not None:
            self._live = LiveMeasurement(sequence, self._other, self._on_result)

    @property
    def other(self) -> Any | None:
        """The sequence of the second view."""
        return self._other

    def stop(self) -> None:
        """Follow nothing. May be called more than once."""
        for part in (self._live, self._views):
            if part is not None:
                part.stop()
        self._live = self._views = None

    def trace(self, phase: Phase) -> None:
        """Show the beat's ED or ES frame and let the person draw its contour; one that is drawn is left alone."""
        keyframe = self._keyframe(phase)
        if keyframe is None:
            self._tell(_("The beat has no {phase}; detect it, or add it by hand.").format(phase=phase.value))
            return
        self._do(lambda: self._trace(keyframe))

    def propose(self) -> None:
        """Draw a start for the phase of the beat that is not traced, from the one that is."""
        self._end_drawing()
        keyframes = [self._keyframe(phase) for phase in Phase]
        missing = [k for k in keyframes if k is not None and not self._is_traced(k)]
        if len(missing) != 1 or None in keyframes:
            self._tell(_("Trace either ED or ES of the beat; the other is then proposed."))
            return
        self._do(lambda: self._propose(missing[0]))

    def find(self, every: bool) -> None:
        """Find the contours of the chosen beat in the background, or of all measurable ones; those that a person drew,
        corrected or accepted stay."""
        self._end_drawing()
        if self._sequence is None:
            return
        beats = self._keyframes.beats
        chosen = self._keyframes.chosen_beat()
        meant = [b for b in beats if b.measurable] if every else [b for b in beats if chosen and b == chosen]
        if not meant:
            self._tell(_("No beat is measurable; choose one, or correct the keyframes.") if every else
                       _("Detect ED and ES first; then choose a beat."))  # fmt: skip
            return
        self._do(lambda: self._find(meant))

    def show_found(self, sequence: Any, text: str) -> None:
        """Contours of a sequence were found: measure and show them."""
        if sequence not in (self._sequence, self._other):
            return
        self._do(lambda: None)
        self._tell(text)

    def accept(self) -> None:
        """The person lets the contours stand that were found."""
        self._end_drawing()
        loops = [loop for loop in (self._sequence, self._other) if loop is not None]
        count = sum(map(accept_found, loops))
        self._do(lambda: None)
        self._tell(_("Accepted: {count} of the contours that were found.").format(count=count) if count else
                   _("There is no contour that was found and waits to be accepted."))  # fmt: skip

    def use_segment(self) -> None:
        """Take the chosen segment as the contour of the frame that it was made on, or of the frame on show."""
        self._end_drawing()
        self._do(self._use_segment)

    def reset_axis(self) -> None:
        """Find the long axis of the contour on show again."""
        self._with_contour(release_axis)

    def remove(self) -> None:
        """Remove the contour on the frame on show."""
        self._with_contour(remove_contour)

    def copy(self) -> None:
        """Put the results onto the clipboard as text."""
        if self.measurement is not None:
            qt.QApplication.clipboard().setText(as_text(self.measurement))
            self._tell(_("The results are on the clipboard."))

    def show_volume_chart(self) -> None:
        """Show the loop above the chart of its volumes."""
        chart = find_volume_chart(self._sequence)
        layout = layout_node()
        if chart is not None and layout is not None:
            use_chart_layout(layout)
            show_chart(chart)

    def _find(self, beats: list[Beat]) -> None:
        wanted = wanted_contours(self._sequence, beats)
        if not wanted:
            self._tell(_("All contours of the beat are drawn, or ED or ES is missing; remove one to find it anew."))
            return
        sequence = self._sequence
        self._bring_up(next(iter(wanted.values()))[0].frame)
        self._start(lambda: self._logic.trace(sequence, wanted, self._choice()))

    def _trace(self, keyframe: Keyframe) -> None:
        self._bring_up(keyframe.frame)
        curve = find_contour(self._sequence, keyframe.phase, keyframe.frame) or self._left_behind(keyframe)
        if curve is not None and is_drawn(curve):
            frame = contour_place(curve)[1]
            if frame != keyframe.frame:
                place_contour(curve, keyframe)
                self._tell(_("The contour of frame {frame} was moved along with its keyframe; check it against the "
                            "image.").format(frame=frame))  # fmt: skip
            else:
                self._tell(_("This contour is drawn: drag its points, or remove it to draw another."))
        else:
            self._drawn = curve or add_contour(self._sequence, keyframe)
            start_drawing(self._drawn)
            self._tell(_("Click along the endocardium from one end of the mitral annulus over the apex to the other; "
                        "end with a double click."))  # fmt: skip

    def _bring_up(self, frame: int) -> None:
        """Show a frame, in the slice views if none of them shows the loop."""
        self._keyframes.jump(frame)
        if not is_shown(self._sequence, frame):
            self._logic.show_in_views(self._sequence)

    def _left_behind(self, keyframe: Keyframe) -> Any | None:
        """A contour of the same phase whose keyframe was moved away, the nearest."""
        marked = {(k.phase, k.frame) for k in self._keyframes.keyframes}
        lost = [c for c in find_contours(self._sequence)
                if contour_place(c) not in marked and contour_place(c)[0] is keyframe.phase]  # fmt: skip
        return min(lost, key=lambda c: abs(contour_place(c)[1] - keyframe.frame), default=None)

    def _propose(self, keyframe: Keyframe) -> None:
        self._logic.ensure_packages()
        self._bring_up(keyframe.frame)
        propose_contour(self._sequence, keyframe.phase, keyframe.frame)
        self._tell(_("A start, moved along with the wall: check it against the image and drag its points."))

    def _use_segment(self) -> None:
        segmentation, segment = self._ui.segmentSelector.currentNode(), self._ui.segmentSelector.currentSegmentID()
        made_on = segment_frame(segmentation, self._sequence) if segmentation is not None else None
        frame = current_frame(self._sequence) if made_on is None else made_on
        keyframe = next((k for k in self._keyframes.keyframes if k.frame == frame), None)
        if keyframe is None:
            self._tell(_("Frame {frame} is no ED or ES; show the frame that was segmented.").format(frame=frame))
            return
        question = _("Replace the contour on this frame by the segment's?")
        if not self._is_traced(keyframe) or slicer.util.confirmOkCancelDisplay(question):
            self._logic.ensure_packages()
            self._bring_up(frame)
            contour_from_segment(self._sequence, segmentation, segment, keyframe.phase, frame)

    def _with_contour(self, action: Callable[[Any], None]) -> None:
        self._end_drawing()
        frame = current_frame(self._sequence)
        curve = next((c for c in find_contours(self._sequence) if contour_place(c)[1] == frame), None)
        if curve is None:
            self._tell(_("There is no contour on the frame on show."))
        else:
            self._do(lambda: action(curve))

    def _tell(self, text: str) -> None:
        """One line to the person, also where they are looking."""
        self._ui.measureHintLabel.text = text
        self._ui.measureHintLabel.visible = bool(text)
        self._say(text)

    def _do(self, action: Callable[[], None]) -> None:
        """Act, then measure and show what has changed; what goes wrong is told to the person."""
        try:
            action()
        except (CineError, RuntimeError) as error:
            self._tell(str(error))
        if self._live is not None:
            self._live.update()
        if self._views is not None:
            self._views.update()

    def _end_drawing(self) -> None:
        """Who goes on to something else is done with the contour: later clicks in a view are none of its points."""
        if self._drawn is not None:
            stop_drawing(self._drawn)

    def _end_hint(self) -> None:
        """Tell no longer how to draw what is drawn."""
        if self._drawn is not None and not is_being_drawn(self._drawn):
            self._drawn = None
            self._ui.measureHintLabel.visible = False
            self._say(_("The contour is drawn; drag its points to correct it."))

    def _keyframe(self, phase: Phase) -> Keyframe | None:
        """The ED or ES of the chosen beat; its ED may be the one that ends it."""
        beat: Beat | None = self._keyframes.chosen_beat()
        if beat is None:
            return None
        return beat.es if phase is Phase.ES else beat.ed or beat.next_ed

    def _is_traced(self, keyframe: Keyframe) -> bool:
        curve = find_contour(self._sequence, keyframe.phase, keyframe.frame)
        return curve is not None and is_drawn(curve)

    def _on_result(self, measurement: Measurement | None, problem: str) -> None:
        self.measurement = measurement
        self._end_hint()
        fill_measurement(self._ui.measurementTable, measurement)
        self._ui.measurementLabel.text = "\n".join(measurement.warnings) if measurement is not None else problem
        for button in (self._ui.copyButton, self._ui.volumeChartButton):
            button.enabled = measurement is not None
        self._ui.acceptButton.enabled = measurement is not None and not measurement.verified
        if self._views is not None:
            self._views.update()

    def _show_view(self) -> None:
        view = (self._sequence.GetAttribute(VIEW_ATTRIBUTE) or "") if self._sequence is not None else ""
        selector = self._ui.viewSelector
        selector.blockSignals(True)
        if selector.findData(view) < 0:
            selector.addItem(view, view)
        selector.setCurrentIndex(selector.findData(view))
        selector.blockSignals(False)

    def show_pixel_size(self) -> None:
        """In the box, 0 stands for unknown; what the file says is not for a person to change."""
        spacing = loop_spacing(self._sequence) if self._sequence is not None else None
        box = self._ui.pixelSizeBox
        box.blockSignals(True)
        box.setValue(spacing[1] if spacing is not None else 0.0)
        box.blockSignals(False)
        by_file = self._sequence is not None and self._sequence.GetAttribute(SPACING_ATTRIBUTE) == "calibrated"
        box.enabled = self._sequence is not None and not by_file

    def _on_pixel_size(self, millimetres: float) -> None:
        if self._sequence is not None and millimetres > 0:
            self._do(lambda: set_pixel_size(self._sequence, (millimetres, millimetres)))
        elif self._sequence is not None:
            self._sequence.SetAttribute(SPACING_ATTRIBUTE, "unknown")

    def _on_view_chosen(self, index: int) -> None:
        view = self._ui.viewSelector.itemData(index)
        if self._sequence is not None and view:
            self._sequence.SetAttribute(VIEW_ATTRIBUTE, view)
        elif self._sequence is not None:
            self._sequence.RemoveAttribute(VIEW_ATTRIBUTE)
        self._do(lambda: None)

    def _connect(self) -> None:
        ui = self._ui
        ui.viewSelector.connect("currentIndexChanged(int)", self._on_view_chosen)
        ui.pixelSizeBox.connect("valueChanged(double)", self._on_pixel_size)
        ui.traceEdButton.connect("clicked()", lambda: self.trace(Phase.ED))
        ui.traceEsButton.connect("clicked()", lambda: self.trace(Phase.ES))
        ui.proposeButton.connect("clicked()", self.propose)
        ui.autoButton.connect("clicked()", lambda: self.find(False))
        ui.autoAllButton.connect("clicked()", lambda: self.find(True))
        ui.acceptButton.connect("clicked()", self.accept)
        ui.segmentButton.connect("clicked()", self.use_segment)
        ui.axisButton.connect("clicked()", self.reset_axis)
        ui.removeContourButton.connect("clicked()", self.remove)
        ui.disksCheckBox.connect("toggled(bool)", self._on_disks)
        ui.copyButton.connect("clicked()", self.copy)
        ui.volumeChartButton.connect("clicked()", self.show_volume_chart)

    def _on_disks(self, on: bool) -> None:
        if self._views is not None:
            self._views.show_disks(on)
