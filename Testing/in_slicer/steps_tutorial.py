"""The tutorial in Slicer, in its order, on its sample; the pictures of README, tutorial and catalogue entry."""

from __future__ import annotations

from pathlib import Path

import slicer
from chart import check_curves_stand_out, click_a_point, plot_view
from controls import EJECTION_FRACTION, LAYOUTS, MODULE, PAIR_VIEWS, SAMPLE_MODULE, SAMPLE_NAME
from event_loop import let_work, wait_until
from hands import click, find
from outcome import check
from steps import step
from tracing import check_drawn, trace


@step("start: no Python error before the first click")
def _(person):
    let_work(0.5)
    check(person.has_module(MODULE), "the application did not load the module")


@step("start: the module opens")
def _(person):
    person.open_module()
    check(person.panel.isVisible(), "the panel is not shown")
    person.unfold("loop", "detection", "keyframes")
    person.show_reader("1-open")


@step("start: the module's layouts are known before a button is pressed")
def _(person):
    layout = slicer.app.layoutManager().layoutLogic().GetLayoutNode()
    unknown = [name for name, number in LAYOUTS.items() if not layout.IsLayoutDescription(number)]
    check(not unknown, f"a scene saved in it would open empty: {', '.join(unknown)}")


@step("sample: through Sample Data", modules=(SAMPLE_MODULE,))
def _(person):
    person.clear()
    person.open_module(SAMPLE_MODULE)
    panel = getattr(slicer.modules, f"{SAMPLE_MODULE}Widget").parent
    button = find(panel, f"{SAMPLE_NAME}PushButton")
    check(button is not None, f"Sample Data does not offer {SAMPLE_NAME}")
    told = person.timed("sample data", lambda: click(button), lambda: person.sequence is not None)
    person.settle()
    check(person.rows, f"no keyframes: {person.text('status')}")
    return told


@step("sample: by its name, as scripts ask for it", modules=(SAMPLE_MODULE,))
def _(person):
    import SampleData

    path = SampleData.downloadSample(SAMPLE_NAME)
    check(path and Path(path).read_bytes() == person.sample.read_bytes(), f"downloadSample gave {path}")


@step("sample: loaded and detected")
def _(person):
    person.with_sample()
    person.open_module()
    phases = {phase for phase, _ in person.rows}
    check(phases == {"ED", "ES"}, f"the sample holds an ED and an ES, the table {phases}")
    person.show_reader("2-detected")
    return ", ".join(f"{phase} {frame}" for phase, frame in person.rows)


@step("sample: the loop stands in the views")
def _(person):
    person.with_sample()
    check(person.shown_in(person.loop_view) is person.volume, "no view shows the loop")


@step("jump: a row")
def _(person):
    person.with_sample()
    row = person.row_of("ES")
    person.click_row(row)
    check(person.frame == person.rows[row][1], f"frame {person.frame} is shown")
    person.show_reader("3-jump")


@step("chart: shown below the loop", modules=("Plots",))
def _(person):
    person.with_sample()
    person.press("charts")
    let_work(0.3)
    check(person.in_layout("chart"), "the layout has no chart")
    check(person.shown_in(person.loop_view) is person.volume, "the loop is not shown above the chart")
    person.show_reader("4-curves")


@step("chart: curves can be told from their background", modules=("Plots",))
def _(person):
    person.with_sample()
    person.press("charts")
    return check_curves_stand_out(plot_view(person), person.output)


@step("chart: a click on a point jumps there", modules=("Plots",))
def _(person):
    person.with_sample()
    person.press("charts")
    person.step_to(0)
    frame = click_a_point(plot_view(person), person)
    wait_until(lambda: person.frame == frame, 3, f"the click does not show frame {frame}")


@step("correct: ES a frame later")
def _(person):
    person.with_sample()
    row = person.row_of("ES")
    person.click_row(row)
    frame = person.frame + 1
    person.step_to(frame)
    person.press("move here")
    check(person.rows[row] == ("ES", frame), f"the row shows {person.rows[row]}")
    person.show_reader("5-corrected")
    person.press("detect")
    person.settle()
    check(("ES", frame) in person.rows, "another detection took the correction back")
    person.press("undo")


@step("compare: side by side, both frames whole")
def _(person):
    person.with_sample()
    person.press("side by side")
    let_work(0.3)
    check(person.in_layout("side by side"), f"the layout is {person.layout}")
    for view in PAIR_VIEWS:
        volume, node = person.shown_in(view), person.slice_widget(view).mrmlSliceNode()
        check(volume is not None, f"{view} shows nothing")
        bounds = [0.0] * 6
        volume.GetRASBounds(bounds)
        width, height = node.GetFieldOfView()[:2]
        check(width >= 0.98 * (bounds[1] - bounds[0]), f"{view}: the sides are cut off")
        check(height >= 0.98 * (bounds[3] - bounds[2]), f"{view}: top and bottom are cut off")
    person.show_reader("6-side-by-side")


@step("compare: the chart leaves side by side")
def _(person):
    person.with_sample()
    person.press("side by side")
    person.press("charts")
    check(person.in_layout("chart"), f"the layout is {person.layout}")
    check(person.shown_in(person.loop_view) is person.volume, "the loop is not shown above its chart")


@step("measure: ED is traced with the mouse", modules=("Markups",))
def _(person):
    person.begin_with_sample()
    person.unfold("measure")
    person.choose("view", "A4C")
    contour = trace(person, "ED")
    check_drawn(person, contour)
    return f"{contour.clicks} clicks"


@step("measure: the second contour of a beat gets all clicks", modules=("Markups",))
def _(person):
    if not person.traced:
        person.begin_with_sample()
        person.unfold("measure")
        person.choose("view", "A4C")
        trace(person, "ED")
    contour = trace(person, "ES")
    check_drawn(person, contour)
    wait_until(lambda: any(EJECTION_FRACTION in row for row in person.results), 5, "no ejection fraction is shown")
    person.press("side by side")
    person.unfold("measure")
    person.show_reader("7-measured")
    person.press("charts")
    return f"{contour.clicks} clicks, EF {person.results[EJECTION_FRACTION]}"
