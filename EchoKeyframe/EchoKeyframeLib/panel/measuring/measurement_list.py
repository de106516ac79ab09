"""The panel's table of LV volumes: one row for each quantity, one column for each beat."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from ...measurement.measurement import Measurement
from ...measurement.summary import QUANTITIES

_ROW_HEIGHT = 20


def fill_measurement(table: Any, measurement: Measurement | None) -> None:
    """Show a measurement in a QTableWidget; None: nothing. Means stand beside the beats where there are several."""
    beats = measurement.beats if measurement is not None else ()
    titles = [_("Beat {number}").format(number=beat.beat) for beat in beats]
    titles += [_("Mean")] if len(beats) > 1 else []
    table.setColumnCount(len(titles))
    table.setHorizontalHeaderLabels(titles)
    table.setRowCount(len(QUANTITIES) if beats else 0)
    table.setVerticalHeaderLabels([quantity.label for quantity in QUANTITIES] if beats else [])
    table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
    table.horizontalHeader().setSectionResizeMode(qt.QHeaderView.Stretch)
    for row, quantity in enumerate(QUANTITIES if beats else ()):
        values = [getattr(beat, quantity.attribute) for beat in beats]
        values += [measurement.mean(quantity.attribute)] if len(beats) > 1 else []
        for column, value in enumerate(values):
            table.setItem(row, column, qt.QTableWidgetItem(quantity.shown(value)))
