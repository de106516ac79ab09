"""The panel's table of LV volumes: one row for each quantity, one column for each beat."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from ...measurement.contour import AUTO, MANUAL, MIXED
from ...measurement.measurement import Measurement
from ...measurement.summary import QUANTITIES, interval_shown

_ROW_HEIGHT = 20


def fill_measurement(table: Any, measurement: Measurement | None) -> None:
    """Show a measurement in a QTableWidget; None: nothing. Mean and standard deviation stand beside several beats."""
    beats = measurement.beats if measurement is not None else ()
    titles = [_("Beat {number}").format(number=beat.beat) for beat in beats]
    several = len(beats) > 1
    titles += [_("Mean"), _("SD")] if several else []
    table.setColumnCount(len(titles))
    table.setHorizontalHeaderLabels(titles)
    more = _more_rows(measurement) if measurement is not None and measurement.source != MANUAL else {}
    table.setRowCount(len(QUANTITIES) + len(more) if beats else 0)
    table.setVerticalHeaderLabels([*(quantity.label for quantity in QUANTITIES), *more] if beats else [])
    table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
    table.horizontalHeader().setSectionResizeMode(qt.QHeaderView.Stretch)
    for row, quantity in enumerate(QUANTITIES if beats else ()):
        values = [getattr(beat, quantity.attribute) for beat in beats]
        values += [measurement.mean(quantity.attribute), measurement.spread(quantity.attribute)] if several else []
        for column, value in enumerate(values):
            table.setItem(row, column, qt.QTableWidgetItem(quantity.shown(value)))
    for row, texts in enumerate(more.values(), len(QUANTITIES)):
        for column, text in enumerate(texts):
            table.setItem(row, column, qt.QTableWidgetItem(text))


def _more_rows(measurement: Measurement) -> dict[str, list[str]]:
    """What is told of beats whose contours were found: a text for each beat."""
    beats = measurement.beats
    words = {MANUAL: _("drawn"), MIXED: _("found and drawn"), AUTO: _("found")}
    return {
        _("EF in 9 of 10"): [interval_shown(beat) for beat in beats],
        _("Contours"): [words[beat.source] for beat in beats],
        _("Doubts"): [", ".join(beat.unfit) or "-" for beat in beats],
    }
