"""A person in the application: finds the panel's controls, works them, and sees what they show."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import slicer
from controls import COLUMNS, LAYOUT_VIEWS, LOOP_VIEW, MODULE, PANEL, QUICK_DETECTOR, SECTIONS, TOOLBAR, TOOLBAR_ACTIONS
from dialogs import Dialogs
from event_loop import Pulse, let_work, wait_until
from hands import SliceMouse, choose, click, click_cell, find, part, press_key, type_text, value
from outcome import check, need
from pictures import enlarge_window, save_small, window_image
from troubles import Troubles


class Person:
    """output: a folder for files. pictures: one for the documentation's pictures, or None. frames: the person's own
    loops."""

    def __init__(self, output: Path, pictures: Path | None, frames: list[Path]) -> None:
        self.output, self._pictures, self.frames = output, pictures, frames
        self.files = output / "files"
        shutil.rmtree(self.files, ignore_errors=True)  # of a walk before
        for folder in filter(None, (self.files, pictures)):
            folder.mkdir(parents=True, exist_ok=True)
        self.troubles, self.dialogs, self.pulse = Troubles(), Dialogs(), Pulse()
        self._timed: list[dict] = []
        self._seen: tuple | None = None
        enlarge_window()

    # The step that is walked

    def begin(self) -> None:
        self.dialogs.begin()

    def end(self) -> list[str]:
        """What went wrong beside the step's own complaint."""
        let_work(0.05)
        unexpected = [f"a dialog that nobody expects: {title}" for title in self.dialogs.unexpected]
        return [*self.troubles.new(), *unexpected]

    def take_picture(self, path: Path) -> bool:
        image = window_image(self.panel if self.opened else None)
        return image is not None and bool(image.save(str(path)))

    def show_reader(self, name: str) -> None:
        """Take a picture for the documentation, if any are wanted."""
        if self._pictures is not None:
            let_work(0.5)
            save_small(window_image(self.panel), self._pictures / f"{name}.jpg")

    def timed(self, what: str, act, done, seconds: float = 60.0) -> str:
        """Act, wait until done, and keep how long it took and how long the event loop was held at most."""
        let_work(0.1)
        self.pulse.restart()
        started = time.monotonic()
        act()
        wait_until(done, seconds, what)
        took = time.monotonic() - started
        self._timed.append({"what": what, "seconds": round(took, 3), "longest_hold": round(self.pulse.longest, 3)})
        (self.output / "timed.json").write_text(json.dumps(self._timed, indent=1, ensure_ascii=False) + "\n", "utf-8")
        return f"{what} {took:.2f} s, event loop held {1000 * self.pulse.longest:.0f} ms at most"

    # The application

    @property
    def opened(self) -> bool:
        return hasattr(slicer.modules, f"{MODULE}Widget")

    @property
    def has_torch(self) -> bool:
        import slicer.packaging

        return slicer.packaging.pip_check("torch")

    def has_module(self, name: str) -> bool:
        return hasattr(slicer.modules, name.lower())

    def open_module(self, name: str = MODULE):
        slicer.util.selectModule(name)
        let_work(0.1)

    @property
    def panel(self):
        if not self.opened:
            self.open_module()
        return getattr(slicer.modules, f"{MODULE}Widget").parent

    def control(self, role: str):
        """The panel's widget for something; its section is unfolded."""
        widget = self._named(PANEL[role])
        check(widget is not None, f"the panel has no control for {role}")
        return widget

    def _named(self, name: str):
        panel = self.panel
        owner = getattr(slicer.modules, f"{MODULE}Widget")
        if self._seen is None or self._seen[0] is not owner:  # reloading makes another, in the same panel
            self._seen = owner, {}
        widgets = self._seen[1]
        if name not in widgets:
            widgets[name] = find(panel, name)
        return widgets[name]

    def unfold(self, *sections: str) -> None:
        """Show these sections of the panel, and fold the others."""
        for title, name in SECTIONS.items():
            widget = self._named(name)
            if (title in sections) == value(widget, "collapsed"):
                click(widget, 40, 8)
                let_work(0.05)

    def press(self, role: str) -> None:
        """Click a button of the panel."""
        self._uncover(self.control(role))
        click(self.control(role))
        let_work()

    def choose(self, role: str, text: str) -> None:
        self._uncover(self.control(role))
        choose(self.control(role), text)
        let_work()

    def _uncover(self, widget) -> None:
        """Unfold the section in which a widget lies."""
        if widget.isVisible():
            return
        for name in SECTIONS.values():
            section = self._named(name)
            if value(section, "collapsed") and find(section, value(widget, "objectName")) is not None:
                click(section, 40, 8)
                let_work(0.05)

    def toolbar(self, role: str):
        """A widget of Slicer's sequence toolbar."""
        widget = find(slicer.modules.sequences.toolBar(), TOOLBAR[role])
        return need(widget, "objectName", what=f"the sequence toolbar has no {role}") and widget

    def press_toolbar(self, role: str) -> None:
        """Click one of the module's buttons in the sequence toolbar."""
        bar = slicer.modules.sequences.toolBar()
        action = next((a for a in bar.actions() if value(a, "text") == TOOLBAR_ACTIONS[role]), None)
        check(action is not None, f"the sequence toolbar has no {role}")
        click(bar.widgetForAction(action))
        let_work()

    # What the panel shows

    def text(self, role: str) -> str:
        return value(self.control(role), "text")

    def enabled(self, role: str) -> bool:
        return self.control(role).isEnabled()

    @property
    def busy(self) -> bool:
        return self.enabled("cancel")

    def settle(self, seconds: float = 90.0) -> None:
        """Wait until nothing is under way."""
        let_work(0.05)
        wait_until(lambda: not self.busy, seconds, f"still busy ({self.text('status')})")

    @property
    def rows(self) -> list[tuple[str, int]]:
        """Phase and frame of each row of the table of keyframes."""
        table = self.control("keyframes")
        cell = lambda row, what: table.item(row, COLUMNS[what]).text()  # noqa: E731
        return [(cell(row, "phase"), int(cell(row, "frame"))) for row in range(value(table, "rowCount"))]

    def row_of(self, phase: str) -> int:
        row = next((i for i, (p, _) in enumerate(self.rows) if p == phase), None)
        check(row is not None, f"no row shows an {phase}: {self.text('status')}")
        return row

    def click_row(self, row: int) -> None:
        self._uncover(self.control("keyframes"))
        click_cell(self.control("keyframes"), row)
        let_work()

    @property
    def results(self) -> dict[str, str]:
        """First column of the table of results, by row."""
        table = self.control("results")
        return {table.verticalHeaderItem(row).text(): table.item(row, 0).text()
                for row in range(value(table, "rowCount"))}  # fmt: skip

    # What the views show

    @property
    def sequence(self):
        """The chosen loop's node."""
        return self.control("loop").currentNode()

    @property
    def browser(self):
        """The browser that plays the chosen loop."""
        logic = slicer.modules.sequences.logic()
        return logic.GetFirstBrowserNodeForSequenceNode(self.sequence)

    @property
    def frame(self) -> int:
        return self.browser.GetSelectedItemNumber()

    @property
    def volume(self):
        return self.browser.GetProxyNode(self.sequence)

    @property
    def layout(self) -> set[str]:
        """Layout names of the views on show."""
        views = slicer.app.layoutManager().layoutLogic().GetViewNodes()
        return {views.GetItemAsObject(i).GetLayoutName() for i in range(views.GetNumberOfItems())}

    def in_layout(self, name: str) -> bool:
        return self.layout == set(LAYOUT_VIEWS[name])

    def shown_in(self, view: str = LOOP_VIEW):
        """The volume in the background of a slice view."""
        for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            if node.GetLayoutName() == view:
                return slicer.mrmlScene.GetNodeByID(node.GetBackgroundVolumeID() or "")
        return None

    @property
    def loop_view(self) -> str:
        """The slice view that shows the chosen loop."""
        names = need(slicer.app.layoutManager(), "sliceViewNames", what="this application has no slice views")()
        seen = [name for name in names if name in self.layout and self.shown_in(name) is self.volume]
        return LOOP_VIEW if LOOP_VIEW in seen else next(iter(seen), LOOP_VIEW)

    @property
    def traced(self) -> bool:
        """Whether the chosen loop has a contour that is drawn."""
        role, loop = "EchoKeyframe.Contours", self.sequence
        count = loop.GetNumberOfNodeReferences(role) if loop is not None else 0
        return any(loop.GetNthNodeReference(role, i).GetNumberOfDefinedControlPoints() > 2 for i in range(count))

    def slice_widget(self, view: str = LOOP_VIEW):
        manager = slicer.app.layoutManager()
        widget = need(manager, "sliceWidget", what="this application has no slice views")(view)
        check(widget is not None, f"there is no slice view {view}")
        return widget

    def mouse(self, view: str = LOOP_VIEW) -> SliceMouse:
        widget = self.slice_widget(view)
        return SliceMouse(widget.sliceView(), widget.mrmlSliceNode())

    def step_to(self, frame: int) -> None:
        """Move the slider to a frame with the arrow keys."""
        from qt import Qt

        self._uncover(self.control("position"))
        slider = part(self.control("position"), "QSlider")
        for _ in range(2000):
            if self.frame == frame:
                return
            press_key(slider, Qt.Key_Right if self.frame < frame else Qt.Key_Left)
            let_work()
        check(False, f"the slider does not reach frame {frame}")

    # What a step begins with

    def load(self, path: Path, seconds: float = 60.0, then_detected: bool = True) -> str:
        """Type a file's name, press Load, wait for it; says how long it took."""
        before = {node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLSequenceNode")}
        self.type_path(path)
        told = self.timed(
            f"loading {path.name}",
            lambda: self.press("load"),
            lambda: (self.sequence is not None and self.sequence.GetID() not in before) or not self.busy,
            seconds,
        )
        check(self.sequence is not None and self.sequence.GetID() not in before,
              f"{path.name}: {self.text('status')}")  # fmt: skip
        if then_detected:
            self.settle(seconds)
        return told

    def type_path(self, path: Path) -> None:
        """Put a file's name into the box beside Load."""
        self._uncover(self.control("file to load"))
        type_text(self.control("file to load"), str(path))

    def begin_with_sample(self) -> None:
        """The sample loop alone, detected, whatever happened before."""
        self.clear()
        self.load(self.sample)
        check(self.rows, f"the sample has no keyframes: {self.text('status')}")

    def with_sample(self) -> None:
        """The sample loop, chosen and detected; what a step before left is used."""
        if self.sequence is None or not self.rows:
            self.begin_with_sample()

    def with_two_loops(self) -> None:
        """Two loops with keyframes, one of them chosen; what a step before left is used."""
        self.with_sample()
        if len(self.loops) < 2:
            self.load(self.second_sample)
        check(len(self.loops) > 1, f"one loop is there: {self.text('status')}")

    @property
    def loops(self) -> list:
        """The sequences of the scene."""
        return list(slicer.util.getNodesByClass("vtkMRMLSequenceNode"))

    @property
    def second_sample(self) -> Path:
        """The sample under another name."""
        path = self.files / "another view.dcm"
        if not path.is_file():
            shutil.copyfile(self.sample, path)
        return path

    def show_elsewhere(self, loop) -> None:
        """Show a loop in every view by Slicer's own means, while another is chosen in the panel."""
        browser = slicer.modules.sequences.logic().GetFirstBrowserNodeForSequenceNode(loop)
        slicer.util.setSliceViewerLayers(background=browser.GetProxyNode(loop))
        let_work(0.1)

    def save_scene(self, path: Path) -> None:
        save = slicer.util.saveScene if hasattr(slicer.app, "ioManager") else slicer.mrmlScene.WriteToMRB
        check(save(str(path)), f"{path.name} was not saved")

    def open_scene(self, path: Path, append: bool = False) -> None:
        if hasattr(slicer.app, "ioManager"):
            slicer.util.loadScene(str(path), {"clear": not append})
        else:
            slicer.mrmlScene.ReadFromMRB(str(path), not append)
        let_work(0.3)

    def clear(self) -> None:
        """Close the scene, as File > Close does, and choose the detector that takes least time."""
        slicer.mrmlScene.Clear(False)
        let_work(0.1)
        self.open_module()
        self.settle()
        self.choose("detector", QUICK_DETECTOR)

    @property
    def sample(self) -> Path:
        """pydicom's four-chamber loop, found without importing pydicom, whose decoders this process must not load."""
        import importlib.util

        spec = importlib.util.find_spec("pydicom")
        check(spec is not None, "pydicom is not installed")
        return Path(spec.origin).parent / "data" / "test_files" / "examples_ybr_color.dcm"
