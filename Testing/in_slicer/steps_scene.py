"""The scene with the panel open: closing, saving, opening, appending; nodes deleted elsewhere; reloading."""

from __future__ import annotations

import sys
from pathlib import Path

import slicer
from controls import LAYOUTS, MODULE
from event_loop import let_work
from hands import value
from outcome import check
from steps import step

REQUIREMENTS = Path(__file__).resolve().parents[2] / "EchoKeyframe" / "Resources" / "requirements.txt"


@step("scene: closed with the panel open")
def _(person):
    person.with_sample()
    person.clear()
    check(person.sequence is None, "a loop is still chosen")
    check(not person.rows, "the old keyframes are still in the table")
    check("ED:" not in person.text("summary"), f"the summary says {person.text('summary')}")
    on = [role for role in ("detect", "charts", "side by side", "remove", "next ED", "add ED") if person.enabled(role)]
    check(not on, f"can still be pressed: {', '.join(on)}")


@step("scene: closed while a loop is detected")
def _(person):
    person.with_sample()
    person.press("detect")
    slicer.mrmlScene.Clear(False)
    let_work(1.0)
    told = person.text("status")
    check("closed" in told, f"the panel says: {told}")
    person.settle()


@step("scene: saved, closed, opened with the panel open")
def _(person):
    person.begin_with_sample()
    person.press("side by side")
    person.press("charts")
    let_work(0.2)
    rows, path = person.rows, person.files / "saved scène.mrb"
    person.save_scene(path)
    person.clear()
    person.open_scene(path)
    check(person.sequence is not None, "no loop is chosen")
    check(person.rows == rows, f"{rows} were saved, the table shows {person.rows}")
    check(person.enabled("detect") and person.enabled("charts"), "Detect or Show charts is greyed out")
    check(slicer.app.layoutManager().layoutLogic().GetLayoutNode().IsLayoutDescription(LAYOUTS["chart"]),
          "the scene opens with an empty view area")  # fmt: skip
    bar = slicer.modules.sequences.toolBar()
    if hasattr(bar, "activeBrowserNode"):
        check(bar.activeBrowserNode() is person.browser, "the toolbar would play a still frame")
    person.press("next ED")
    person.press("detect")
    person.settle()
    check("finished" in person.text("status"), person.text("status"))


@step("scene: a saved scene is appended with the panel open")
def _(person):
    path = person.files / "to append.mrb"
    person.begin_with_sample()
    person.save_scene(path)
    rows = person.rows
    person.open_scene(path, append=True)
    check(len(person.loops) == 2, f"{len(person.loops)} loops are there")
    check(person.sequence in person.loops and person.rows == rows, "no loop is chosen, or without its keyframes")
    check(person.control("measure section").isEnabled(), "Measure is greyed out")
    for loop in person.loops:
        person.choose("loop", loop.GetName())
        check(person.rows == rows, f"{loop.GetName()}: {person.rows}")


@step("scene: nodes deleted elsewhere")
def _(person):
    person.begin_with_sample()
    slicer.mrmlScene.RemoveNode(person.sequence.GetNodeReference("EchoKeyframe.Chart"))
    let_work(0.2)
    check(not person.enabled("charts"), "a chart that is gone can still be shown")
    slicer.mrmlScene.RemoveNode(person.sequence.GetNodeReference("EchoKeyframe.KeyframeTable"))
    let_work(0.2)
    check(not person.rows or person.sequence.GetNodeReference("EchoKeyframe.KeyframeTable") is not None,
          "rows of a table that is gone are shown")  # fmt: skip
    person.press("detect")
    person.settle()
    check(person.rows, "another detection brings no keyframes")
    slicer.mrmlScene.RemoveNode(person.browser)
    let_work(0.2)
    slicer.mrmlScene.RemoveNode(person.sequence)
    let_work(0.2)
    check(person.sequence is None and not person.rows, "keyframes of a loop that is gone are shown")
    check(not person.enabled("detect"), "a loop that is gone can still be detected")


@step("scene: what belongs to the panel is not in the Data tree")
def _(person):
    person.begin_with_sample()
    person.press("charts")
    let_work(0.2)
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    names = []
    for node in slicer.util.getNodesByClass("vtkMRMLNode"):
        if "urrent frame" in (node.GetName() or "") and tree.GetItemByDataNode(node):
            names.append(node.GetName())
    check(not names, f"in the Data tree: {', '.join(names)}")


@step("module: left and entered again")
def _(person):
    person.with_sample()
    if person.has_module("Data"):
        person.open_module("Data")
    person.open_module()
    check(person.rows, "the keyframes are gone")


@step("module: reloaded")
def _(person):
    person.with_sample()
    rows = person.rows
    actions = len([a for a in slicer.modules.sequences.toolBar().actions() if "keyframe" in value(a, "text")])
    library = sys.modules["EchoKeyframeLib"]
    getattr(slicer.modules, f"{MODULE}Widget").onReload()  # the developer's button is not shown to others
    check(sys.modules["EchoKeyframeLib"] is not library, "the module's library was not read anew")
    person.open_module()
    let_work(0.3)
    check(person.rows == rows, f"{rows} before, {person.rows} now")
    after = len([a for a in slicer.modules.sequences.toolBar().actions() if "keyframe" in value(a, "text")])
    check(after == actions, f"{after} buttons in the toolbar, {actions} before")
    person.press("detect")
    person.settle()
    check("finished" in person.text("status"), person.text("status"))


@step("end: no decoder was loaded into the application's own process")
def _(person):
    loaded = [name for name in ("gdcm", "imagecodecs", "pylibjpeg", "openjpeg") if name in sys.modules]
    if loaded == ["gdcm"] and "gdcm" not in REQUIREMENTS.read_text("utf-8"):
        return "pydicom loaded python-gdcm, which is installed here though nothing needs it"
    check(not loaded, ", ".join(loaded))


@step("end: nothing is left under way")
def _(person):
    person.clear()
    check(not person.busy and person.sequence is None, person.text("status"))
