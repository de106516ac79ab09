"""The panel's section on handing on: frames as volumes, loops for training, keyframes from DICOM documents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..cine.cine import CineError
from ..scene import (
    bookmark_key_object,
    contour_being_drawn,
    contours_in_the_way,
    extract_keyframes,
    find_contours,
    find_keyframe_table,
    image_sequences,
    open_contours,
    save_contours,
    save_key_object,
    store_loop,
)
from ..scene.contract import SPACING_ATTRIBUTE
from .keyframes.keyframe_panel import KeyframePanel
from .source_file_dialog import ask_source_file

_FILTER = "*.json"
MANY_LOOPS = 20
"""Loops that are opened without asking: each takes its frames' size in memory."""


class HandOnPanel:
    """Connects the section's widgets. keyframes: says which sequence and beat are meant. say: shows one line to the
    person. start: makes a request that goes on in the background. show: shows a sequence."""

    def __init__(
        self,
        ui: Any,
        logic: Any,
        keyframes: KeyframePanel,
        say: Callable[[str], None],
        start: Callable[[Callable[[], Any]], None],
        show: Callable[[Any], None],
    ) -> None:
        self._ui, self._logic, self._keyframes = ui, logic, keyframes
        self._say, self._start, self._show = say, start, show
        self._waiting: list[tuple[Any, Path]] = []
        self._stored: list[str] = []
        ui.handOnLabel.visible = False
        ui.extractBeatButton.connect("clicked()", self.extract_beat)
        ui.extractAllButton.connect("clicked()", lambda: self._do(lambda: self._extract(None)))
        ui.storeLoopButton.connect("clicked()", lambda: self.store([self._keyframes.sequence]))
        ui.storeAllButton.connect("clicked()", lambda: self.store(self._loops_with_keyframes()))
        ui.openLabelledButton.connect("clicked()", self.open_labelled)
        ui.saveContoursButton.connect("clicked()", self.save_contours)
        ui.openContoursButton.connect("clicked()", self.open_contours)
        ui.saveKeyObjectButton.connect("clicked()", lambda: self._do(self._save_key_object))
        ui.keyObjectButton.connect("clicked()", self.open_key_object)

    def extract_beat(self) -> None:
        """Copy the frames of the selected row's beat, or of the first complete one, into volumes."""
        beat = self._keyframes.chosen_beat() or next(iter(self._keyframes.beats), None)
        self._do(lambda: self._extract(beat.number if beat is not None else None))

    def store(self, sequences: list[Any]) -> None:
        """Add loops with their keyframes to a folder for training, which the person chooses."""
        if self._waiting:
            return
        if not sequences:
            self._tell(_("No loop has keyframes yet."))
            return
        folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Folder of labelled loops to add to"))
        if folder:
            self._do(lambda: self._store(sequences, Path(folder)))

    def open_labelled(self) -> None:
        """Load the loops of a labelled folder, with their labels as keyframes, in the background."""
        folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Folder with labels.csv"))
        if folder:
            self._start(lambda: self._open_labelled(Path(folder)))

    def save_contours(self) -> None:
        """Write the loop's contours to a file, which the person chooses."""
        path = qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), _("Save contours"), "", _FILTER)
        if path:
            path = path if path.endswith(".json") else f"{path}.contours.json"
            self._do(lambda: self._save_contours(path))

    def open_contours(self) -> None:
        """Draw a file's contours on the loop, after asking where they replace others."""
        path = qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), _("Contours"), "", _FILTER)
        if path:
            self._do(lambda: self._open_contours(path))

    def open_key_object(self) -> None:
        """Take keyframes over from a DICOM Key Object Selection document."""
        path = qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), _("DICOM Key Object Selection document"))
        if path:
            self._do(lambda: self._open_key_object(path))

    def _extract(self, beat: int | None) -> None:
        volumes = extract_keyframes(self._keyframes.sequence, beat)
        names = ", ".join(volume.GetName() for volume in volumes)
        unknown = volumes[0].GetAttribute(SPACING_ATTRIBUTE) == "unknown"
        note = _(" The size of a pixel is not known: do not measure in mm.") if unknown else ""
        self._tell(_("In the subject hierarchy now: {names}.").format(names=names) + note)

    def _store(self, sequences: list[Any], folder: Path) -> None:
        self._logic.ensure_packages()
        self._waiting, self._stored = [(sequence, folder) for sequence in sequences], []
        self._tell(_("Storing {count} loop(s)…").format(count=len(sequences)))
        qt.QTimer.singleShot(0, self._store_next)

    def _store_next(self) -> None:
        """One loop at a time, so that the application stays alive between them."""
        sequence, folder = self._waiting.pop(0)
        try:
            self._stored += self._store_one(sequence, folder)
        except CineError as error:
            self._stored.append(str(error))
        finally:
            if self._waiting:
                qt.QTimer.singleShot(0, self._store_next)
        self._tell("\n".join(self._stored))

    def _store_one(self, sequence: Any, folder: Path) -> list[str]:
        from ..datasets.labelled_folder import SectorMissing

        question = _("Does no frame show a patient's name, so that whole frames may be stored?")
        try:
            stored = store_loop(sequence, folder)
        except SectorMissing as missing:
            if not slicer.util.confirmOkCancelDisplay(f"{missing}\n{question}"):
                return [str(missing)]
            stored = store_loop(sequence, folder, whole_frames=True)
        line = _("{name}: stored as {file}").format(name=sequence.GetName(), file=stored.labels.file)
        return [line, stored.note] if stored.note else [line]

    def _open_labelled(self, folder: Path) -> None:
        self._logic.ensure_packages()
        from ..datasets.labels import read_labels

        clips = read_labels(folder)
        question = _("Load all {count} loops of this folder?").format(count=len(clips))
        if len(clips) > MANY_LOOPS and not slicer.util.confirmOkCancelDisplay(question):
            return
        problems = []
        for labels in clips:
            try:
                self._logic.load(folder / labels.file, labels=labels)
            except CineError as error:
                problems.append(str(error))
        if problems:
            self._tell("\n".join(problems))

    def _save_contours(self, path: str) -> None:
        self._logic.ensure_packages()
        drawn = contour_being_drawn(slicer.mrmlScene)
        save_contours(self._keyframes.sequence, path)
        left_out = drawn is not None and drawn in find_contours(self._keyframes.sequence)
        note = _(" The contour that is being drawn is left out: end it with a double click, and save again.")
        self._tell(_("{file}: saved.").format(file=Path(path).name) + note * left_out)

    def _open_contours(self, path: str) -> None:
        self._logic.ensure_packages()
        replaced = contours_in_the_way(self._keyframes.sequence, path)
        question = _("Replace {count} contour(s) that are drawn on the same frames?").format(count=replaced)
        if not replaced or slicer.util.confirmOkCancelDisplay(question):
            count = len(open_contours(self._keyframes.sequence, path))
            self._tell(_("{count} contour(s) were drawn; see Measure.").format(count=count))

    def _save_key_object(self) -> None:
        sequence = self._keyframes.sequence
        source = ask_source_file(sequence)
        window = slicer.util.mainWindow()
        path = qt.QFileDialog.getSaveFileName(window, _("Save key object"), "", "*.dcm") if source else ""
        if path:
            self._logic.ensure_packages(dicom=True)
            warnings = save_key_object(sequence, source, path)
            self._tell("\n".join([_("Saved; the document names the patient, as DICOM demands."), *warnings]))

    def _open_key_object(self, path: str) -> None:
        self._logic.ensure_packages()
        sequences = bookmark_key_object(slicer.mrmlScene, path)
        self._show(sequences[0])
        names = ", ".join(sequence.GetName() for sequence in sequences)
        self._tell(_("Keyframes were taken over for {names}; Undo brings the former back.").format(names=names))

    def _loops_with_keyframes(self) -> list[Any]:
        tables = ((loop, find_keyframe_table(loop)) for loop in image_sequences(slicer.mrmlScene))
        return [loop for loop, table in tables if table is not None and table.GetNumberOfRows()]

    def _tell(self, text: str) -> None:
        """One thing to the person, also where they are looking."""
        self._ui.handOnLabel.text = text
        self._ui.handOnLabel.visible = True
        self._say(text)

    def _do(self, action: Callable[[], None]) -> None:
        """Act; what goes wrong is told to the person."""
        try:
            action()
        except (CineError, RuntimeError) as error:
            self._tell(str(error))
