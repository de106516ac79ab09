"""``slicer.parameterNodeWrapper``: typed parameters of texts, truth values and nodes, bound to a panel's widgets."""

from __future__ import annotations

import typing
import weakref
from dataclasses import dataclass

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

__all__ = ["Choice", "parameterNodeWrapper"]


@dataclass
class Choice:
    """Annotation: the values that a parameter may take."""

    choices: list

    def validate(self, value):
        if value not in self.choices:
            raise ValueError(f"{value} is not one of {self.choices}")


def parameterNodeWrapper(classtype):
    """Class decorator: annotated members become parameters of a vtkMRMLScriptedModuleNode."""
    hints, readers = typing.get_type_hints(classtype, include_extras=True), {}
    for name, hint in hints.items():
        parameter, readers[name] = _parameter(name, hint, getattr(classtype, name, None))
        setattr(classtype, name, parameter)
    classtype.__init__ = _initialize(hints, readers)
    classtype.connectGui, classtype.disconnectGui = _connect_gui, _disconnect_gui
    classtype.AddObserver = lambda self, event, callback, priority=0.0: self.parameterNode.AddObserver(event, callback)
    classtype.RemoveObserver = lambda self, tag: self.parameterNode.RemoveObserver(tag)
    return classtype


def _parameter(name, hint, default):
    kind, *annotations = typing.get_args(hint) if typing.get_origin(hint) is typing.Annotated else (hint,)
    checks = [annotation for annotation in annotations if hasattr(annotation, "validate")]

    def fresh(self):
        if kind not in (str, bool):
            return self.parameterNode.GetNodeReference(name)
        text = self.parameterNode.GetParameter(name) or str(default)
        return text == "True" if kind is bool else text

    def write(self, value):
        for check in checks:
            check.validate(value)
        # The value is known before anyone hears of it.
        was_modifying, self._written = self.parameterNode.StartModify(), name
        try:
            put(self, value)
            self._values[name] = fresh(self)
        finally:
            self.parameterNode.EndModify(was_modifying)
            self._written = None

    def put(self, value):
        if kind in (str, bool):
            if not isinstance(value, kind):
                raise TypeError(f"{name} must be {kind.__name__}, got {type(value).__name__}")
            self.parameterNode.SetParameter(name, str(value))
        else:
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"{name} must be a {kind.__name__}")
            self.parameterNode.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    return property(lambda self: self._values[name], write), fresh


def _initialize(hints, readers):
    def initialize(self, parameterNode, prefix=None):
        self.parameterNode, self._guis, self._next, self._updating = parameterNode, {}, 0, False
        # Values are kept from one Modified event to the next: nodes that come to be known without one are not seen.
        self._values, self._written = {name: read(self) for name, read in readers.items()}, None
        known = weakref.ref(self)

        def read_again(*_arguments):
            wrapper = known()
            for name, read in readers.items() if wrapper is not None else ():
                if name != wrapper._written:
                    wrapper._values[name] = read(wrapper)

        parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, read_again)
        self._choices = {
            name: annotation.choices for name, hint in hints.items()
            if typing.get_origin(hint) is typing.Annotated
            for annotation in typing.get_args(hint)[1:] if isinstance(annotation, Choice)
        }  # fmt: skip

    return initialize


def _connect_gui(self, gui):
    widgets = {w.property("SlicerParameterName"): w for w in vars(gui).values()
               if isinstance(w, QtCore.QObject) and w.property("SlicerParameterName")}  # fmt: skip
    bindings = [_bind(self, name, widget) for name, widget in widgets.items()]
    tag, self._next = self._next, self._next + 1

    def update(*_arguments):
        if self._updating or tag not in self._guis:
            return
        self._updating = True
        for show, _ in bindings:
            show()
        self._updating = False

    self._guis[tag] = bindings, self.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, update)
    update()
    return tag


def _disconnect_gui(self, tag):
    bindings, observer = self._guis.pop(tag)
    self.parameterNode.RemoveObserver(observer)
    for _, disconnect in bindings:
        disconnect()


def _bind(self, name, widget):
    """How a widget shows a parameter, and how its connection ends."""
    if isinstance(widget, slicer.qMRMLNodeComboBox):
        signal, read, write = widget.node_changed, widget.currentNode, widget.setCurrentNode
    elif isinstance(widget, QtWidgets.QCheckBox):
        signal, read, write = widget.toggled, lambda: widget.checked, widget.setChecked
    elif isinstance(widget, QtWidgets.QComboBox) and name in self._choices:
        widget.clear()
        widget.addItems([str(choice) for choice in self._choices[name]])
        signal, read, write = widget.currentTextChanged, lambda: widget.currentText, widget.setCurrentText
    else:
        raise RuntimeError(f"Unable to create GUI connector for {name} and {type(widget).__name__}")

    def changed(*_arguments):
        if not self._updating:
            setattr(self, name, read())

    signal.connect(changed)
    return lambda: write(getattr(self, name)), lambda: signal.disconnect(changed)
