"""``slicer.app`` and ``slicer.modules``, and a person who opens modules and presses buttons."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from .error_log import ErrorLogModel
from .mrml_widgets import qMRMLPlotView, qMRMLWidget
from .pythonqt import QToolBar


class Modules:
    """``slicer.modules``: only what was put there."""


class LayoutManager:
    """The views that the layout node asks for."""

    def __init__(self, logic):
        self._logic, self._plots = logic, {}

    def layoutLogic(self):
        return self._logic

    @property
    def plotViewCount(self):
        return slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLPlotViewNode")

    def plotWidget(self, index):
        node = slicer.mrmlScene.GetNthNodeByClass(index, "vtkMRMLPlotViewNode")
        view = self._plots.setdefault(node.GetID(), qMRMLPlotView())
        return SimpleNamespace(plotView=lambda: view, mrmlPlotViewNode=lambda: node)

    def mrmlSliceLogics(self):
        return vtk.vtkCollection()


class MainWindow(QtWidgets.QMainWindow):
    """The main window's menu of layouts, in a toolbar as in Slicer's."""

    def __init__(self, layout):
        super().__init__()
        bar = QtWidgets.QToolBar(self)
        bar.setObjectName("ViewToolBar")
        button = QtWidgets.QToolButton(self)
        self.layout_menu = QtWidgets.QMenu(self)
        self.layout_menu.triggered.connect(lambda action: layout.GetLayoutNode().SetViewArrangement(action.data()))
        button.setMenu(self.layout_menu)
        bar.addWidget(button)
        self.addToolBar(bar)

    def findChild(self, class_name, name):
        """PythonQt's takes the name of a class."""
        return super().findChild(getattr(QtWidgets, class_name), name)


class SequenceToolBar(QToolBar):
    """qMRMLSequenceBrowserToolBar: its selector lists browsers that are not hidden."""

    def __init__(self):
        super().__init__()
        self._browser = None

    def activeBrowserNode(self):
        return self._browser if self._browser is not None and self._browser.GetScene() is not None else None

    def setActiveBrowserNode(self, browser):
        self._browser = browser if browser is not None and not browser.GetHideFromEditors() else None


class Application:
    """``slicer.app``. What Slicer's does not have begins with an underscore or is said to be the person's."""

    applicationName = "Slicer"

    def __init__(self, folder: Path):
        self._qt = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
        self._folder, self._started, self._kept = folder, [], None
        self.temporaryPath = str(folder)
        self.slicerHome = str(folder)
        self.slicerUserSettingsFilePath = str(folder / "Slicer.ini")
        self.failures = []
        self._error_log = ErrorLogModel()
        sys.excepthook = self._on_exception

    def _on_exception(self, kind, error, trace):
        """A traceback that would stand in Slicer's console."""
        self.failures.append(error)
        sys.__excepthook__(kind, error, trace)

    def errorLogModel(self):
        return self._error_log

    def connect(self, signature, slot):
        if signature != "startupCompleted()":
            raise AttributeError(f"the stand-in's application has no signal {signature}")
        self._started.append(slot)

    def processEvents(self):
        self._qt.processEvents()

    def testingEnabled(self):
        return True

    def commandOptions(self):
        return SimpleNamespace(noMainWindow=False, runPythonAndExit=False)

    def topLevelWidgets(self):
        return self._qt.topLevelWidgets()

    def exit(self, status):
        self._qt.exit(status)

    def run_script(self, script, arguments):
        """``--python-script``: run a script once the loop runs; the code that it exits with."""

        def execute():
            sys.argv = [str(script), *arguments]
            content = {"__name__": "__main__", "__file__": str(script)}
            exec(compile(Path(script).read_text("utf-8"), str(script), "exec"), content)

        QtCore.QTimer.singleShot(0, execute)
        return self._qt.exec()

    def layoutManager(self):
        return self._layout_manager

    def startupEnvironment(self):
        return QtCore.QProcessEnvironment.systemEnvironment()

    def new_scene(self):
        """Set up the scene with the logics that an application has."""
        from mrml_scene import new_scene

        self._kept = new_scene(self._folder)
        layout = slicer.vtkMRMLLayoutLogic()
        layout.SetMRMLScene(self._kept.scene)
        self._layout_manager = LayoutManager(layout)
        window = MainWindow(layout)
        slicer.util.mainWindow = lambda: window
        toolbar = SequenceToolBar()
        slicer.modules.sequences = SimpleNamespace(
            toolBar=lambda: toolbar,
            logic=lambda: next(logic for logic in self._kept.logics if logic.IsA("vtkSlicerSequencesLogic")),
            setToolBarActiveBrowserNode=toolbar.setActiveBrowserNode,
            showSequenceBrowser=lambda browser: True,
        )
        return self._kept.scene

    def load_module(self, path: Path):
        """The application starts with this module: returns the module object."""
        import importlib

        name = path.stem
        sys.path.insert(0, str(path.parent))
        representation = lambda: getattr(slicer.modules, f"{name}Widget").parent  # noqa: E731
        parent = SimpleNamespace(path=str(path), title="", name=name, widgetRepresentation=representation)
        setattr(slicer.modules, name.lower(), parent)
        module = getattr(importlib.import_module(name), name)(parent)
        for slot in self._started:
            slot()
        return module

    def select_module(self, module):
        """``slicer.util.selectModule``: opens a module, whose widget is made the first time."""
        attribute = f"{module}Widget"
        if not hasattr(slicer.modules, attribute):
            _ModuleWidget(module).reload()
        widget = getattr(slicer.modules, attribute)
        widget.parent._entered = True
        widget.enter()
        widget.parent.resize(440, 960)
        widget.parent.show()
        return widget

    def leave_module(self, module):
        """The person opens another module."""
        widget = getattr(slicer.modules, f"{module}Widget")
        widget.parent._entered = False
        widget.exit()

    def unload_module(self, module):
        """The module is reloaded, or the application ends."""
        widget = getattr(slicer.modules, f"{module}Widget")
        self.leave_module(module)
        widget.cleanup()
        widget.parent.hide()
        delattr(slicer.modules, f"{module}Widget")


class _ModuleWidget(qMRMLWidget):
    """qSlicerScriptedLoadableModuleWidget: what a module's widget stands in."""

    def __init__(self, module):
        super().__init__()
        self._module, self._entered = module, False
        QtWidgets.QVBoxLayout(self)

    def reload(self):
        """Make the widget anew from the module's source, as it was imported last."""
        attribute = f"{self._module}Widget"
        widget = getattr(sys.modules[self._module], attribute)(self)
        setattr(slicer.modules, attribute, widget)
        widget.setup()

    isEntered = QtCore.Property(bool, lambda self: self._entered)
