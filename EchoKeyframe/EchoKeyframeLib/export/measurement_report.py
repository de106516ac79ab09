"""LV volumes and ejection fraction as a DICOM structured report: PS3.16 TID 1500 in a Comprehensive SR.

Names, methods and views are the codes of the adult echocardiography report (TID 5200), units UCUM.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from highdicom import sr
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from .. import __version__
from ..cine.cine import CineError, Source
from ..detection.keyframes import Phase
from ..measurement.contour import MANUAL
from ..measurement.disks import Disks
from ..measurement.measurement import BeatMeasurement, Measurement, Method
from ..measurement.summary import found_by
from .dicom_source import DicomSource, device_observer, new_instance, read_dicom_source, write_document

VIEW_CODES = {"A4C": codes.SCT.ApicalFourChamber, "A2C": codes.SCT.ApicalTwoChamber}
"""CID 12226 Echocardiography Image View."""

_DISKS = {
    Method.SINGLE_PLANE: codes.DCM.MethodOfDisksSinglePlane,
    Method.BIPLANE: codes.DCM.MethodOfDisksBiplane,
}
_AREA_LENGTH = {
    Method.SINGLE_PLANE: codes.DCM.AreaLengthSinglePlane,
    Method.BIPLANE: codes.DCM.AreaLengthBiplane,
}
_ML, _MM = Code("ml", "UCUM", "ml"), Code("mm", "UCUM", "mm")
_PERCENT, _L_PER_MIN = Code("%", "UCUM", "%"), Code("l/min", "UCUM", "l/min")
_BEATS_PER_MIN = Code("{H.B.}/min", "UCUM", "beats per minute")
_SERIES_NUMBER = 9002

Origins = tuple[DicomSource, ...]
"""One for each view."""


@dataclass(frozen=True)
class CodedQuantity:
    """How a number of ``BeatMeasurement`` is coded.

    attribute: its name there. phases: the contours that it follows from. methods: code of the method by how volumes
    were measured, empty where the name says all. is_length: measured along the long axis.
    """

    attribute: str
    name: Code
    unit: Code
    phases: tuple[Phase, ...] = (Phase.ED, Phase.ES)
    methods: dict[Method, Code] | None = None
    is_length: bool = False


_EDV, _ESV = codes.LN.LeftVentricularEndDiastolicVolume, codes.LN.LeftVentricularEndSystolicVolume
QUANTITIES = (
    CodedQuantity("edv", _EDV, _ML, (Phase.ED,), _DISKS),
    CodedQuantity("esv", _ESV, _ML, (Phase.ES,), _DISKS),
    CodedQuantity("stroke_volume", codes.SCT.StrokeVolume, _ML, methods=_DISKS),
    CodedQuantity("ejection_fraction", codes.LN.LeftVentricularEjectionFractionByUS, _PERCENT, methods=_DISKS),
    CodedQuantity("heart_rate", codes.LN.HeartRate, _BEATS_PER_MIN, ()),
    CodedQuantity("cardiac_output", codes.SCT.CardiacOutput, _L_PER_MIN, methods=_DISKS),
    CodedQuantity("length_ed", codes.LN.LeftVentricleDiastolicMajorAxis, _MM, (Phase.ED,), is_length=True),
    CodedQuantity("length_es", codes.LN.LeftVentricleSystolicMajorAxis, _MM, (Phase.ES,), is_length=True),
    CodedQuantity("area_length_edv", _EDV, _ML, (Phase.ED,), _AREA_LENGTH),
    CodedQuantity("area_length_esv", _ESV, _ML, (Phase.ES,), _AREA_LENGTH),
)
"""CID 12201, 12202, 12239 and LOINC's heart rate, in the order of ``measurement.summary.QUANTITIES``."""


def write_measurement_report(path: Path, measurement: Measurement, sources: Sequence[Source]) -> tuple[str, ...]:
    """Write a report with a group of measurements for each beat and, of several beats, one for their means.

    sources: the cines of ``measurement.views``, in that order. Volumes refer to their contours, lengths to the long
    axis, all to the frames. It is a new series in the study of the cines. Returns warnings, one line each.

    Raises CineError where a source is not that of its view, is no DICOM ultrasound cine with the UIDs that references
    need, or the two belong to different studies; OSError where the file cannot be written.
    """
    names = tuple(source.name for source in sources)
    if names != measurement.sources:
        raise CineError(", ".join(names), f"not the cines that were measured, {', '.join(measurement.sources)}")
    origins = tuple(read_dicom_source(source) for source in sources)
    if len({origin.evidence.StudyInstanceUID for origin in origins}) > 1:
        raise CineError(" and ".join(names), "belong to different studies, so no one document can hold both")
    groups = [_beat_group(beat, measurement, origins) for beat in measurement.beats]
    if len(measurement.taken) > 1:
        groups.append(_mean_group(measurement, origins))
    content = sr.MeasurementReport(
        sr.ObservationContext(observer_device_context=device_observer()), codes.SCT.Echocardiography, groups
    )
    evidence = [origin.evidence for origin in origins]
    series = new_instance(_SERIES_NUMBER, "LV volumes and ejection fraction")
    document = sr.ComprehensiveSR(evidence, content[0], is_complete=True, **series)
    write_document(path, document, origins[0])
    return tuple(dict.fromkeys(warning for origin in origins for warning in origin.warnings))


