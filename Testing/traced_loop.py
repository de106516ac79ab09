"""A loop whose ventricle is half an ellipsoid of known volume, traced as a person does."""

from __future__ import annotations

import cv2
import numpy as np
import vtk
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.detection.keyframes import Phase
from mrml_scene import slicer  # skips where slicer-core is missing
from vtk.util.numpy_support import numpy_to_vtk

from EchoKeyframeLib import scene as layer  # isort: skip
from EchoKeyframeLib.scene.loop.frame_geometry import to_ras  # isort: skip

ED, ES = 4, 12
SPACING = (0.5, 0.4)
HEIGHT, WIDTH = 220, 260
LENGTH = {Phase.ED: 80.0, Phase.ES: 64.0}
RADIUS = {Phase.ED: 24.0, Phase.ES: 18.0}


def half_ellipse(phase: Phase, tilt: float = 0.2, points: int = 41) -> np.ndarray:
    """Half an ellipse in mm of the image, base towards the bottom: pixels ``[N, 2]``."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, points)
    along, across = LENGTH[phase] * np.cos(angles), RADIUS[phase] * np.sin(angles)
    x = across * np.cos(tilt) + along * np.sin(tilt)
    y = across * np.sin(tilt) - along * np.cos(tilt)
    return np.stack([x / SPACING[1] + 120, y / SPACING[0] + 200], axis=1)


def true_volume(phase: Phase) -> float:
    """mL of half an ellipsoid."""
    return 2 / 3 * np.pi * LENGTH[phase] * RADIUS[phase] ** 2 / 1000


TRUE_EF = 100 * (1 - true_volume(Phase.ES) / true_volume(Phase.ED))


def add_loop(kept, view="A4C", **fields):
    """A loop of 30 frames at 30/s with ED 4, ES 12, ED 24."""
    frames = np.random.default_rng(2).integers(0, 60, (30, HEIGHT, WIDTH), np.uint8)
    cine = Cine(frames, np.arange(30) / 30, Source(f"{view}.dcm"), view=view, **{"spacing": SPACING, **fields})
    sequence, _ = layer.add_cine_sequence(kept.scene, cine)
    layer.set_keyframes(layer.keyframe_table(sequence), {Phase.ED: [ED, 24], Phase.ES: [ES]})
    return sequence


def trace(sequence):
    """Both contours, drawn with 17 clicks as a person does."""
    curves = {}
    keyframes = {k.frame: k for k in layer.read_keyframes(layer.find_keyframe_table(sequence))}
    for phase, frame in ((Phase.ED, ED), (Phase.ES, ES)):
        curves[phase] = layer.add_contour(sequence, keyframes[frame])
        for click in to_ras(sequence, frame, half_ellipse(phase, points=17)):
            curves[phase].AddControlPointWorld(*click)
    return curves


def add_segmentation(kept, volume, pixels, factor=1):
    """A segment of the inside of a contour on a volume, with pixels ``factor`` times as fine."""
    mask = np.zeros((HEIGHT * factor, WIDTH * factor), np.uint8)
    corners = ((pixels + 0.5) * factor - 0.5).round().astype(np.int32)
    cv2.fillPoly(mask, [corners], 1)
    segmentation = kept.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "LV")
    segmentation.CreateDefaultDisplayNodes()
    if volume is not None:
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segment = segmentation.GetSegmentation().AddEmptySegment("cavity", "cavity")
    image, matrix = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    image.SetDimensions(WIDTH * factor, HEIGHT * factor, 1)
    image.GetPointData().SetScalars(numpy_to_vtk(mask.ravel(), deep=True))
    shift = (1 / factor - 1) / 2
    for axis, spacing in enumerate((SPACING[1], SPACING[0])):
        matrix.SetElement(axis, axis, -spacing / factor)
        matrix.SetElement(axis, 3, -shift * spacing)
    image.SetImageToWorldMatrix(matrix)
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    assert logic.SetBinaryLabelmapToSegment(image, segmentation, segment, logic.MODE_REPLACE, image.GetExtent())
    return segmentation, segment


class Follower:
    """Takes down what a live measurement says."""

    def __init__(self, sequence, other=None):
        self.said = []
        self.live = layer.LiveMeasurement(sequence, other, lambda *result: self.said.append(result))

    @property
    def measurement(self):
        return self.said[-1][0]

    @property
    def ef(self):
        return self.measurement.mean("ejection_fraction") if self.measurement else None

    @property
    def problem(self):
        return self.said[-1][1]
