"""``ctk``: two of CTK's widgets with the properties that a .ui file sets."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from .pythonqt import WIDGETS, PythonQtObject

__all__ = ["ctkCollapsibleButton", "ctkMessageBox", "ctkPathLineEdit"]

_HEADER = 24


class ctkCollapsibleButton(PythonQtObject, QtWidgets.QWidget):
    """A titled section that can be folded."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._text, self._collapsed = "", False
        self.setContentsMargins(0, _HEADER, 0, 0)

    def _set_text(self, text):
        self._text = text

    def _set_collapsed(self, collapsed):
        self._collapsed = collapsed
        self.setMaximumHeight(_HEADER if collapsed else 16777215)

    text = QtCore.Property(str, lambda self: self._text, _set_text)
    collapsed = QtCore.Property(bool, lambda self: self._collapsed, _set_collapsed)

    def mousePressEvent(self, event):
        if event.position().y() < _HEADER:
            self._set_collapsed(not self._collapsed)

    def paintEvent(self, _event):
        painter = QtGui.QPainter(self)
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, QtWidgets.QWidget.width(self), _HEADER - 2)
        option.state |= QtWidgets.QStyle.State_Raised
        self.style().drawControl(QtWidgets.QStyle.CE_PushButtonBevel, option, painter)
        arrow = "▸" if self._collapsed else "▾"
        painter.drawText(option.rect.adjusted(8, 0, 0, 0), QtCore.Qt.AlignVCenter, f"{arrow}  {self._text}")
        painter.end()


class ctkMessageBox(PythonQtObject, QtWidgets.QMessageBox):
    """A question; ``exec_`` waits for its answer."""

    def exec_(self):
        return QtWidgets.QMessageBox.exec(self)


class ctkPathLineEdit(PythonQtObject, QtWidgets.QWidget):
    """A path with a list of those before, and a button to browse for it."""

    changed = QtCore.Signal(str)
    mrml_signals = {"currentPathChanged(QString)": "changed"}  # noqa: RUF012

    def __init__(self, parent=None):
        super().__init__(parent)
        self._box = QtWidgets.QComboBox()
        self._box.setEditable(True)
        self._box.setInsertPolicy(QtWidgets.QComboBox.NoInsert)
        browse = QtWidgets.QToolButton()
        browse.setText("…")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        layout.addWidget(browse)
        self._key, self._history, self._filters = "", True, []
        self._box.editTextChanged.connect(self.changed)

    def addCurrentPathToHistory(self):
        path = self._box.currentText()
        if self._history and path:
            index = self._box.findText(path)
            if index >= 0:
                self._box.removeItem(index)
            self._box.insertItem(0, path)
            self._box.setCurrentIndex(0)

    def _set_key(self, key):
        self._key = key

    def _set_history(self, on):
        self._history = on

    def _set_filters(self, filters):
        self._filters = list(filters)

    currentPath = QtCore.Property(
        str, lambda self: self._box.currentText(), lambda self, path: self._box.setEditText(path)
    )
    settingKey = QtCore.Property(str, lambda self: self._key, _set_key)
    showHistoryButton = QtCore.Property(bool, lambda self: self._history, _set_history)
    nameFilters = QtCore.Property("QStringList", lambda self: self._filters, _set_filters)


WIDGETS.update(ctkCollapsibleButton=ctkCollapsibleButton, ctkPathLineEdit=ctkPathLineEdit)
