"""Pictures of the application's window, with what its views draw."""

from __future__ import annotations

from pathlib import Path

import ctk
import slicer

LARGEST_BYTES = 120_000
"""Of a picture for the documentation."""
WINDOW = 1440, 930


def enlarge_window() -> None:
    """Give the main window the size that pictures are taken in; at its first start it is as small as can be."""
    window = slicer.util.mainWindow()
    if window is not None and window.isVisible():
        window.move(0, 0)
        window.resize(*WINDOW)


def window_image(panel):
    """The main window; the module's panel where that is not shown; None where neither is. A QImage."""
    window = slicer.util.mainWindow()
    if window is None or not window.isVisible():
        return panel.grab().toImage() if panel is not None else None
    slicer.util.forceRenderAllViews()
    slicer.app.processEvents()
    if hasattr(ctk, "ctkWidgetsUtils"):
        return ctk.ctkWidgetsUtils.grabWidget(window)
    return window.grab().toImage()


def save_small(image, path: Path) -> None:
    """As a JPEG below the size that a page should load."""
    for quality in range(90, 20, -6):
        image.save(str(path), "JPG", quality)
        if path.stat().st_size < LARGEST_BYTES:
            return


def pixels(widget, path: Path):
    """What a view draws, uint8 ``[H, W, 3]``; the picture stays at ``path``."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    slicer.app.processEvents()
    image = ctk.ctkWidgetsUtils.grabWidget(widget) if hasattr(ctk, "ctkWidgetsUtils") else widget.grab().toImage()
    image.save(str(path))
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    width, height, _ = reader.GetOutput().GetDimensions()
    return vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars()).reshape(height, width, -1)[::-1, :, :3]
