"""Measures again whenever a contour, a long axis or a keyframe changes, and draws what was measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import vtk

from ...cine.cine import CineError
from ...measurement.measurement import Measurement
from ...measurement.traced_view import MEASURABLE_VIEWS
from ..contours.disk_model import clear_disks, draw_disks
from ..contours.long_axis import draw_axis, find_axis, keep_axis
from ..contours.lv_contours import contour_being_drawn, contour_state, find_contour, find_contours
from ..contours.placement import observe_drawing
from ..keyframes.keyframe_table import find_keyframe_table
from ..loop.sequence_frames import loop_view
from .lv_measurement import measure_sequences
from .measurement_table import clear_measurement, write_measurement


class LiveMeasurement:
    """Keeps results, disks and long axes of one sequence, or of an A4C and an A2C, in step with what is drawn.

    changed: called after each measurement, with it or, where nothing can be measured, with None and one line that says
    why; table, chart and disks are then empty. While a person draws a contour, nothing is measured and no node added:
    once after the last point. Goes on until ``stop``, or until a sequence leaves the scene.
    """

    def __init__(self, sequence: Any, other: Any | None, changed: Callable[[Measurement | None, str], None]) -> None:
        self._sequences = tuple(s for s in (sequence, other) if s is not None)
        self._changed = changed
        self._observed: dict[str, list[tuple[Any, int]]] = {}
        self._states: dict[str, tuple] = {}
        self._busy = self._stopped = self._waiting = False
        scene = sequence.GetScene()
        if scene is not None:
            self._observe(scene, "scene", (scene.NodeRemovedEvent,), self._on_change)
            self._observed["drawing"] = observe_drawing(scene, self._on_drawing)
        self.update()

    def stop(self) -> None:
        """Stop following. May be called more than once."""
        self._stopped = True
        for tags in self._observed.values():
            for node, tag in tags:
                node.RemoveObserver(tag)
        self._observed.clear()

    def update(self) -> None:
        """Measure now, and follow the contours that there are now."""
        if self._busy or self._stopped:
            return
        if any(s.GetScene() is None for s in self._sequences):
            self.stop()
            return
        self._waiting = contour_being_drawn(self._sequences[0].GetScene()) is not None
        if self._waiting:
            return
        self._busy = True
        try:
            self._measure()
            self._follow()
        finally:
            self._busy = False

    def _measure(self) -> None:
        owner = self._sequences[0]
        try:
            measurement = measure_sequences(*self._sequences)
        except CineError as error:
            clear_measurement(owner)
            self._draw(None)
            self._changed(None, str(error))
            return
        write_measurement(owner, measurement)
        self._draw(measurement)
        self._changed(measurement, "")

    def _draw(self, measurement: Measurement | None) -> None:
        """Long axes and disks of the contours that were measured; the others' disks vanish."""
        drawn = set()
        for volume in (v for beat in measurement.beats for v in (beat.ed, beat.es)) if measurement else ():
            for sequence, disks in zip(self._in_order(), volume.disks, strict=True):
                curve = find_contour(sequence, volume.phase, disks.contour.frame)
                assert curve is not None  # it was measured just now
                draw_axis(curve, sequence, disks)
                draw_disks(curve, sequence, disks)
                drawn.add(curve.GetID())
        for curve in self._contours():
            if curve.GetID() not in drawn:
                clear_disks(curve)

    def _in_order(self) -> tuple[Any, ...]:
        """The sequences in the order of a measurement's views: A4C before A2C."""
        if len(self._sequences) == 1:
            return self._sequences
        return tuple(sorted(self._sequences, key=lambda s: MEASURABLE_VIEWS.index(loop_view(s))))

    def _contours(self) -> list[Any]:
        return [curve for sequence in self._sequences for curve in find_contours(sequence)]

    def _follow(self) -> None:
        modified = vtk.vtkCommand.ModifiedEvent
        self._states = {curve.GetID(): contour_state(curve) for curve in self._contours()}
        for curve in self._contours():
            events = (curve.PointModifiedEvent, curve.PointRemovedEvent, modified)
            self._observe(curve, curve.GetID(), events, self._on_curve)
            axis = find_axis(curve)
            if axis is not None:
                self._observe(axis, axis.GetID(), (axis.PointModifiedEvent,), self._on_axis)
        for sequence in self._sequences:
            self._observe(sequence, sequence.GetID(), (modified,), self._on_change)
            table = find_keyframe_table(sequence)
            if table is not None:
                self._observe(table, table.GetID(), (modified,), self._on_change)

    def _observe(self, subject: Any, key: str, events: tuple, callback: Callable[..., None]) -> None:
        if key not in self._observed:
            self._observed[key] = [(subject, subject.AddObserver(event, callback)) for event in events]

    def _on_axis(self, axis: Any, _event: str) -> None:
        if not self._busy:
            keep_axis(axis)
            self.update()

    def _on_curve(self, curve: Any, _event: str) -> None:
        """Slicer tells several times of one change, and of some that are none: a point under the mouse came or went."""
        if self._states.get(curve.GetID()) != contour_state(curve):
            self.update()

    def _on_drawing(self, *_: Any) -> None:
        if self._waiting:
            self.update()

    def _on_change(self, *_: Any) -> None:
        self.update()
