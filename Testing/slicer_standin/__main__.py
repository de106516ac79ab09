"""``python -m slicer_standin --python-script FILE [ARGUMENTS]``: as ``Slicer --no-splash --python-script`` does.

The module is loaded, the application's loop runs, the script is executed in it with its arguments in ``sys.argv``, and
what it gives ``slicer.util.exit`` is the exit code. Slice views draw into memory with Slicer's own display code.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

TESTING = Path(__file__).resolve().parent.parent
MODULES = "markups", "plots", "segmentations"
"""What slicer-core has of Slicer's modules besides Sequences: their nodes and logics."""


def main(words: list[str]) -> int:
    script, arguments = words[words.index("--python-script") + 1], words[words.index("--python-script") + 2 :]
    sys.path[:0] = [str(TESTING), str(TESTING.parent / "EchoKeyframe")]
    import slicer
    from PySide6 import QtWidgets

    import slicer_standin

    with tempfile.TemporaryDirectory(prefix="echokeyframe-standin-", ignore_cleanup_errors=True) as folder:
        app = slicer_standin.install(Path(folder))
        from slicer_standin import pythonqt, sample_data_panel, slice_views

        sample_data_panel.install()
        slice_views.install(app)
        pythonqt.QFileDialog.answer = None
        for name in MODULES:
            setattr(slicer.modules, name, SimpleNamespace())
        app.testingEnabled = lambda: False  # questions are asked
        bar = slicer.modules.sequences.toolBar()
        QtWidgets.QWidget.resize(bar, 600, 40)
        bar.show()
        app.load_module(TESTING.parent / "EchoKeyframe" / "EchoKeyframe.py")
        code = app.run_script(script, arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)  # what the views hold is not meant to be taken apart by Python


main(sys.argv[1:])
