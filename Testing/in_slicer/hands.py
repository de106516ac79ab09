"""Mouse and keyboard: Qt events to widgets, mouse events to the interactors of slice views.

Nothing here calls what a widget does; a widget that is greyed out or hidden is a fault, as it is for a person.
"""

from __future__ import annotations

import qt
import vtk
from outcome import Failed, check


def value(owner, name: str):
    """A Qt property: PythonQt gives its value, other bindings a method."""
    found = getattr(owner, name)
    return found() if callable(found) else found


def descendants(widget) -> list:
    """All objects below a widget."""
    found, parents = [], [widget]
    while parents:
        children = [child for child in parents.pop().children() if child is not None]
        found += children
        parents += children
    return found


def find(widget, name: str):
    """The object of this name below a widget, or None."""
    return next((child for child in descendants(widget) if value(child, "objectName") == name), None)


def part(widget, class_name: str):
    """The widget itself, or the first object below it, of a Qt class."""
    for child in [widget, *descendants(widget)]:
        if child.inherits(class_name):
            return child
    raise Failed(f"there is no {class_name} in {value(widget, 'objectName') or widget}")


def click(widget, x: int | None = None, y: int | None = None, double: bool = False) -> None:
    """Press and release the left button in the middle of a widget, or at a place in it."""
    name = value(widget, "objectName") or value(widget, "toolTip")
    check(value(widget, "enabled") if hasattr(widget, "enabled") else widget.isEnabled(), f"{name}: is greyed out")
    check(widget.isVisible(), f"{name}: is hidden")
    size = value(widget, "size")
    place = qt.QPoint(size.width() // 2 if x is None else x, size.height() // 2 if y is None else y)
    kinds = [qt.QEvent.MouseButtonPress, qt.QEvent.MouseButtonRelease]
    if double:
        kinds += [qt.QEvent.MouseButtonDblClick, qt.QEvent.MouseButtonRelease]
    for kind in kinds:
        _mouse(widget, kind, place)


def press_key(widget, key, text: str = "", modifiers=None) -> None:
    """Press and release a key while a widget has the focus."""
    modifiers = qt.Qt.NoModifier if modifiers is None else modifiers
    for kind in (qt.QEvent.KeyPress, qt.QEvent.KeyRelease):
        qt.QApplication.sendEvent(widget, qt.QKeyEvent(kind, key, modifiers, text))


def type_text(widget, text: str) -> None:
    """Replace what stands in a line edit by typing."""
    line = part(widget, "QLineEdit")
    line.setFocus()
    qt.QApplication.sendEvent(line, qt.QFocusEvent(qt.QEvent.FocusIn))  # also where the window is not the active one
    line.selectAll()
    press_key(line, qt.Qt.Key_Delete)
    for letter in text:
        press_key(line, 0, letter)
    proposals = line.completer().popup() if line.completer() is not None else None
    if proposals is not None:
        proposals.hide()  # they would take the next key
    press_key(line, qt.Qt.Key_Return, "\r")


def choose(widget, text: str) -> None:
    """Choose an entry with the keyboard, in the combo box that a widget is or holds."""
    boxes = [child for child in (widget, *descendants(widget)) if child.inherits("QComboBox")]
    box = next((one for one in boxes if text in entries(one)), None)
    check(box is not None, f"{text} is not in the list of {value(widget, 'objectName')}")
    press_key(box, qt.Qt.Key_Home)
    for _ in range(value(box, "count")):
        if value(box, "currentText") == text:
            return
        press_key(box, qt.Qt.Key_Down)
    raise Failed(f"{text} cannot be reached in the list of {value(widget, 'objectName')}")


def entries(widget) -> list[str]:
    """Texts of a combo box."""
    box = part(widget, "QComboBox")
    return [box.itemText(i) for i in range(value(box, "count"))]


def click_cell(table, row: int, column: int = 0) -> None:
    """Click a cell of a table."""
    place = table.visualItemRect(table.item(row, column)).center()
    click(table.viewport(), place.x(), place.y())


class SliceMouse:
    """The mouse over a slice view. Positions are in mm RAS; ``view`` is a qMRMLSliceView."""

    def __init__(self, view, slice_node) -> None:
        self._interactor, self._node = view.interactor(), slice_node

    def move(self, ras) -> None:
        self._interactor.SetEventPosition(*self._pixel(ras))
        self._interactor.InvokeEvent(vtk.vtkCommand.MouseMoveEvent)

    def click(self, ras) -> None:
        self.move(ras)
        self._press()
        self._release()

    def double_click(self, ras) -> None:
        """As Qt tells it: press, release, double click, release."""
        self.click(ras)
        self._interactor.InvokeEvent(vtk.vtkCommand.LeftButtonDoubleClickEvent)
        self._release()

    def drag(self, start, end, steps: int = 8) -> None:
        self.move(start)
        self._press()
        for step in range(1, steps + 1):
            self.move([a + (b - a) * step / steps for a, b in zip(start, end, strict=True)])
        self._release()

    def _press(self) -> None:
        self._interactor.InvokeEvent(vtk.vtkCommand.LeftButtonPressEvent)

    def _release(self) -> None:
        self._interactor.InvokeEvent(vtk.vtkCommand.LeftButtonReleaseEvent)

    def _pixel(self, ras) -> tuple[int, int]:
        matrix = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self._node.GetXYToRAS(), matrix)
        x, y, _, _ = matrix.MultiplyPoint((*ras, 1.0))
        return round(x), round(y)


def _mouse(widget, kind, place) -> None:
    local, globally = (qt.QPointF(p.x(), p.y()) for p in (place, widget.mapToGlobal(place)))
    held = qt.Qt.NoButton if kind == qt.QEvent.MouseButtonRelease else qt.Qt.LeftButton
    event = qt.QMouseEvent(kind, local, globally, qt.Qt.LeftButton, held, qt.Qt.NoModifier)
    qt.QApplication.sendEvent(widget, event)
