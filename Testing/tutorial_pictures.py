"""Makes the tutorial's pictures: ``PYTHONPATH=EchoKeyframe python Testing/tutorial_pictures.py [FOLDER]``.

The panel is the module's own, worked by a simulated person in the stand-in for Slicer; the views beside it are drawn
from the scene's real nodes, without Slicer's frames and rulers. Default folder: Resources/Screenshots.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import slicer
from EchoKeyframeLib import scene
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.scene.contract import PHASE_COLORS, SIDE_BY_SIDE_REFERENCE
from EchoKeyframeLib.scene.loop.frame_geometry import to_pixels, to_ras
from markups_mouse import Mouse
from panel_person import Person, at_the_panel
from PIL import Image, ImageDraw, ImageOps
from PySide6 import QtCore
from vtk.util.numpy_support import vtk_to_numpy

HEIGHT, TALL, VIEW_WIDTH, PAIR_WIDTH, GAP = 740, 790, 600, 440, 8
BACKGROUND = (24, 24, 28)
SECTIONS = ("cineSection", "detectionSection", "keyframeSection", "measureSection", "handOnSection", "advancedSection")
CONTOURS = Path(__file__).resolve().parent.parent / "Resources" / "measure-a4c.contours.json"


def panel_picture(person: Person, height: int = HEIGHT) -> Image.Image:
    """The module's panel as it stands."""
    parent = person.widget.parent
    parent.resize(440, height)
    person.app.processEvents()
    buffer = QtCore.QBuffer()
    buffer.open(QtCore.QIODevice.OpenModeFlag.WriteOnly)
    parent.grab().save(buffer, "PNG")
    return Image.open(io.BytesIO(buffer.data().data())).convert("RGB")


