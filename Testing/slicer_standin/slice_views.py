"""Slice views that draw into memory, with the display code and the mouse handling that are Slicer's own.

Only for a process of its own: VTK ends it where it finds no OpenGL, not even in software.
"""

from __future__ import annotations

import slicer
import vtk

from .application import LayoutManager

SIZE = 640, 480
MANAGERS = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
)


class SliceView:
    """qMRMLSliceView, as far as the mouse needs it."""

    def __init__(self, node, logic, application):
        self._renderer, self._window = vtk.vtkRenderer(), vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetSize(*SIZE)
        self._window.AddRenderer(self._renderer)
        self._interactor = vtk.vtkRenderWindowInteractor()
        self._interactor.SetRenderWindow(self._window)
        self._interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self._window.Render()
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(application)
        for manager in MANAGERS:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        self._group = factory.InstantiateDisplayableManagers(self._renderer)
        self._observer = slicer.vtkMRMLSliceViewInteractorStyle()
        self._observer.SetDisplayableManagers(self._group)
        self._observer.SetSliceLogic(logic)
        self._observer.SetInteractor(self._interactor)
        self._group.SetMRMLDisplayableNode(node)

    def interactor(self):
        return self._interactor

    def renderWindow(self):
        return self._window


class SliceWidget:
    """qMRMLSliceWidget: a view and the logic that fills it."""

    def __init__(self, node, application):
        self._node, self._logic = node, slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(application)
        self._logic.SetMRMLScene(node.GetScene())
        application.GetSliceLogics().AddItem(self._logic)
        self._logic.SetSliceNode(node)
        node.SetDimensions(*SIZE, 1)
        self._view = SliceView(node, self._logic, application)

    def mrmlSliceNode(self):
        return self._node

    def sliceLogic(self):
        return self._logic

    def sliceView(self):
        return self._view


class ViewingLayoutManager(LayoutManager):
    """Makes a widget for each slice node that the layout brings, as the application's does."""

    def __init__(self, logic, application):
        super().__init__(logic)
        self._application, self._widgets = application, {}
        logic.GetLayoutNode().AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._make())
        self._make()

    def sliceViewNames(self):
        return tuple(self._widgets)

    def sliceWidget(self, name):
        return self._widgets.get(name)

    def mrmlSliceLogics(self):
        return self._application.GetSliceLogics()

    def _make(self):
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            if node.GetLayoutName() and node.GetLayoutName() not in self._widgets:
                self._widgets[node.GetLayoutName()] = SliceWidget(node, self._application)
        shown = self._logic.GetViewNodes()
        names = {shown.GetItemAsObject(i).GetLayoutName() for i in range(shown.GetNumberOfItems())}
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            node.SetMappedInLayout(node.GetLayoutName() in names)


def install(app):
    """Give the application's layout slice views."""
    application, logics = app._kept.logics[0], app._kept.logics
    markups = next(logic for logic in logics if logic.IsA("vtkSlicerMarkupsLogic"))
    application.SetModuleLogic("Markups", markups)
    application.SetSliceLogics(vtk.vtkCollection())
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(slicer.mrmlScene)
    layout = app._layout_manager.layoutLogic()
    layout.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    app._layout_manager = ViewingLayoutManager(layout, application)
