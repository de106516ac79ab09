"""The names under which keyframes stand in a scene. Docs/scene-contract.md explains them to other extensions.

Saved scenes and other extensions rely on these strings: they do not change.
"""

from __future__ import annotations

from ..detection.keyframes import Phase

TABLE_REFERENCE = "EchoKeyframe.KeyframeTable"
"""Node reference from a sequence node, and from its browser node, to the vtkMRMLTableNode that holds its keyframes."""

SEQUENCE_REFERENCE = "EchoKeyframe.Sequence"
"""Node reference from a keyframe table, curve table, chart or side-by-side browser to its vtkMRMLSequenceNode."""

BROWSER_REFERENCE = "EchoKeyframe.Browser"
"""Node reference from a keyframe table to the vtkMRMLSequenceBrowserNode that plays its sequence."""

CHART_REFERENCE = "EchoKeyframe.Chart"
"""Node reference from a sequence node to the vtkMRMLPlotChartNode with its curves."""

CURVES_REFERENCE = "EchoKeyframe.Curves"
"""Node references from a sequence node to one vtkMRMLTableNode per detector that ran on it."""

MARKERS_REFERENCE = "EchoKeyframe.Markers"
"""Node reference from a chart to the vtkMRMLTableNode behind its keyframe markers."""

SIDE_BY_SIDE_REFERENCE = {Phase.ED: "EchoKeyframe.BrowserED", Phase.ES: "EchoKeyframe.BrowserES"}
"""Node references from a sequence node to the extra browsers that hold one ED and one ES frame."""

PHASE_VIEWS = {Phase.ED: "KeyframeED", Phase.ES: "KeyframeES"}
"""Layout names of the two slice views that show a beat's ED and ES side by side."""

CHART_VIEW = "PlotView1"
"""Layout name of the plot view that shows charts, Slicer's first."""

PHASE_ATTRIBUTE = "CardiacCyclePhase"
"""Attribute of a sequence's data nodes; ``PHASE_VALUES`` are the values that stand for a keyframe."""

PHASE_VALUES = {Phase.ED: "end-diastole", Phase.ES: "end-systole"}
PHASE_COLORS = {Phase.ED: (0.0, 1.0, 1.0), Phase.ES: (1.0, 1.0, 0.0)}
"""RGB in [0, 1] over images, which are dark."""
PLOT_COLORS = {Phase.ED: (0.0, 0.45, 0.7), Phase.ES: (0.84, 0.37, 0.0)}
"""RGB in [0, 1] in plots, whose background is cream, (255, 253, 246), and fixed: blue and orange."""
PLOT_GRAY = (0.45, 0.45, 0.45)
"""RGB in [0, 1] of lines in plots that stand for no phase."""

CONFIDENCE_ATTRIBUTE = "EchoKeyframe.Confidence"
"""Attribute of a data node with a keyframe: its confidence in [0, 1] as text."""

KEYFRAME_SOURCE_ATTRIBUTE = "EchoKeyframe.KeyframeSource"
"""Attribute of a data node with a keyframe: ``auto`` or ``manual``."""

IMAGE_ATTRIBUTE, DEGRADED_IMAGE = "EchoKeyframe.Image", "degraded"
"""Attribute of a data node with a keyframe whose image is unfit for measurement, absent on others; and its value."""

TURN_ATTRIBUTE, UNSEEN_TURN = "EchoKeyframe.Turn", "unseen"
"""Attribute of a data node with a keyframe beside which the clip ends before the turn is seen, absent on others; and
its value."""

INSTANCE_UIDS_ATTRIBUTE = "DICOM.instanceUIDs"
"""Attribute of data nodes, Slicer's own: SOP Instance UID (0008,0018) of the file that a frame came from."""

SOURCE_NAME_ATTRIBUTE = "EchoKeyframe.SourceName"
"""Attribute of a sequence node that was loaded from a file: its name without folders."""

TIMING_ATTRIBUTE = "EchoKeyframe.Timing"
"""Attribute of a sequence node: where its frame times come from (``Cine.timing``)."""

SPACING_ATTRIBUTE = "EchoKeyframe.Spacing"
"""Attribute of a sequence node: ``calibrated`` (mm), ``given`` (mm, on a person's word), or ``unknown`` where the
volumes' 1 mm is a placeholder."""

HEART_RATE_ATTRIBUTE = "EchoKeyframe.HeartRate"
"""Attribute of a sequence node: beats per minute as its file states them (``Cine.heart_rate``), absent if unknown."""

VIEW_ATTRIBUTE = "EchoKeyframe.View"
"""Attribute of a sequence node: the standard view (``Cine.view``), absent if unknown."""

