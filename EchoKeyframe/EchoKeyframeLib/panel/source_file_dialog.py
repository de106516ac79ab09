"""From a sequence to its file, with a person's help where it is not found."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..scene import find_source_file


def ask_source_file(sequence: Any) -> str:
    """The file that a sequence came from: by the DICOM database, or as the person says; empty if they give up.

    Raises SceneError if the sequence is gone.
    """
    database = getattr(slicer, "dicomDatabase", None)  # a Slicer can be built without DICOM
    path = find_source_file(sequence, database.fileForInstance if database is not None else None)
    return str(path or qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), _("File that the sequence came from")))