def _beat_group(
    beat: BeatMeasurement, measurement: Measurement, origins: Origins
) -> sr.MeasurementsAndQualitativeEvaluations:
    measurements = [
        _coded(quantity, value, measurement, **_inferred_from(quantity, beat, origins))
        for quantity in QUANTITIES
        if (value := getattr(beat, quantity.attribute)) is not None
    ]
    group = _group(f"Beat {beat.beat}", measurements, measurement, (beat,), origins)
    notes = [found_by(measurement)] if beat.source != MANUAL else []
    notes += [f"doubtful: {', '.join(beat.unfit)}"] if beat.unfit and beat.source != MANUAL else []
    for warning in (*notes, *beat.warnings):
        group[0].ContentSequence.append(
            sr.TextContentItem(codes.DCM.Comment, warning, relationship_type=sr.RelationshipTypeValues.CONTAINS)
        )
    return group


def _mean_group(measurement: Measurement, origins: Origins) -> sr.MeasurementsAndQualitativeEvaluations:
    measurements = [
        _coded(quantity, value, measurement, derivation=codes.SCT.Mean)
        for quantity in QUANTITIES
        if (value := measurement.mean(quantity.attribute)) is not None
    ]
    title = f"Mean of {len(measurement.taken)} beats"
    return _group(title, measurements, measurement, measurement.taken, origins)


def _group(
    title: str,
    measurements: list[sr.Measurement],
    measurement: Measurement,
    beats: Sequence[BeatMeasurement],
    origins: Origins,
) -> sr.MeasurementsAndQualitativeEvaluations:
    """TID 1501, with the views, the frames of the beats and, where contours were found, what found them."""
    views = [VIEW_CODES[view] for view in measurement.views if view is not None]
    return sr.MeasurementsAndQualitativeEvaluations(
        sr.TrackingIdentifier(identifier=title),
        finding_type=codes.SCT.LeftVentricle,
        algorithm_id=_algorithm(measurement) if any(beat.source != MANUAL for beat in beats) else None,
        measurements=measurements,
        qualitative_evaluations=[sr.QualitativeEvaluation(codes.DCM.ImageView, view) for view in views],
        source_images=[
            sr.SourceImageForMeasurementGroup(*frame) for beat in beats for frame in _frames(beat, Phase, origins)
        ],
    )


def _algorithm(measurement: Measurement) -> sr.AlgorithmIdentification:
    """Its name, and the version behind the last blank."""
    name, _, version = (measurement.algorithm or "").rpartition(" ")
    return sr.AlgorithmIdentification(name or "EchoKeyframe contours", version or __version__)


def _coded(quantity: CodedQuantity, value: float, measurement: Measurement, **more: Any) -> sr.Measurement:
    """TID 300."""
    method = quantity.methods[measurement.method] if quantity.methods else None
    return sr.Measurement(quantity.name, round(value, 2), quantity.unit, method=method, **more)


def _inferred_from(quantity: CodedQuantity, beat: BeatMeasurement, origins: Origins) -> dict[str, list]:
    """What a number follows from: a contour, a long axis, or the frames whose volumes were combined."""
    if len(quantity.phases) != 1:
        frames = _frames(beat, quantity.phases, origins)
        return {"referenced_images": [sr.SourceImageForMeasurement(*frame) for frame in frames]}
    cuts = list(zip(beat.of(quantity.phases[0]).disks, origins, strict=True))
    if quantity.is_length:
        disks, origin = max(cuts, key=lambda cut: cut[0].length)
        return {"referenced_coordinates": [_polyline((disks.base, disks.apex), disks, origin)]}
    return {"referenced_coordinates": [_polyline(disks.contour.points, disks, origin) for disks, origin in cuts]}


def _frames(beat: BeatMeasurement, phases: Iterable[Phase], origins: Origins) -> list[tuple[str, str, list[int]]]:
    """A reference to each frame that a beat was traced on; one apiece, since some readers show only the first."""
    return [
        (*_reference(origin), [origin.frame_number(beat.of(phase).frames[view])])
        for phase in phases
        for view, origin in enumerate(origins)
    ]


def _polyline(points: Sequence, disks: Disks, origin: DicomSource) -> sr.CoordinatesForMeasurement:
    """Points in pixels, whose centres are whole numbers here; in DICOM the image's corner is 0\\0 (C.18.6.1.1)."""
    frame = origin.frame_number(disks.contour.frame)
    image = sr.SourceImageForRegion(*_reference(origin), [frame])
    corner = (origin.evidence.Columns, origin.evidence.Rows)
    return sr.CoordinatesForMeasurement(
        sr.GraphicTypeValues.POLYLINE, np.clip(np.asarray(points, np.float64) + 0.5, 0, corner), image
    )


def _reference(origin: DicomSource) -> tuple[str, str]:
    return origin.evidence.SOPClassUID, origin.evidence.SOPInstanceUID