DETECTOR_ATTRIBUTE = "EchoKeyframe.Detector"
"""Attribute of a curve table: the name of the detector that made it."""

MODEL_ATTRIBUTE = "EchoKeyframe.Model"
"""Attribute of a keyframe table: detector and version of its weights, absent if no detection has run."""

PIECES_ATTRIBUTE = "EchoKeyframe.Pieces"
"""Attribute of a keyframe table: the pieces of a film that is cut, ``first-last`` frame each, with ``r`` behind those
that replay others, such as ``0-39 40-79r``; absent where there is one piece."""

VOLUMES_REFERENCE = "EchoKeyframe.KeyframeVolumes"
"""Node references from a sequence node to the volumes that were extracted from it, one a frame."""

FRAME_ATTRIBUTE = "EchoKeyframe.Frame"
"""Attribute of an extracted volume or a contour: its frame in the sequence, from 0."""

TIME_ATTRIBUTE = "EchoKeyframe.Time"
"""Attribute of an extracted volume: its frame's time in s."""

BEAT_ATTRIBUTE = "EchoKeyframe.Beat"
"""Attribute of an extracted volume, and of its beat's folder in the subject hierarchy: the beat's number, from 1."""

LOOP_FOLDER_ATTRIBUTE = "EchoKeyframe.Loop"
"""Attribute of the folder in the subject hierarchy that holds a loop's beats."""

CONTOURS_REFERENCE = "EchoKeyframe.Contours"
"""Node references from a sequence node to the vtkMRMLMarkupsCurveNodes with LV contours, one for each keyframe."""

FOUND_ATTRIBUTE = "EchoKeyframe.FoundPoints"
"""Attribute of a contour that was found: its control points as they were found, ``x,y`` in pixels, separated by blanks;
a person who moves one has corrected the contour, whose source is ``manual`` from then on. Absent on drawn ones."""

DOUBTS_ATTRIBUTE = "EchoKeyframe.Doubts"
"""Attribute of a contour that was found: what speaks against it, a JSON list of words; absent if nothing."""

ACCEPTED_ATTRIBUTE = "EchoKeyframe.Accepted"
"""Attribute of a contour that was found, ``yes`` where a person has let it stand; absent else."""

TRACER_ATTRIBUTE = "EchoKeyframe.Tracer"
"""Attribute of a sequence node: name and version of what found contours on it, absent if nothing has."""

TRACING_NOTES_ATTRIBUTE = "EchoKeyframe.TracingNotes"
"""Attribute of a sequence node: what was doubted or refused when contours were found, a JSON list of texts."""

AXIS_REFERENCE = "EchoKeyframe.LongAxis"
"""Node reference from a contour to the vtkMRMLMarkupsLineNode with its long axis, from annulus to apex."""

AXIS_ATTRIBUTE = "EchoKeyframe.LongAxis"
"""Attribute of a long axis: ``auto`` (found from the contour) or ``manual`` (a person set the apex)."""

DISKS_REFERENCE = "EchoKeyframe.Disks"
"""Node reference from a contour to the vtkMRMLModelNode that draws its disks."""

MEASUREMENT_REFERENCE = "EchoKeyframe.Measurement"
"""Node reference from a sequence node to the vtkMRMLTableNode with its LV volumes and ejection fraction."""

METHOD_ATTRIBUTE = "EchoKeyframe.Method"
"""Attribute of a measurement table: how volumes were measured."""

VOLUME_CHART_REFERENCE = "EchoKeyframe.VolumeChart"
"""Node reference from a sequence node to the vtkMRMLPlotChartNode with its volume at each keyframe."""

VOLUME_CURVE_REFERENCE = "EchoKeyframe.VolumeCurve"
"""Node reference from a sequence node to the vtkMRMLTableNode with its volume on every frame, where it was found."""

LOADING_ATTRIBUTE = "EchoKeyframe.Loading"
"""Attribute of a sequence node whose frames are still being added, absent once it is complete: leave it alone."""

REGION_ATTRIBUTE = "EchoKeyframe.Region"
"""Attribute of a sequence node: the calibrated region as ``x0 y0 x1 y1`` in pixels, half open; absent if unknown."""

NOTES_ATTRIBUTE = "EchoKeyframe.Notes"
"""Attribute of a sequence node: what to know about how its file was read, a JSON list of texts; absent if nothing."""

FRAME_NUMBER_ATTRIBUTE = "EchoKeyframe.FrameNumber"
"""Attribute of a data node: its number in the DICOM file, from 1, where that is not its place in the sequence."""

COLUMNS = ("Beat", "Phase", "Frame", "Index value", "Time", "Confidence", "Source", "Image", "Turn")
"""Columns of the keyframe table, one row a keyframe in time order; others may follow in a later version."""
