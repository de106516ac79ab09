"""``qt``: PySide6 with PythonQt's manners, and only the classes that the module uses, all of them in Slicer's ``qt``.

PythonQt's manners: Qt properties are attributes (``button.enabled = False``, ``label.text``) and hide the getters of
the same name; ``widget.connect("clicked(bool)", f)``; ``name`` is the object's name; an attribute that does not exist
cannot be set on a plain Qt object.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

__all__ = [
    "QAction", "QApplication", "QCheckBox", "QColor", "QComboBox", "QDoubleSpinBox", "QEvent", "QFile",
    "QFileDialog", "QFocusEvent", "QFormLayout", "QHBoxLayout", "QHeaderView", "QIcon", "QKeyEvent", "QKeySequence",
    "QLabel", "QMessageBox", "QMouseEvent", "QObject", "QPainter", "QPixmap", "QPoint", "QPointF", "QProgressBar",
    "QPushButton", "QSettings", "QSizePolicy", "QSlider", "QStyle", "QTableWidget", "QTableWidgetItem", "QTimer",
    "QToolBar", "QToolButton", "QUiLoader", "QVBoxLayout", "QWidget", "Qt",
]  # fmt: skip

# Plain values and namespaces, the same in both bindings.
Qt, QFile, QSettings = QtCore.Qt, QtCore.QFile, QtCore.QSettings
QEvent, QPoint, QPointF = QtCore.QEvent, QtCore.QPoint, QtCore.QPointF
QFocusEvent, QKeyEvent, QMouseEvent = QtGui.QFocusEvent, QtGui.QKeyEvent, QtGui.QMouseEvent
QColor, QIcon, QPixmap, QPainter, QKeySequence = (
    QtGui.QColor, QtGui.QIcon, QtGui.QPixmap, QtGui.QPainter, QtGui.QKeySequence)  # fmt: skip
QSizePolicy, QHeaderView, QStyle, QApplication, QTableWidgetItem, QMessageBox = (
    QtWidgets.QSizePolicy, QtWidgets.QHeaderView, QtWidgets.QStyle, QtWidgets.QApplication,
    QtWidgets.QTableWidgetItem, QtWidgets.QMessageBox)  # fmt: skip


class PythonQtObject:
    """Mixed into Qt classes: PythonQt's way with properties and signals.

    mrml_signals: signal by C++ signature, for widgets that are defined in Python here.
    """

    mrml_signals: dict[str, str] = {}  # noqa: RUF012 - never changed in place

    def __getattribute__(self, name):
        if name == "name":
            return QtCore.QObject.objectName(self)
        if name in ("connect", "disconnect"):  # PySide finds its own before a mixed-in one
            return PythonQtObject.__dict__[f"_{name}"].__get__(self)
        if not name.startswith("_") and QtCore.QObject.metaObject(self).indexOfProperty(name) >= 0:
            return QtCore.QObject.property(self, name)
        return super().__getattribute__(name)

    def __setattr__(self, name, value):
        if name == "name":
            QtCore.QObject.setObjectName(self, value)
        elif QtCore.QObject.metaObject(self).indexOfProperty(name) >= 0:
            QtCore.QObject.setProperty(self, name, value)
        elif name.startswith("_") or not type(self).__module__.startswith("slicer_standin"):
            super().__setattr__(name, value)
        elif not _Loader.loading:  # PySide's loader makes children attributes of their form, PythonQt's does not
            raise AttributeError(f"Property '{name}' of type '{type(self).__name__}' does not exist")

    def _connect(self, signature, slot):
        """PythonQt's connect: the slot gets as many arguments as the signature names."""
        count = len([part for part in signature.partition("(")[2].rstrip(")").split(",") if part.strip()])

        def call(*arguments):
            slot(*arguments[:count])

        self._signal(signature).connect(call)
        self._slots.setdefault((signature, slot), []).append(call)
        return True

    def _disconnect(self, signature, slot):
        """PythonQt's disconnect."""
        self._signal(signature).disconnect(self._slots[signature, slot].pop())
        return True

    @property
    def _slots(self):
        return self.__dict__.setdefault("_connected_slots", {})

    def _signal(self, signature):
        """The signal of a C++ signature; AttributeError if the class has none."""
        known = {name.replace(" ", ""): attribute for name, attribute in self.mrml_signals.items()}
        attribute = known.get(signature.replace(" ", ""))
        if attribute is None:
            normalized = QtCore.QMetaObject.normalizedSignature(signature).data().decode()
            if QtCore.QObject.metaObject(self).indexOfSignal(normalized) < 0:
                raise AttributeError(f"{type(self).__name__} has no signal {signature}")
            attribute = signature.partition("(")[0]
        return super().__getattribute__(attribute)


