"""Slicer's modules that other modules call: the subject hierarchy's scripted plugins, and SampleData."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import slicer

from . import sample_data
from .pythonqt import QObject


class AbstractScriptedSubjectHierarchyPlugin:
    def __init__(self, scriptedPlugin):
        self.scriptedPlugin = scriptedPlugin
        self.register()

    def register(self):
        slicer.qSlicerSubjectHierarchyPluginHandler.instance().registerPlugin(self.scriptedPlugin)


class qSlicerSubjectHierarchyScriptedPlugin(QObject):
    """Loads a plugin's class from the file that bears its name."""

    def __init__(self, parent=None):
        super().__init__()

    def setPythonSource(self, path):
        name = Path(path).stem
        spec = importlib.util.spec_from_file_location(f"_scripted_plugin_{name}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self._plugin = getattr(module, name)(self)
        return True

    def self(self):
        return self._plugin


class qSlicerSubjectHierarchyPluginHandler:
    """Knows the plugins and which item was clicked."""

    _instance = None

    def __init__(self):
        self._plugins, self._item = [], 0

    @classmethod
    def instance(cls):
        cls._instance = cls._instance or cls()
        return cls._instance

    def registerPlugin(self, plugin):
        self._plugins.append(plugin)
        return True

    def currentItem(self):
        return self._item

    def setCurrentItem(self, item):
        self._item = item

    def subjectHierarchyNode(self):
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


def install(app):
    """Put the modules where ``import`` finds them."""
    sample_data.install(Path(app.temporaryPath) / "cache")
    sys.modules["SubjectHierarchyPlugins"] = module = ModuleType("SubjectHierarchyPlugins")
    module.AbstractScriptedSubjectHierarchyPlugin = AbstractScriptedSubjectHierarchyPlugin
    slicer.qSlicerSubjectHierarchyScriptedPlugin = qSlicerSubjectHierarchyScriptedPlugin
    slicer.qSlicerSubjectHierarchyPluginHandler = qSlicerSubjectHierarchyPluginHandler
