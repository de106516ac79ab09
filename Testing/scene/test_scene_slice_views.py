"""Which slice views a loop is put into."""

import pytest
from mrml_scene import new_scene, random_cine

from EchoKeyframeLib import scene as layer  # isort: skip  (only once slicer-core is known to be there)
from EchoKeyframeLib.scene.contract import PHASE_VIEWS  # isort: skip


def add_view(scene, name, orientation):
    node = scene.AddNewNodeByClass("vtkMRMLSliceNode", name)
    node.SetLayoutName(name)
    node.SetOrientation(orientation)
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode", name)
    composite.SetLayoutName(name)
    return composite


def test_a_loop_goes_into_the_views_that_face_it_and_leaves_ed_and_es_alone(tmp_path):
    kept = new_scene(tmp_path)
    views = {name: add_view(kept.scene, name, orientation) for name, orientation in
             (("Red", "Axial"), ("Green", "Coronal"), ("Yellow", "Sagittal"), ("Red+", "Axial"),
              *((name, "Axial") for name in PHASE_VIEWS.values()))}  # fmt: skip
    sequence, browser = layer.add_cine_sequence(kept.scene, random_cine(3))
    volume = browser.GetProxyNode(sequence)
    assert layer.show_in_facing_views(volume) == 2
    assert {name for name, view in views.items() if view.GetBackgroundVolumeID() == volume.GetID()} == {"Red", "Red+"}
    kept.scene.RemoveNode(volume)
    with pytest.raises(layer.SceneError, match="no longer in the scene"):
        layer.show_in_facing_views(volume)


def test_a_view_that_the_layout_hides_shows_nothing(tmp_path):
    kept = new_scene(tmp_path)
    for name in ("Red", "Red+"):
        add_view(kept.scene, name, "Axial")
    red, other = (kept.scene.GetNthNodeByClass(i, "vtkMRMLSliceNode") for i in range(2))
    sequence, browser = layer.add_cine_sequence(kept.scene, random_cine(3))
    kept.scene.GetNthNodeByClass(0, "vtkMRMLSliceCompositeNode").SetBackgroundVolumeID(
        browser.GetProxyNode(sequence).GetID()
    )
    assert layer.is_shown(sequence, 0) and not layer.is_shown(sequence, 1)
    other.SetMappedInLayout(True)
    assert not layer.is_shown(sequence, 0)
    red.SetMappedInLayout(True)
    assert layer.is_shown(sequence, 0)
    red.SetMappedInLayout(False)
    assert layer.show_in_facing_views(browser.GetProxyNode(sequence)) == 1  # though both have it
