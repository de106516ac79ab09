"""What the module adds to the application when that has started: arrangements of views, a context menu, a sample.

Imported at every start of Slicer, opened or not: no NumPy here, and no file is read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer

from . import EchoKeyframeSubjectHierarchyPlugin as plugin_file
from . import sample
from .layouts import arrangements


def start(load_sample: Callable[[Any], None], thumbnail: Path) -> None:
    """load_sample: called where the person presses the sample's button in Sample Data."""
    arrangements.start_upkeep()
    if not slicer.app.commandOptions().noMainWindow:
        plugin = slicer.qSlicerSubjectHierarchyScriptedPlugin(None)
        plugin.setPythonSource(plugin_file.EchoKeyframeSubjectHierarchyPlugin.filePath)
    sample.register(load_sample, thumbnail)
