"""The action "Detect ED/ES" in the context menu of sequences and their volumes in the subject hierarchy."""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _
from SubjectHierarchyPlugins import AbstractScriptedSubjectHierarchyPlugin


class EchoKeyframeSubjectHierarchyPlugin(AbstractScriptedSubjectHierarchyPlugin):
    """Slicer finds the class by its file's name, and loads the file outside its package: no relative imports here."""

    filePath = __file__

    def __init__(self, scriptedPlugin) -> None:
        scriptedPlugin.name = "EchoKeyframe"
        AbstractScriptedSubjectHierarchyPlugin.__init__(self, scriptedPlugin)
        self.detectAction = qt.QAction(_("Detect ED/ES"), scriptedPlugin)
        self.detectAction.objectName = "EchoKeyframeDetectAction"
        self.detectAction.connect("triggered()", self.onDetect)

    def itemContextMenuActions(self):
        return [self.detectAction]

    def showContextMenuActionsForItem(self, itemID):
        self.detectAction.visible = self._sequence(itemID) is not None

    def canOwnSubjectHierarchyItem(self, itemID):
        return 0.0

    def roleForPlugin(self):
        return ""

    def onDetect(self) -> None:
        handler = slicer.qSlicerSubjectHierarchyPluginHandler.instance()
        sequence = self._sequence(handler.currentItem())
        if sequence is not None:
            slicer.util.selectModule("EchoKeyframe")
            slicer.modules.EchoKeyframeWidget.detect(sequence)

    def _sequence(self, itemID):
        """The sequence that an item is, or whose proxy volume it is."""
        handler = slicer.qSlicerSubjectHierarchyPluginHandler.instance()
        node = handler.subjectHierarchyNode().GetItemDataNode(itemID) if itemID else None
        if node is None:
            return None
        if node.IsA("vtkMRMLSequenceNode"):
            return node
        logic = slicer.modules.sequences.logic()
        browser = logic.GetFirstBrowserNodeForProxyNode(node)
        return browser.GetSequenceNode(node) if browser is not None else None
