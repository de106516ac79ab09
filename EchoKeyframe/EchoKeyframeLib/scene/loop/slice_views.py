"""A flat image in those slice views in which it is seen; in others it would be a line."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk

from ..contract import PHASE_VIEWS
from ..scene_error import require_in_scene

_PARALLEL = 0.99  # cosine of the angle between view and image up to which the image is seen


def show_in_facing_views(volume: Any) -> int:
    """Put a volume of one slice into the background of the slice views that face it; returns how many of those are on
    show.

    The views of ED and ES side by side keep their frames. Raises SceneError if the volume is gone.
    """
    scene = require_in_scene(volume, "volume")
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASDirectionMatrix(matrix)
    facing = {
        view.GetLayoutName()
        for view in _nodes(scene, "vtkMRMLSliceNode")
        if abs(_normal(view.GetSliceToRAS()) @ _normal(matrix)) > _PARALLEL
    } - set(PHASE_VIEWS.values())
    shown = [c for c in _nodes(scene, "vtkMRMLSliceCompositeNode") if c.GetLayoutName() in facing]
    for composite in shown:
        composite.SetBackgroundVolumeID(volume.GetID())
    return len({composite.GetLayoutName() for composite in shown} & names_on_show(scene))


def names_on_show(scene: Any) -> set[str]:
    """Layout names of the slice views that the application shows; of all, in a scene without an application."""
    views = _nodes(scene, "vtkMRMLSliceNode")
    return {view.GetLayoutName() for view in [v for v in views if v.IsMappedInLayout()] or views}


def _normal(matrix: Any) -> np.ndarray:
    column = np.array([matrix.GetElement(row, 2) for row in range(3)])
    return column / max(float(np.linalg.norm(column)), 1e-9)


def _nodes(scene: Any, class_name: str) -> list[Any]:
    return [scene.GetNthNodeByClass(i, class_name) for i in range(scene.GetNumberOfNodesByClass(class_name))]