def volume_picture(volume, width: int, height: int) -> Image.Image:
    """One frame as a slice view shows it, with the volume's name below it."""
    frame = Image.fromarray(np.ascontiguousarray(slicer.util.arrayFromVolume(volume)[0])).convert("RGB")
    view = Image.new("RGB", (width, height))
    frame = ImageOps.contain(frame, (width, height - 20))
    view.paste(frame, ((width - frame.width) // 2, (height - 20 - frame.height) // 2))
    ImageDraw.Draw(view).text((6, height - 16), volume.GetName(), fill=(200, 200, 200))
    return view


def chart_picture(sequence, width: int, height: int) -> Image.Image:
    """The plot nodes of a sequence's chart."""
    chart = scene.find_chart(sequence)
    figure, axes = plt.subplots(figsize=(width / 100, height / 100), dpi=100, layout="constrained")
    for index in range(chart.GetNumberOfPlotSeriesNodes()):
        series = chart.GetNthPlotSeriesNode(index)
        table = series.GetTableNode().GetTable()
        columns = [table.GetColumnByName(name) for name in (series.GetXColumnName(), series.GetYColumnName())]
        x, y = (np.array([column.GetTuple1(row) for row in range(column.GetNumberOfTuples())]) for column in columns)
        line = "-" if series.GetLineStyle() != series.LineStyleNone else ""
        marker = "o" if series.GetMarkerStyle() != series.MarkerStyleNone else ""
        axes.plot(x, y, line, marker=marker, color=series.GetColor(), label=series.GetName())
    axes.set(xlabel=chart.GetXAxisTitle(), ylabel=chart.GetYAxisTitle())
    axes.set(xlim=chart.GetXAxisRange(), ylim=chart.GetYAxisRange())
    axes.set_facecolor((1, 253 / 255, 246 / 255))
    axes.set_title(chart.GetTitle())
    figure.canvas.draw()
    picture = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
    plt.close(figure)
    return picture


def views_picture(sequence, with_chart: bool = False) -> Image.Image:
    """The frame on show, above the chart if asked for."""
    volume = scene.find_browser(sequence).GetProxyNode(sequence)
    if not with_chart:
        return volume_picture(volume, VIEW_WIDTH, HEIGHT)
    return beside(
        volume_picture(volume, VIEW_WIDTH, 440), chart_picture(sequence, VIEW_WIDTH, HEIGHT - 448), below=True
    )


def pair_picture(sequence) -> Image.Image:
    """The two views with the ED and the ES frame of a beat."""
    browsers = [sequence.GetNodeReference(SIDE_BY_SIDE_REFERENCE[phase]) for phase in Phase]
    return beside(*(volume_picture(browser.GetProxyNode(sequence), PAIR_WIDTH, HEIGHT) for browser in browsers))


def measured_picture(sequence, width: int, height: int) -> Image.Image:
    """The ED and the ES frame, each with the contour, long axis and disks that were drawn on it."""
    pictures = []
    for curve in scene.find_contours(sequence):
        phase, frame = scene.contour_place(curve)
        picture = Image.fromarray(scene.read_frame(sequence, frame)).convert("RGB")
        scale = width / picture.width
        picture = picture.resize((width, round(picture.height * scale)))
        drawing = ImageDraw.Draw(picture)
        color = tuple(round(255 * channel) for channel in PHASE_COLORS[phase])
        wall = slicer.util.arrayFromMarkupsCurvePoints(curve)
        ends = vtk_to_numpy(scene.find_disks(curve).GetPolyData().GetPoints().GetData())
        axis = slicer.util.arrayFromMarkupsControlPoints(scene.find_axis(curve))
        lines = [(pair, tuple(c // 2 for c in color), 1) for pair in ends.reshape(-1, 2, 3)]
        for points, shade, thickness in (*lines, (axis, (255, 255, 255), 2), (wall, color, 3)):
            places = (to_pixels(sequence, frame, points, "points") + 0.5) * scale
            drawing.line([tuple(place) for place in places], fill=shade, width=thickness)
        drawing.text((6, picture.height - 16), f"{phase.value}, frame {frame}", fill=color)
        pictures.append(picture)
    return ImageOps.pad(beside(*pictures, below=True), (width, height), color=BACKGROUND)


def trace(person: Person, sequence, contours: Path) -> None:
    """Press the buttons for ED and ES, and click the points of a file of contours, on the frames that it names."""
    entries = json.loads(contours.read_text("utf-8"))["contours"]
    clicks = {entry["phase"]: entry["points"] for entry in entries}
    scene.set_keyframes(scene.keyframe_table(sequence), {Phase(e["phase"]): [e["frame"]] for e in entries})
    for phase, button in ((Phase.ED, "traceEdButton"), (Phase.ES, "traceEsButton")):
        person.press(button)
        Mouse(slicer.app._kept).draw(to_ras(sequence, person.frame, np.array(clicks[phase.value], float)))
    person.app.processEvents()


def unfold(person: Person, section: str) -> None:
    """Fold every section of the panel but one."""
    for name in SECTIONS:
        getattr(person.ui, name).collapsed = name != section


def beside(*pictures: Image.Image, below: bool = False) -> Image.Image:
    """Pictures in a row, or below one another."""
    sizes = [picture.size for picture in pictures]
    along, across = (1, 0) if below else (0, 1)
    size = [0, 0]
    size[along] = sum(s[along] for s in sizes) + GAP * (len(sizes) - 1)
    size[across] = max(s[across] for s in sizes)
    row, place = Image.new("RGB", tuple(size), BACKGROUND), 0
    for picture in pictures:
        row.paste(picture, (0, place) if below else (place, 0))
        place += picture.size[along] + GAP
    return row


def make_pictures(folder: Path) -> list[Path]:
    """Work through the tutorial and save a picture of each step."""
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []

    def save(name: str, *parts: Image.Image) -> None:
        made.append(folder / f"{name}.jpg")
        beside(*parts).save(made[-1], quality=88, optimize=True)

    with at_the_panel() as person:
        save("1-open", panel_picture(person))
        person.widget.load_sample()
        person.wait()
        sequence = person.ui.sequenceSelector.currentNode()
        save("2-detected", panel_picture(person), views_picture(sequence))
        row = next(row for row, (phase, _) in enumerate(person.found) if phase == "ES")
        person.click_row(row)
        save("3-jump", panel_picture(person), views_picture(sequence))
        person.press("chartButton")
        save("4-curves", panel_picture(person), views_picture(sequence, with_chart=True))
        scene.show_frame(sequence, person.frame + 1)
        person.press("moveButton")
        save("5-corrected", panel_picture(person), views_picture(sequence, with_chart=True))
        person.press("sideBySideButton")
        save("6-side-by-side", panel_picture(person), pair_picture(sequence))
        unfold(person, "measureSection")
        person.ui.viewSelector.setCurrentIndex(person.ui.viewSelector.findData("A4C"))
        trace(person, sequence, CONTOURS)
        save("7-measured", panel_picture(person, TALL), measured_picture(sequence, 500, TALL))
        unfold(person, "keyframeSection")
    return made


if __name__ == "__main__":
    default = Path(__file__).resolve().parent.parent / "Resources" / "Screenshots"
    for path in make_pictures(Path(sys.argv[1]) if len(sys.argv) > 1 else default):
        print(f"{path} ({path.stat().st_size / 1000:.0f} kB)")
