"""The module's arrangements of views on Slicer's own layout node, and scenes that were saved in them."""

from __future__ import annotations

import ast
import sys
import xml.etree.ElementTree as ElementTree

import pytest
from mrml_scene import new_scene, slicer

from EchoKeyframeLib.panel.layouts import view_layouts as arrangements  # isort: skip
from EchoKeyframeLib.scene.contract import CHART_VIEW, PHASE_COLORS, PHASE_VIEWS  # isort: skip

FOUR_UP = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
RED = slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
USE = {
    arrangements.CHART: arrangements.use_chart_layout,
    arrangements.SIDE_BY_SIDE: arrangements.use_side_by_side_layout,
}
BOTH = pytest.mark.parametrize("number", USE)


class Application:
    """A scene with the application's layout logic. with_module: the module keeps its arrangements."""

    def __init__(self, folder, with_module=True):
        self.kept = new_scene(folder)
        self.logic = slicer.vtkMRMLLayoutLogic()
        self.logic.SetMRMLScene(self.kept.scene)
        self.layout = self.logic.GetLayoutNode()
        self.stock = {n: self.layout.GetLayoutDescription(n) for n in self.layout.GetLayoutIndices()}
        self.keeper = arrangements.LayoutKeeper(self.layout) if with_module else None
        self.layout.SetViewArrangement(FOUR_UP)

    @property
    def views(self):
        """Layout names of the views that are shown."""
        document = ElementTree.fromstring(self.layout.GetCurrentLayoutDescription())
        return [view.get("singletontag") for view in document.iter("view")]

    @property
    def shows_module(self):
        return arrangements.current_layout(self.layout)


@pytest.fixture
def application(tmp_path):
    return Application(tmp_path)


def saved(application, tmp_path):
    path = tmp_path / "Szene.mrb"
    assert application.kept.scene.WriteToMRB(str(path))
    return path


def test_names_and_colours_are_those_of_the_scene():
    assert {p.value: name for p, name in PHASE_VIEWS.items()} == {
        p: name for p, (name, _) in arrangements.PHASE_VIEWS.items()
    }
    for phase, color in PHASE_COLORS.items():
        shown = arrangements.PHASE_VIEWS[phase.value][1]
        assert [int(shown[i : i + 2], 16) / 255 for i in (1, 3, 5)] == list(color)
    assert arrangements.CHART_VIEW == CHART_VIEW


def test_what_the_start_of_slicer_imports_is_next_to_nothing(repository):
    """NumPy and the scene come when the module is opened, or a scene with a loop."""
    imported = set()
    for name in ("view_layouts", "arrangements"):
        path = repository / "EchoKeyframe" / "EchoKeyframeLib" / "panel" / "layouts" / f"{name}.py"
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add("." * node.level + node.module)
    beside_python = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert beside_python == {"qt", "slicer", "slicer.i18n", "vtk", ".view_layouts"}


def test_views_of_both_arrangements(application):
    arrangements.use_chart_layout(application.layout)
    assert application.views == ["Red", CHART_VIEW]
    arrangements.use_side_by_side_layout(application.layout)
    assert application.views == list(PHASE_VIEWS.values())
    assert application.layout.GetCurrentLayoutDescription().count("Axial") == 2


@BOTH
def test_they_can_be_chosen_in_the_layout_menu(application, number):
    application.layout.SetViewArrangement(number)
    assert application.shows_module == number and application.views[0] in ("Red", "KeyframeED")


@BOTH
def test_one_that_was_chosen_before_the_module_was_there_is_shown(tmp_path, number):
    """As in settings or a scene of version 0.1.0: the view area is empty until then."""
    application = Application(tmp_path, with_module=False)
    application.layout.SetViewArrangement(number)
    assert not application.layout.GetCurrentLayoutDescription()
    arrangements.LayoutKeeper(application.layout)
    assert application.shows_module == number and len(application.views) == 2


@BOTH
def test_slicers_own_arrangements_are_themselves_again_afterwards(application, number):
    USE[number](application.layout)
    lent = application.layout.GetViewArrangement()
    assert lent in application.stock  # what others see
    application.layout.SetViewArrangement(FOUR_UP)
    assert application.shows_module is None
    assert {n: application.layout.GetLayoutDescription(n) for n in application.stock} == application.stock
    application.layout.SetViewArrangement(lent)
    assert application.layout.GetCurrentLayoutDescription() == application.stock[lent]


@BOTH
def test_views_are_built_once_for_each_change(application, number):
    """Slicer builds all views anew whenever the layout node tells of a change."""
    told = []
    application.layout.AddObserver("ModifiedEvent", lambda *_: told.append(None))
    for change in (USE[number], lambda layout: layout.SetViewArrangement(FOUR_UP), USE[number],
                   arrangements.leave_layouts):  # fmt: skip
        change(application.layout)
        assert len(told) == 1
        told.clear()


@BOTH
def test_a_scene_saved_in_one_opens_in_it(application, tmp_path, number):
    USE[number](application.layout)
    path = saved(application, tmp_path)
    again = Application(tmp_path)
    assert again.kept.scene.ReadFromMRB(str(path))
    assert again.shows_module == number and again.views == application.views


@BOTH
def test_where_the_module_is_missing_it_opens_in_one_of_slicers_own(application, tmp_path, number):
    USE[number](application.layout)
    path = saved(application, tmp_path)
    receiver = Application(tmp_path, with_module=False)
    assert receiver.kept.scene.ReadFromMRB(str(path))
    shown = receiver.layout.GetViewArrangement()
    assert receiver.layout.GetCurrentLayoutDescription() == receiver.stock[shown] and "Red" in receiver.views


def test_a_scene_saved_otherwise_is_opened_as_it_was_saved(application, tmp_path):
    application.layout.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpPlotView)
    path = saved(application, tmp_path)
    again = Application(tmp_path)
    arrangements.use_chart_layout(again.layout)
    assert again.kept.scene.ReadFromMRB(str(path))
    assert again.shows_module is None and again.views == application.views


def test_leaving_leads_to_the_loop_alone_and_leaves_others_as_they_are(application):
    arrangements.leave_layouts(application.layout)
    assert application.layout.GetViewArrangement() == FOUR_UP
    arrangements.use_side_by_side_layout(application.layout)
    arrangements.leave_layouts(application.layout)
    assert application.layout.GetViewArrangement() == RED and application.views == ["Red"]
    application.keeper.stop()
    application.keeper.stop()
    application.layout.SetViewArrangement(arrangements.CHART)
    assert application.shows_module is None
