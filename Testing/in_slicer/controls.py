"""Where the walkthrough finds each control: by what it does, to the name of a widget or the place of an action.

A panel that is laid out anew changes this file, and no step. A name is a widget's ``objectName`` in the module's panel
(``PANEL``), in the application's sequence toolbar (``TOOLBAR``), or in another module's panel.
"""

MODULE, SAMPLE_MODULE = "EchoKeyframe", "SampleData"
SAMPLE_CATEGORY, SAMPLE_NAME = "EchoKeyframe", "FourChamberEcho"

QUICK_DETECTOR = "motion"
"""The entry of the list of detectors that needs neither weights nor PyTorch."""

SECTIONS = {
    "loop": "cineSection",
    "detection": "detectionSection",
    "keyframes": "keyframeSection",
    "measure": "measureSection",
    "hand on": "handOnSection",
    "advanced": "advancedSection",
}
"""Sections of the panel that fold."""

PANEL = {
    # loop
    "file to load": "filePathLineEdit",
    "load": "loadButton",
    "loop": "sequenceSelector",
    "detect when loaded": "detectOnLoadCheckBox",
    # detection
    "detector": "detectorSelector",
    "detect": "detectButton",
    "detect all": "detectAllButton",
    "cancel": "cancelButton",
    "progress": "progressBar",
    "status": "statusLabel",
    # keyframes
    "summary": "summaryLabel",
    "position": "seekWidget",
    "strip": "stripPlace",
    "previous ED": "previousEdButton",
    "next ED": "nextEdButton",
    "previous ES": "previousEsButton",
    "next ES": "nextEsButton",
    "keyframes": "keyframeTable",
    "add ED": "addEdButton",
    "add ES": "addEsButton",
    "undo": "undoButton",
    "move here": "moveButton",
    "change phase": "phaseButton",
    "remove": "removeButton",
    "charts": "chartButton",
    "side by side": "sideBySideButton",
    # measure
    "measure section": "measureSection",
    "view": "viewSelector",
    "second view": "secondSelector",
    "pixel size": "pixelSizeBox",
    "contours automatically": "autoButton",
    "all measurable beats": "autoAllButton",
    "accept": "acceptButton",
    "trace ED": "traceEdButton",
    "trace ES": "traceEsButton",
    "propose other": "proposeButton",
    "reset axis": "axisButton",
    "remove contour": "removeContourButton",
    "disks": "disksCheckBox",
    "measure hint": "measureHintLabel",
    "segment": "segmentSelector",
    "use segment": "segmentButton",
    "results": "measurementTable",
    "doubts": "measurementLabel",
    "copy results": "copyButton",
    "volume chart": "volumeChartButton",
    # hand on
    "extract beat": "extractBeatButton",
    "extract all": "extractAllButton",
    "store loop": "storeLoopButton",
    "open folder": "openLabelledButton",
    "save contours": "saveContoursButton",
    "open contours": "openContoursButton",
    "save key object": "saveKeyObjectButton",
    "open key object": "keyObjectButton",
    "hand on hint": "handOnLabel",
    # advanced
    "worker state": "workerLabel",
    "release": "releaseButton",
    "compare with file": "repairButton",
    "apex of the image": "orientationSelector",
}

COLUMNS = {"phase": 1, "frame": 2, "set by": 5}
"""Columns of the table of keyframes."""

EJECTION_FRACTION = "EF"
"""How the row of the ejection fraction begins in the table of results."""

TOOLBAR = {"play": "pushButton_VcrPlayPause", "rate": "doubleSpinBox_VcrPlaybackRate"}
"""Slicer's own."""

TOOLBAR_ACTIONS = {"previous keyframe": "Previous keyframe", "next keyframe": "Next keyframe"}
"""The module's, in the sequence toolbar, by their texts."""

LAYOUTS = {"side by side": 35170, "chart": 35171}
"""Numbers of the module's arrangements in vtkMRMLLayoutNode."""
LOOP_VIEW, CHART_VIEW, PAIR_VIEWS = "Red", "PlotView1", ("KeyframeED", "KeyframeES")
"""Layout names of the views that show the loop, its chart, and the two frames of a beat."""
LAYOUT_VIEWS = {"side by side": PAIR_VIEWS, "chart": (LOOP_VIEW, CHART_VIEW)}
