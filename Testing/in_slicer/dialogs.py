"""Answers the dialogs that the module opens; one that no step expects is closed and told."""

from __future__ import annotations

import qt
from hands import click, descendants, part, press_key, value

LOOK_MILLISECONDS = 60
PATIENCE = 12
"""Looks after which a dialog that nothing answers is closed."""


class Dialogs:
    """Watches for a modal dialog on a timer: its own event loop runs while the call that opened it waits.

    ``opens`` and ``saves`` are the answers to dialogs that ask for a file or folder to read and to write, first come
    first served; questions are answered as ``agree`` says. ``asked`` keeps what was asked, ``unexpected`` what nothing
    answered.
    """

    def __init__(self) -> None:
        self.begin()
        self._looks = 0
        qt.QApplication.setAttribute(qt.Qt.AA_DontUseNativeDialogs, True)
        self._timer = qt.QTimer()
        self._timer.setInterval(LOOK_MILLISECONDS)
        self._timer.connect("timeout()", self._look)
        self._timer.start()

    def begin(self) -> None:
        """Forget what was asked and what would have been answered."""
        self.opens: list[str] = []
        self.saves: list[str] = []
        self.agree = True
        self.asked: list[str] = []
        self.unexpected: list[str] = []

    def stop(self) -> None:
        self._timer.stop()

    def _look(self) -> None:
        dialog = qt.QApplication.activeModalWidget()
        if dialog is None:
            self._looks = 0
            return
        self._looks += 1
        # Acted upon by another timer: one that opens a further dialog does not beat before that is answered.
        if dialog.inherits("QFileDialog") and self._answers(dialog):
            path = self._answers(dialog).pop(0)
            qt.QTimer.singleShot(0, lambda: self._give_file(dialog, path))
        elif dialog.inherits("QMessageBox") and self._looks > 1:
            self._looks = 0
            qt.QTimer.singleShot(0, lambda: self._answer(dialog))
        elif self._looks > PATIENCE and not dialog.inherits("QProgressDialog"):
            self._looks = 0
            self.unexpected.append(value(dialog, "windowTitle") or type(dialog).__name__)
            press_key(dialog, qt.Qt.Key_Escape)

    def _answers(self, dialog) -> list[str]:
        return self.saves if value(dialog, "acceptMode") == qt.QFileDialog.AcceptSave else self.opens

    def _give_file(self, dialog, path: str) -> None:
        self.asked.append(value(dialog, "windowTitle"))
        line = part(dialog, "QLineEdit")
        line.selectAll()
        line.insert(path)
        self._press(dialog, ("Open", "Save", "Choose"))

    def _answer(self, dialog) -> None:
        self.asked.append(value(dialog, "text"))
        self._press(dialog, ("OK", "Yes", "Save", "Close") if self.agree else ("Cancel", "No"))

    def _press(self, dialog, texts: tuple[str, ...]) -> None:
        buttons = [child for child in descendants(dialog) if child.inherits("QPushButton") and child.isVisible()]
        for button in buttons:
            if value(button, "text").replace("&", "") in texts:
                click(button)
                return
        self.unexpected.append(f"{value(dialog, 'windowTitle')}: no button {' or '.join(texts)}")
        press_key(dialog, qt.Qt.Key_Escape)
