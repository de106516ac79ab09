"""A stand-in for the parts of 3D Slicer that cannot be installed: application, Qt through PythonQt, widgets, modules.

``slicer-core`` gives the real MRML nodes, logics and ``slicer.util``; PySide6 gives the real Qt. This package puts the
rest around them, under the names and with the signatures of Slicer 5.12, and nothing else: a name that is not here is
an AttributeError, so that a module which passes its tests uses no name that was not looked up in Slicer's sources.

``install`` before the module under test is imported; the module does not know.
"""

from __future__ import annotations

import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


def install(folder: Path):
    """Make ``import slicer, qt, ctk`` and the rest work; ``folder`` takes settings and temporary files.

    Returns the Application, whose methods beyond Slicer's own play the person at the keyboard.
    """
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import slicer

    from . import ctk_widgets, packaging, parameter_node, pythonqt, scripted_module

    for name, content in (("qt", pythonqt), ("ctk", ctk_widgets)):
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(_public(content))
    _add_module("slicer.i18n", tr=lambda text: text, translate=lambda _context, text: text)
    sys.meta_path.append(_Submodule("slicer.packaging", _public(packaging)))
    _add_module("slicer.parameterNodeWrapper", **_public(parameter_node))
    _add_module("slicer.ScriptedLoadableModule", **_public(scripted_module))
    from . import application, mrml_widgets, other_modules

    app = application.Application(folder)
    slicer.app, slicer.modules = app, application.Modules()
    slicer.mrmlScene = app.new_scene()
    for name in mrml_widgets.__all__:
        setattr(slicer, name, getattr(mrml_widgets, name))
    other_modules.install(app)
    slicer.util.selectModule = app.select_module
    return app


class _Submodule(MetaPathFinder, Loader):
    """A submodule that its package has only after ``import`` names it, as in Slicer."""

    def __init__(self, name: str, content: dict):
        self._name, self._content = name, content

    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name == self._name else None

    def exec_module(self, module):
        vars(module).update(self._content)


def _add_module(name: str, **content) -> None:
    import slicer

    module = ModuleType(name)
    vars(module).update(content)
    sys.modules[name] = module
    setattr(slicer, name.rpartition(".")[2], module)


def _public(module) -> dict:
    return {name: getattr(module, name) for name in module.__all__}
