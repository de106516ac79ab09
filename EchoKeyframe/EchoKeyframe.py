"""The Slicer module EchoKeyframe: loads a cine loop, finds its ED and ES frames in the background, jumps to them."""

import logging
import os
import sys
import unittest
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

#
# EchoKeyframe
#


class EchoKeyframe(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = "EchoKeyframe"
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Cardiac"), "Ultrasound"]
        self.parent.dependencies = ["Sequences", "Plots", "Markups", "Segmentations"]
        self.parent.contributors = ["EchoKeyframe contributors"]
        self.parent.helpText = _(
            "Finds the end-diastolic (ED) and end-systolic (ES) frames of an echocardiography cine loop, in the "
            "background, and bookmarks them on its sequence. Load a file or choose a sequence, press <b>Detect</b>, "
            "click a keyframe to jump to it, correct it where you disagree. For research; not a medical device."
        )
        self.parent.acknowledgementText = _(
            "The network follows the ResNet and Video Swin Transformer of the published method that the README "
            "names; network blocks are torchvision's. Sample loop: pydicom's test data."
        )
        slicer.app.connect("startupCompleted()", on_startup_completed)
        # Slicer puts this folder behind its site-packages, where another version of the library may be installed.
        folder = os.path.dirname(os.path.abspath(__file__))
        if sys.path[0] != folder:
            sys.path.insert(0, folder)


def on_startup_completed():
    """What needs the application's other modules."""
    from EchoKeyframeLib.panel import startup

    startup.start(load_sample, Path(__file__).parent / "Resources" / "Icons" / "EchoKeyframe.png")


def load_sample(_source=None):
    """Open the module and load its sample loop."""
    slicer.util.selectModule("EchoKeyframe")
    slicer.modules.EchoKeyframeWidget.load_sample()


#
# EchoKeyframeParameterNode
#


@parameterNodeWrapper
class EchoKeyframeParameterNode:
    """The panel's choices, saved with the scene. Progress is not: it means nothing in another session.

    sequence: the loop to work on. secondSequence: the other apical view, for biplane volumes. detector: as
    the panel lists it. device: as ``choose_device`` takes it. orientation: as on the command line.
    """

    sequence: slicer.vtkMRMLSequenceNode
    secondSequence: slicer.vtkMRMLSequenceNode
    detector: str = "auto"
    device: Annotated[str, Choice(["auto", "cpu", "cuda", "mps"])] = "auto"
    orientation: Annotated[str, Choice(["auto", "upright", "apex-down"])] = "auto"
    detectOnLoad: bool = True


#
# EchoKeyframeWidget
#


class EchoKeyframeWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel. Its sections live in EchoKeyframeLib.panel; here they are joined to the logic and the scene."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None

    def setup(self):
        """Called when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        from EchoKeyframeLib.panel.advanced_panel import AdvancedPanel
        from EchoKeyframeLib.panel.detectors.detector_list import DetectorList
        from EchoKeyframeLib.panel.detectors.orientation_list import OrientationList
        from EchoKeyframeLib.panel.hand_on_panel import HandOnPanel
        from EchoKeyframeLib.panel.keyframes.keyframe_panel import KeyframePanel
        from EchoKeyframeLib.panel.layouts import arrangements
        from EchoKeyframeLib.panel.measuring.measure_panel import MeasurePanel
        from EchoKeyframeLib.panel.progress_panel import ProgressPanel
        from EchoKeyframeLib.panel.toolbar_actions import ToolbarActions

        uiWidget = slicer.util.loadUI(self.resourcePath("UI/EchoKeyframe.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)

        self.logic = EchoKeyframeLogic()
        self.progress = ProgressPanel(self.ui, self.logic.jobs, lambda text: self.say(text), self.on_report,
                                      self.update_buttons)  # fmt: skip
        self.keyframes = KeyframePanel(self.ui, self.say, arrangements.bring_up)
        self.detectors = DetectorList(self.ui.detectorSelector, self.logic.detectors, lambda: self._parameterNode)
        self.measure = MeasurePanel(self.ui, self.logic, self.keyframes, self.say, self.start, self.choice)
        self.handOn = HandOnPanel(self.ui, self.logic, self.keyframes, self.say, self.start, self.show_loaded)
        self.orientation = OrientationList(self.ui.orientationSelector, lambda: self._parameterNode)
        self.advanced = AdvancedPanel(self.ui, self.logic, self.say, self.start, self.detectors.update)
        self.toolbar = ToolbarActions(self.keyframes.step)
        self.ui.loadButton.connect("clicked()", lambda: self.load(self.ui.filePathLineEdit.currentPath))
        self.ui.detectButton.connect("clicked()", lambda: self.detect(self.sequence))
        self.ui.detectAllButton.connect("clicked()", self.detect_all)
        for event, slot in (
            (slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose),
            (slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose),
            (slicer.mrmlScene.EndImportEvent, self.onSceneEndImport),
            (slicer.mrmlScene.NodeAboutToBeRemovedEvent, self.onNodeAboutToBeRemoved),
            (slicer.mrmlScene.NodeRemovedEvent, self.onNodeRemoved),
        ):
            self.addObserver(slicer.mrmlScene, event, slot)
        self.detectors.update()
        self.initializeParameterNode()

    def cleanup(self):
        """Called when the module is unloaded or reloaded, and when the application ends."""
        self.progress.stop()
        self.setParameterNode(None)
        self.removeObservers()
        self.measure.stop()
        self.keyframes.stop()
        self.toolbar.remove()
        self.logic.stop()

    def onReload(self):
        """The developer's button: what the module is made of is read anew, too."""
        for name in [name for name in sys.modules if name.partition(".")[0] == "EchoKeyframeLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)
        from EchoKeyframeLib.panel.layouts import arrangements

        arrangements.start_upkeep()

    def enter(self):
        """Called each time the module is opened."""
        self.initializeParameterNode()
        self.toolbar.set_shortcuts(True)
        self.logic.prepare()
        self.advanced.refresh()

    def exit(self):
        """Called each time another module is opened."""
        self.toolbar.set_shortcuts(False)

    def onSceneStartClose(self, caller, event):
        """What runs is for nodes that are about to go."""
        self.progress.end_with_scene()
        self.setParameterNode(None)
        self.show_sequence()

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()
        self.show_sequence()

    def onSceneEndImport(self, caller, event):
        """Only now do the nodes of a scene that was read know each other; what was known of them before is outdated."""
        self.setParameterNode(None)
        self.onSceneEndClose(caller, event)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeAboutToBeRemoved(self, caller, event, node):
        """Before a selector goes on to the next loop of its list, as Qt's lists do: nobody chose that one."""
        parameters = self._parameterNode
        if node is None or not parameters or self.scene_in_flux:
            return
        for name in ("sequence", "secondSequence"):
            if node is getattr(parameters, name):
                setattr(parameters, name, None)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeRemoved(self, caller, event, node):
        if node is not None and not self.scene_in_flux:
            self.keyframes.on_removed(node)

    @property
    def scene_in_flux(self):
        """Whether nodes of the scene are being read or removed as a whole."""
        return slicer.mrmlScene.IsImporting() or slicer.mrmlScene.IsClosing()

    def initializeParameterNode(self):
        if self._parameterNode is None:
            self.setParameterNode(self.logic.getParameterNode())
        if not self._parameterNode.sequence:
            from EchoKeyframeLib.scene import image_sequences

            self._parameterNode.sequence = next(iter(image_sequences(slicer.mrmlScene)), None)

    def setParameterNode(self, parameterNode):
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
        self._parameterNode = parameterNode
        if self._parameterNode:
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
            self.onParametersChanged()

    def onParametersChanged(self, caller=None, event=None):
        if self.scene_in_flux:
            return
        self.detectors.show(self._parameterNode.detector)
        self.orientation.show(self._parameterNode.orientation)
        self.show_sequence()

    @property
    def sequence(self):
        """The chosen sequence, or None."""
        return self._parameterNode.sequence if self._parameterNode else None

    def show_sequence(self):
        """Let keyframes and measurement follow the chosen sequences."""
        from EchoKeyframeLib.panel.layouts import arrangements

        sequence, other = self.sequence, self._parameterNode.secondSequence if self._parameterNode else None
        if sequence is not self.keyframes.sequence:
            self.keyframes.show(sequence)
            if sequence is not None and not self.scene_in_flux:
                arrangements.bring_up(sequence)
        self.measure.show(sequence, other)
        self.update_buttons()

    def choice(self):
        """What to detect with, as chosen in the panel."""
        from EchoKeyframeLib.panel.jobs.jobs import DetectorChoice

        device = self._parameterNode.device if self._parameterNode else "auto"
        return DetectorChoice(self.detectors.chosen, device, self.orientation.chosen)

    def load(self, path):
        """Load a file in the background, and detect in it if that is chosen."""
        then = self.choice() if self.ui.detectOnLoadCheckBox.checked else None
        self.ui.filePathLineEdit.addCurrentPathToHistory()
        self.start(lambda: self.logic.load(path, then))

    def load_sample(self):
        """Load pydicom's four-chamber loop, or a simulated one where pydicom was stripped of it."""
        from EchoKeyframeLib.panel import sample

        path = sample.sample_file()
        if path is not None:
            self.load(path)
        else:
            self.show_loaded(self.logic.add_simulated_loop())

    def detect(self, sequence):
        """Detect in a sequence in the background."""
        self.initializeParameterNode()
        if sequence is not None:
            self._parameterNode.sequence = sequence
        self.start(lambda: self.logic.detect(sequence, self.choice()))

    def detect_all(self):
        """Detect in every loop of the scene, one after another."""
        self.start(lambda: self.logic.detect_all(self.choice()))

    def cancel(self):
        """Give up everything that is under way."""
        self.progress.cancel()

    def start(self, request):
        """Make a request; what it raises is a line in the panel."""
        self.progress.start(request)

    def on_report(self, report):
        """Show what came of a load, detection, comparison or tracing."""
        if report.kind == "begun":
            self.logic.show_in_views(report.sequence)
        elif report.kind == "loaded":
            self.show_loaded(report.sequence)
        elif report.kind == "compared":
            self.advanced.offer_repair(report)
            self.measure.show_pixel_size()
        elif report.kind == "traced":
            self.measure.show_found(report.sequence, report.message)
        elif report.kind == "detected" and report.sequence is self.keyframes.sequence:
            self.keyframes.show_detection()

    def show_loaded(self, sequence):
        """Choose a sequence that was just loaded, and show it in the views."""
        from EchoKeyframeLib.panel.layouts import arrangements

        self.initializeParameterNode()
        self._parameterNode.sequence = sequence
        arrangements.show_loop_alone()
        self.logic.show_in_views(sequence)

    def say(self, text):
        """One thing that the person should know."""
        self.ui.statusLabel.text = text
        logging.info("EchoKeyframe: %s", text)

    def update_buttons(self):
        sequence = self.sequence
        self.ui.detectButton.enabled = sequence is not None and not self.logic.jobs.is_under_way(sequence)
        if not self.logic.jobs.busy:
            self.advanced.refresh_worker()


#
# EchoKeyframeLogic
#


class EchoKeyframeLogic(ScriptedLoadableModuleLogic):
    """Everything that the panel does, for other modules and scripts. Needs neither the panel nor an open module.

    ``jobs.poll`` has to be called now and then while something is under way; ``wait`` does so.
    """

    resources = Path(__file__).parent / "Resources"

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        from EchoKeyframeLib.panel.detectors.weights_folder import Detectors
        from EchoKeyframeLib.panel.jobs.jobs import Jobs
        from EchoKeyframeLib.panel.packages.interpreter import python_interpreter
        from EchoKeyframeLib.worker.process import Worker

        settings = Path(slicer.app.slicerUserSettingsFilePath).parent
        self.detectors = Detectors(settings / "EchoKeyframe" / "weights")
        worker = Worker(
            command=(python_interpreter(),),
            environment=slicer.util.startupEnvironment(),
            parent_folder=Path(slicer.app.temporaryPath),
        )
        self.jobs = Jobs(lambda: slicer.mrmlScene, worker)

    def getParameterNode(self):
        return EchoKeyframeParameterNode(super().getParameterNode())

    def prepare(self):
        """Start the background process, where the packages that it needs are there: the first file then loads sooner.
        Asks and tells nothing."""
        from EchoKeyframeLib.panel.packages import dependencies
        from EchoKeyframeLib.worker.process import WorkerError

        if dependencies.are_listed_there(self.resources / "requirements.txt"):
            with suppress(WorkerError):
                self.jobs.prepare()

    def load(self, path, then=None, labels=None):
        """Load a file in the background; ``then`` (a DetectorChoice) detects in it, ``labels`` (ClipLabels) become its
        keyframes. Raises as ``detect``."""
        self.ensure_packages(then)
        return self.jobs.load(path, then, labels)

    def detect(self, sequence, choice):
        """Detect in a sequence in the background. Raises SceneError, WorkerError, RuntimeError (packages declined)."""
        from EchoKeyframeLib.scene import SceneError

        if sequence is None:
            raise SceneError("no sequence is chosen; load a cine loop or choose a sequence")
        self.ensure_packages(choice)
        return self.jobs.detect(sequence, choice)

    def compare(self, sequence, path):
        """Compare a sequence with the file it came from, in the background. Raises as ``detect``."""
        self.ensure_packages()
        return self.jobs.compare(sequence, path)

    def trace(self, sequence, wanted, choice):
        """Find LV contours in a sequence in the background: of beats, by their number, on these keyframes
        (``wanted_contours``), on the device and with the orientation of a DetectorChoice. Raises as ``detect``."""
        self.ensure_packages()
        return self.jobs.trace(sequence, wanted, choice)

    def detect_all(self, choice):
        """Detect in every loop of the scene. Raises as ``detect``."""
        from EchoKeyframeLib.scene import SceneError, image_sequences

        loops = [loop for loop in image_sequences(slicer.mrmlScene) if not self.jobs.is_under_way(loop)]
        if not loops:
            raise SceneError("there is no cine loop in the scene; load one first")
        self.ensure_packages(choice)
        return [self.jobs.detect(loop, choice) for loop in loops]

    def ensure_packages(self, choice=None, dicom=False):
        """Install what is missing, after asking: for a detector, for DICOM documents. Raises RuntimeError if the person
        declines."""
        from EchoKeyframeLib.panel.packages import dependencies

        dependencies.ensure_listed(self.resources / "requirements.txt")
        if dicom:
            dependencies.ensure_listed(self.resources / "requirements-dicom.txt")
        if choice is not None:
            dependencies.ensure_runtime(choice.model)

    def add_simulated_loop(self):
        """Put a drawn loop into the scene and return its sequence."""
        from EchoKeyframeLib.panel.sample import simulated_loop
        from EchoKeyframeLib.scene import add_cine_sequence

        return add_cine_sequence(slicer.mrmlScene, simulated_loop())[0]

    def show_in_views(self, sequence):
        """Show a sequence in the slice views and the sequence toolbar."""
        from EchoKeyframeLib.panel.layouts import arrangements

        arrangements.show_in_views(sequence)

    def wait(self, seconds=120.0):
        """Poll until nothing is under way, with the application alive; returns the reports. Raises TimeoutError."""
        return self.jobs.wait(slicer.app.processEvents, seconds)

    def stop(self):
        """Drop what is under way and end the background process."""
        self.jobs.stop()


#
# EchoKeyframeTest
#


class EchoKeyframeTest(ScriptedLoadableModuleTest):
    """Loads the sample, detects with the motion detector, checks keyframes, bookmarks, chart, saving and reloading."""

    def setUp(self):
        from EchoKeyframeLib.panel.packages import dependencies

        slicer.mrmlScene.Clear()
        missing = dependencies.missing(EchoKeyframeLogic.resources / "requirements.txt")
        if missing:  # nothing is installed while tests run
            raise unittest.SkipTest(f"not installed: {', '.join(missing)}")

    def runTest(self):
        """Slicer's button "Reload and Test"."""
        try:
            for test in (self.test_sample_to_keyframes, self.test_bad_input_is_told):
                self.setUp()
                test()
        except unittest.SkipTest as skip:
            self.delayDisplay(f"Skipped, {skip}")

    def test_sample_to_keyframes(self):
        from EchoKeyframeLib.panel import self_test

        self.delayDisplay("Loading the sample and detecting")
        self_test.check_sample(self, EchoKeyframeLogic())
        self.delayDisplay("Test passed")

    def test_bad_input_is_told(self):
        from EchoKeyframeLib.panel import self_test

        self_test.check_bad_input(self, EchoKeyframeLogic())
