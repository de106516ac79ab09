"""Slicer's widgets that show MRML nodes, as far as the module's .ui file names them."""

from __future__ import annotations

import vtk
from PySide6 import QtCore, QtWidgets

from .pythonqt import WIDGETS, PythonQtObject

__all__ = ["qMRMLNodeComboBox", "qMRMLPlotView", "qMRMLSegmentSelectorWidget", "qMRMLSequenceBrowserSeekWidget",
           "qMRMLWidget"]  # fmt: skip


class qMRMLWidget(PythonQtObject, QtWidgets.QWidget):
    """A widget that knows the scene."""

    scene_changed = QtCore.Signal(object)
    mrml_signals = {"mrmlSceneChanged(vtkMRMLScene*)": "scene_changed"}  # noqa: RUF012

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene):
        self._scene = scene
        self.scene_changed.emit(scene)


class qMRMLNodeComboBox(PythonQtObject, QtWidgets.QWidget):
    """Chooses a node of some classes."""

    node_changed = QtCore.Signal(object)
    mrml_signals = {"currentNodeChanged(vtkMRMLNode*)": "node_changed"}  # noqa: RUF012

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene, self._types, self._flags, self._tags = None, [], {}, []
        self._combo = QtWidgets.QComboBox()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._combo)
        self._combo.currentIndexChanged.connect(lambda _index: self.node_changed.emit(self.currentNode()))

    def _set_types(self, types):
        self._types = list(types)

    nodeTypes = QtCore.Property("QStringList", lambda self: self._types, _set_types)
    addEnabled = QtCore.Property(bool, lambda self: False, lambda self, on: None)
    removeEnabled = QtCore.Property(bool, lambda self: False, lambda self, on: None)
    renameEnabled = QtCore.Property(bool, lambda self: False, lambda self, on: None)
    noneEnabled = QtCore.Property(bool, lambda self: True, lambda self, on: None)

    def setMRMLScene(self, scene):
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._scene = scene
        events = (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent)
        self._tags = [scene.AddObserver(event, self._refresh) for event in events]
        self._refresh()

    def mrmlScene(self):
        return self._scene

    def currentNode(self):
        identifier = self._combo.currentData()
        return self._scene.GetNodeByID(identifier) if identifier and self._scene is not None else None

    def setCurrentNode(self, node):
        self._refresh()
        self._combo.setCurrentIndex(max(0, self._combo.findData(node.GetID() if node is not None else None)))

    def _refresh(self, *_arguments):
        before, row = self.currentNode(), self._combo.currentIndex()
        self._combo.blockSignals(True)
        self._combo.clear()
        self._combo.addItem("None", None)
        for class_name in self._types:
            for i in range(self._scene.GetNumberOfNodesByClass(class_name)):
                node = self._scene.GetNthNodeByClass(i, class_name)
                self._combo.addItem(node.GetName(), node.GetID())
        index = self._combo.findData(before.GetID()) if before is not None else -1
        # Qt's own: where the current row goes, the one that follows is current.
        self._combo.setCurrentIndex(index if index >= 0 else max(0, min(row, self._combo.count() - 1)))
        self._combo.blockSignals(False)
        if self.currentNode() is not before:
            self.node_changed.emit(self.currentNode())


class qMRMLSequenceBrowserSeekWidget(qMRMLWidget):
    """A slider over a browser's items."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._browser, self._tag = None, None
        self._slider = QtWidgets.QSlider(QtCore.Qt.Horizontal)
        self._label = QtWidgets.QLabel()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider)
        layout.addWidget(self._label)
        self._slider.valueChanged.connect(self.setSelectedItemNumber)
        self._update()

    def slider(self):
        return self._slider

    def setMRMLSequenceBrowserNode(self, browser):
        if self._browser is not None:
            self._browser.RemoveObserver(self._tag)
        self._browser = browser
        self._tag = browser.AddObserver(vtk.vtkCommand.ModifiedEvent, self._update) if browser is not None else None
        self._update()

    def setSelectedItemNumber(self, number):
        if self._browser is not None:
            self._browser.SetSelectedItemNumber(number)

    def _update(self, *_arguments):
        self._slider.setEnabled(self._browser is not None)
        if self._browser is None or self._browser.GetMasterSequenceNode() is None:
            self._label.setText("")
            return
        sequence, selected = self._browser.GetMasterSequenceNode(), max(0, self._browser.GetSelectedItemNumber())
        self._slider.blockSignals(True)
        self._slider.setRange(0, max(0, sequence.GetNumberOfDataNodes() - 1))
        self._slider.setValue(selected)
        self._slider.blockSignals(False)
        self._label.setText(f"{sequence.GetNthIndexValue(selected)} {sequence.GetIndexUnit()}")


class qMRMLSegmentSelectorWidget(qMRMLWidget):
    """Chooses a segment of a segmentation node."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._nodes, self._segments = qMRMLNodeComboBox(), QtWidgets.QComboBox()
        self._nodes._set_types(["vtkMRMLSegmentationNode"])
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._nodes)
        layout.addWidget(self._segments)
        self._nodes.node_changed.connect(self._list_segments)

    def setMRMLScene(self, scene):
        super().setMRMLScene(scene)
        self._nodes.setMRMLScene(scene)

    def currentNode(self):
        return self._nodes.currentNode()

    def setCurrentNode(self, node):
        self._nodes.setCurrentNode(node)

    def currentSegmentID(self):
        return self._segments.currentData() or ""

    def _list_segments(self, node):
        self._segments.clear()
        segments = node.GetSegmentation() if node is not None else None
        for i in range(segments.GetNumberOfSegments() if segments is not None else 0):
            self._segments.addItem(segments.GetNthSegment(i).GetName(), segments.GetNthSegmentID(i))


class qMRMLPlotView(PythonQtObject, QtCore.QObject):
    """A plot view's signal."""

    data_selected = QtCore.Signal(object, object)
    mrml_signals = {"dataSelected(vtkStringArray*, vtkCollection*)": "data_selected"}  # noqa: RUF012

    def click(self, series, row):
        """A person clicks a point of a series."""
        identifiers, selections, points = vtk.vtkStringArray(), vtk.vtkCollection(), vtk.vtkIdTypeArray()
        identifiers.InsertNextValue(series.GetID())
        points.InsertNextValue(row)
        selections.AddItem(points)
        self.data_selected.emit(identifiers, selections)


for _name in __all__:
    WIDGETS[_name] = globals()[_name]
