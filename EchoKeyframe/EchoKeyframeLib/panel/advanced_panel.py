"""The panel's advanced section: weights, packages, the background process, and the sequence's source file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..cine.cine import CineError
from ..scene import repair_from_source
from .jobs.jobs import Report
from .packages import dependencies
from .source_file_dialog import ask_source_file


class AdvancedPanel:
    """Connects the section's widgets.

    say: shows one line to the person. start: makes a request that goes on in the background. detectors_changed: called
    when weights were added or removed.
    """

    def __init__(
        self,
        ui: Any,
        logic: Any,
        say: Callable[[str], None],
        start: Callable[[Callable[[], Any]], None],
        detectors_changed: Callable[[], None],
    ) -> None:
        self._ui, self._logic, self._say, self._start = ui, logic, say, start
        self._detectors_changed = detectors_changed
        ui.addWeightsButton.connect("clicked()", self.browse_weights)
        ui.removeWeightsButton.connect("clicked()", self.remove_weights)
        ui.installTorchButton.connect("clicked()", self.install_torch)
        ui.removeLeftOverButton.connect("clicked()", self.remove_left_over)
        ui.releaseButton.connect("clicked()", self.release)
        ui.repairButton.connect("clicked()", self.compare_with_file)
        self._list_weights()
        self.refresh_worker()

    def refresh(self) -> None:
        """Look at packages and the process again."""
        self._ui.packagesLabel.text = dependencies.state()
        self._ui.installTorchButton.visible = not dependencies.has_torch()
        self._ui.removeLeftOverButton.visible = left_over = dependencies.has_left_over()
        if left_over:
            self._say(_("python-gdcm, left by an earlier version, makes Slicer crash when it ends: remove it below."))
        self.refresh_worker()

    def refresh_worker(self) -> None:
        """Say whether the background process runs."""
        running = self._logic.jobs.worker.running
        self._ui.workerLabel.text = _("running") if running else _("not running")
        self._ui.releaseButton.enabled = running and not self._logic.jobs.busy

    def browse_weights(self) -> None:
        """Let the person choose a weights file to add."""
        window, kind = slicer.util.mainWindow(), _("Weights") + " (*.safetensors)"
        path = qt.QFileDialog.getOpenFileName(window, _("Add weights"), "", kind)
        if path:
            self.add_weights(path)

    def add_weights(self, path: str) -> None:
        """Copy a weights file into the weights folder."""
        try:
            added = self._logic.detectors.add(path)
        except CineError as error:
            self._say(str(error))
            return
        self._say(_("{name} was added to the detectors.").format(name=added.stem))
        self._list_weights()
        self._detectors_changed()

    def remove_weights(self) -> None:
        """Delete the chosen weights."""
        path = self._ui.weightsSelector.itemData(self._ui.weightsSelector.currentIndex)
        if path is None or not slicer.util.confirmOkCancelDisplay(_("Delete these weights from the weights folder?")):
            return
        try:
            self._logic.detectors.remove(path)
        except CineError as error:
            self._say(str(error))
        self._list_weights()
        self._detectors_changed()

    def install_torch(self) -> None:
        """Install PyTorch, after asking."""
        try:
            dependencies.ensure_torch()
        except RuntimeError as error:
            self._say(str(error))
        self.refresh()

    def remove_left_over(self) -> None:
        """Remove what an earlier version of the module installed, and this one does not need."""
        try:
            dependencies.remove_left_over()
            told = _("python-gdcm is removed; it is gone once Slicer is started again.")
        except RuntimeError as error:
            told = str(error)
        self.refresh()
        self._say(told)

    def release(self) -> None:
        """Free the accelerator's memory."""
        self._logic.jobs.worker.release()
        self._say(_("The detector is unloaded; the next detection loads it again."))

    def compare_with_file(self) -> None:
        """Look for what an importer got wrong about the chosen sequence; its file is read in the background."""
        self._start(lambda: self._compare(self._ui.sequenceSelector.currentNode()))

    def offer_repair(self, report: Report) -> None:
        """Ask the person about a comparison's findings, and repair if they agree."""
        comparison = report.comparison
        if not comparison.findings:
            self._say(_("Spacing and frame times agree with the file."))
        elif slicer.util.confirmOkCancelDisplay(_("Repair the sequence?") + "\n" + "\n".join(comparison.findings)):
            try:
                repair_from_source(report.sequence, comparison)
            except CineError as error:  # the scene may have changed while the person was asked
                self._say(str(error))
            else:
                self._say(_("Spacing and frame times are repaired."))

    def _compare(self, sequence: Any) -> None:
        path = ask_source_file(sequence)
        if path:
            self._logic.compare(sequence, path)

    def _list_weights(self) -> None:
        selector = self._ui.weightsSelector
        selector.clear()
        for path in self._logic.detectors.added():
            selector.addItem(path.stem, str(path))
        self._ui.removeWeightsButton.enabled = selector.count > 0