def _wrap(base):
    return type(base.__name__, (PythonQtObject, base), {"__module__": __name__})


QObject, QTimer, QAction = _wrap(QtCore.QObject), _wrap(QtCore.QTimer), _wrap(QtGui.QAction)
WIDGETS = {
    cls.__name__: _wrap(cls)
    for cls in (QtWidgets.QWidget, QtWidgets.QLabel, QtWidgets.QPushButton, QtWidgets.QToolButton, QtWidgets.QCheckBox,
                QtWidgets.QComboBox, QtWidgets.QProgressBar, QtWidgets.QTableWidget, QtWidgets.QToolBar,
                QtWidgets.QSlider, QtWidgets.QDoubleSpinBox)
}
"""The widget classes that a .ui file may name besides CTK's and Slicer's, which register here too."""

QVBoxLayout, QFormLayout, QHBoxLayout = QtWidgets.QVBoxLayout, QtWidgets.QFormLayout, QtWidgets.QHBoxLayout
QWidget, QLabel, QPushButton, QToolButton = (WIDGETS[n] for n in ("QWidget", "QLabel", "QPushButton", "QToolButton"))
QCheckBox, QComboBox, QProgressBar = (WIDGETS[n] for n in ("QCheckBox", "QComboBox", "QProgressBar"))
QTableWidget, QToolBar, QSlider = (WIDGETS[n] for n in ("QTableWidget", "QToolBar", "QSlider"))
QDoubleSpinBox = WIDGETS["QDoubleSpinBox"]


class QFileDialog:
    """PythonQt's static functions return a text; here they return ``answer``, as if a person had chosen it, or open
    Qt's own dialog where that is None."""

    AcceptSave = QtWidgets.QFileDialog.AcceptSave
    answer = ""

    @staticmethod
    def getOpenFileName(parent=None, caption="", directory="", filter="", selectedFilter=None, options=None):
        return QFileDialog._ask(QtWidgets.QFileDialog.getOpenFileName, parent, caption, directory, filter)

    @staticmethod
    def getSaveFileName(parent=None, caption="", directory="", filter="", selectedFilter=None, options=None):
        return QFileDialog._ask(QtWidgets.QFileDialog.getSaveFileName, parent, caption, directory, filter)

    @staticmethod
    def getExistingDirectory(parent=None, caption="", directory="", options=None):
        return QFileDialog._ask(QtWidgets.QFileDialog.getExistingDirectory, parent, caption, directory)

    @staticmethod
    def _ask(dialog, parent, *arguments):
        if parent is None:
            raise AssertionError("a dialog without a parent opens behind the main window, or on another screen")
        if QFileDialog.answer is not None:
            return QFileDialog.answer
        chosen = dialog(parent, *arguments)
        return chosen[0] if isinstance(chosen, tuple) else chosen


class QUiLoader:
    """Builds widgets of the classes here, and makes the .ui file's connections PythonQt's way."""

    def load(self, file):
        document = ElementTree.fromstring(bytes(file.readAll().data()))
        connections = document.find("connections")
        document.remove(connections)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(document))
        buffer.open(QtCore.QIODevice.ReadOnly)
        _Loader.loading = True
        widget = _Loader().load(buffer)
        _Loader.loading = False
        objects = {QtCore.QObject.objectName(child): child for child in [widget, *widget.findChildren(QtCore.QObject)]}
        for connection in connections:
            parts = {part.tag: part.text for part in connection}
            slot = getattr(objects[parts["receiver"]], parts["slot"].partition("(")[0])
            objects[parts["sender"]].connect(parts["signal"], slot)
        return widget


class _Loader(QtUiTools.QUiLoader):
    loading = False

    def createWidget(self, class_name, parent=None, name=""):
        widget = WIDGETS[class_name](parent)
        widget.setObjectName(name)
        return widget
